"""Stores the outcome of a scan and moves its state, once.

Every way a result can come (worker, callback) meets here; storing the outcome of a
scan that has ended changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Q

from accounts.reach import working_for
from common.leases import NO_LEASE
from recognition.params import ENGINE_VERSION
from scanning import selectors
from scanning.choices import (
    ACTIVE_SCAN_STATUSES,
    NEEDS_AUDIO_CODES,
    EngineChoice,
    FileStatus,
    ScanStage,
    ScanStatus,
)
from scanning.cloud.jobs import make_cloud_scan
from scanning.engines.base import EngineResult, FoundRecording
from scanning.errors import LeaseLost, ScanFailed
from scanning.models import Detection, RetroSearch, Scan, ScannedFile, Segment
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
        other_sections=result.other_sections,
        no_match_reason=result.no_match_reason,
        result_sha256=result.sha256,
        progress=100,
        message="",
    )
    for found in result.found:
        _store_detection(scan, found)
    scan.refresh_from_db()
    scan_finished.send(sender=Scan, scan=scan)
    if not _has_match(scan) and _asks_cloud_next(scan):
        make_cloud_scan(scanned_file=scan.scanned_file, user=scan.requested_by)
    _settle_file(scan)


@transaction.atomic
def store_late_finds(
    *,
    scanned_file: ScannedFile,
    search: RetroSearch,
    found: Sequence[FoundRecording],
) -> int:
    """Keep what a search for later recordings found in a file; return how many.

    What the file's scans or an earlier such search reported is not kept again.
    """
    file = ScannedFile.objects.select_for_update().get(pk=scanned_file.pk)
    whole, late = selectors.current_scans(file), selectors.late_scans(file)
    known = set(
        Detection.objects.filter(scan__in=[*whole, *late]).values_list(
            "recording_id", flat=True
        )
    )
    new = [one for one in found if one.recording_id not in known]
    if not new or file.deleted_at is not None:
        return 0
    now = datetime.now(tz=UTC)
    scan = Scan.all_objects.create(
        scanned_file=file,
        engine=EngineChoice.EMBEDDED,
        engine_version=ENGINE_VERSION,
        retro_search=search,
        recordings_searched=search.recordings.count(),
        status=ScanStatus.SUCCEEDED,
        stage=ScanStage.DONE,
        progress=100,
        requested_by=search.requested_by,
        started_at=now,
        finished_at=now,
    )
    for one in new:
        _store_detection(scan, one)
    scan_finished.send(sender=Scan, scan=scan)
    _settle_file(scan)
    return len(new)


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
    _settle_file(scan)


@transaction.atomic
def store_cancellation(*, scan: Scan, owner: str) -> None:
    """End a scan because a person asked for it."""
    _end_scan(scan, owner, ScanStatus.CANCELLED, message="Cancelled.")
    _settle_file(scan)


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


def _has_match(scan: Scan) -> bool:
    """Tell whether anything reached the container's floor; no score counts as yes."""
    floor = scan.scanned_file.container.score_floor
    return scan.detections.filter(Q(score__isnull=True) | Q(score__gte=floor)).exists()


def _asks_cloud_next(scan: Scan) -> bool:
    return (
        scan.engine == EngineChoice.EMBEDDED
        and scan.scanned_file.container.engine == EngineChoice.EMBEDDED_THEN_ACRCLOUD
    )


def _settle_file(scan: Scan) -> None:
    """Give the file the state of its scans, once none of them is under way.

    Of two that end at once, the second sees that the first has. Whoever cancels one may
    not see all that the other found; the file's state is one for everybody.
    """
    with working_for(None):
        ScannedFile.objects.select_for_update().get(pk=scan.scanned_file_id)
        current = selectors.current_scans(scan.scanned_file)
        if any(one.status in ACTIVE_SCAN_STATUSES for one in current):
            return
        late = selectors.late_scans(scan.scanned_file)
        status, code, message = _outcome([*current, *late] or [scan])
        ScannedFile.objects.filter(pk=scan.scanned_file_id).update(
            status=status,
            error_code=code,
            message=message,
            updated_at=datetime.now(tz=UTC),
        )
        scan_settled.send(sender=Scan, scan=scan)


def _outcome(scans: Sequence[Scan]) -> tuple[FileStatus, str, str]:
    """Return state, code and message of a file: a match first, then a fault.

    A fault of one engine is never read as "no match", though the other found none.
    """
    failed = next((one for one in scans if one.status == ScanStatus.FAILED), None)
    told = f"{failed.get_engine_display()}: {failed.message}"[:1000] if failed else ""
    if any(one.status == ScanStatus.SUCCEEDED and _has_match(one) for one in scans):
        return FileStatus.READY, "", told
    if failed is not None:
        needs = failed.error_code in NEEDS_AUDIO_CODES
        status = FileStatus.NEEDS_AUDIO if needs else FileStatus.ERROR
        return status, failed.error_code, failed.message
    if any(one.status == ScanStatus.CANCELLED for one in scans):
        return FileStatus.CANCELLED, "", "The scan was cancelled."
    return FileStatus.NO_MATCH, "", ""
