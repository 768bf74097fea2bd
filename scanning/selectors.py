"""What pages, commands and other packages read of files and scans."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Count, Min, Q, QuerySet

from scanning.choices import (
    ACTIVE_SCAN_STATUSES,
    COMBINED_ENGINES,
    EngineChoice,
    ScanStage,
    ScanStatus,
)
from scanning.models import CloudAccount, Container, Scan, ScannedFile, SentAs


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
            filter=Q(status=ScanStatus.RUNNING)
            & ~Q(stage__in=[ScanStage.AWAITING_CALLBACK, ScanStage.PAUSED]),
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


def current_scans(scanned_file: ScannedFile) -> list[Scan]:
    """Return the scans that the file's state rests on: one for each engine.

    Of a container with two engines these are the newest of the embedded engine and
    the newest of ACRCloud since then; else it is the newest scan. One that only a
    callback gave cause for counts once it has an outcome: nothing waits for it.
    """
    unasked = Q(
        cloud_job__sent_as=SentAs.CALLED_BACK,
        status__in=[*ACTIVE_SCAN_STATUSES, ScanStatus.CANCELLED],
    )
    scans = list(scanned_file.scans.exclude(unasked).order_by("-pk")[:20])
    if scanned_file.container.engine not in COMBINED_ENGINES:
        return scans[:1]
    newest: dict[str, Scan] = {}
    for scan in scans:
        newest.setdefault(scan.engine, scan)
    embedded = newest.get(EngineChoice.EMBEDDED)
    since = embedded.pk if embedded is not None else 0
    kept = [scan for scan in newest.values() if scan.pk >= since]
    return sorted(kept, key=lambda scan: scan.engine != EngineChoice.EMBEDDED)


def late_scans(scanned_file: ScannedFile) -> list[Scan]:
    """Return the searches for later recordings that add to the current scans."""
    whole = [scan.pk for scan in current_scans(scanned_file)]
    rows = Scan.all_objects.filter(
        scanned_file=scanned_file,
        retro_search__isnull=False,
        pk__gt=min(whole, default=0),
    )
    return list(rows.order_by("pk"))


def files_with_landmarks(bucket_ids: Collection[int]) -> QuerySet[ScannedFile]:
    """Return the files whose landmarks are kept and whose container searches a bucket."""
    containers = Container.objects.filter(buckets__in=bucket_ids).exclude(
        engine=EngineChoice.ACRCLOUD
    )
    return files().filter(container__in=containers.values("pk")).exclude(fingerprint="")


def files_of_account(*, account: CloudAccount, remote_id: str) -> QuerySet[ScannedFile]:
    """Return the file that an account's callback names, if it is there."""
    return ScannedFile.objects.filter(
        container__cloud_account=account, remote_id=remote_id, deleted_at__isnull=True
    )


def files_of_callback(*, container: Container, file_id: str) -> QuerySet[ScannedFile]:
    """Return the container's file that a callback names, by the cloud's id or ours."""
    wanted = Q(remote_id=file_id)
    with suppress(ValueError):
        wanted |= Q(uid=uuid.UUID(file_id))
    return container.files.filter(wanted, deleted_at__isnull=True)


def latest_scan(scanned_file: ScannedFile) -> Scan | None:
    """Return the newest scan of a file."""
    return scanned_file.scans.order_by("-id").first()
