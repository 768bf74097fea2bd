"""The columns of ``file-summary/1``: one row per file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from reports.rows import SOURCE_COLUMNS, Column, RowKind, file_url, notes_of_file
from reports.values import Value, ValueType
from review.choices import MatchState, QueueReason
from scanning.models import Scan, ScannedFile

SCHEMA = "file-summary/1"
STATES = tuple(state for state in MatchState if state != MatchState.SUPERSEDED)
# The most urgent reasons first: due or contested ones, then doubtful ones.
_WORST_FIRST = (
    QueueReason.DISPUTE,
    QueueReason.SECOND_APPROVAL,
    QueueReason.REOPENED,
    QueueReason.LICENCE_ENDED,
    QueueReason.RESCAN_CHANGED,
    QueueReason.ENGINES_DISAGREE,
    QueueReason.TWO_CANDIDATES,
    QueueReason.SHARED_LOOP,
    QueueReason.METADATA_CONFLICT,
    QueueReason.ALTERED,
    QueueReason.LOW_SCORE,
    QueueReason.BELOW_FLOOR,
    QueueReason.UNDER_SPEECH,
    QueueReason.SHORT,
    QueueReason.LICENCE_PARTIAL,
    QueueReason.EXCLUDED,
    QueueReason.POLICY,
    QueueReason.FOUND_LATE,
    QueueReason.DEFAULT,
)
_MINUTE_MS = 60_000
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class FileCase:
    """The subject of one row: a file and its selected matches.

    ``matched_ms`` is their total coverage, with overlaps counted once. It is None if no
    scan of the file has finished.
    """

    found: RowKind
    file: ScannedFile
    scan: Scan | None
    states: Mapping[str, int]
    waiting_for: frozenset[str]
    matched_ms: int | None


def _count(state: MatchState) -> Column[FileCase]:
    return Column(
        f"{state.value}_count",
        ValueType.INTEGER,
        lambda case: case.states.get(state, 0),
    )


def _coverage(case: FileCase) -> Value:
    length = case.file.duration_ms
    if case.matched_ms is None or not length:
        return None
    return (Decimal(100 * min(case.matched_ms, length)) / length).quantize(_CENT)


def _unmatched_minutes(case: FileCase) -> Value:
    if case.matched_ms is None or not case.file.duration_ms:
        return None
    left = max(0, case.file.duration_ms - case.matched_ms)
    return (Decimal(left) / _MINUTE_MS).quantize(_CENT)


def _worst_reason(case: FileCase) -> Value:
    """Return the most urgent queue reason, or the reason why there is no match."""
    if case.waiting_for:
        return next(each.value for each in _WORST_FIRST if each in case.waiting_for)
    if case.found == RowKind.NO and case.scan is not None and case.scan.no_match_reason:
        return f"no_match:{case.scan.no_match_reason}"
    return None


_T, _E, _I, _D = ValueType.TEXT, ValueType.ENUM, ValueType.INTEGER, ValueType.DECIMAL
COLUMNS: tuple[Column[FileCase], ...] = (
    Column("report_schema", _T, lambda case: SCHEMA),
    Column("file_id", _T, lambda case: str(case.file.uid)),
    Column("match_found", _E, lambda case: case.found.value),
    *SOURCE_COLUMNS,
    Column("container", _T, lambda case: case.file.container.name),
    Column("match_count", _I, lambda case: sum(case.states.values())),
    *(_count(state) for state in STATES),
    Column("matched_ms", _I, lambda case: case.matched_ms),
    Column("source_coverage_pct", _D, _coverage),
    Column("unmatched_minutes", _D, _unmatched_minutes),
    Column("worst_queue_reason", _T, _worst_reason),
    Column("engine", _E, lambda case: case.scan.engine if case.scan else None),
    Column(
        "engine_version", _T, lambda case: case.scan.engine_version if case.scan else ""
    ),
    Column("scan_id", _T, lambda case: case.scan.uid if case.scan else None),
    Column(
        "case_url",
        _T,
        lambda case: file_url(case.file),
    ),
    Column("notes", _T, lambda case: notes_of_file(case.file, case.found)),
)
