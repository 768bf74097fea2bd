"""Which rows a report has, in the order the report fixes; read in chunks.

Sort: source name, scan, first start, match, text by its bytes. Matches and files
without one are two ordered queries that are merged while they are read.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias, TypeVar

from django.db import connection
from django.db.models import (
    Case as DbCase,
)
from django.db.models import (
    CharField,
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

from reports.rows import Case, Found
from review import selectors as review_selectors
from review.choices import MatchState
from review.filters import MatchFilter
from review.models import Match
from scanning.choices import FileStatus, ScanStatus
from scanning.models import Detection, Scan, ScannedFile

CHUNK = 500
Row = TypeVar("Row")
Key: TypeAlias = tuple[str, str, int, str]

_FOUND_OF_STATUS = {
    FileStatus.READY: Found.NO,
    FileStatus.NO_MATCH: Found.NO,
    FileStatus.ERROR: Found.ERROR,
    FileStatus.CANCELLED: Found.ERROR,
    FileStatus.WAITING: Found.PENDING,
    FileStatus.PROCESSING: Found.PENDING,
    FileStatus.NEEDS_AUDIO: Found.PENDING,
}
# Long columns that no report shows; each would be decoded for every row.
_NOT_REPORTED = (
    "recording__facts",
    "recording__user_defined",
    "recording__notes",
    "scanned_file__facts",
    "scanned_file__tags",
    "scan__stretches",
    "scan__warnings",
    "scan__buckets",
)
_FINISHED = (FileStatus.READY, FileStatus.NO_MATCH)


@dataclass(frozen=True, slots=True)
class Selection:
    """What a report is about; ``description`` is kept with the export's event."""

    matches: QuerySet[Match]
    files: QuerySet[ScannedFile]
    description: dict[str, str | list[str]]


def selection(*, filters: MatchFilter, include_files: bool = True) -> Selection:
    """Return the matches that fit, and the files that have none at all.

    Of the filter's conditions only container, file and search apply to the latter.
    """
    files = _files_without_match(filters) if include_files else _no_files()
    return Selection(
        matches=review_selectors.matches(filters=filters),
        files=files,
        description={
            **filters.to_query(),
            "files_without_match": "yes" if include_files else "no",
        },
    )


def selected(*, matches: QuerySet[Match]) -> Selection:
    """Return exactly the given matches as what a report is about."""
    return Selection(
        matches=matches, files=_no_files(), description={"selected": "by hand"}
    )


def cases(*, chosen: Selection) -> Iterator[Case]:
    """Return the rows in order, holding one chunk of each kind at a time."""
    merged = heapq.merge(
        _match_cases(chosen.matches), _file_cases(chosen.files), key=_key
    )
    return iter(merged)


def _key(case: Case) -> Key:
    scan = case.scan.uid if case.scan else ""
    if case.match is None:
        return (case.file.name, scan, -1, str(case.file.uid))
    return (case.file.name, scan, case.match.first_start_ms, case.match.uid)


def _match_cases(matches: QuerySet[Match]) -> Iterator[Case]:
    ordered = (
        matches.select_related(None)
        .select_related("recording", "scanned_file", "scan", "licence", "dispute")
        .defer(*_NOT_REPORTED)
        .annotate(detected_at=_detected_at())
    ).order_by(
        _bytewise("scanned_file__name"),
        _bytewise("scan__uid"),
        "first_start_ms",
        _bytewise("uid"),
    )
    for chunk in _chunks(ordered.iterator(chunk_size=CHUNK)):
        segments = review_selectors.segments_for_matches(chunk)
        for match in chunk:
            yield Case(
                found=Found.YES,
                file=match.scanned_file,
                scan=match.scan,
                match=match,
                segments=segments[match.pk],
                detected_at=match.detected_at,
            )


def _detected_at() -> Combinable:
    """Return when the scan of a match first reported its recording."""
    detections: QuerySet[Detection] = Detection.objects.filter(
        scan=OuterRef("scan"), recording=OuterRef("recording")
    )
    return Subquery(detections.order_by("created_at").values("created_at")[:1])


def _file_cases(files: QuerySet[ScannedFile]) -> Iterator[Case]:
    ordered = files.annotate(scan_uid=_scan_uid()).order_by(
        _bytewise("name"), _bytewise("scan_uid"), "uid"
    )
    for chunk in _chunks(ordered.iterator(chunk_size=CHUNK)):
        scans = {
            scan.uid: scan
            for scan in Scan.objects.filter(uid__in={file.scan_uid for file in chunk})
        }
        for file in chunk:
            yield Case(
                found=_FOUND_OF_STATUS[FileStatus(file.status)],
                file=file,
                scan=scans.get(file.scan_uid),
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


def _files_without_match(filters: MatchFilter) -> QuerySet[ScannedFile]:
    live = Match.objects.filter(scanned_file=OuterRef("pk")).exclude(
        state=MatchState.SUPERSEDED
    )
    files = ScannedFile.objects.filter(~Exists(live), deleted_at__isnull=True)
    if filters.container is not None:
        files = files.filter(container_id=filters.container)
    if filters.file:
        files = files.filter(uid=filters.file)
    if filters.q:
        files = files.filter(name__icontains=filters.q)
    return files


def _no_files() -> QuerySet[ScannedFile]:
    return ScannedFile.objects.none()


def _bytewise(name: str) -> Combinable:
    """Order text by its bytes: SQLite's own way, PostgreSQL's collation "C"."""
    return Collate(F(name), "C") if connection.vendor == "postgresql" else F(name)


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    remaining = iter(rows)
    while chunk := list(islice(remaining, CHUNK)):
        yield chunk
