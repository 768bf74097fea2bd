"""What becomes of a job in the cloud: it waits, its account pauses, its scan ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet

from common.leases import NO_LEASE
from scanning import results
from scanning.choices import FileStatus, ScanStage, ScanStatus
from scanning.cloud.rounds import LONGEST_WAIT, delay
from scanning.engines.cloud_faults import CloudFault
from scanning.errors import LeaseLost, ScanFailed
from scanning.models import CloudAccount, CloudJob, Scan, ScannedFile


def wait(job: CloudJob, at: datetime, code: str, message: str) -> None:
    """Put the scan back in the line until ``at``; the file says why."""
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
    """Let everything of the account wait: each further call would be refused too."""
    account = job.account
    pause_for = delay(4 * 2 ** min(account.pauses, 12), LONGEST_WAIT)
    if fault.retry_after is not None:
        longest = LONGEST_WAIT.total_seconds()
        pause_for = timedelta(seconds=min(fault.retry_after, longest))
    at = datetime.now(tz=UTC) + pause_for
    told = f"ACRCloud says: {fault.said}. We retry at {clock(at)}. {fault.explanation}"
    CloudAccount.objects.filter(pk=account.pk).update(
        paused_until=at,
        pause_code=fault.kind,
        pause_message=told[:1000],
        pauses=F("pauses") + 1,
    )
    if job.sent_at is None:
        wait(job, at, fault.kind, told)
    else:
        CloudJob.objects.filter(pk=job.pk).update(due_at=at, **NO_LEASE)
    others = ScannedFile.objects.filter(
        scans__cloud_job__account=account,
        scans__cloud_job__sent_at__isnull=True,
        scans__status=ScanStatus.QUEUED,
    )
    tell(others, FileStatus.WAITING, fault.kind, told)


def resume(account: CloudAccount) -> None:
    """Forget earlier pauses: the account answers."""
    if account.pauses or account.pause_code:
        CloudAccount.objects.filter(pk=account.pk).update(
            paused_until=None, pause_code="", pause_message="", pauses=0
        )


def fail(job: CloudJob, failure: ScanFailed) -> bool:
    """End the scan in error."""
    return end(
        job, lambda: results.store_failure(scan=job.scan, failure=failure, owner="")
    )


def cancel(job: CloudJob) -> bool:
    """End a scan that is not wanted any more."""
    return end(job, lambda: results.store_cancellation(scan=job.scan, owner=""))


def end(job: CloudJob, store: Callable[[], None]) -> bool:
    """Store how the scan ended; one that somebody else has ended is left as it is."""
    try:
        with transaction.atomic():
            store()
            CloudJob.objects.filter(pk=job.pk).update(due_at=None, **NO_LEASE)
    except LeaseLost:
        CloudJob.objects.filter(pk=job.pk).update(due_at=None, **NO_LEASE)
        return False
    return True


def remember(job: CloudJob, fault: CloudFault) -> None:
    """Keep the cloud's own words."""
    CloudJob.objects.filter(pk=job.pk).update(said=fault.said[:1000])


def tell(
    files: QuerySet[ScannedFile], status: FileStatus, code: str, message: str
) -> None:
    """Say on the pages what the files wait for."""
    files.update(
        status=status,
        error_code=code,
        message=message[:1000],
        updated_at=datetime.now(tz=UTC),
    )


def clock(at: datetime) -> str:
    """Write a time of day as messages do."""
    return f"{at:%H:%M} UTC"
