"""Which rows a report has, in the order the report fixes.

Sort: source name, scan, first start, match, text by its bytes. Only the keys are
sorted; what the rows hold is fetched by key, a chunk at a time, so that memory stays
flat whatever their number.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, TypeVar

from django.db import connection
from django.db.models import (
    Case as DbCase,
)
from django.db.models import (
    CharField,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Collate

from accounts.models import User
from accounts.reach import is_limited
from audit.models import Event
from reports.choices import FilesWithout, Mode
from reports.fetching import FetchFiles, file_rows, match_rows
from reports.models import ReportRun
from reports.rows import KeptRow
from review import selectors as review_selectors
from review.choices import MatchState
from review.filters import MatchFilter, file_condition
from review.models import Match
from scanning.choices import FileStatus, ScanStatus
from scanning.models import Scan, ScannedFile

CHUNK = 500
KEYS = 2000
Row = TypeVar("Row")

_FINISHED = (FileStatus.READY, FileStatus.NO_MATCH)


class Key(NamedTuple):
    """What rows are sorted by, and the row itself; no match has no place."""

    source_name: str
    scan_uid: str
    first_start_ms: int
    uid: str
    pk: int

    @property
    def is_match(self) -> bool:
        """Tell whether the row is a match or a file without one."""
        return self.first_start_ms >= 0


@dataclass(frozen=True, slots=True)
class Selection:
    """What a report is about; ``filters`` are kept with the run and its event."""

    matches: QuerySet[Match]
    files: QuerySet[ScannedFile]
    filters: dict[str, str | list[str]]


def selection(
    *, filters: MatchFilter, files_without: str = FilesWithout.ALL
) -> Selection:
    """Return the matches that fit, and the files that have none at all."""
    return Selection(
        matches=review_selectors.matches(filters=filters),
        files=_files_without_match(filters, FilesWithout(files_without)),
        filters=filters.to_query(),
    )


def selected(*, matches: QuerySet[Match]) -> Selection:
    """Return exactly the given matches as what a report is about."""
    return Selection(
        matches=matches,
        files=ScannedFile.objects.none(),
        filters={"selected": "by hand"},
    )


@dataclass(frozen=True, slots=True)
class RowCounts:
    """How many rows a report will have, and of what."""

    matches: int
    no_match: int
    unfinished: int
    files: int
    mode: str

    @property
    def rows(self) -> int:
        """Return the rows; of segments, the matches that bring them."""
        if self.mode == Mode.FILE:
            return self.files
        return self.matches + self.no_match + self.unfinished


def count_rows(*, chosen: Selection, mode: str) -> RowCounts:
    """Count what there is to read."""
    matches = chosen.matches.order_by()
    of_files = dict(
        chosen.files.order_by().values_list("status").annotate(count=Count("pk"))
    )
    with_match = matches.values("scanned_file").distinct().count()
    finished = sum(of_files.get(status, 0) for status in _FINISHED)
    without = sum(of_files.values())
    return RowCounts(
        matches=matches.count(),
        no_match=finished,
        unfinished=without - finished,
        files=with_match + without,
        mode=mode,
    )


def newest_event() -> Event | None:
    """Return the last event that reports rest on: those of reports do not change any."""
    return Event.objects.exclude(case__startswith="report").order_by("-pk").first()


def rows(
    *,
    chosen: Selection,
    mode: str,
    as_of: Event | None = None,
    limit: int | None = None,
) -> Iterator[KeptRow]:
    """Return the rows in order, holding one chunk at a time.

    A ``limit`` spares the database sorting what nobody asks for.
    """
    if mode == Mode.FILE:
        return _file_summaries(chosen, limit)
    return _match_rows(chosen, as_of, limit)


def _match_rows(
    chosen: Selection, as_of: Event | None, limit: int | None
) -> Iterator[KeptRow]:
    matches = chosen.matches.select_related(None).order_by(
        _bytewise("scanned_file__name"),
        _bytewise("scan__uid"),
        "first_start_ms",
        _bytewise("uid"),
    )
    match_keys = matches.values_list(
        "scanned_file__name", "scan__uid", "first_start_ms", "uid", "pk"
    )
    files = chosen.files.annotate(scan_uid=_scan_uid()).order_by(
        _bytewise("name"), _bytewise("scan_uid"), "uid"
    )
    file_keys = files.values_list("name", "scan_uid", "uid", "pk")
    merged = heapq.merge(
        (Key(*row) for row in match_keys[:limit].iterator(chunk_size=KEYS)),
        (
            Key(name, scan, -1, str(uid), pk)
            for name, scan, uid, pk in file_keys[:limit].iterator(chunk_size=KEYS)
        ),
    )
    moment = as_of.at if as_of else None
    for chunk in _chunks(islice(merged, limit)):
        of_matches = match_rows((key.pk for key in chunk if key.is_match), moment)
        of_files = file_rows(
            {key.pk: key.scan_uid for key in chunk if not key.is_match}
        )
        for key in chunk:
            yield (of_matches if key.is_match else of_files)[key.pk]


def _file_summaries(chosen: Selection, limit: int | None) -> Iterator[KeptRow]:
    files = _files_of(chosen).annotate(scan_uid=_scan_uid())
    keys = files.order_by(_bytewise("name"), _bytewise("scan_uid"), "uid")
    fetch = FetchFiles(matches=chosen.matches)
    wanted = keys.values_list("pk", "scan_uid")[:limit]
    for chunk in _chunks(wanted.iterator(chunk_size=KEYS)):
        of_files = fetch(dict(chunk))
        for pk, _ in chunk:
            yield of_files[pk]


def _files_of(chosen: Selection) -> QuerySet[ScannedFile]:
    """Return the files that have a match of the selection, or belong to it without."""
    with_match = chosen.matches.order_by().values("scanned_file")
    return ScannedFile.objects.filter(
        Q(pk__in=with_match) | Q(pk__in=chosen.files.order_by().values("pk"))
    )


def _scan_uid() -> Combinable:
    """Return the uid of the scan a file's row rests on; empty where none has run."""
    scans = Scan.objects.filter(scanned_file=OuterRef("pk")).order_by("-pk")
    succeeded = scans.filter(status=ScanStatus.SUCCEEDED)
    ran = scans.filter(Q(started_at__isnull=False) | Q(status=ScanStatus.SUCCEEDED))
    chosen = DbCase(
        When(status__in=_FINISHED, then=Subquery(succeeded.values("uid")[:1])),
        default=Subquery(ran.values("uid")[:1]),
        output_field=CharField(),
    )
    return Coalesce(chosen, Value(""))


def _files_without_match(
    filters: MatchFilter, wanted: FilesWithout
) -> QuerySet[ScannedFile]:
    if wanted == FilesWithout.NONE:
        return ScannedFile.objects.none()
    live = Match.objects.filter(scanned_file=OuterRef("pk")).exclude(
        state=MatchState.SUPERSEDED
    )
    files = ScannedFile.objects.filter(~Exists(live), file_condition(filters))
    return (
        files.filter(status__in=_FINISHED) if wanted == FilesWithout.FINISHED else files
    )


def _bytewise(name: str) -> Combinable:
    """Order text by its bytes: SQLite's own way, PostgreSQL's collation "C"."""
    return Collate(F(name), "C") if connection.vendor == "postgresql" else F(name)


def _chunks(rows: Iterable[Row]) -> Iterator[Sequence[Row]]:
    remaining = iter(rows)
    while chunk := list(islice(remaining, CHUNK)):
        yield chunk


def runs_for(*, user: User) -> QuerySet[ReportRun]:
    """Return the runs that a person may see, newest first.

    Whoever sees only some containers or buckets sees only own runs: those of others
    hold what those others see.
    """
    runs = ReportRun.objects.select_related("run_by")
    return runs.filter(run_by=user) if is_limited(user) else runs
