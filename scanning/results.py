"""Stores the outcome of a scan and moves its state, once.

Every way a result can come (worker, callback) meets here; storing the outcome of a
scan that has ended changes nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import transaction

from common.leases import NO_LEASE
from scanning.choices import FileStatus, ScanStage, ScanStatus
from scanning.engines.base import EngineResult, FoundRecording
from scanning.errors import LeaseLost, ScanFailed
from scanning.models import Detection, Scan, ScannedFile, Segment
from scanning.signals import scan_finished, scan_settled


@transaction.atomic
def store_result(*, scan: Scan, result: EngineResult, owner: str) -> None:
    """Keep detections and move scan and file to their end states.

    Raises ``LeaseLost`` when the scan is no longer running under ``owner``: another
    worker has it, or it was cancelled; then nothing is written.
    """
    _end_scan(
        scan,
        owner,
        ScanStatus.SUCCEEDED,
        engine_version=result.engine_version,
        buckets=list(result.buckets),
        recordings_searched=result.recordings_searched,
        stretches=list(result.stretches),
        warnings=list(result.warnings),
        no_match_reason=result.no_match_reason,
        result_sha256=result.sha256,
        progress=100,
    )
    for found in result.found:
        _store_detection(scan, found)
    scan.refresh_from_db()
    scan_finished.send(sender=Scan, scan=scan)
    _set_file(
        scan,
        FileStatus.READY if _has_match(scan, result) else FileStatus.NO_MATCH,
    )


@transaction.atomic
def store_failure(*, scan: Scan, failure: ScanFailed, owner: str) -> None:
    """Keep why a scan gave no result; the file says so too."""
    _end_scan(
        scan,
        owner,
        ScanStatus.FAILED,
        error_code=failure.code,
        message=str(failure)[:1000],
    )
    status = (
        FileStatus.NEEDS_AUDIO if failure.code == "needs_audio" else FileStatus.ERROR
    )
    _set_file(scan, status, error_code=failure.code, message=str(failure)[:1000])


@transaction.atomic
def store_cancellation(*, scan: Scan, owner: str) -> None:
    """End a scan because a person asked for it."""
    _end_scan(scan, owner, ScanStatus.CANCELLED, message="Cancelled.")
    _set_file(scan, FileStatus.CANCELLED, message="The scan was cancelled.")


def _end_scan(scan: Scan, owner: str, status: ScanStatus, **columns: object) -> None:
    ended = Scan.objects.filter(
        pk=scan.pk, status=ScanStatus.RUNNING, lease_owner=owner
    ).update(
        status=status,
        stage=ScanStage.DONE,
        finished_at=datetime.now(tz=UTC),
        **NO_LEASE,
        **columns,
    )
    if not ended:
        raise LeaseLost


def _store_detection(scan: Scan, found: FoundRecording) -> None:
    detection = Detection.objects.create(
        scan=scan,
        recording_id=found.recording_id,
        section=found.section,
        score=found.score,
        score_scale=found.score_scale,
        ids=found.ids,
    )
    Segment.objects.bulk_create(
        Segment(
            detection=detection,
            position=position,
            start_ms=play.start_ms,
            end_ms=play.end_ms,
            reference_start_ms=play.reference_start_ms,
            reference_end_ms=play.reference_end_ms,
            tempo_ratio=play.tempo_ratio,
            pitch_cents=play.pitch_cents,
            score=play.score,
            aligned_landmarks=play.aligned_landmarks,
            expected_by_chance=play.expected_by_chance,
            speech_pct=play.speech_pct,
        )
        for position, play in enumerate(found.segments, start=1)
    )


def _has_match(scan: Scan, result: EngineResult) -> bool:
    """Tell whether anything reached the container's floor; no score counts as yes."""
    floor = scan.scanned_file.container.score_floor
    return any(found.score is None or found.score >= floor for found in result.found)


def _set_file(
    scan: Scan, status: FileStatus, *, error_code: str = "", message: str = ""
) -> None:
    ScannedFile.objects.filter(pk=scan.scanned_file_id).update(
        status=status,
        error_code=error_code,
        message=message,
        updated_at=datetime.now(tz=UTC),
    )
    scan_settled.send(sender=Scan, scan=scan)
