"""What the pages of platform claims show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from base.accounts.deciders import Decider
from base.common.zones import office_day
from plugins.claims import selectors
from plugins.claims.choices import DiscrepancyKind, Meaning
from plugins.claims.models import ClaimFile, Discrepancy, PlatformAsset, PlatformClaim
from plugins.claims.pages.forms import ClaimFilterForm
from review.choices import RejectCode, Verb
from review.decisions.verbs import RULES
from review.models import Licence
from web.portal.shared.lists import count_of

_LEADS: dict[DiscrepancyKind, str | Promise] = {
    DiscrepancyKind.NOT_CLAIMED: gettext_lazy(
        "Confirmed matches on which the newest report has no claim of ours. Claim them by "
        "hand in Studio, or deliver a reference file. A claim of somebody else on such a "
        "video appears in no report."
    ),
    DiscrepancyKind.NOT_HEARD: gettext_lazy(
        "Active claims whose recording a finished scan did not find, or whose match was "
        "rejected, or a policy or an excluded interval suppressed. Check them, then "
        "release them in Studio."
    ),
    DiscrepancyKind.NOT_SCANNED: gettext_lazy(
        "Active claims on videos that are not here, most views first. Submit their links "
        "to check them."
    ),
    DiscrepancyKind.BY_OTHERS: gettext_lazy(
        "Assets of our recordings of which the platform reports another owner, and "
        "videos of our own channels that others claim."
    ),
    DiscrepancyKind.DISPUTE_DUE: gettext_lazy(
        "Potential, disputed and appealed claims, which expire unanswered. Reports carry "
        "no day of the dispute, so the due day is the earliest possible."
    ),
    DiscrepancyKind.AGAINST_LICENCE: gettext_lazy(
        "Active claims although a licence covers the use, or with a policy beyond our "
        "shares' territories."
    ),
    DiscrepancyKind.NO_REFERENCE: gettext_lazy(
        "Our searchable recordings that the platform cannot recognise."
    ),
}
_WHY_NO_REFERENCE = {
    "no_asset": gettext_lazy("No asset is linked to it."),
    "no_reference": gettext_lazy("Its asset has no active reference file."),
    "excluded": gettext_lazy("Most of its reference file is excluded."),
}


@dataclass(frozen=True, slots=True)
class ClaimsTab:
    """One list with the number of its open rows."""

    name: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class DiscrepancyRow:
    """A difference as a list shows it."""

    row: Discrepancy
    name: str
    url: str
    about: str
    about_url: str
    reason: str
    video_url: str
    """The address of our own video that others claim; empty for other rows."""
    file: ClaimFile | None
    """The file for the platform that has it."""

    @property
    def can_record(self) -> bool:
        """Return whether its dispute can be recorded with the match now."""
        match = self.row.match
        return (
            self.row.kind == DiscrepancyKind.DISPUTE_DUE
            and match is not None
            and match.state in RULES[Verb.DISPUTE].starts
        )


def tabs_of(filters: ClaimFilterForm) -> list[ClaimsTab]:
    """Return the lists with the numbers of their open rows."""
    account = filters.cleaned_data.get("account")
    return [
        ClaimsTab(
            kind.value,
            str(kind.label),
            count_of(selectors.list_discrepancies(kind=kind, account=account)),
        )
        for kind in DiscrepancyKind
    ]


def lead_of(kind: DiscrepancyKind) -> str:
    """Return what a list is about and what to do with it."""
    return str(_LEADS[kind])


def age_of(day: date | None) -> str:
    """Return how old the newest report is; empty without one."""
    if day is None:
        return ""
    age = (office_day() - day).days
    return ngettext("%(n)s day old", "%(n)s days old", age) % {"n": age}


def claim_url(claim: PlatformClaim) -> str:
    """Return the address of a claim's page."""
    return reverse("portal:claim", args=[claim.account.uid, claim.claim_id])


def asset_url(asset: PlatformAsset) -> str:
    """Return the address of an asset's page."""
    return reverse("portal:claim_asset", args=[asset.account.uid, asset.asset_id])


def links_of(rows: Sequence[Discrepancy]) -> list[str]:
    """Return the links of videos that are claimed and not here."""
    return [
        row.claim.video_url
        for row in rows
        if row.kind == DiscrepancyKind.NOT_SCANNED and row.claim is not None
    ]


def rows_of(rows: Sequence[Discrepancy]) -> list[DiscrepancyRow]:
    """Return the rows of a list."""
    licences = {
        licence.uid: str(licence)
        for licence in Licence.objects.filter(
            uid__in=[row.evidence.get("licence", "") for row in rows]
        )
    }
    files = selectors.files_of(rows)
    return [_row(row, licences, files.get(row.pk)) for row in rows]


def _row(row: Discrepancy, licences: dict[str, str], file: ClaimFile | None) -> DiscrepancyRow:
    recording = row.recording
    about_url = reverse("portal:recording_detail", args=[recording.uid]) if recording else ""
    about = str(recording) if recording else str(row.asset or "")
    if row.claim is not None and row.account is not None:
        url = reverse("portal:claim", args=[row.account.uid, row.claim.claim_id])
    elif row.match is not None:
        url = row.match.review_url
    elif row.asset is not None and row.account is not None:
        url = reverse("portal:claim_asset", args=[row.account.uid, row.asset.asset_id])
    elif row.scanned_file is not None:
        url = reverse("portal:file_detail", args=[row.scanned_file.uid])
    elif row.video is not None and row.video.asset is not None:
        url = asset_url(row.video.asset)
    else:
        url = about_url
    name = (
        str(row.scanned_file)
        if row.claim is None and row.video is None and row.scanned_file is not None
        else str(row)
    )
    video_url = row.video.url if row.video else ""
    reason = said_of(row, licences)
    return DiscrepancyRow(row, name, url, about, about_url, reason, video_url, file)


def said_of(row: Discrepancy, licences: dict[str, str]) -> str:
    """Return what differs, in one or two sentences."""
    kind, evidence = DiscrepancyKind(row.kind), row.evidence
    if kind == DiscrepancyKind.NOT_CLAIMED:
        return _not_claimed(evidence)
    if kind == DiscrepancyKind.NOT_HEARD:
        if "suppressed" in evidence:
            return _("A policy or an excluded interval suppressed the match.")
        if row.is_weak:
            return _("A finished scan did not find it.")
        labels = dict(RejectCode.choices)
        text = (
            _("A program rejected the match: %(reason)s.")
            if evidence.get("by") == Decider.PROGRAM
            else _("A person rejected the match: %(reason)s.")
        )
        return text % {"reason": str(labels.get(evidence["reason"], _("no reason kept")))}
    if kind == DiscrepancyKind.BY_OTHERS:
        return _by_others(row)
    if kind == DiscrepancyKind.DISPUTE_DUE:
        return str(Meaning(evidence["meaning"]).label)
    if kind == DiscrepancyKind.AGAINST_LICENCE:
        return _against(evidence, licences)
    if kind == DiscrepancyKind.NO_REFERENCE:
        return str(_WHY_NO_REFERENCE[evidence["why"]])
    return ""


def _by_others(row: Discrepancy) -> str:
    owner = {"owner": row.evidence["owner"]}
    if row.claim_id is not None:
        return _("%(owner)s claims this video too.") % owner
    if row.video_id is None:
        countries = row.evidence["countries"].replace("|", ", ")
        if not countries:
            return _("%(owner)s owns it too.") % owner
        return _("%(owner)s in %(countries)s") % {**owner, "countries": countries}
    if not row.evidence["owner"]:
        return _("Another owner claims our own video.")
    return _("%(owner)s claims our own video.") % owner


def _not_claimed(evidence: dict[str, Any]) -> str:  # Any: JSON
    sentences = [
        _("An active reference file exists.")
        if evidence["has_reference"]
        else _("The platform has no active reference file.")
    ]
    if count := evidence["unlinked"]:
        sentences.append(
            ngettext(
                "%(n)s claim on the video is of an asset without a recording here.",
                "%(n)s claims on the video are of assets without a recording here.",
                count,
            )
            % {"n": count}
        )
    return " ".join(sentences)


def _against(evidence: dict[str, Any], licences: dict[str, str]) -> str:  # Any: JSON
    sentences = []
    if uid := evidence.get("licence"):
        sentences.append(
            _("Covered by %(licence)s.")
            % {"licence": licences.get(uid, _("a licence that you may not see"))}
        )
    if outside := evidence.get("outside"):
        sentences.append(_("The policy acts where we own nothing: %(where)s.") % {"where": outside})
    return " ".join(sentences)
