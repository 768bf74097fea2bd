"""Ends scans, and gives their files the status that follows.

A scan ends once: a second end raises ``ScanEnded`` and writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Q
from django.dispatch import Signal
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from base.accounts.reach import working_for
from base.jobs.choices import JobState
from catalogue.selectors import given_up_among
from scanning import selectors
from scanning.choices import ACTIVE_SCAN_STATUSES, NEEDS_AUDIO_CODES, FileStatus, ScanStatus
from scanning.errors import ScanEnded, ScanFailed
from scanning.models import PartitionSearch, Scan, ScannedFile

_SCANNED = (FileStatus.READY, FileStatus.NO_MATCH)

# Sent with ``scan`` for every scan that ends, failed and cancelled ones too: in the
# same transaction, once the file has its new status.
scan_settled = Signal()


@transaction.atomic
def store_failure(*, scan: Scan, failure: ScanFailed) -> None:
    """End the scan as failed and show the cause on the file."""
    end_scan(scan, ScanStatus.FAILED, error_code=failure.code, message=str(failure)[:1000])
    settle_file(scan)


@transaction.atomic
def store_cancellation(*, scan: Scan) -> None:
    """End a scan that a person cancelled."""
    end_scan(scan, ScanStatus.CANCELLED, message=gettext_noop("Cancelled."))
    settle_file(scan)


def store_end_of_job(*, scan: Scan, state: JobState, code: str, cause: str) -> None:
    """End a scan whose job failed or was cancelled, unless it has ended already."""
    with suppress(ScanEnded):
        if state == JobState.CANCELLED:
            store_cancellation(scan=scan)
        else:
            store_failure(scan=scan, failure=ScanFailed(code, cause))


def end_scan(scan: Scan, status: ScanStatus, **columns: object) -> None:
    """Write the end of a scan; raise ``ScanEnded`` if it has ended already."""
    # Nobody waits for the answers of partitions any more. Another machine may have asked
    # them: this one may hold all, or the catalogue may no longer have several.
    PartitionSearch.objects.filter(scan=scan).delete()
    active = Scan.objects.filter(pk=scan.pk, status__in=ACTIVE_SCAN_STATUSES)
    if not active.update(status=status, finished_at=datetime.now(tz=UTC), **columns):
        raise ScanEnded


def has_match(scan: Scan) -> bool:
    """Tell whether a detection reaches the floor; one without a score counts.

    A result can wait for the other engine. What was retired meanwhile gets no match.
    """
    floor = scan.scanned_file.container.score_floor
    reached = scan.detections.filter(Q(score__isnull=True) | Q(score__gte=floor))
    recordings = set(reached.values_list("recording_id", flat=True))
    gone = given_up_among(recordings)
    return recordings != gone or scan.matches.filter(recording__in=gone).exists()


def settle_file(scan: Scan) -> None:
    """Set the file's status from its scans once all of them have ended.

    Lock the file so that scans which end concurrently see each other. Read without
    access limits: the status must be the same for everybody.
    """
    # Without this, the scans visible to the person who cancels would decide.
    with working_for(None):
        locked = ScannedFile.objects.select_for_update().get(pk=scan.scanned_file_id)
        # Late scans count too: their detections make a file without a match ready.
        scans = selectors.counting_scans(scan.scanned_file)
        if any(counting_scan.status in ACTIVE_SCAN_STATUSES for counting_scan in scans):
            return
        status, code, message = _outcome(scans or [scan])
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
    if any(scan.status == ScanStatus.SUCCEEDED and has_match(scan) for scan in scans):
        return FileStatus.READY, "", cause
    if failed is not None:
        # A person can solve these by attaching audio, so they are not errors.
        needs = failed.error_code in NEEDS_AUDIO_CODES
        status = FileStatus.NEEDS_AUDIO if needs else FileStatus.ERROR
        return status, failed.error_code, failed.message
    if any(scan.status == ScanStatus.CANCELLED for scan in scans):
        return FileStatus.CANCELLED, "", _("The scan was cancelled.")
    return FileStatus.NO_MATCH, "", ""
