"""The jobs of cloud accounts: their kinds, asking for them, and what scans cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from base.accounts.models import User
from base.accounts.reach import sees_everything
from base.jobs import resources
from base.jobs.choices import JobState, Pool
from base.jobs.kinds import Kind, register, without_limit
from base.jobs.services import submit
from scanning import ending
from scanning.choices import ENDED_SCAN_STATUSES, EngineChoice, ScanStatus
from scanning.models import (
    CloudAccount,
    CloudDeletion,
    CloudJob,
    Container,
    Scan,
    ScannedFile,
    SentAs,
)
from scanning.selectors import not_scanned_since

HOUR_MS = 3_600_000
# Assumed until the real duration is known: 128 kbit/s, or five minutes for a link.
_BYTES_PER_SECOND = 16_000
_LINK_MS = 300_000

LONGEST_CHECK = timedelta(minutes=10)
LONGEST_WAIT = timedelta(hours=1)
# The shortest pause between two polls of a file, so that a setting of 0 cannot spin.
_SHORTEST = timedelta(seconds=1)


def delay(times: int, longest: timedelta) -> timedelta:
    """Return ``times`` polling intervals, at most ``longest``."""
    base = settings.ACRPORTAL_CLOUD_POLL_SECONDS
    # A larger factor would overflow timedelta.
    interval = timedelta(seconds=base * min(times, 10_000))
    return min(max(interval, _SHORTEST), longest)


def pause_after(attempts: int) -> timedelta:
    """Return how long a failed call waits for the next one."""
    return delay(4 ** min(attempts - 1, 12), LONGEST_WAIT)


def _end_scan(scan: Scan, state: JobState, code: str, cause: str) -> None:
    """End the scan, and delete the copy of a file that was deleted in the meantime."""
    file = scan.scanned_file
    ending.store_end_of_job(scan=scan, state=state, code=code, cause=cause)
    if file.deleted_at is not None:
        # The copy may have arrived after the file was deleted here.
        delete_copy(scanned_file=file, remote_id=scan.cloud_job.remote_id)


CLOUD_SCAN = register(
    Kind(
        "cloud_scan",
        Scan,
        "scanning.cloud.account_jobs.run",
        page=lambda scan: reverse("portal:file_detail", args=[scan.scanned_file.uid]),
        needs=frozenset({resources.OUTSIDE}),
        label=_("Scan by ACRCloud"),
        pool=Pool.TALK,
        lane=lambda scan: str(scan.scanned_file.container_id),
        # A copy that arrived is paid for: a scan outlives workers that die, until
        # ACRPORTAL_CLOUD_WAIT_HOURS have passed.
        max_attempts=without_limit,
        pause=pause_after,
        keeps=ENDED_SCAN_STATUSES,
        on_end=_end_scan,
        title=lambda scan: str(scan.scanned_file.name),
        related=("scanned_file",),
        unresolved=not_scanned_since,
    )
)


CLOUD_DELETION = register(
    Kind(
        "cloud_deletion",
        CloudDeletion,
        "scanning.cloud.account_jobs.delete",
        needs=frozenset({resources.OUTSIDE}),
        label=_("Deletion at ACRCloud"),
        pool=Pool.TALK,
        lane=lambda deletion: str(deletion.account_id),
        # Accounts belong to no container, so access limits hide all of their deletions.
        visible=lambda: None if sees_everything() else CloudDeletion.objects.none(),
        # The work gives up after ACRPORTAL_CLOUD_WAIT_HOURS.
        max_attempts=without_limit,
        pause=pause_after,
    )
)


def waited_too_long(since: datetime) -> bool:
    """Return whether the time limit for the cloud has passed."""
    limit = timedelta(hours=settings.ACRPORTAL_CLOUD_WAIT_HOURS)
    return datetime.now(tz=UTC) - since > limit


def scans_of(account: CloudAccount) -> QuerySet[Scan]:
    """Return all scans that were or will be sent to an account.

    A pause concerns them all, also those that the person who ends it may not see.
    """
    scans: QuerySet[Scan] = Scan._base_manager.filter(cloud_job__account=account)
    return scans


def make_cloud_scan(*, scanned_file: ScannedFile, user: User | None) -> Scan:
    """Create a scan by ACRCloud: to send, or awaiting a callback without an account."""
    container = scanned_file.container
    account, remote = container.cloud_account, container.cloud_container_id
    waits = account is None or remote is None
    scan = Scan.objects.create(
        scanned_file=scanned_file,
        engine=EngineChoice.ACRCLOUD,
        requested_by=user,
        status=ScanStatus.AWAITING_CALLBACK if waits else ScanStatus.QUEUED,
    )
    if account is not None and remote is not None:
        CloudJob.objects.create(scan=scan, account=account, remote_container_id=remote)
        submit(CLOUD_SCAN, scan, user=user)
    return scan


def make_called_back_scan(*, scanned_file: ScannedFile) -> Scan | None:
    """Create a scan for a rescan that somebody started in the cloud."""
    container = scanned_file.container
    account, remote = container.cloud_account, container.cloud_container_id
    if account is None or remote is None:
        return None
    now = datetime.now(tz=UTC)
    scan = Scan.objects.create(
        scanned_file=scanned_file,
        engine=EngineChoice.ACRCLOUD,
        status=ScanStatus.AWAITING_CALLBACK,
        started_at=now,
    )
    CloudJob.objects.create(
        scan=scan,
        account=account,
        remote_container_id=remote,
        remote_id=scanned_file.remote_id,
        sent_as=SentAs.CALLED_BACK,
        sent_at=now,
    )
    submit(CLOUD_SCAN, scan)
    return scan


def delete_copy(*, scanned_file: ScannedFile, remote_id: str) -> None:
    """Have the worker delete the cloud's copy of a file, if there is one."""
    container = scanned_file.container
    account, remote = container.cloud_account, container.cloud_container_id
    if not remote_id or account is None or remote is None:
        return
    with transaction.atomic():
        deletion, _made = CloudDeletion.objects.get_or_create(
            account=account,
            remote_id=remote_id,
            done_at=None,
            defaults={"remote_container_id": remote},
        )
        submit(CLOUD_DELETION, deletion)


def sent_ms_this_month(*, container: Container) -> int:
    """Return how much of the container's audio was sent this calendar month (UTC)."""
    month = datetime.now(tz=UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    sent = CloudJob.objects.filter(
        scan__scanned_file__container=container, sent_at__gte=month
    ).aggregate(total=Sum("sent_ms"))
    return int(sent["total"] or 0)


def expected_ms(scanned_file: ScannedFile) -> int:
    """Return the duration of a file, estimated until it is known."""
    if scanned_file.length_ms:
        return scanned_file.length_ms
    if scanned_file.media:
        return scanned_file.size_bytes * 1000 // _BYTES_PER_SECOND
    return _LINK_MS
