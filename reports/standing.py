"""Which cue sheets were submitted, approved or exported, by what they stand on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.db.models import Q
from django.urls import reverse

from audit.models import Event
from audit.standing import Standing, StandingStatement, StatementKind
from reports.cue_sheet_files import EXPORTED
from reports.models import SheetApproval, SheetState
from review.models import Match
from review.standing import matches_on
from scanning.models import ScannedFile

_STANDS = (SheetState.SUBMITTED, SheetState.APPROVED)


def stated_on(cases: Sequence[str]) -> Standing:
    """Return the sheets that stand on files, and on the recordings in them, by case."""
    stated: dict[str, dict[StandingStatement, None]] = {}
    grounds = matches_on(cases)
    rows = Match.objects.filter(pk__in=grounds).values_list("pk", "scanned_file__uid")
    of_file: dict[str, set[str]] = {
        case: {case} for case in cases if case.startswith("file:")
    }
    for match, file in rows:
        of_file.setdefault(f"file:{file}", set()).update(grounds[match])
    for statement in _sheets(list(of_file)):
        for case in of_file[f"file:{statement.uid}"]:
            stated.setdefault(case, {})[statement] = None
    return {case: list(distinct) for case, distinct in stated.items()}


def _sheets(cases: Sequence[str]) -> Iterator[StandingStatement]:
    """Yield a statement for each file whose sheet has left or waits for its approval."""
    exported = Event.objects.filter(case__in=cases, action=EXPORTED)
    uids = {case.partition(":")[2] for case in exported.values_list("case", flat=True)}
    approvals = SheetApproval.objects.filter(state__in=_STANDS)
    files = ScannedFile.objects.filter(
        Q(uid__in=uids) | Q(pk__in=approvals.values("scanned_file")),
        uid__in=[case.partition(":")[2] for case in cases],
    )
    for file in files.order_by("pk"):
        yield StandingStatement(
            StatementKind.CUE_SHEET,
            str(file.uid),
            file.name,
            reverse("portal:cue_sheet", args=[file.uid]),
        )
