"""Whether the rows of a report would read differently today, and since when."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from django.db.models import Min

from accounts.reach import working_for
from audit.models import Event
from reports.choices import Mode
from reports.keeping import kept_rows
from reports.layouts import Layout, kept_columns
from reports.models import ReportRun
from reports.rows import KeptRow
from reports.selectors import file_rows, match_rows, rows_without_match, selection
from review.choices import MatchState
from review.models import Match
from review.services.transitions import LOCK_EVENTS

MOST_ROWS: Final = 5_000
MOST_COMPARED: Final = 500
_CASES_AT_ONCE: Final = 500
_PENDING: Final = f"{MatchState.PENDING}_count"


@dataclass(frozen=True, slots=True)
class DifferingRows:
    """How many rows would read differently, and when the first of them had an event.

    Some changes have no event here, such as those of licences and shares.
    """

    count: int
    since: datetime | None
    is_all: bool
    """Every row was compared, not only ``MOST_COMPARED``."""


def differing_rows(run: ReportRun) -> DifferingRows | None:
    """Compare the stored rows of a ready run with today's; None if they are the same.

    Rows with an event since the run are compared first, and no run of more than
    ``MOST_ROWS``. Rows that a new run would add are not counted.
    """
    # Which matches of a file were selected by hand is not stored.
    if run.row_count > MOST_ROWS or (run.mode == Mode.FILE and run.is_by_hand):
        return None
    try:
        stored = _stored(run)
    except (OSError, EOFError, ValueError, zlib.error):
        # The check against the hash says so of stored rows that are gone or damaged.
        return None
    changed = _first_events(run.as_of_event or 0, stored)
    compared = list(islice(dict.fromkeys([*sorted(changed), *stored]), MOST_COMPARED))
    # The rows are limited to what the requester could see.
    with working_for(run.run_by):
        today = _today(run, compared)
    mode = Mode(run.mode)
    differing = [
        case
        for case, row in today.items()
        if _says(row, mode) != _says(stored[case], mode)
    ]
    if not differing:
        return None
    since = min((changed[case] for case in differing if case in changed), default=None)
    return DifferingRows(len(differing), since, is_all=len(compared) == len(stored))


def _says(row: KeptRow, mode: Mode) -> str:
    """Return what a row says, as text; it says the same while somebody reviews it."""
    names, _of_segments = kept_columns(mode)
    cells = dict(zip(names, row[0], strict=True))
    if mode == Mode.FILE:
        looked_at = cells.pop(f"{MatchState.IN_REVIEW}_count")
        cells[_PENDING] = str(int(str(cells[_PENDING])) + int(str(looked_at)))
    elif cells["review_state"] == MatchState.IN_REVIEW:
        cells["review_state"] = MatchState.PENDING
    return json.dumps([cells, row[1]])


def _stored(run: ReportRun) -> dict[str, KeptRow]:
    """Return the stored rows by case: that of the match, or of a file without one."""
    mode = Mode(run.mode)
    names, _of_segments = kept_columns(mode)
    if mode == Mode.FILE:
        file_at = names.index("file_id")
        return {f"file:{row[0][file_at]}": row for row in kept_rows(run.rows, mode)}
    match_at, url_at = names.index("match_id"), names.index("case_url")
    return {
        f"file:{str(row[0][url_at]).rstrip('/').rpartition('/')[2]}"
        if row[0][match_at] is None
        else f"match:{row[0][match_at]}": row
        for row in kept_rows(run.rows, mode)
    }


def _first_events(after: int, cases: Collection[str]) -> dict[str, datetime]:
    """Return by case the first event after another one about what its row shows."""
    about = {case: {case} for case in cases}
    found = _uids(cases, "match")
    rows = Match.objects.filter(uid__in=found).values_list(
        "uid", "recording__uid", "recording__merged_into__uid", "scanned_file__uid"
    )
    for uid, recording, stays, file in rows:
        for case in (f"recording:{recording}", f"recording:{stays}", f"file:{file}"):
            about.setdefault(case, set()).add(f"match:{uid}")
    first: dict[str, datetime] = {}
    for case, at in _events(after, list(about)):
        for each in about[case]:
            first[each] = min(at, first.get(each, at))
    return first


def _events(after: int, cases: Sequence[str]) -> Iterator[tuple[str, datetime]]:
    """Yield the time of the first event of each of these cases after an event."""
    events = Event.objects.filter(pk__gt=after).exclude(action__in=LOCK_EVENTS)
    for start in range(0, len(cases), _CASES_AT_ONCE):
        some = events.filter(case__in=cases[start : start + _CASES_AT_ONCE])
        yield from some.order_by().values_list("case").annotate(first=Min("at"))


def _today(run: ReportRun, cases: Collection[str]) -> dict[str, KeptRow]:
    """Return the rows of these cases as they would read now."""
    files = _uids(cases, "file")
    if run.mode == Mode.FILE:
        chosen = selection(filters=Layout.of(run).match_filter)
        return {
            f"file:{uid}": row for uid, row in file_rows(files, chosen.matches).items()
        }
    matches = Match.objects.filter(uid__in=_uids(cases, "match"))
    keys = dict(matches.values_list("pk", "uid"))
    return {
        f"match:{keys[pk]}": row for pk, row in match_rows(keys, run.as_of_at).items()
    } | {f"file:{uid}": row for uid, row in rows_without_match(files).items()}


def _uids(cases: Collection[str], kind: str) -> list[str]:
    return [case.partition(":")[2] for case in cases if case.startswith(f"{kind}:")]
