"""Fetches what a chunk of rows holds, with a fixed number of queries."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from django.db.models import QuerySet

from catalogue.models import ExcludedSegment, Recording
from catalogue.selectors import excluded_spans_of
from reports import file_rows as summary
from reports.evidence.selectors import Evidence, evidence_of_many
from reports.rows import COLUMNS, Candidate, Case, Found, KeptRow
from reports.segment_rows import part_cells, parts_of
from reports.values import as_cell
from review.choices import WAITING_STATES, MatchState
from review.models import Dispute, Licence, Match
from review.services import spans
from review.services.figures import counted_spans
from scanning.choices import FileStatus
from scanning.models import Detection, Scan, ScannedFile, Segment

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
_LONG_OF_FILE = ("facts", "tags", "platform_facts")
_LONG_OF_SCAN = ("stretches", "warnings", "buckets")
_LONG_OF_RECORDING = ("facts", "notes")
# What of these states is not heard in the file; a claim that was given up still is.
_NOT_HEARD = (MatchState.REJECTED, MatchState.SUPPRESSED, MatchState.SUPERSEDED)


@dataclass(slots=True)
class _Heard:
    """What one scan reported of one recording."""

    candidate: Candidate
    detected_at: datetime
    segments: list[Segment] = field(default_factory=list)


def match_row(case: Case) -> KeptRow:
    """Return a case as it is kept: its own cells, and those of each segment."""
    cells = [as_cell(column.value(case), column.kind) for column in COLUMNS]
    return cells, [part_cells(part) for part in parts_of(case)]


@dataclass(frozen=True, slots=True)
class _Around:
    """What the matches of a chunk share: each row of it is read once."""

    files: Mapping[int, ScannedFile]
    scans: Mapping[int, Scan]
    recordings: Mapping[int, Recording]
    licences: Mapping[int, Licence]
    disputes: Mapping[int, Dispute]
    heard: Mapping[int, dict[int, _Heard]]
    exclusions: Mapping[int, Sequence[ExcludedSegment]]
    evidence: Mapping[int, Evidence]

    @classmethod
    def of(cls, matches: Sequence[Match]) -> Self:
        """Fetch it, with a query for each kind."""
        scans = {match.scan_id for match in matches}
        recordings = {match.recording_id for match in matches}
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
    """Return the row of each match by key."""
    matches = list(Match.objects.filter(pk__in=list(keys)))
    around = _Around.of(matches)
    return {match.pk: match_row(_case(match, around, as_of)) for match in matches}


def _case(match: Match, around: _Around, as_of: datetime | None) -> Case:
    heard = around.heard[match.scan_id]
    own = heard[match.recording_id]
    return Case(
        found=Found.YES,
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
    """Return by scan and recording what was reported, with two queries."""
    heard: dict[int, dict[int, _Heard]] = defaultdict(dict)
    by_detection: dict[int, _Heard] = {}
    detections = Detection.objects.filter(scan__in=list(scans))
    for pk, scan, recording, at, score, uid, title in detections.order_by(
        "created_at", "pk"
    ).values_list(
        *("pk", "scan_id", "recording_id", "created_at", "score"),
        *("recording__uid", "recording__title"),
    ):
        known = heard[scan].setdefault(
            recording, _Heard(Candidate(uid, score, title), at)
        )
        by_detection[pk] = known
        if score is not None and (known.candidate.score or 0) < score:
            known.candidate = Candidate(uid, score, title)
    segments = Segment.objects.filter(detection__in=list(by_detection))
    for segment in segments.order_by("start_ms", "pk"):
        by_detection[segment.detection_id].segments.append(segment)
    return heard


def _candidates(recording: int, heard: Mapping[int, _Heard]) -> list[Candidate]:
    """Return the other recordings found at the same places, the best score first."""
    own = heard[recording].segments
    found = [
        other.candidate
        for key, other in heard.items()
        if key != recording
        and any(
            one.start_ms < mine.end_ms and one.end_ms > mine.start_ms
            for one in other.segments
            for mine in own
        )
    ]
    return sorted(found, key=lambda each: (-(each.score or 0), each.recording_uid))


def _exclusions(recordings: Iterable[int]) -> Mapping[int, list[ExcludedSegment]]:
    found: dict[int, list[ExcludedSegment]] = defaultdict(list)
    for each in ExcludedSegment.objects.filter(
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


def found_in(file: ScannedFile) -> Found:
    """Return what is true of a file that has no match."""
    return _FOUND_OF_STATUS[FileStatus(file.status)]


def _files_and_scans(
    scan_uids: Mapping[int, str],
) -> tuple[list[ScannedFile], dict[str, Scan]]:
    if not scan_uids:
        return [], {}
    files = ScannedFile.objects.filter(pk__in=list(scan_uids)).defer(*_LONG_OF_FILE)
    scans = Scan.objects.filter(uid__in=set(scan_uids.values())).defer(*_LONG_OF_SCAN)
    return list(files.select_related("container")), {scan.uid: scan for scan in scans}


@dataclass(frozen=True, slots=True)
class FetchFiles:
    """Fetches the summaries of files by key; ``matches`` are those that count."""

    matches: QuerySet[Match]

    def __call__(self, scan_uids: Mapping[int, str]) -> dict[int, KeptRow]:
        """Return the row of each file, with four queries."""
        files, scans = _files_and_scans(scan_uids)
        matches: dict[int, list[Match]] = defaultdict(list)
        of_files = self.matches.select_related(None).order_by("pk")
        for match in of_files.filter(scanned_file__in=list(scan_uids)):
            matches[match.scanned_file_id].append(match)
        covered = _covered_spans([each for found in matches.values() for each in found])
        return {
            file.pk: _summary_row(
                file, scans.get(scan_uids[file.pk]), matches[file.pk], covered[file.pk]
            )
            for file in files
        }


def _covered_spans(matches: Sequence[Match]) -> Mapping[int, list[spans.Span]]:
    """Return by file what its matches cover, excluded stretches taken off."""
    matched = [match for match in matches if match.state not in _NOT_HEARD]
    heard = _heard_in({match.scan_id for match in matched})
    excluded = excluded_spans_of({match.recording_id for match in matched})
    covered: dict[int, list[spans.Span]] = defaultdict(list)
    for match in matched:
        segments = heard[match.scan_id][match.recording_id].segments
        covered[match.scanned_file_id] += counted_spans(
            segments, excluded.get(match.recording_id, [])
        )
    return covered


def _summary_row(
    file: ScannedFile,
    scan: Scan | None,
    matches: Sequence[Match],
    covered: list[spans.Span],
) -> KeptRow:
    found = Found.YES if matches else found_in(file)
    case = summary.FileCase(
        found=found,
        file=file,
        scan=scan,
        states=Counter(match.state for match in matches),
        waiting_for=frozenset(
            match.queue_reason for match in matches if match.state in WAITING_STATES
        ),
        matched_ms=spans.length(covered) if found in (Found.YES, Found.NO) else None,
    )
    return [as_cell(each.value(case), each.kind) for each in summary.COLUMNS], []
