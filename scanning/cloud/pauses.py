"""What waits for an account: one file, or all of them while it refuses every call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

import base.jobs.clock
from base.jobs.services import hold_back
from scanning.choices import FileStatus, ScanStatus
from scanning.cloud_jobs import CLOUD_SCAN, LONGEST_WAIT, delay, scans_of
from scanning.engines.cloud_faults import CloudFault
from scanning.models import CloudAccount, CloudJob, Scan, ScannedFile


def wait(job: CloudJob, code: str, message: str) -> None:
    """Show the scan as waiting, with the reason on the file."""
    with transaction.atomic():
        Scan.objects.filter(pk=job.scan_id, status=ScanStatus.RUNNING).update(
            status=ScanStatus.QUEUED
        )
        files = ScannedFile.objects.filter(pk=job.scan.scanned_file_id)
        tell(files, FileStatus.WAITING, code, message)


def pause(job: CloudJob, fault: CloudFault) -> datetime:
    """Pause the whole account, which would refuse every call; return until when."""
    with transaction.atomic():
        at, text = pause_account(job.account, fault)
        # A file that was already sent keeps its state; only the polling pauses.
        if job.sent_at is None:
            wait(job, fault.kind, text)
    return at


def pause_account(account: CloudAccount, fault: CloudFault) -> tuple[datetime, str]:
    """Let everything of an account wait; return until when, and the reason."""
    # Doubles with each refusal in a row, up to an hour.
    pause_for = delay(4 * 2 ** min(account.pauses, 12), LONGEST_WAIT)
    if fault.retry_after is not None:
        # Do not trust a server that asks to wait for days.
        longest = LONGEST_WAIT.total_seconds()
        pause_for = timedelta(seconds=min(fault.retry_after, longest))
    at = base.jobs.clock.now() + pause_for
    text = _("ACRCloud says: %(said)s. The portal tries again at %(clock)s. %(explanation)s") % {
        "said": fault.message,
        "clock": clock(at),
        "explanation": fault.explanation,
    }
    with transaction.atomic():
        CloudAccount.objects.filter(pk=account.pk).update(
            paused_until=at,
            pause_code=fault.kind,
            pause_message=text[:1000],
            pauses=F("pauses") + 1,
        )
        hold_back(CLOUD_SCAN, scans_of(account), until=at)
        held_back = ScannedFile.objects.filter(
            scans__cloud_job__account=account,
            scans__cloud_job__sent_at__isnull=True,
            scans__status=ScanStatus.QUEUED,
        )
        tell(held_back, FileStatus.WAITING, fault.kind, text)
    return at, text


def resume(account: CloudAccount) -> None:
    """Clear the pause: the account answers again."""
    if account.pauses or account.pause_code:
        CloudAccount.objects.filter(pk=account.pk).update(
            paused_until=None, pause_code="", pause_message="", pauses=0
        )


def tell(files: QuerySet[ScannedFile], status: FileStatus, code: str, message: str) -> None:
    """Show on the pages why the files wait."""
    files.update(
        status=status, error_code=code, message=message[:1000], updated_at=datetime.now(tz=UTC)
    )


def remember(job: CloudJob, fault: CloudFault) -> None:
    """Store the cloud's own error text."""
    CloudJob.objects.filter(pk=job.pk).update(said=fault.message[:1000])


def clock(at: datetime) -> str:
    """Format a time of day for messages."""
    return f"{at:%H:%M} UTC"
