"""Creates cloud scans and estimates their cost; touches rows only."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db.models import Sum

from accounts.models import User
from scanning.choices import EngineChoice, ScanStage, ScanStatus
from scanning.models import (
    CloudDeletion,
    CloudJob,
    Container,
    Scan,
    ScannedFile,
    SentAs,
)

HOUR_MS = 3_600_000
# Assumed until the real duration is known: 128 kbit/s, or five minutes for a link.
_BYTES_PER_SECOND = 16_000
_LINK_MS = 300_000


def make_cloud_scan(*, scanned_file: ScannedFile, user: User | None) -> Scan:
    """Create a scan by ACRCloud: to send, or awaiting a callback without an account."""
    container = scanned_file.container
    account, remote = container.cloud_account, container.cloud_container_id
    waits = account is None or remote is None
    scan = Scan.objects.create(
        scanned_file=scanned_file,
        engine=EngineChoice.ACRCLOUD,
        requested_by=user,
        status=ScanStatus.RUNNING if waits else ScanStatus.QUEUED,
        stage=ScanStage.AWAITING_CALLBACK if waits else ScanStage.QUEUED,
    )
    if account is not None and remote is not None:
        CloudJob.objects.create(
            scan=scan,
            account=account,
            remote_container_id=remote,
            due_at=datetime.now(tz=UTC),
        )
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
        status=ScanStatus.RUNNING,
        stage=ScanStage.AWAITING_CALLBACK,
        started_at=now,
    )
    CloudJob.objects.create(
        scan=scan,
        account=account,
        remote_container_id=remote,
        remote_id=scanned_file.remote_id,
        sent_as=SentAs.CALLED_BACK,
        sent_at=now,
        due_at=now,
    )
    return scan


def delete_copy(*, scanned_file: ScannedFile, remote_id: str) -> None:
    """Have the worker delete the cloud's copy of a file, if there is one."""
    container = scanned_file.container
    account, remote = container.cloud_account, container.cloud_container_id
    if not remote_id or account is None or remote is None:
        return
    CloudDeletion.objects.get_or_create(
        account=account,
        remote_id=remote_id,
        defaults={"remote_container_id": remote, "due_at": datetime.now(tz=UTC)},
    )


def sent_ms_this_month(*, container: Container) -> int:
    """Return how much of the container's audio was sent this calendar month (UTC)."""
    month = datetime.now(tz=UTC).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    sent = CloudJob.objects.filter(
        scan__scanned_file__container=container, sent_at__gte=month
    ).aggregate(total=Sum("sent_ms"))
    return int(sent["total"] or 0)


def expected_ms(scanned_file: ScannedFile) -> int:
    """Return the duration of a file, estimated until it is known."""
    if scanned_file.duration_ms:
        return scanned_file.duration_ms
    if scanned_file.media:
        return scanned_file.size_bytes * 1000 // _BYTES_PER_SECOND
    return _LINK_MS
