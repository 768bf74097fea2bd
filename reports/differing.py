"""Whether the rows of a report would read differently today, and since when."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final, TypeAlias

from django.db.models import Min
from django.utils.translation import gettext as _

from base.accounts.reach import working_for
from base.audit.models import Event
from base.common.batches import batched
from reports.cells import Cell
from reports.choices import Mode
from reports.layouts import Layout, kept_columns
from reports.models import ReportRun
from reports.rows import KeptRow
from reports.selectors import file_rows, match_rows, rows_without_match, selection
from reports.stored_rows import kept_rows
from review.choices import MatchState
from review.match_events import LOCK_EVENTS
from review.models import Match, MatchAlias
from statements.kinds import Fact, compared_state
from statements.models import Statement

Stated: TypeAlias = Mapping[str, Any]  # Any: JSON
"""What a row states: its cells by name, and the digest of its segments."""
MOST_ROWS: Final = 5_000
MOST_COMPARED: Final = 500
_ROWS_NAMED: Final = 20
_COLUMNS_NAMED: Final = 5
_NAME_CHARS: Final = 100
_CASES_AT_ONCE: Final = 500
_OF_SCAN: Final = ("scan_id", "engine_version", "found_again_at")
"""What each scan makes new, also with the same result."""
_PENDING: Final = f"{MatchState.PENDING}_count"


@dataclass(frozen=True, slots=True)
class DifferingRow:
    """A row that would read differently today: what it is about, and in which columns."""

    case: str
    title: str
    file: str
    columns: Sequence[str]

    @property
    def text(self) -> str:
        """Return which row it is, and in which columns it would read differently."""
        columns = [name.replace("_", " ") for name in self.columns[:_COLUMNS_NAMED]]
        values = {
            "title": self.title[:_NAME_CHARS],
            "file": self.file[:_NAME_CHARS],
            "columns": ", ".join(columns) or "segments",
        }
        if self.title:
            return _("“%(title)s” in “%(file)s”: %(columns)s would differ.") % values
        return _("“%(file)s”: %(columns)s would differ.") % values


@dataclass(frozen=True, slots=True)
class DifferingRows:
    """The rows that would read differently, and when the first of them had an event.

    Some changes have no event here, such as those of licences and shares.
    """

    rows: Sequence[DifferingRow]
    since: datetime | None
    is_all: bool
    """Every row was compared, not only ``MOST_COMPARED``."""

    @property
    def named(self) -> Sequence[DifferingRow]:
        """Return the rows that a page names."""
        return self.rows[:_ROWS_NAMED]


def can_compare(run: ReportRun) -> bool:
    """Return whether the rows of a run can be compared with today's.

    Which matches of a file were selected by hand is not stored.
    """
    is_of_some = run.mode == Mode.FILE and run.is_by_hand
    return run.row_count <= MOST_ROWS and not is_of_some


def differing_rows(
    run: ReportRun, stated: Mapping[str, Stated] | None = None
) -> DifferingRows | None:
    """Compare the rows of a ready run with today's; None if they are the same.

    ``stated`` are its rows by case, otherwise they are read from its file. Rows with an
    event since the run are compared first. Rows that a new run would add are not counted.
    """
    if not can_compare(run):
        return None
    mode = Mode(run.mode)
    stored = (
        {case: _stated(row, mode) for case, row in _stored(run).items()}
        if stated is None
        else stated
    )
    changed = _first_events(run.as_of_event or 0, stored)
    compared = list(islice(dict.fromkeys([*sorted(changed), *stored]), MOST_COMPARED))
    # The rows are limited to what the requester could see.
    with working_for(run.run_by):
        today = _today(run, compared)
    now = {case: _stated(row, mode) for case, row in today.items()}
    rows = [
        _differing(case, stored[case], now[case])
        for case in compared
        if case in now and now[case] != stored[case]
    ]
    if not rows:
        return None
    since = min((changed[row.case] for row in rows if row.case in changed), default=None)
    return DifferingRows(rows, since, is_all=len(compared) == len(stored))


def stated_in(statement: Statement) -> dict[str, Stated]:
    """Return the rows of a sent run by case, as its statement keeps them."""
    return {
        f"match:{fact.match}" if fact.match else f"file:{fact.file}": fact.cells
        for fact in statement.facts.all()
    }


def _stated(row: KeptRow, mode: Mode) -> Stated:
    """Return the cells of a row that are not empty, and the digest of its segments."""
    cells = {name: cell for name, cell in _cells(row, mode).items() if cell}
    segments = hashlib.sha256(json.dumps(row[1]).encode()).hexdigest()
    return {"cells": cells, "segments": segments if row[1] else ""}


def _differing(case: str, then: Stated, now: Stated) -> DifferingRow:
    before, after = then["cells"], now["cells"]
    return DifferingRow(
        case,
        str(before.get("title", "")),
        str(before.get("source_name", "")),
        [name for name in dict.fromkeys([*before, *after]) if before.get(name) != after.get(name)],
    )


def _cells(row: KeptRow, mode: Mode) -> dict[str, Cell]:
    """Return the cells of a row; a review or a scan alike leaves them the same."""
    names, _of_segments = kept_columns(mode)
    cells = dict(zip(names, row[0], strict=True))
    for name in _OF_SCAN:
        cells.pop(name, None)
    if mode == Mode.FILE:
        looked_at = cells.pop(f"{MatchState.IN_REVIEW}_count")
        cells[_PENDING] = str(int(str(cells[_PENDING])) + int(str(looked_at)))
    elif state := cells["review_state"]:
        cells["review_state"] = compared_state(str(state))
    return cells


def _stored(run: ReportRun) -> dict[str, KeptRow]:
    """Return the stored rows by case: that of the match, or of a file without one.

    There are none if they are gone or damaged; the check against the hash says so.
    """
    try:
        return _by_case(run)
    except (OSError, EOFError, ValueError, zlib.error):
        return {}


def _by_case(run: ReportRun) -> dict[str, KeptRow]:
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


def facts_of(run: ReportRun) -> list[Fact]:
    """Return what a run names, by match or file; nothing if nobody could compare it."""
    return list(_facts(run)) if can_compare(run) else []


def _facts(run: ReportRun) -> Iterator[Fact]:
    mode = Mode(run.mode)
    names, _of_segments = kept_columns(mode)
    for rows in batched(_stored(run).items(), _CASES_AT_ONCE):
        uids = _uids([case for case, _row in rows], "match")
        files = dict(Match.objects.filter(uid__in=uids).values_list("uid", "scanned_file__uid"))
        for case, row in rows:
            kind, _colon, uid = case.partition(":")
            if kind == "file":
                yield Fact(file=uid, cells=_stated(row, mode))
                continue
            values = dict(zip(names, row[0], strict=True))
            yield Fact(
                match=uid,
                recording=str(values["recording_id"]),
                file=str(files.get(uid, "")),
                state=str(values["review_state"]),
                cells=_stated(row, mode),
            )


def _first_events(after: int, cases: Collection[str]) -> dict[str, datetime]:
    """Return by case the first event after another one about what its row shows."""
    about = {case: {case} for case in cases}
    match_uids = _uids(cases, "match")
    rows = Match.objects.filter(uid__in=match_uids).values_list(
        "uid", "recording__uid", "recording__merged_into__uid", "scanned_file__uid"
    )
    for uid, recording, stays, file in rows:
        for case in (f"recording:{recording}", f"recording:{stays}", f"file:{file}"):
            about.setdefault(case, set()).add(f"match:{uid}")
    first: dict[str, datetime] = {}
    for case, at in _events(after, list(about)):
        for row in about[case]:
            first[row] = min(at, first.get(row, at))
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
        return {f"file:{uid}": row for uid, row in file_rows(files, chosen.matches).items()}
    uids = _uids(cases, "match")
    rows, joined = Match.objects.filter(uid__in=uids), MatchAlias.objects
    keys = dict(rows.values_list("uid", "pk"))
    keys |= dict(joined.filter(uid__in=uids).values_list("uid", "match_id"))
    by_key = match_rows(keys.values(), run.as_of_at)
    return {f"match:{uid}": by_key[key] for uid, key in keys.items() if key in by_key} | {
        f"file:{uid}": row for uid, row in rows_without_match(files).items()
    }


def _uids(cases: Collection[str], kind: str) -> list[str]:
    return [case.partition(":")[2] for case in cases if case.startswith(f"{kind}:")]
