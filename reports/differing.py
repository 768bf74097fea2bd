"""Whether the rows of a report would read differently today, and since when."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Min

from audit.models import Event
from reports.choices import Mode
from reports.keeping import kept_rows
from reports.layouts import kept_columns
from reports.models import ReportRun
from reports.rows import KeptRow
from reports.selectors import match_rows
from review.models import Match
from review.services.transitions import LOCK_EVENTS

MOST_ROWS: Final = 5_000
MOST_CHANGED: Final = 500
_CASES_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class DifferingRows:
    """How many rows would read differently, since the first change of one of them."""

    count: int
    since: datetime
    is_all: bool
    """Every changed match was compared, not only the first ``MOST_CHANGED``."""


def differing_rows(run: ReportRun) -> DifferingRows | None:
    """Compare the stored rows of a ready run with today's; None if they are the same.

    Only rows whose match or recording has an event since the run are compared, and no
    run of more than ``MOST_ROWS``. Rows that a new run would add are not counted.
    """
    if run.mode == Mode.FILE or run.row_count > MOST_ROWS:
        return None
    mode = Mode(run.mode)
    names, _of_segments = kept_columns(mode)
    match_at, recording_at = names.index("match_id"), names.index("recording_id")
    stored: dict[str, KeptRow] = {}
    about: dict[str, list[str]] = {}
    try:
        for row in kept_rows(run.rows, mode):
            uid, recording = str(row[0][match_at]), str(row[0][recording_at])
            if row[0][match_at] is not None:
                stored[uid] = row
                about.setdefault(f"match:{uid}", []).append(uid)
                about.setdefault(f"recording:{recording}", []).append(uid)
    except (OSError, EOFError, ValueError, zlib.error):
        # The check against the hash says so of stored rows that are gone or damaged.
        return None
    changed: dict[str, datetime] = {}
    for case, at in _first_events(run.as_of_event or 0, list(about)):
        for uid in about[case]:
            changed[uid] = min(at, changed.get(uid, at))
    some = sorted(changed)[:MOST_CHANGED]
    keys = dict(Match.objects.filter(uid__in=some).values_list("pk", "uid"))
    today = {keys[pk]: row for pk, row in match_rows(keys, run.as_of_at).items()}
    differing = [
        uid
        for uid, row in today.items()
        if json.loads(json.dumps(row)) != [*stored[uid]]
    ]
    if not differing:
        return None
    since = min(changed[uid] for uid in differing)
    return DifferingRows(len(differing), since, is_all=len(some) == len(changed))


def _first_events(after: int, cases: Sequence[str]) -> Iterator[tuple[str, datetime]]:
    """Yield the time of the first event of each of these cases after an event."""
    events = Event.objects.filter(pk__gt=after).exclude(action__in=LOCK_EVENTS)
    for start in range(0, len(cases), _CASES_AT_ONCE):
        some = events.filter(case__in=cases[start : start + _CASES_AT_ONCE])
        yield from some.order_by().values_list("case").annotate(first=Min("at"))
