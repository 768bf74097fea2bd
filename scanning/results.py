"""Stores what a scan found, and ends it.

Workers and callbacks both end scans here; ``scanning.ending`` ends those without a
result.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.dispatch import Signal

from catalogue.selectors import given_up_among
from recognition.params import ENGINE_VERSION
from scanning import selectors, speech
from scanning.choices import EngineChoice, NoMatchReason, ScanStatus
from scanning.cloud_jobs import make_cloud_scan
from scanning.ending import end_scan, has_match, settle_file
from scanning.engines.base import EngineResult, FoundRecording
from scanning.models import Detection, RetroSearch, Scan, ScannedFile, Segment

# Sent with ``scan``, in the transaction that stores its detections; ``review`` folds
# them into matches.
scan_finished = Signal()


@transaction.atomic
def store_result(*, scan: Scan, result: EngineResult) -> None:
    """Store the detections and end the scan.

    Recordings that were retired meanwhile are left out. Raise ``ScanEnded`` and write
    nothing if the scan has ended already, as when somebody cancelled it.
    """
    result = _without_given_up(result)
    end_scan(
        scan,
        ScanStatus.SUCCEEDED,
        engine_version=result.engine_version,
        buckets=list(result.buckets),
        recordings_searched=result.recordings_searched,
        catalogue_state=result.catalogue_state,
        unmatched=list(result.unmatched),
        warnings=list(result.warnings),
        other_sections=result.other_sections,
        no_match_reason=_why_no_match(scan.scanned_file, result),
        result_sha256=result.sha256,
        message="",
    )
    if result.speech is not None:
        speech.keep_track(scan, result.speech)
    _store_detections(scan, result.found)
    scan.refresh_from_db()
    scan_finished.send(sender=Scan, scan=scan)
    # Matches below the floor are suppressed, so they do not spare the cloud scan.
    if (
        not has_match(scan)
        and scan.engine == EngineChoice.EMBEDDED
        and scan.scanned_file.engine == EngineChoice.EMBEDDED_THEN_ACRCLOUD
    ):
        make_cloud_scan(scanned_file=scan.scanned_file, user=scan.requested_by)
    settle_file(scan)


def _without_given_up(result: EngineResult) -> EngineResult:
    """Return the result as a scan would give it that begins now."""
    searchable = _searchable(result.found)
    if len(searchable) == len(result.found):
        return result
    reason = result.no_match_reason if searchable else NoMatchReason.CLEAN_SCAN
    return replace(result, found=tuple(searchable), no_match_reason=reason)


def _searchable(recordings: Sequence[FoundRecording]) -> list[FoundRecording]:
    gone = given_up_among(entry.recording_id for entry in recordings)
    return [entry for entry in recordings if entry.recording_id not in gone]


def _why_no_match(file: ScannedFile, result: EngineResult) -> str:
    """Return why the scan found nothing; damaged files count as partly scanned.

    Damaged audio decodes to silence, so the engine's own reason could hide music.
    """
    is_searched = result.no_match_reason not in ("", NoMatchReason.NO_BUCKET)
    if is_searched and file.damage:
        return NoMatchReason.PARTIAL_SCAN
    return result.no_match_reason


def _store_detections(scan: Scan, recordings: Iterable[FoundRecording]) -> None:
    segments = [
        segment for recording in recordings for segment in _store_detection(scan, recording)
    ]
    if segments:
        speech.estimate(segments, speech.track_of(scan.scanned_file_id))


def _store_detection(scan: Scan, recording: FoundRecording) -> list[Segment]:
    detection = Detection.objects.create(
        scan=scan,
        recording_id=recording.recording_id,
        section=recording.section,
        score=recording.score,
        score_scale=recording.score_scale,
        ids=recording.ids,
    )
    segments: list[Segment] = Segment.objects.bulk_create(
        Segment(detection=detection, position=position, **asdict(segment))
        for position, segment in enumerate(recording.segments, start=1)
    )
    return segments


@transaction.atomic
def store_late_finds(
    *, scanned_file: ScannedFile, search: RetroSearch, recordings: Sequence[FoundRecording]
) -> int:
    """Store the results of a retro search in a file; return the number of recordings.

    Recordings that an earlier scan or retro search of the file found are left out, and
    those that were retired meanwhile.
    """
    # Two searches can find the same recording in one file; the lock lets the second see
    # the first.
    file = ScannedFile.objects.select_for_update().get(pk=scanned_file.pk)
    detections = Detection.objects.filter(scan__in=selectors.counting_scans(file))
    detected = set(detections.values_list("recording_id", flat=True))
    new = [entry for entry in _searchable(recordings) if entry.recording_id not in detected]
    # A scan without detections would only clutter the history of the file.
    if not new or file.deleted_at is not None:
        return 0
    now = datetime.now(tz=UTC)
    scan = Scan.objects.create(
        scanned_file=file,
        engine=EngineChoice.EMBEDDED,
        engine_version=ENGINE_VERSION,
        retro_search=search,
        buckets=_buckets_of(search),
        recordings_searched=search.recordings.count(),
        status=ScanStatus.SUCCEEDED,
        requested_by=search.requested_by,
        started_at=now,
        finished_at=now,
    )
    _store_detections(scan, new)
    scan_finished.send(sender=Scan, scan=scan)
    settle_file(scan)
    return len(new)


def _buckets_of(search: RetroSearch) -> list[dict[str, Any]]:  # Any: JSON
    """Return id and name of the buckets that hold the searched recordings."""
    buckets = search.recordings.order_by("bucket").values("bucket", "bucket__name")
    return [{"id": row["bucket"], "name": row["bucket__name"]} for row in buckets.distinct()]
