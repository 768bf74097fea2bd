"""Fetches the content of a chunk of rows with a fixed number of queries."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from django.db.models import QuerySet

from catalogue.models import Exclusion, Recording
from catalogue.selectors import excluded_intervals_of
from reports import file_rows as summary
from reports.evidence.selectors import MatchPacks, evidence_of_many
from reports.rows import COLUMNS, Case, KeptRow, RivalRecording, RowKind
from reports.segment_rows import part_cells, parts_of
from reports.values import as_cell
from review.choices import WAITING_STATES, MatchState
from review.models import Dispute, Licence, Match
from review.services import intervals
from review.services.figures import counted_intervals
from scanning.choices import FileStatus
from scanning.models import Detection, Scan, ScannedFile, Segment

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
_LONG_OF_FILE = ("facts", "tags", "platform_facts")
_LONG_OF_SCAN = ("unmatched", "warnings", "buckets")
_LONG_OF_RECORDING = ("facts", "notes")
# In these states, the recording is not audible in the file. Released claims still are.
_NOT_HEARD = (MatchState.REJECTED, MatchState.SUPPRESSED, MatchState.SUPERSEDED)


@dataclass(slots=True)
class _Heard:
    """The detections of one recording in one scan."""

    candidate: RivalRecording
    detected_at: datetime
    segments: list[Segment] = field(default_factory=list)


def match_row(case: Case) -> KeptRow:
    """Return the cells of a case, and those of each of its segments."""
    cells = [as_cell(column.value(case), column.kind) for column in COLUMNS]
    return cells, [part_cells(part) for part in parts_of(case)]


@dataclass(frozen=True, slots=True)
class _Around:
    """Rows that the matches of a chunk share; each is read once."""

    files: Mapping[int, ScannedFile]
    scans: Mapping[int, Scan]
    recordings: Mapping[int, Recording]
    licences: Mapping[int, Licence]
    disputes: Mapping[int, Dispute]
    heard: Mapping[int, dict[int, _Heard]]
    exclusions: Mapping[int, Sequence[Exclusion]]
    evidence: Mapping[int, MatchPacks]

    @classmethod
    def of(cls, matches: Sequence[Match]) -> Self:
        """Fetch the rows, with one query per kind."""
        scans = {match.scan_id for match in matches}
        recordings = {match.recording_id for match in matches}
        # Sets, because the matches of a chunk share most of these rows.
        files = ScannedFile.objects.defer(*_LONG_OF_FILE)
        return cls(
            files=files.in_bulk({match.scanned_file_id for match in matches}),
            scans=Scan.objects.defer(*_LONG_OF_SCAN).in_bulk(scans),
            recordings=Recording.objects.defer(*_LONG_OF_RECORDING)
            .select_related("merged_into")
            .in_bulk(recordings),
            licences=Licence.objects.in_bulk(
                {match.licence_id for match in matches} - {None}
            ),
            disputes=Dispute.objects.in_bulk(
                {match.dispute_id for match in matches} - {None}
            ),
            heard=_heard_in(scans),
            exclusions=_exclusions(recordings),
            evidence=evidence_of_many(match.pk for match in matches),
        )


def match_rows(keys: Iterable[int], as_of: datetime | None) -> dict[int, KeptRow]:
    """Return the row of each match by primary key."""
    matches = list(Match.objects.filter(pk__in=list(keys)))
    around = _Around.of(matches)
    return {match.pk: match_row(_case(match, around, as_of)) for match in matches}


def _case(match: Match, around: _Around, as_of: datetime | None) -> Case:
    heard = around.heard[match.scan_id]
    own = heard[match.recording_id]
    return Case(
        found=RowKind.YES,
        file=around.files[match.scanned_file_id],
        scan=around.scans[match.scan_id],
        match=match,
        recording=around.recordings[match.recording_id],
        licence=around.licences.get(match.licence_id or 0),
        dispute=around.disputes.get(match.dispute_id or 0),
        segments=own.segments,
        detected_at=own.detected_at,
        candidates=_candidates(match.recording_id, heard),
        exclusions=around.exclusions.get(match.recording_id, ()),
        evidence=around.evidence.get(match.pk),
        as_of=as_of,
    )


def _heard_in(scans: Iterable[int]) -> Mapping[int, dict[int, _Heard]]:
    """Return the detections by scan and recording, with two queries."""
    heard: dict[int, dict[int, _Heard]] = defaultdict(dict)
    by_detection: dict[int, _Heard] = {}
    detections = Detection.objects.filter(scan__in=list(scans))
    for pk, scan, recording, at, score, uid, title in detections.order_by(
        "created_at", "pk"
    ).values_list(
        "pk",
        "scan_id",
        "recording_id",
        "created_at",
        "score",
        "recording__uid",
        "recording__title",
    ):
        # An engine can report a recording in several sections; keep the best score.
        known = heard[scan].setdefault(
            recording, _Heard(RivalRecording(uid, score, title), at)
        )
        by_detection[pk] = known
        if score is not None and (known.candidate.score or 0) < score:
            known.candidate = RivalRecording(uid, score, title)
    segments = Segment.objects.filter(detection__in=list(by_detection))
    for segment in segments.order_by("start_ms", "pk"):
        by_detection[segment.detection_id].segments.append(segment)
    return heard


def _candidates(recording: int, heard: Mapping[int, _Heard]) -> list[RivalRecording]:
    """Return the other recordings at the same intervals, best score first."""
    own = heard[recording].segments
    rivals = [
        other.candidate
        for key, other in heard.items()
        if key != recording
        and any(
            one.start_ms < mine.end_ms and one.end_ms > mine.start_ms
            for one in other.segments
            for mine in own
        )
    ]
    return sorted(rivals, key=lambda each: (-(each.score or 0), each.recording_uid))


def _exclusions(recordings: Iterable[int]) -> Mapping[int, list[Exclusion]]:
    found: dict[int, list[Exclusion]] = defaultdict(list)
    for each in Exclusion.objects.filter(
        recording__in=list(recordings), approved=True, removed_at__isnull=True
    ).order_by("start_ms", "pk"):
        found[each.recording_id].append(each)
    return found


def file_rows(scan_uids: Mapping[int, str]) -> dict[int, KeptRow]:
    """Return the row of each file without a match, with two queries."""
    files, scans = _files_and_scans(scan_uids)
    return {
        file.pk: match_row(
            Case(found=found_in(file), file=file, scan=scans.get(scan_uids[file.pk]))
        )
        for file in files
    }


def found_in(file: ScannedFile) -> RowKind:
    """Return the kind of row for a file without a match."""
    return _FOUND_OF_STATUS[FileStatus(file.status)]


def _files_and_scans(
    scan_uids: Mapping[int, str],
) -> tuple[list[ScannedFile], dict[str, Scan]]:
    if not scan_uids:
        return [], {}
    files = ScannedFile.objects.filter(pk__in=list(scan_uids)).defer(*_LONG_OF_FILE)
    scans = Scan.objects.filter(uid__in=set(scan_uids.values()))
    scans = scans.defer(*_LONG_OF_SCAN)
    return list(files.select_related("container")), {scan.uid: scan for scan in scans}


@dataclass(frozen=True, slots=True)
class FetchFiles:
    """Fetches file summaries by primary key; ``matches`` are those that count."""

    matches: QuerySet[Match]

    def __call__(self, scan_uids: Mapping[int, str]) -> dict[int, KeptRow]:
        """Return the row of each file, with four queries."""
        files, scans = _files_and_scans(scan_uids)
        matches: dict[int, list[Match]] = defaultdict(list)
        of_files = self.matches.select_related(None).order_by("pk")
        for match in of_files.filter(scanned_file__in=list(scan_uids)):
            matches[match.scanned_file_id].append(match)
        covered = _covered_intervals(
            [each for found in matches.values() for each in found]
        )
        return {
            file.pk: _summary_row(
                file, scans.get(scan_uids[file.pk]), matches[file.pk], covered[file.pk]
            )
            for file in files
        }


def _covered_intervals(
    matches: Sequence[Match],
) -> Mapping[int, list[intervals.Interval]]:
    """Return the matched intervals by file, without excluded ones."""
    matched = [match for match in matches if match.state not in _NOT_HEARD]
    heard = _heard_in({match.scan_id for match in matched})
    excluded = excluded_intervals_of({match.recording_id for match in matched})
    covered: dict[int, list[intervals.Interval]] = defaultdict(list)
    for match in matched:
        segments = heard[match.scan_id][match.recording_id].segments
        covered[match.scanned_file_id] += counted_intervals(
            segments, excluded.get(match.recording_id, [])
        )
    return covered


def _summary_row(
    file: ScannedFile,
    scan: Scan | None,
    matches: Sequence[Match],
    covered: list[intervals.Interval],
) -> KeptRow:
    found = RowKind.YES if matches else found_in(file)
    case = summary.FileCase(
        found=found,
        file=file,
        scan=scan,
        states=Counter(match.state for match in matches),
        waiting_for=frozenset(
            match.queue_reason for match in matches if match.state in WAITING_STATES
        ),
        matched_ms=intervals.length(covered)
        if found in (RowKind.YES, RowKind.NO)
        else None,
    )
    return [as_cell(each.value(case), each.kind) for each in summary.COLUMNS], []
