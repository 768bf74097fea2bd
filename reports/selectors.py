"""The rows of a report, in fixed order.

Rows are sorted by source name, scan, first start and match, with text in byte order.
Only keys are sorted. Contents are fetched by key in chunks, with a fixed number of
queries each, so that memory use does not grow with the number of rows.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import NamedTuple, Self, TypeVar

from django.db import connection
from django.db.models import Case as DbCase
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

from base.accounts.models import User
from base.accounts.reach import is_limited, sees_within, working_for
from base.audit.models import Event
from catalogue.models import Exclusion, Recording
from reports.cells import as_cell
from reports.choices import FilesWithout, Mode, RunState
from reports.extras import Around, Values, extras_of_files, extras_of_matches
from reports.file_rows import LONG_OF_FILE, LONG_OF_SCAN, FetchFiles, files_and_scans, found_in
from reports.models import ReportRun
from reports.rows import Case, KeptRow, RowKind, match_columns
from reports.segment_rows import HeardRecording, heard_in, part_cells, parts_of, rivals_of
from review import selectors as review_selectors
from review.counting import count_segments
from review.filters import MatchFilter
from review.models import Dispute, Licence, Match
from review.programmes.selectors import Programme, programmes_of
from scanning.choices import FileStatus, ScanStatus
from scanning.models import Detection, Scan, ScannedFile

CHUNK = 500
KEYS = 2000
Row = TypeVar("Row")

# A long column that no report shows; decoding it for every row would be slow.
_LONG_OF_RECORDING = ("facts", "notes")
_FINISHED = (FileStatus.READY, FileStatus.NO_MATCH)


class Key(NamedTuple):
    """The sort key of a row; files without a match sort first, with start -1."""

    source_name: str
    scan_uid: str
    first_start_ms: int
    uid: str
    pk: int

    @property
    def is_match(self) -> bool:
        """Tell whether the row is a match rather than a file without one."""
        return self.first_start_ms >= 0


@dataclass(frozen=True, slots=True)
class Selection:
    """The subject of a report; ``filters`` is recorded with the run."""

    matches: QuerySet[Match]
    files: QuerySet[ScannedFile]
    filters: dict[str, str | list[str]]


def selection(*, filters: MatchFilter, files_without: str = FilesWithout.ALL) -> Selection:
    """Return the matches that pass the filters, and the files without any match."""
    choice = FilesWithout(files_without)
    if choice == FilesWithout.NONE:
        files = ScannedFile.objects.none()
    else:
        live = Match.objects.filter(scanned_file=OuterRef("pk"))
        files = ScannedFile.objects.filter(~Exists(live), filters.file_condition())
    if choice == FilesWithout.FINISHED:
        files = files.filter(status__in=_FINISHED)
    return Selection(
        matches=review_selectors.matches(filters=filters), files=files, filters=filters.to_query()
    )


def selected(*, matches: QuerySet[Match]) -> Selection:
    """Return a selection of exactly these matches."""
    return Selection(
        matches=matches, files=ScannedFile.objects.none(), filters={"selected": "by hand"}
    )


@dataclass(frozen=True, slots=True)
class RowCounts:
    """The number of rows of a report, by kind."""

    matches: int
    no_match: int
    unfinished: int
    files: int
    mode: str

    @property
    def rows(self) -> int:
        """Return the number of rows; in segment mode, of matches."""
        if self.mode == Mode.FILE:
            return self.files
        return self.matches + self.no_match + self.unfinished


def count_rows(*, chosen: Selection, mode: str) -> RowCounts:
    """Count the rows of a selection."""
    matches = chosen.matches.order_by()
    of_files = dict(chosen.files.order_by().values_list("status").annotate(count=Count("pk")))
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
    """Return the last event except those of reports, which change no row."""
    return Event.objects.exclude(case__startswith="report").order_by("-pk").first()


def rows(
    *, chosen: Selection, mode: str, as_of: Event | None = None, limit: int | None = None
) -> Iterator[KeptRow]:
    """Yield the rows in order, one chunk in memory at a time.

    A ``limit`` saves the database from sorting unneeded rows.
    """
    if mode == Mode.FILE:
        return _file_summaries(chosen, limit)
    return _match_rows(chosen, as_of, limit)


def _match_rows(chosen: Selection, as_of: Event | None, limit: int | None) -> Iterator[KeptRow]:
    matches = chosen.matches.select_related(None).order_by(
        _bytewise("scanned_file__name"), _bytewise("scan__uid"), "first_start_ms", _bytewise("uid")
    )
    match_keys = matches.values_list(
        "scanned_file__name", "scan__uid", "first_start_ms", "uid", "pk"
    )
    files = chosen.files.annotate(scan_uid=_scan_uid()).order_by(
        _bytewise("name"), _bytewise("scan_uid"), "uid"
    )
    file_keys = files.values_list("name", "scan_uid", "uid", "pk")
    # Both queries are sorted by the same key, so that merging needs no memory.
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
        of_files = _unmatched_rows({key.pk: key.scan_uid for key in chunk if not key.is_match})
        for key in chunk:
            yield (of_matches if key.is_match else of_files)[key.pk]


def _file_summaries(chosen: Selection, limit: int | None) -> Iterator[KeptRow]:
    # The selected files, and the files of selected matches.
    with_match = chosen.matches.order_by().values("scanned_file")
    files = ScannedFile.objects.filter(
        Q(pk__in=with_match) | Q(pk__in=chosen.files.order_by().values("pk"))
    ).annotate(scan_uid=_scan_uid())
    keys = files.order_by(_bytewise("name"), _bytewise("scan_uid"), "uid")
    fetch = FetchFiles(matches=chosen.matches)
    limited_keys = keys.values_list("pk", "scan_uid")[:limit]
    for chunk in _chunks(limited_keys.iterator(chunk_size=KEYS)):
        of_files = fetch(dict(chunk))
        for pk, _ in chunk:
            yield of_files[pk]


def _scan_uid() -> Combinable:
    """Return the uid of the scan behind a file's row; empty if none has run."""
    scans = Scan.objects.full().filter(scanned_file=OuterRef("pk")).order_by("-pk")
    succeeded = scans.filter(status=ScanStatus.SUCCEEDED)
    # A queued scan has no result that a row could rest on.
    ran = scans.filter(Q(started_at__isnull=False) | Q(status=ScanStatus.SUCCEEDED))
    chosen = DbCase(
        When(status__in=_FINISHED, then=Subquery(succeeded.values("uid")[:1])),
        default=Subquery(ran.values("uid")[:1]),
        output_field=CharField(),
    )
    return Coalesce(chosen, Value(""))


def _bytewise(name: str) -> Combinable:
    """Sort text by bytes: SQLite's default, PostgreSQL's collation "C" here."""
    return Collate(F(name), "C") if connection.vendor == "postgresql" else F(name)


def _chunks(rows: Iterable[Row]) -> Iterator[Sequence[Row]]:
    remaining = iter(rows)
    while chunk := list(islice(remaining, CHUNK)):
        yield chunk


def runs_for(*, user: User) -> QuerySet[ReportRun]:
    """Return the runs that a person may see, newest first.

    Limited people see only their own runs, because other runs contain rows that their
    requester could see, and of these the ones whose rows they may still see.
    """
    runs = ReportRun.objects.select_related("run_by")
    if not is_limited(user):
        return runs
    own = runs.filter(run_by=user)
    ready = own.filter(state=RunState.READY).values_list("pk", "limits")
    with working_for(user):
        hidden = [key for key, limits in ready if not sees_within(limits)]
    return own.exclude(pk__in=hidden)


def match_row(case: Case) -> KeptRow:
    """Return the cells of a case, and those of each of its segments."""
    cells = [as_cell(column.value(case), column.kind) for column in match_columns()]
    return cells, [part_cells(part) for part in parts_of(case)]


@dataclass(frozen=True, slots=True)
class _Around:
    """Rows that the matches of a chunk share; each is read once."""

    files: Mapping[int, ScannedFile]
    scans: Mapping[int, Scan]
    recordings: Mapping[int, Recording]
    licences: Mapping[int, Licence]
    disputes: Mapping[int, Dispute]
    evidence: Mapping[int, Sequence[Detection]]
    heard: Mapping[int, dict[int, HeardRecording]]
    exclusions: Mapping[int, Sequence[Exclusion]]
    extra: Mapping[int, Values]
    programmes: Mapping[int, Programme]

    @classmethod
    def of(cls, matches: Sequence[Match], without: Collection[str] = ()) -> Self:
        """Fetch the rows, with one query per kind."""
        scans = {match.scan_id for match in matches}
        recordings = {match.recording_id for match in matches}
        # Sets, because the matches of a chunk share most of these rows.
        files = ScannedFile.objects.defer(*LONG_OF_FILE).in_bulk(
            {match.scanned_file_id for match in matches}
        )
        evidence = review_selectors.evidence_of(matches)
        heard = {row.recording_id for rows in evidence.values() for row in rows}
        exclusions: dict[int, list[Exclusion]] = defaultdict(list)
        for exclusion in Exclusion.objects.filter(
            recording__in=heard, approved=True, removed_at__isnull=True
        ).order_by("start_ms", "pk"):
            exclusions[exclusion.recording_id].append(exclusion)
        recordings_by_key = (
            Recording.objects.defer(*_LONG_OF_RECORDING)
            .select_related("merged_into")
            .prefetch_related("artist_identities", "merged_into__artist_identities")
            .in_bulk(recordings)
        )
        return cls(
            files=files,
            scans=Scan.objects.defer(*LONG_OF_SCAN).in_bulk(scans),
            recordings=recordings_by_key,
            licences=Licence.objects.in_bulk({match.licence_id for match in matches} - {None}),
            disputes=Dispute.objects.in_bulk({match.dispute_id for match in matches} - {None}),
            evidence=evidence,
            heard=heard_in(scans),
            exclusions=exclusions,
            extra=extras_of_matches(matches, Around(files, recordings_by_key), without),
            programmes=programmes_of(files.values()),
        )


def match_rows(
    keys: Iterable[int], as_of: datetime | None, *, without: Collection[str] = ()
) -> dict[int, KeptRow]:
    """Return the row of each match by primary key.

    Columns of packages above that are in ``without`` may be empty.
    """
    matches = list(Match.objects.filter(pk__in=list(keys)))
    around = _Around.of(matches, without)
    return {match.pk: match_row(_case(match, around, as_of)) for match in matches}


def file_rows(uids: Iterable[str], matches: QuerySet[Match]) -> dict[str, KeptRow]:
    """Return the summary of each file by uid; ``matches`` are those that count."""
    scan_uids, by_key = _scans_of(uids)
    return {by_key[pk]: row for pk, row in FetchFiles(matches)(scan_uids).items()}


def rows_without_match(uids: Iterable[str]) -> dict[str, KeptRow]:
    """Return the row of each file, as one without a match, by uid."""
    scan_uids, by_key = _scans_of(uids)
    return {by_key[pk]: row for pk, row in _unmatched_rows(scan_uids).items()}


def _scans_of(uids: Iterable[str]) -> tuple[dict[int, str], dict[int, str]]:
    """Return, by the keys of files, the uids of the scans behind their rows, and theirs."""
    files = ScannedFile.objects.filter(uid__in=list(uids)).annotate(scan_uid=_scan_uid())
    keys = list(files.values_list("pk", "scan_uid", "uid"))
    return ({pk: scan for pk, scan, _uid in keys}, {pk: str(uid) for pk, _scan, uid in keys})


def _case(match: Match, around: _Around, as_of: datetime | None) -> Case:
    evidence = around.evidence[match.pk]
    exclusions = [
        exclusion
        for recording in sorted({detection.recording_id for detection in evidence})
        for exclusion in around.exclusions.get(recording, ())
    ]
    segments = sorted(
        (segment for detection in evidence for segment in detection.segments.all()),
        key=lambda segment: (segment.start_ms, segment.pk),
    )
    return Case(
        found=RowKind.YES,
        file=around.files[match.scanned_file_id],
        scan=around.scans[match.scan_id],
        match=match,
        recording=around.recordings[match.recording_id],
        licence=around.licences.get(match.licence_id or 0),
        dispute=around.disputes.get(match.dispute_id or 0),
        segments=segments,
        count=count_segments(
            segments,
            {
                detection.pk: [
                    (row.start_ms, row.end_ms)
                    for row in around.exclusions.get(detection.recording_id, ())
                ]
                for detection in evidence
            },
        ),
        candidates=rivals_of(
            {detection.recording_id for detection in evidence},
            segments,
            around.heard[match.scan_id],
        ),
        exclusions=exclusions,
        extra=around.extra[match.pk],
        programme=around.programmes[match.scanned_file_id],
        as_of=as_of,
    )


def _unmatched_rows(scan_uids: Mapping[int, str]) -> dict[int, KeptRow]:
    """Return the row of each file without a match, with five queries."""
    files, scans = files_and_scans(scan_uids)
    extra, programmes = extras_of_files(files), programmes_of(files)
    return {
        file.pk: match_row(
            Case(
                found=found_in(file),
                file=file,
                scan=scans.get(scan_uids[file.pk]),
                extra=extra[file.pk],
                programme=programmes[file.pk],
            )
        )
        for file in files
    }
