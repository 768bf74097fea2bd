"""The list of watches."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from base.accounts.models import User
from base.accounts.roles import Action
from base.common.stored import read_stored
from scanning.choices import WatchItemState
from scanning.models import Watch
from scanning.services import watches
from web.portal.shared import declared, formats
from web.portal.shared.declared import Column, DeclaredList, Empty, Link

_CREATE: Final = Link(_("Watch a link"), "portal:watch_create", Action.UPLOAD)


def _counted() -> QuerySet[Watch]:
    rows = Watch.objects.filter(container__deleted_at__isnull=True).select_related("container")
    counted = rows.annotate(
        submitted=Count("items", filter=Q(items__state=WatchItemState.SCANNED)),
        gone=Count("items", filter=Q(items__scanned_file__source_gone_at__isnull=False)),
    )
    return counted.order_by("title", "pk")


def _with_next_checks(rows: list[Any], _user: User) -> list[Any]:  # Any: watches with counts
    due = watches.next_checks(rows)
    for watch in rows:
        watch.next_check = due.get(watch.pk) if watch.enabled else None
    return rows


def _below(watch: Watch) -> list[str]:
    return [formats.middle(watch.url, 60) if watch.title else "", read_stored(watch.last_error)]


def _gone(watch: Any) -> object:  # Any: carries the count
    href = f"{reverse('portal:watch_detail', args=[watch.uid])}?show=gone"
    return declared.counted_link(watch.gone, href, _("gone at the source"))


WATCHES: Final = DeclaredList(
    model=Watch,
    title=_("Watches"),
    lead=_(
        "Feeds, playlists and channels that are checked regularly: new items are scanned, items "
        "that disappear are marked."
    ),
    links=[_CREATE],
    rows=lambda _values: _counted(),
    load=_with_next_checks,
    columns=[
        Column(
            _("State"),
            look="badge",
            template="portal/watches/_watch_badge.html",
        ),
        Column(_("Source"), str, "title", below=_below),
        Column(_("Container"), "container.name", below="get_every_hours_display"),
        Column(_("Last check"), "last_check_at", "quiet"),
        Column(_("Next check"), "next_check", "quiet"),
        Column(_("Submitted"), "submitted", "num"),
        Column(_("Gone"), _gone, "num"),
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
