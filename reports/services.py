"""Match reports for pages, admin and commands. Every export is an event."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from django.db.models import QuerySet

from accounts.models import User
from audit.models import Event
from audit.services import record
from common.uid import new_uid
from reports import selectors
from reports.rows import SCHEMA, Case
from reports.selectors import Selection
from reports.writers import Dialect, csv_pieces
from review.filters import MatchFilter
from review.models import Match

FILE_NAME = "match-report.csv"
CONTENT_TYPE = "text/csv; charset=utf-8"


@dataclass(slots=True)
class ReportCounts:
    """What was written: rows by kind, bytes, and their SHA-256."""

    rows: Counter[str] = field(default_factory=Counter)
    size_bytes: int = 0
    sha256: str = ""


def stream_match_csv(
    *,
    filters: MatchFilter,
    user: User,
    dialect: Dialect | None = None,
    include_files: bool | None = None,
) -> Iterator[bytes]:
    """Return the report of a filtered list in pieces, for a streamed response.

    Files without a match belong to it unless the filter asks for something that only
    a match has; ``include_files`` says so outright.
    """
    if include_files is None:
        include_files = not filters.is_about_matches
    chosen = selectors.selection(filters=filters, include_files=include_files)
    return _stream(chosen, user, dialect or Dialect())


def stream_selected_csv(
    *, matches: QuerySet[Match], user: User, dialect: Dialect | None = None
) -> Iterator[bytes]:
    """Return the report of exactly these matches in pieces."""
    return _stream(selectors.selected(matches=matches), user, dialect or Dialect())


def write_match_report(
    *,
    filters: MatchFilter,
    target: BinaryIO,
    actor: User | str,
    dialect: Dialect | None = None,
) -> ReportCounts:
    """Write the report with all files to an open file and return what was written."""
    chosen = selectors.selection(filters=filters)
    as_of_event = _as_of_event()
    counts = ReportCounts()
    digest = hashlib.sha256()
    counted = _counted(selectors.cases(chosen=chosen), counts)
    for piece in csv_pieces(counted, dialect or Dialect()):
        target.write(piece)
        digest.update(piece)
        counts.size_bytes += len(piece)
    counts.sha256 = digest.hexdigest()
    _record_export(
        actor=actor,
        chosen=chosen,
        details={
            "as_of_event": as_of_event,
            "rows": dict(counts.rows),
            "sha256": counts.sha256,
        },
    )
    return counts


def _stream(chosen: Selection, user: User, dialect: Dialect) -> Iterator[bytes]:
    """Keep the event first: what has begun to leave the portal has left it."""
    _record_export(actor=user, chosen=chosen, details={"as_of_event": _as_of_event()})
    return csv_pieces(selectors.cases(chosen=chosen), dialect)


def _counted(cases: Iterable[Case], counts: ReportCounts) -> Iterator[Case]:
    for case in cases:
        counts.rows[case.found.value] += 1
        yield case


def _as_of_event() -> int:
    newest = Event.objects.order_by("-pk").values_list("pk", flat=True).first()
    return newest or 0


def _record_export(
    *, actor: User | str, chosen: Selection, details: dict[str, object]
) -> None:
    record(
        case=f"report:{new_uid('p')}",
        action="exported",
        actor=actor,
        after={"schema": SCHEMA, "filter": chosen.description, **details},
    )
