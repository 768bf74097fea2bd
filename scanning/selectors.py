"""What pages, commands and other packages read of files and scans."""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Count, Min, Q, QuerySet

from scanning.choices import ScanStage, ScanStatus
from scanning.models import Container, Scan, ScannedFile


@dataclass(frozen=True, slots=True)
class WorkerHealth:
    """How much work waits, and for how long already."""

    queued: int
    running: int
    oldest_queued_seconds: int


def worker_health() -> WorkerHealth:
    """Return the state of the scan queue."""
    figures = Scan.objects.filter(
        status__in=[ScanStatus.QUEUED, ScanStatus.RUNNING]
    ).aggregate(
        queued=Count("pk", filter=Q(status=ScanStatus.QUEUED)),
        running=Count(
            "pk",
            filter=Q(status=ScanStatus.RUNNING) & ~Q(stage=ScanStage.AWAITING_CALLBACK),
        ),
        oldest=Min("created_at", filter=Q(status=ScanStatus.QUEUED)),
    )
    oldest = figures["oldest"]
    waited = (datetime.now(tz=UTC) - oldest).total_seconds() if oldest else 0
    return WorkerHealth(figures["queued"], figures["running"], int(waited))


def files() -> QuerySet[ScannedFile]:
    """Return the files people see: those that are not deleted."""
    return ScannedFile.objects.filter(deleted_at__isnull=True).select_related(
        "container"
    )


def file_of_callback(*, container: Container, file_id: str) -> ScannedFile | None:
    """Return the container's file that a callback names, by the cloud's id or ours."""
    wanted = Q(remote_id=file_id)
    with suppress(ValueError):
        wanted |= Q(uid=uuid.UUID(file_id))
    return container.files.filter(wanted, deleted_at__isnull=True).first()


def latest_scan(scanned_file: ScannedFile) -> Scan | None:
    """Return the newest scan of a file."""
    return scanned_file.scans.order_by("-id").first()
