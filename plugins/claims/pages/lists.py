"""The lists of assets, and of files for the platform with their rows."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Q
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from base.accounts.models import User
from base.accounts.reach import why_limited
from base.accounts.roles import Action
from base.common.reading import read_number
from plugins.claims import selectors
from plugins.claims.choices import DiscrepancyState, LinkedBy, RowAnswer
from plugins.claims.models import ClaimFile, ClaimFileRow, PlatformAsset
from plugins.claims.pages import page
from web.portal.shared import declared
from web.portal.shared.declared import Column, DeclaredList, Empty
from web.portal.shared.icons import badge

_TABS: Final = "portal/claims/_tabs.html"
_CRUMBS: Final = [(_("Platform claims"), "portal:claims")]


ASSETS: Final = DeclaredList(
    model=PlatformAsset,
    title=_("Assets"),
    crumbs=_CRUMBS,
    lead=_(
        "An asset is linked to the recording with its own id or ISRC. Link the others by hand; "
        "a list judges only linked assets."
    ),
    limited=_(
        "You see the assets of recordings that you may see. Those without a recording are hidden."
    ),
    above=[_TABS],
    rows=lambda values: (
        selectors.list_assets()
        .filter(
            linked_by__in=[values.get("linked")]
            if values.get("linked")
            else [LinkedBy.NOTHING, LinkedBy.AMBIGUOUS]
        )
        .order_by("title", "pk")
    ),
    filters=[
        declared.search(
            _("Title or id"),
            lambda text: Q(title__icontains=text) | Q(asset_id=text) | Q(custom_id=text),
        ),
        declared.choice(
            "linked",
            _("Link"),
            [(str(way.value), way.label) for way in LinkedBy if way.value],
            any_label=_("Not linked or ambiguous"),
            condition=lambda way: Q(linked_by=way),
        ),
    ],
    columns=[
        Column(
            _("Asset"),
            str,
            "title",
            below=lambda asset: format_html('<span translate="no">{}</span>', asset.asset_id),
        ),
        Column(
            _("Identifiers"),
            lambda asset: (
                f"{asset.custom_id or asset.claimed_custom_id} "
                f"{asset.your_isrc or asset.claimed_isrc}".strip()
            ),
            "code",
        ),
        Column(_("Recording"), "recording"),
        Column(_("Link"), "get_linked_by_display"),
    ],
    link=lambda asset, _user: page.asset_url(asset),
    empty=Empty(_("No asset here"), _("Reports of claims and of assets bring them.")),
)


FILES: Final = DeclaredList(
    model=ClaimFile,
    title=_("Files for the platform"),
    crumbs=_CRUMBS,
    lead=_(
        "The portal uploads nothing. Upload a file in Studio, or work through a list there, and "
        "mark it as sent; the next report confirms its entries. Do not save a file with a "
        "spreadsheet program: it may change ids and dates."
    ),
    above=[_TABS],
    context=lambda request: {
        "may_send": request.user.has_perm(Action.EDIT_CATALOGUE) and not why_limited(request.user)
    },
    rows=lambda _values: selectors.list_files().order_by("-pk"),
    columns=[
        Column(_("File"), "get_kind_display", "title"),
        Column(_("State"), lambda file: badge(file.get_state_display()), "badge"),
        Column(_("Rows"), "row_count", "num"),
        Column(_("Refused entries"), "refused", "num"),
        Column(
            _("Confirmed entries"),
            lambda file: f"{read_number(file.confirmed)} / {read_number(file.entries)}",
            "num",
        ),
        Column(_("Made"), "created_at", "quiet"),
        Column(_("Actions"), look="acts", template="portal/claims/_file_actions.html"),
    ],
    link=declared.page_of_row("portal:claim_file_rows"),
    empty=Empty(
        _("No file yet"), _("Tick entries of a list and prepare a file of them."), "download"
    ),
)


def _with_entries(rows: list[Any], _user: User) -> list[Any]:  # Any: rows with their entries
    entries = page.rows_of([row.discrepancy for row in rows])
    for row, entry in zip(rows, entries, strict=True):
        row.entry = entry
    return rows


FILE_ROWS: Final = DeclaredList(
    model=ClaimFileRow,
    title=_("Rows"),
    rows=lambda _values: ClaimFileRow.objects.all(),
    load=_with_entries,
    filters=[
        declared.choice("answer", _("Answer"), RowAnswer.choices[1:], any_label=_("Any answer"))
    ],
    default="row",
    columns=[
        Column(_("Row"), "number", "num", sort="row", order="number"),
        Column(_("Entry"), "entry.name", "title", below="entry.about"),
        Column(
            _("State"),
            lambda row: (
                pgettext("by a report", "Confirmed")
                if row.discrepancy.state == DiscrepancyState.GONE
                else row.discrepancy.get_state_display()
            ),
        ),
        Column(_("Answer"), "get_answer_display", "words", below="answer_text"),
    ],
    link=lambda row, _user: row.entry.url,
    empty=Empty(
        _("No row here"),
        _("No row of this file has this answer, or you may not see its entry."),
    ),
)
