"""Sends the cloud jobs that are due.

A send may arrive although its answer is lost. Each file is sent under a name that
contains the scan's id; a retry looks for that name before it sends again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic

from django.db import transaction
from django.db.models import Q

from common.leases import NO_LEASE
from scanning.choices import (
    ACTIVE_SCAN_STATUSES,
    CallbackOutcome,
    FileStatus,
    ScanStage,
    ScanStatus,
)
from scanning.cloud.delivery import SentFile, deliver
from scanning.cloud.jobs import HOUR_MS, expected_ms, sent_ms_this_month
from scanning.cloud.outcomes import (
    cancel,
    clock,
    fail,
    pause,
    remember,
    resume,
    tell,
    wait,
)
from scanning.cloud.rounds import (
    LONGEST_CHECK,
    LONGEST_WAIT,
    claimed,
    delay,
    due_jobs,
    waited_too_long,
)
from scanning.engines.cloud_faults import CloudFault, FaultKind
from scanning.errors import ScanCancelled, ScanFailed
from scanning.models import CloudJob, InboundCallback, Scan, ScannedFile

logger = logging.getLogger(__name__)

_REPORT_SECONDS = 5.0
# An admin may raise the limit at any time, so look again soon.
_CAP_RECHECK = timedelta(minutes=15)


def send_due(*, owner: str) -> int:
    """Send what is due; return how many jobs were handled."""
    count = 0
    for job in claimed(due_jobs().filter(sent_at__isnull=True), owner):
        _send(job)
        count += 1
    return count


def _send(job: CloudJob) -> None:
    file = job.scan.scanned_file
    if not _begin(job):
        return
    if job.scan.cancel_requested or file.deleted_at is not None:
        cancel(job)
        return
    if _over_cap(job):
        return
    try:
        sent = deliver(job, progress=_reporter(job))
    except ScanCancelled:
        cancel(job)
    except ScanFailed as failure:
        fail(job, failure)
    except CloudFault as fault:
        _send_failed(job, fault)
    else:
        _keep_sent(job, sent)


def _begin(job: CloudJob) -> bool:
    """Mark the scan as being sent; return whether it is still wanted."""
    return bool(
        Scan.objects.filter(
            pk=job.scan_id, status__in=ACTIVE_SCAN_STATUSES, lease_owner=""
        ).update(
            status=ScanStatus.RUNNING,
            stage=ScanStage.SENDING,
            started_at=datetime.now(tz=UTC),
        )
    )


def _over_cap(job: CloudJob) -> bool:
    """Make the file wait if sending it would exceed the container's monthly limit."""
    container = job.scan.scanned_file.container
    cap = container.cloud_cap_hours
    if cap is None:
        return False
    wanted = expected_ms(job.scan.scanned_file)
    # Use an estimate: once the file is sent, it is too late to stop.
    if sent_ms_this_month(container=container) + wanted <= cap * HOUR_MS:
        return False
    waiting = CloudJob.objects.filter(
        scan__scanned_file__container=container,
        sent_at__isnull=True,
        scan__status__in=ACTIVE_SCAN_STATUSES,
    ).count()
    wait(
        job,
        datetime.now(tz=UTC) + _CAP_RECHECK,
        "cloud_cap",
        f"The monthly cloud limit of {cap} h is reached; {waiting} "
        f"{'file waits' if waiting == 1 else 'files wait'}. Embedded scans continue. "
        "Wait for next month, or ask an admin to raise the container's limit.",
    )
    return True


def _send_failed(job: CloudJob, fault: CloudFault) -> None:
    logger.info("scan %s was not sent: %s", job.scan.uid, fault.kind)
    remember(job, fault)
    if fault.kind in (FaultKind.QUOTA, FaultKind.TOKEN):
        pause(job, fault)
    elif fault.kind is FaultKind.UNREACHABLE and not waited_too_long(
        job.scan.created_at
    ):
        at = datetime.now(tz=UTC) + delay(4 ** (job.attempts - 1), LONGEST_WAIT)
        wait(job, at, fault.kind, f"{fault} Next try at {clock(at)}.")
    else:
        fail(job, ScanFailed(fault.kind, str(fault)))


def _keep_sent(job: CloudJob, sent: SentFile) -> None:
    now = datetime.now(tz=UTC)
    resume(job.account)
    with transaction.atomic():
        CloudJob.objects.filter(pk=job.pk).update(
            remote_id=sent.remote_id,
            sent_as=sent.sent_as,
            sent_at=now,
            sent_ms=expected_ms(job.scan.scanned_file),
            # Polling starts its own count of attempts.
            attempts=0,
            due_at=now + delay(1, LONGEST_CHECK),
            said="",
            **NO_LEASE,
        )
        Scan.objects.filter(pk=job.scan_id, status=ScanStatus.RUNNING).update(
            stage=ScanStage.AWAITING_CALLBACK
        )
        files = ScannedFile.objects.filter(pk=job.scan.scanned_file_id)
        # A server may answer a repeated upload with the id of an earlier file.
        if not ScannedFile.objects.filter(remote_id=sent.remote_id).exists():
            files.update(remote_id=sent.remote_id)
        tell(files, FileStatus.PROCESSING, "", "")
        _take_early_callbacks(job, sent.remote_id)


def _take_early_callbacks(job: CloudJob, remote_id: str) -> None:
    """Check at once if a callback arrived before the answer to the upload."""
    early = InboundCallback.objects.filter(
        Q(account=job.account) | Q(container=job.scan.scanned_file.container),
        outcome=CallbackOutcome.ORPHAN,
        file_id=remote_id,
    )
    if early.update(
        outcome=CallbackOutcome.APPLIED,
        scanned_file=job.scan.scanned_file,
        message="It came before the file's id was known; the result is being fetched.",
        processed_at=datetime.now(tz=UTC),
    ):
        CloudJob.objects.filter(pk=job.pk).update(due_at=datetime.now(tz=UTC))


def _reporter(job: CloudJob) -> Callable[[float], None]:
    """Return a progress callback that updates the scan and raises on cancellation."""
    last = monotonic()

    def report(share: float) -> None:
        nonlocal last
        if monotonic() - last < _REPORT_SECONDS:
            return
        last = monotonic()
        Scan.objects.filter(pk=job.scan_id).update(progress=min(99, int(100 * share)))
        if Scan.objects.filter(pk=job.scan_id, cancel_requested=True).exists():
            raise ScanCancelled

    return report
