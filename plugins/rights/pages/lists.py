"""The lists of works, parties and releases, and of the shares of a party."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.accounts.models import User
from base.accounts.reach import sees_every_bucket
from base.accounts.roles import Action
from catalogue.owners import tis
from catalogue.owners.choices import ConflictState
from catalogue.owners.models import Party, Release, RightsRecording, Share, Work
from catalogue.owners.selectors import recordings_in_reach, role_label
from plugins.rights import selectors
from plugins.rights.pages import page
from web.portal.shared import declared
from web.portal.shared.declared import Column, DeclaredList, Empty, Link
from web.portal.shared.formats import in_percent
from web.portal.shared.icons import badge

_TABS: Final = "portal/rights/_tabs.html"
_CRUMBS: Final = [(_("Rights"), "portal:work_list")]
# The selectors search: what holds a text depends on all titles and codes of a record.
_SEARCH: Final = declared.search(_("Name or code"), lambda _text: Q())


def _seen(path: str) -> Q:
    """Return the condition that the reader may see the recording with rights there."""
    if sees_every_bucket():
        return Q()
    return Q((f"{path}__in", recordings_in_reach().values("pk")))


def _counted_works(rows: list[Work], _user: User) -> list[Any]:  # Any: works with counts
    """Count for the rows of a page only."""
    counted = Work.objects.annotate(
        share_count=Count("shares", filter=Q(shares__withdrawn_at__isnull=True), distinct=True),
        recording_count=Count("recordings", filter=_seen("recordings"), distinct=True),
        conflict_count=Count(
            "conflicts", filter=Q(conflicts__state=ConflictState.OPEN), distinct=True
        ),
    )
    return _again(rows, counted)


def _counted_releases(rows: list[Release], _user: User) -> list[Any]:  # Any: as above
    tracks = Count("tracks", filter=_seen("tracks__recording"))
    return _again(rows, Release.objects.annotate(track_count=tracks))


def _again(rows: list[Any], counted: QuerySet[Any]) -> list[Any]:  # Any: as above
    records = counted.in_bulk([row.pk for row in rows])
    return [records[row.pk] for row in rows]


WORKS: Final = DeclaredList(
    model=Work,
    title=_("Works"),
    lead=_("Who wrote and publishes what, by right, territory and day."),
    links=[
        Link(_("Export rights"), "portal:rights_export", Action.REPORT, "download"),
        Link(_("Add a work"), "portal:work_create", Action.EDIT_CATALOGUE),
    ],
    above=[_TABS],
    rows=lambda values: selectors.search_works(values.get("q") or ""),
    load=_counted_works,
    filters=[_SEARCH],
    default="title",
    columns=[
        Column(_("Title"), "title", "title", sort="title", order="title_key"),
        Column("ISWC", "iswc", "code", sort="iswc"),
        Column(_("Shares"), "share_count", "num"),
        Column(_("Recordings"), "recording_count", "num"),
        Column(_("Conflicts"), "conflict_count", "num"),
    ],
    link=declared.page_of_row("portal:work"),
    empty=Empty(_("There is no work yet"), _("Import rights, or add a work."), "layers"),
)
PARTIES: Final = DeclaredList(
    model=Party,
    title=_("Parties"),
    crumbs=_CRUMBS,
    lead=_("Writers, publishers and labels with shares. Mark those whose shares are ours."),
    links=[Link(_("Add a party"), "portal:party_create", Action.EDIT_CATALOGUE)],
    above=[_TABS],
    rows=lambda values: selectors.search_parties(values.get("q") or ""),
    filters=[_SEARCH],
    default="title",
    columns=[
        Column(
            _("Name"),
            str,
            "title",
            sort="title",
            order="name_key",
            below=lambda party: party.is_ours and badge(_("Ours"), "star"),
        ),
        Column(_("IPI name number"), "ipi_name", "code", sort="ipi", order="ipi_name"),
        Column("ISNI", "isni", "code"),
        Column(_("Society"), "society", "code"),
    ],
    link=declared.page_of_row("portal:party"),
    empty=Empty(_("There is no party yet"), _("Import rights, or add a party."), "user"),
)
RELEASES: Final = DeclaredList(
    model=Release,
    title=_("Releases"),
    crumbs=_CRUMBS,
    lead=_("Albums and singles with their codes, labels and tracks."),
    links=[Link(_("Add a release"), "portal:release_create", Action.EDIT_CATALOGUE)],
    above=[_TABS],
    rows=lambda values: selectors.search_releases(values.get("q") or ""),
    load=_counted_releases,
    filters=[_SEARCH],
    default="title",
    columns=[
        Column(_("Title"), "title", "title", sort="title", order="title_key"),
        Column("UPC", "upc", "code", sort="upc"),
        Column(_("Label"), "label", sort="label"),
        Column(_("Catalogue number"), "catalogue_number", "code"),
        Column(_("Tracks"), "track_count", "num"),
    ],
    link=declared.page_of_row("portal:release"),
    empty=Empty(_("There is no release yet"), _("Import rights, or add a release."), "layers"),
)


def _subject(share: Share) -> Work | RightsRecording:
    if (subject := share.work or share.recording) is None:
        raise LookupError("a share of nothing")
    return subject


SHARES: Final = DeclaredList(
    model=Share,
    title=_("Shares"),
    rows=lambda _values: Share.objects.all(),
    columns=[
        Column(
            _("Work or recording"), _subject, "title", below=lambda share: role_label(share.role)
        ),
        Column(_("Right"), "get_right_display", below="get_kind_display"),
        Column(
            _("Share"),
            lambda share: (
                gettext("unknown") if share.percent is None else in_percent(share.percent)
            ),
            "num",
        ),
        Column(_("Territory"), lambda share: tis.in_words(share.included, share.excluded)),
        Column(_("Source"), lambda share: page.source_label(share.claimant)),
    ],
    link=lambda share, _user: page.url_of(_subject(share)),
    empty=Empty(_("No shares"), _("It has no shares that you may see."), "layers"),
)
