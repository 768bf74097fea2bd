"""Outcomes of a cloud job: it waits, pauses its account, or ends its scan."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet

from common.leases import NO_LEASE, LeaseLost
from scanning import results
from scanning.choices import FileStatus, ScanStage, ScanStatus
from scanning.cloud.rounds import LONGEST_WAIT, delay
from scanning.engines.cloud_faults import CloudFault
from scanning.errors import ScanFailed
from scanning.models import CloudAccount, CloudJob, Scan, ScannedFile


def wait(job: CloudJob, at: datetime, code: str, message: str) -> None:
    """Queue the scan again until ``at`` and show the reason on the file."""
    with transaction.atomic():
        CloudJob.objects.filter(pk=job.pk).update(due_at=at, **NO_LEASE)
        Scan.objects.filter(pk=job.scan_id, status=ScanStatus.RUNNING).update(
            status=ScanStatus.QUEUED, stage=ScanStage.QUEUED
        )
        tell(
            ScannedFile.objects.filter(pk=job.scan.scanned_file_id),
            FileStatus.WAITING,
            code,
            message,
        )


def pause(job: CloudJob, fault: CloudFault) -> None:
    """Pause the whole account: it would refuse every further call too."""
    account = job.account
    # Doubles with each refusal in a row, up to an hour.
    pause_for = delay(4 * 2 ** min(account.pauses, 12), LONGEST_WAIT)
    if fault.retry_after is not None:
        # Do not trust a server that asks to wait for days.
        longest = LONGEST_WAIT.total_seconds()
        pause_for = timedelta(seconds=min(fault.retry_after, longest))
    at = datetime.now(tz=UTC) + pause_for
    text = f"ACRCloud says: {fault.said}. We retry at {clock(at)}. {fault.explanation}"
    CloudAccount.objects.filter(pk=account.pk).update(
        paused_until=at,
        pause_code=fault.kind,
        pause_message=text[:1000],
        pauses=F("pauses") + 1,
    )
    # A file that was already sent keeps its state; only the polling pauses.
    if job.sent_at is None:
        wait(job, at, fault.kind, text)
    else:
        CloudJob.objects.filter(pk=job.pk).update(due_at=at, **NO_LEASE)
    others = ScannedFile.objects.filter(
        scans__cloud_job__account=account,
        scans__cloud_job__sent_at__isnull=True,
        scans__status=ScanStatus.QUEUED,
    )
    tell(others, FileStatus.WAITING, fault.kind, text)


def resume(account: CloudAccount) -> None:
    """Clear the pause: the account answers again."""
    if account.pauses or account.pause_code:
        CloudAccount.objects.filter(pk=account.pk).update(
            paused_until=None, pause_code="", pause_message="", pauses=0
        )


def fail(job: CloudJob, failure: ScanFailed) -> bool:
    """End the scan as failed."""
    return end(
        job, lambda: results.store_failure(scan=job.scan, failure=failure, owner="")
    )


def cancel(job: CloudJob) -> bool:
    """End a scan that is no longer wanted."""
    return end(job, lambda: results.store_cancellation(scan=job.scan, owner=""))


def end(job: CloudJob, store: Callable[[], None]) -> bool:
    """Store the scan's end; return False if it had already ended."""
    try:
        with transaction.atomic():
            store()
            CloudJob.objects.filter(pk=job.pk).update(due_at=None, **NO_LEASE)
    except LeaseLost:
        CloudJob.objects.filter(pk=job.pk).update(due_at=None, **NO_LEASE)
        return False
    return True


def remember(job: CloudJob, fault: CloudFault) -> None:
    """Store the cloud's own error text."""
    CloudJob.objects.filter(pk=job.pk).update(said=fault.said[:1000])


def tell(
    files: QuerySet[ScannedFile], status: FileStatus, code: str, message: str
) -> None:
    """Show on the pages why the files wait."""
    files.update(
        status=status,
        error_code=code,
        message=message[:1000],
        updated_at=datetime.now(tz=UTC),
    )


def clock(at: datetime) -> str:
    """Format a time of day for messages."""
    return f"{at:%H:%M} UTC"
