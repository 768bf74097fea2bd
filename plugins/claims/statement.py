"""Files for platforms as statements: what their rows say, and how that differs today."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from catalogue.models import Recording
from plugins.claims.choices import DiscrepancyState, RowAnswer
from plugins.claims.finding.facts import INACTIVE
from plugins.claims.finding.grounds import Grounds
from plugins.claims.finding.matches import CLAIMABLE, is_licensed
from plugins.claims.models import ClaimFile, ClaimFileRow, Discrepancy
from statements.kinds import Difference, Fact, Kind
from statements.models import Statement, StatementFact

CLAIM_FILE: Final = "claim_file"
_REASONS = ("reason", "licence")
"""What files write of the evidence of an entry."""


class ClaimFiles(Kind):
    """Files and work lists for platforms: drafts until somebody marks them as sent."""

    kind = CLAIM_FILE
    label = lazy("File for a platform")
    place = 30
    model = ClaimFile

    def differences(self, statements: Sequence[Statement]) -> Mapping[int, Sequence[Difference]]:
        """Compare rows that the platform has not answered with what is found today."""
        keys = {statement.subject: statement.pk for statement in statements}
        related = ClaimFileRow.objects.filter(
            file__uid__in=keys, answer=RowAnswer.NONE, holds_entry=True
        ).select_related(
            *("file", "discrepancy__claim", "discrepancy__asset"),
            *("discrepancy__video", "discrepancy__recording"),
            *("discrepancy__match__recording__merged_into", "discrepancy__match__scan"),
            *("discrepancy__match__scanned_file__container",),
            *("discrepancy__match__licence",),
        )
        facts = {
            (fact.statement_id, fact.cells["entry"]): fact
            for fact in StatementFact.objects.filter(statement__in=keys.values())
        }
        recordings = {
            row.uid: row
            for row in Recording.objects.filter(uid__in={fact.recording for fact in facts.values()})
        }
        grounds = Grounds()
        by_statement: dict[int, list[Difference]] = {}
        for row in related.order_by("file", "number", "pk"):
            key, entry = keys[row.file.uid], row.discrepancy
            fact = facts[key, entry.uid]
            for change in _changes(entry, fact, recordings.get(fact.recording), grounds):
                uid = entry.match.uid if entry.match else ""
                by_statement.setdefault(key, []).append(Difference(f"{entry}: {change}", uid))
        return by_statement

    def url(self, statement: Statement) -> str:
        """Return the address of the rows, because the platform is told of each by hand."""
        return reverse("portal:claim_file_rows", args=[statement.subject])

    def concerned(self, cases: Mapping[str, Collection[str]]) -> Iterable[str]:
        """Return files that were answered, and those whose entries somebody dismissed."""
        rows = ClaimFileRow.objects.filter(discrepancy__uid__in=cases.get("discrepancy", ()))
        return {*cases.get("claim_file", ()), *rows.values_list("file__uid", flat=True)}


def fact_of(entry: Discrepancy) -> Fact:
    """Return what a file says of an entry."""
    match, recording, file = entry.match, entry.recording, entry.scanned_file
    return Fact(
        match=match.uid if match else "",
        recording=recording.uid if recording else "",
        file=str(file.uid) if file else "",
        start_ms=match.first_start_ms if match else None,
        end_ms=match.last_end_ms if match else None,
        state=match.state if match else "",
        cells={
            "entry": entry.uid,
            "claim": entry.claim.claim_id if entry.claim else "",
            **{name: entry.evidence.get(name, "") for name in _REASONS},
        },
    )


def _changes(
    entry: Discrepancy, fact: StatementFact, recording: Recording | None, grounds: Grounds
) -> Iterator[str]:
    """Yield why an entry does not stand as it was written."""
    if recording is not None and recording.merged_into_id is not None:
        yield _("its recording was merged with another one since")
    elif recording is not None and recording.is_given_up:
        yield _("its recording was retired since")
    match = entry.match
    if match is not None and match.scanned_file.deleted_at is not None:
        yield _("its file was deleted")
    elif match is not None and _is_claimable(match.state) != _is_claimable(fact.state):
        yield _("its match was decided otherwise since")
    elif entry.state == DiscrepancyState.DISMISSED:
        yield _("somebody dismissed the entry since")
    elif entry.state == DiscrepancyState.GONE:
        yield from _why_gone(entry, grounds)
    elif any(entry.evidence.get(name, "") != fact.cells[name] for name in _REASONS):
        yield _("the entry has another reason now")


def _why_gone(entry: Discrepancy, grounds: Grounds) -> Iterator[str]:
    """Yield why an entry is gone, unless a report confirms it."""
    if entry.claim is not None:
        if entry.claim.gone_on is None and entry.claim.status != INACTIVE:
            yield _("the claim stands, but nothing speaks against it any more")
    elif entry.match is not None and is_licensed(entry.match, grounds):
        yield _("a licence covers the use since")


def _is_claimable(state: str) -> bool:
    return state in CLAIMABLE
