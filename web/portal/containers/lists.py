"""The list of containers."""

from __future__ import annotations

from typing import Final

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.accounts.reach import sees_every_bucket
from base.accounts.roles import Action
from scanning.models import Container
from web.portal.shared.declared import Column, DeclaredList, Empty, Link

_CREATE: Final = Link(_("Create a container"), "portal:container_create", Action.CONFIGURE)


def _buckets(container: Container) -> SafeString:
    buckets = container.buckets.all()
    if buckets:
        return format_html_join(", ", "<bdi>{}</bdi>", ((bucket.name,) for bucket in buckets))
    reason = (
        gettext("no bucket: nothing can match")
        if sees_every_bucket()
        else gettext("none of your buckets")
    )
    return format_html('<span class="quiet">{}</span>', reason)


CONTAINERS: Final = DeclaredList(
    model=Container,
    title=_("Containers"),
    lead=_(
        "A container sets which buckets its files are searched in, the engine, and the lowest "
        "score shown."
    ),
    links=[_CREATE],
    rows=lambda _values: (
        Container.objects.present()
        .prefetch_related("buckets")
        .annotate(file_count=Count("files", filter=Q(files__deleted_at__isnull=True)))
        .order_by("name", "pk")
    ),
    columns=[
        Column(
            _("Name"),
            "name",
            "title",
            below=lambda container: gettext("id %(number)s") % {"number": container.pk},
        ),
        Column(_("Buckets"), _buckets),
        Column(_("Engine"), "get_engine_display"),
        Column(_("Floor"), lambda container: round(container.score_floor), "num"),
        Column(_("Files"), "file_count", "num"),
        Column(
            _("Actions"),
            look="acts",
            template="portal/containers/_row_acts.html",
            action=Action.CONFIGURE,
        ),
    ],
    link=lambda container, _user: f"{reverse('portal:file_list')}?container={container.pk}",
    empty=Empty(
        _("There is no container yet"),
        _("Create one, choose its buckets, and upload the first file into it."),
        "container",
        _CREATE,
    ),
)
