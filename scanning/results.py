"""Stores the outcome of a scan and ends it.

Workers and callbacks both end scans here. A scan ends once: storing a second outcome
raises ``ScanEnded`` and writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.dispatch import Signal
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from base.accounts.reach import working_for
from base.jobs.choices import JobState
from catalogue.index_log import left_after
from catalogue.selectors import given_up_among
from recognition.params import ENGINE_VERSION
from scanning import selectors, speech
from scanning.choices import (
    ACTIVE_SCAN_STATUSES,
    NEEDS_AUDIO_CODES,
    EngineChoice,
    FileStatus,
    NoMatchReason,
    ScanStatus,
)
from scanning.cloud.jobs import make_cloud_scan
from scanning.engines.base import EngineResult, FoundRecording
from scanning.errors import ScanEnded, ScanFailed
from scanning.models import Detection, PartitionSearch, RetroSearch, Scan, ScannedFile, Segment

_SCANNED = (FileStatus.READY, FileStatus.NO_MATCH)

# Sent with ``scan``, in the transaction that stores its detections; ``review`` folds
# them into matches.
scan_finished = Signal()

# Sent with ``scan`` for every scan that ends, failed and cancelled ones too: in the
# same transaction, once the file has its new status.
scan_settled = Signal()


@transaction.atomic
def store_result(*, scan: Scan, result: EngineResult) -> None:
    """Store the detections and end the scan.

    Recordings that were retired meanwhile are left out. Raise ``ScanEnded`` and write
    nothing if the scan has ended already, as when somebody cancelled it.
    """
    result = _without_given_up(result)
    _end_scan(
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
        not _has_match(scan)
        and scan.engine == EngineChoice.EMBEDDED
        and scan.scanned_file.engine == EngineChoice.EMBEDDED_THEN_ACRCLOUD
    ):
        make_cloud_scan(scanned_file=scan.scanned_file, user=scan.requested_by)
    _settle_file(scan)


def is_outdated(result: EngineResult) -> bool:
    """Return whether something found was retired after the index was searched."""
    gone = given_up_among(entry.recording_id for entry in result.found)
    return bool(gone) and left_after(result.catalogue_state or 0, gone)


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
    full, late = selectors.current_scans(file), selectors.late_scans(file)
    detected = set(
        Detection.objects.filter(scan__in=[*full, *late]).values_list("recording_id", flat=True)
    )
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
    _settle_file(scan)
    return len(new)


def _buckets_of(search: RetroSearch) -> list[dict[str, Any]]:  # Any: JSON
    """Return id and name of the buckets that hold the searched recordings."""
    buckets = search.recordings.order_by("bucket").values("bucket", "bucket__name")
    return [{"id": row["bucket"], "name": row["bucket__name"]} for row in buckets.distinct()]


@transaction.atomic
def store_failure(*, scan: Scan, failure: ScanFailed) -> None:
    """End the scan as failed and show the cause on the file."""
    _end_scan(scan, ScanStatus.FAILED, error_code=failure.code, message=str(failure)[:1000])
    _settle_file(scan)


@transaction.atomic
def store_cancellation(*, scan: Scan) -> None:
    """End a scan that a person cancelled."""
    _end_scan(scan, ScanStatus.CANCELLED, message=gettext_noop("Cancelled."))
    _settle_file(scan)


def store_end_of_job(*, scan: Scan, state: JobState, code: str, cause: str) -> None:
    """End a scan whose job failed or was cancelled, unless it has ended already."""
    with suppress(ScanEnded):
        if state == JobState.CANCELLED:
            store_cancellation(scan=scan)
        else:
            store_failure(scan=scan, failure=ScanFailed(code, cause))


def _end_scan(scan: Scan, status: ScanStatus, **columns: object) -> None:
    # Nobody waits for the answers of partitions any more. Another machine may have asked
    # them: this one may hold all, or the catalogue may no longer have several.
    PartitionSearch.objects.filter(scan=scan).delete()
    active = Scan.objects.filter(pk=scan.pk, status__in=ACTIVE_SCAN_STATUSES)
    if not active.update(status=status, finished_at=datetime.now(tz=UTC), **columns):
        raise ScanEnded


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
    return Segment.objects.bulk_create(
        Segment(detection=detection, position=position, **asdict(segment))
        for position, segment in enumerate(recording.segments, start=1)
    )


def _why_no_match(file: ScannedFile, result: EngineResult) -> str:
    """Return why the scan found nothing; damaged files count as partly scanned.

    Damaged audio decodes to silence, so the engine's own reason could hide music.
    """
    is_searched = result.no_match_reason not in ("", NoMatchReason.NO_BUCKET)
    if is_searched and file.damage:
        return NoMatchReason.PARTIAL_SCAN
    return result.no_match_reason


def _has_match(scan: Scan) -> bool:
    """Tell whether a detection reaches the floor; one without a score counts.

    A result can wait for the other engine. What was retired meanwhile gets no match.
    """
    floor = scan.scanned_file.container.score_floor
    reached = scan.detections.filter(Q(score__isnull=True) | Q(score__gte=floor))
    recordings = set(reached.values_list("recording_id", flat=True))
    gone = given_up_among(recordings)
    return recordings != gone or scan.matches.filter(recording__in=gone).exists()


def _settle_file(scan: Scan) -> None:
    """Set the file's status from its scans once all of them have ended.

    Lock the file so that scans which end concurrently see each other. Read without
    access limits: the status must be the same for everybody.
    """
    # Without this, the scans visible to the person who cancels would decide.
    with working_for(None):
        locked = ScannedFile.objects.select_for_update().get(pk=scan.scanned_file_id)
        current = selectors.current_scans(scan.scanned_file)
        if any(current_scan.status in ACTIVE_SCAN_STATUSES for current_scan in current):
            return
        # Late scans count too: their detections make a file without a match ready.
        late = selectors.late_scans(scan.scanned_file)
        status, code, message = _outcome([*current, *late] or [scan])
        if status in _SCANNED:
            message = " ".join([*locked.damage, message]).strip()[:1000]
        ScannedFile.objects.filter(pk=scan.scanned_file_id).update(
            status=status, error_code=code, message=message, updated_at=datetime.now(tz=UTC)
        )
        scan_settled.send(sender=Scan, scan=scan)


def _outcome(scans: Sequence[Scan]) -> tuple[FileStatus, str, str]:
    """Return status, error code and message of a file; a match outranks a fault.

    A failed engine is never reported as "no match", even if the other found nothing.
    """
    failed = next((scan for scan in scans if scan.status == ScanStatus.FAILED), None)
    cause = f"{failed.get_engine_display()}: {failed.message}"[:1000] if failed else ""
    if any(scan.status == ScanStatus.SUCCEEDED and _has_match(scan) for scan in scans):
        return FileStatus.READY, "", cause
    if failed is not None:
        # A person can solve these by attaching audio, so they are not errors.
        needs = failed.error_code in NEEDS_AUDIO_CODES
        status = FileStatus.NEEDS_AUDIO if needs else FileStatus.ERROR
        return status, failed.error_code, failed.message
    if any(scan.status == ScanStatus.CANCELLED for scan in scans):
        return FileStatus.CANCELLED, "", _("The scan was cancelled.")
    return FileStatus.NO_MATCH, "", ""
