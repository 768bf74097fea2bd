"""The list of watches."""

from __future__ import annotations

from typing import Final

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from base.accounts.roles import Action
from base.common.stored import read_stored
from scanning.choices import WatchItemState
from scanning.models import Watch
from scanning.services import watches
from web.portal.shared import declared, formats
from web.portal.shared.declared import Column, DeclaredList, Empty, Link

_CREATE: Final = Link(_("Watch a link"), "portal:watch_create", Action.UPLOAD)


WATCHES: Final = DeclaredList(
    model=Watch,
    title=_("Watches"),
    lead=_(
        "Feeds, playlists and channels that are checked regularly: new items are scanned, items "
        "that disappear are marked."
    ),
    links=[_CREATE],
    rows=lambda _values: (
        Watch.objects.filter(container__deleted_at__isnull=True)
        .select_related("container")
        .annotate(
            submitted=Count("items", filter=Q(items__state=WatchItemState.SCANNED)),
            gone=Count("items", filter=Q(items__scanned_file__source_gone_at__isnull=False)),
        )
        .order_by("title", "pk")
    ),
    load=lambda rows, _user: declared.with_values(rows, "next_check", watches.next_checks(rows)),
    columns=[
        Column(
            _("State"),
            look="badge",
            template="portal/watches/_watch_badge.html",
        ),
        Column(
            _("Source"),
            str,
            "title",
            below=lambda watch: [
                formats.middle(watch.url, 60) if watch.title else "",
                read_stored(watch.last_error),
            ],
        ),
        Column(_("Container"), "container.name", below="get_every_hours_display"),
        Column(_("Last check"), "last_check_at", "quiet"),
        Column(_("Next check"), lambda watch: watch.next_check if watch.enabled else None, "quiet"),
        Column(_("Submitted"), "submitted", "num"),
        Column(
            _("Gone"),
            lambda watch: declared.counted_link(
                watch.gone,
                f"{reverse('portal:watch_detail', args=[watch.uid])}?show=gone",
                _("gone at the source"),
            ),
            "num",
        ),
    ],
    link=declared.page_of_row("portal:watch_detail"),
    empty=Empty(
        _("Nothing is watched yet"),
        _(
            "Enter the address of a podcast, feed, playlist or channel; whatever it publishes "
            "from now on is scanned automatically."
        ),
        "eye",
        _CREATE,
    ),
)
