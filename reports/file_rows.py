"""The rows of ``file-summary/1``: one per file."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache

from django.db.models import QuerySet

from reports.cells import Value, ValueType, as_cell
from reports.choices import Mode
from reports.extras import Values, extras_of_files
from reports.rows import (
    SOURCE_COLUMNS,
    TERRITORIES,
    TYPED_COLUMNS,
    Column,
    KeptRow,
    RowKind,
    file_url,
    notes_of_file,
    with_extras,
)
from review.choices import WAITING_STATES, MatchState, QueueReason
from review.models import Match
from review.programmes.selectors import NOTHING_TYPED, Programme, programmes_of
from review.timeline import share, timelines
from scanning.choices import FileStatus
from scanning.models import Scan, ScannedFile

SCHEMA = "file-summary/1"
STATES = tuple(MatchState)
# The most urgent reasons first: due or contested ones, then doubtful ones.
_WORST_FIRST = (
    QueueReason.DISPUTE,
    QueueReason.DECIDED_BOTH_WAYS,
    QueueReason.NAMES_ENTRY,
    QueueReason.SECOND_APPROVAL,
    QueueReason.REOPENED,
    QueueReason.LICENCE_ENDED,
    QueueReason.RESCAN_CHANGED,
    QueueReason.ENGINES_DISAGREE,
    QueueReason.TWO_VERSIONS,
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
# The kinds of rows of files without a match.
_FOUND_OF_STATUS = {
    FileStatus.READY: RowKind.NO,
    FileStatus.NO_MATCH: RowKind.NO,
    FileStatus.ERROR: RowKind.ERROR,
    FileStatus.CANCELLED: RowKind.ERROR,
    FileStatus.WAITING: RowKind.PENDING,
    FileStatus.PROCESSING: RowKind.PENDING,
    FileStatus.NEEDS_AUDIO: RowKind.PENDING,
}
# Long columns that no report shows; decoding them for every row would be slow.
LONG_OF_FILE = ("facts", "platform_facts")
LONG_OF_SCAN = ("unmatched", "warnings", "buckets")
_MINUTE_MS = 60_000
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class FileCase:
    """The subject of one row: a file and its selected matches.

    ``matched_ms`` is how long they are heard, a moment with several once. It is None if
    no scan of the file has finished.
    """

    found: RowKind
    file: ScannedFile
    scan: Scan | None
    states: Mapping[str, int]
    waiting_for: frozenset[str]
    matched_ms: int | None
    programme: Programme = NOTHING_TYPED
    extra: Values = field(default_factory=dict)


def _count(state: MatchState) -> Column[FileCase]:
    return Column(f"{state.value}_count", ValueType.INTEGER, lambda case: case.states.get(state, 0))


def _count_matches(case: FileCase) -> Value:
    """Return the number of matches; suppressed ones have a column of their own."""
    return sum(case.states.values()) - case.states.get(MatchState.SUPPRESSED, 0)


def _of_matched(value: Callable[[int, int], Value]) -> Callable[[FileCase], Value]:
    """Leave the column empty unless matched time and length are known."""
    return lambda case: (
        value(case.matched_ms, case.file.length_ms)
        if case.matched_ms is not None and case.file.length_ms
        else None
    )


def _worst_reason(case: FileCase) -> Value:
    """Return the most urgent queue reason, or the reason why there is no match."""
    if case.waiting_for:
        return next(reason.value for reason in _WORST_FIRST if reason in case.waiting_for)
    if case.found == RowKind.NO and case.scan is not None and case.scan.no_match_reason:
        return f"no_match:{case.scan.no_match_reason}"
    return None


_T, _E, _I, _D = ValueType.TEXT, ValueType.ENUM, ValueType.INTEGER, ValueType.DECIMAL
_OWN_COLUMNS: tuple[Column[FileCase], ...] = (
    Column("report_schema", _T, lambda case: SCHEMA),
    Column("file_id", _T, lambda case: str(case.file.uid)),
    Column("match_found", _E, lambda case: case.found.value),
    *SOURCE_COLUMNS,
    Column("container", _T, lambda case: case.file.container.name),
    Column("match_count", _I, _count_matches),
    *(_count(state) for state in STATES),
    Column("matched_ms", _I, lambda case: case.matched_ms),
    Column("source_coverage_pct", _D, _of_matched(share)),
    Column(
        "unmatched_minutes",
        _D,
        _of_matched(
            lambda matched, length: (Decimal(length - matched) / _MINUTE_MS).quantize(_CENT)
        ),
    ),
    Column("worst_queue_reason", _T, _worst_reason),
    Column("engine", _E, lambda case: case.scan.engine if case.scan else None),
    Column("engine_version", _T, lambda case: case.scan.engine_version if case.scan else ""),
    Column("scan_id", _T, lambda case: case.scan.uid if case.scan else None),
    Column("case_url", _T, lambda case: file_url(case.file)),
    Column("notes", _T, lambda case: notes_of_file(case.file, case.found)),
    *TYPED_COLUMNS,
    TERRITORIES,
)


@cache
def file_columns() -> tuple[Column[FileCase], ...]:
    """Return the columns of a report per file, with those that packages above add."""
    return with_extras(_OWN_COLUMNS, Mode.FILE)


def found_in(file: ScannedFile) -> RowKind:
    """Return the kind of row for a file without a match."""
    return _FOUND_OF_STATUS[FileStatus(file.status)]


def files_and_scans(scan_uids: Mapping[int, str]) -> tuple[list[ScannedFile], dict[str, Scan]]:
    """Return the files with these keys, and their scans by uid."""
    if not scan_uids:
        return [], {}
    files = ScannedFile.objects.filter(pk__in=list(scan_uids)).defer(*LONG_OF_FILE)
    scans = Scan.objects.filter(uid__in=set(scan_uids.values()))
    scans = scans.defer(*LONG_OF_SCAN)
    return list(files.select_related("container")), {scan.uid: scan for scan in scans}


@dataclass(frozen=True, slots=True)
class FetchFiles:
    """Fetches file summaries by primary key; ``matches`` are those that count."""

    matches: QuerySet[Match]

    def __call__(self, scan_uids: Mapping[int, str]) -> dict[int, KeptRow]:
        """Return the row of each file, with seven queries."""
        files, scans = files_and_scans(scan_uids)
        matches: dict[int, list[Match]] = defaultdict(list)
        of_files = self.matches.select_related(None).order_by("pk")
        for match in of_files.filter(scanned_file__in=list(scan_uids)):
            matches[match.scanned_file_id].append(match)
        lines = timelines(files)
        programmes, extras = programmes_of(files), extras_of_files(files)
        return {
            file.pk: _summary_row(
                file,
                scans.get(scan_uids[file.pk]),
                matches[file.pk],
                lines[file.pk].ms_of({match.pk for match in matches[file.pk]}),
                programmes[file.pk],
                extras[file.pk],
            )
            for file in files
        }


def _summary_row(
    file: ScannedFile,
    scan: Scan | None,
    matches: Sequence[Match],
    matched_ms: int,
    programme: Programme,
    extra: Values,
) -> KeptRow:
    kind = RowKind.YES if matches else found_in(file)
    case = FileCase(
        found=kind,
        file=file,
        scan=scan,
        states=Counter(match.state for match in matches),
        waiting_for=frozenset(
            match.queue_reason for match in matches if match.state in WAITING_STATES
        ),
        matched_ms=matched_ms if kind in (RowKind.YES, RowKind.NO) else None,
        programme=programme,
        extra=extra,
    )
    return [as_cell(column.value(case), column.kind) for column in file_columns()], []
