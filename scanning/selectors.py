"""Queries on files and scans for pages, commands and other packages."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Count, Exists, F, Min, OuterRef, Q, QuerySet

from catalogue.models import IndexEntry, Recording, RecordingStatus
from scanning.choices import ACTIVE_SCAN_STATUSES, COMBINED_ENGINES, EngineChoice, ScanStatus
from scanning.models import CloudAccount, Container, Scan, ScannedFile, SentAs


@dataclass(frozen=True, slots=True)
class WorkerHealth:
    """The length of the scan queue and the age of its oldest entry."""

    queued: int
    running: int
    oldest_queued_seconds: int


def worker_health() -> WorkerHealth:
    """Return how many embedded and cloud scans wait or run."""
    figures = Scan.objects.filter(status__in=[ScanStatus.QUEUED, ScanStatus.RUNNING]).aggregate(
        queued=Count("pk", filter=Q(status=ScanStatus.QUEUED)),
        running=Count("pk", filter=Q(status=ScanStatus.RUNNING)),
        oldest=Min("created_at", filter=Q(status=ScanStatus.QUEUED)),
    )
    oldest = figures["oldest"]
    waited = (datetime.now(tz=UTC) - oldest).total_seconds() if oldest else 0
    # The clock may have been set back since.
    seconds = max(0, int(waited))
    return WorkerHealth(figures["queued"], figures["running"], seconds)


def seconds_per_hour() -> dict[int, int]:
    """Return how long an hour of sound took lately, by container.

    The latest 200 complete scans count; a container without one is left out.
    """
    took: dict[int, list[float]] = {}
    latest = (
        Scan.objects.filter(
            status=ScanStatus.SUCCEEDED,
            retro_search=None,
            started_at__lte=F("finished_at"),
            scanned_file__length_ms__gt=0,
        )
        .order_by("-pk")
        .values_list(
            "scanned_file__container", "scanned_file__length_ms", "started_at", "finished_at"
        )[:200]
    )
    for container, duration_ms, started, finished in latest:
        sums = took.setdefault(container, [0.0, 0.0])
        if started and finished:
            sums[0] += (finished - started).total_seconds()
            sums[1] += duration_ms / 3_600_000
    return {key: max(1, round(spent / hours)) for key, (spent, hours) in took.items()}


def files() -> QuerySet[ScannedFile]:
    """Return the files that are not deleted."""
    return ScannedFile.objects.present().select_related("container")


def current_scans(scanned_file: ScannedFile) -> list[Scan]:
    """Return the scans that decide the file's status: the newest of each engine.

    With two engines these are the newest embedded scan and the newest ACRCloud scan
    since then; otherwise the newest scan. A scan that only a callback started counts
    once it has an outcome, because nothing waits for it.
    """
    scans = list(_asked_scans().filter(scanned_file=scanned_file)[:20])
    return _newest_of_engines(scanned_file, scans)


def current_scans_of(files: Collection[ScannedFile]) -> dict[int, list[Scan]]:
    """Return the current scans of many files by file key, with one query.

    Only what identifies the scans and what they did not match is read.
    """
    rows = _asked_scans().filter(scanned_file__in=[file.pk for file in files])
    by_file: dict[int, list[Scan]] = {file.pk: [] for file in files}
    for scan in rows.only("engine", "status", "unmatched", "scanned_file"):
        by_file[scan.scanned_file_id].append(scan)
    return {file.pk: _newest_of_engines(file, by_file[file.pk]) for file in files}


def _asked_scans() -> QuerySet[Scan]:
    unasked = Q(
        cloud_job__sent_as=SentAs.CALLED_BACK,
        status__in=[*ACTIVE_SCAN_STATUSES, ScanStatus.CANCELLED],
    )
    return Scan.objects.full().exclude(unasked).order_by("-pk")


def _newest_of_engines(scanned_file: ScannedFile, scans: Sequence[Scan]) -> list[Scan]:
    """Return the newest of a file's scans, which come newest first, per engine."""
    if scanned_file.engine not in COMBINED_ENGINES:
        return list(scans[:1])
    newest: dict[str, Scan] = {}
    for scan in scans:
        newest.setdefault(scan.engine, scan)
    embedded = newest.get(EngineChoice.EMBEDDED)
    since = embedded.pk if embedded is not None else 0
    current = [scan for scan in newest.values() if scan.pk >= since]
    return sorted(current, key=lambda scan: scan.engine != EngineChoice.EMBEDDED)


def late_scans(scanned_file: ScannedFile) -> list[Scan]:
    """Return the late scans that add detections to the current scans."""
    return _scans_after(scanned_file, current_scans(scanned_file))


def counting_scans(scanned_file: ScannedFile) -> list[Scan]:
    """Return the scans whose detections count: the current ones, then the late ones."""
    current = current_scans(scanned_file)
    return [*current, *_scans_after(scanned_file, current)]


def _scans_after(scanned_file: ScannedFile, current: Sequence[Scan]) -> list[Scan]:
    first = min((scan.pk for scan in current), default=0)
    late = Scan.objects.filter(scanned_file=scanned_file, retro_search__isnull=False, pk__gt=first)
    return list(late.order_by("pk"))


def files_with_landmarks(bucket_ids: Collection[int]) -> QuerySet[ScannedFile]:
    """Return files with a stored fingerprint in containers that search the buckets."""
    containers = (
        Container.objects.present()
        .filter(buckets__in=bucket_ids)
        # ACRCloud's containers search the cloud's buckets, not ours.
        .exclude(engine=EngineChoice.ACRCLOUD)
    )
    return files().filter(container__in=containers.values("pk")).exclude(fingerprint="")


def files_of_account(*, account: CloudAccount, remote_id: str) -> QuerySet[ScannedFile]:
    """Return the files that match the remote id in an account's callback."""
    return ScannedFile.objects.present().filter(
        container__cloud_account=account, remote_id=remote_id
    )


def files_of_callback(*, container: Container, file_id: str) -> QuerySet[ScannedFile]:
    """Return the container's files that match the cloud's file id or our own."""
    has_id = Q(remote_id=file_id)
    with suppress(ValueError):
        has_id |= Q(uid=uuid.UUID(file_id))
    return container.files.present().filter(has_id)


def scans_awaiting_callback() -> QuerySet[Scan]:
    """Return the scans whose result comes by callback only, without an account."""
    return Scan.objects.filter(
        engine=EngineChoice.ACRCLOUD, status=ScanStatus.AWAITING_CALLBACK, cloud_job__isnull=True
    )


def latest_scan(scanned_file: ScannedFile) -> Scan | None:
    """Return the newest full scan of a file."""
    return scanned_file.scans.full().order_by("-id").first()


def index_positions(recordings: Collection[int]) -> dict[tuple[int, int], int | None]:
    """Return where in the log the index got each recording, by recording and bucket."""
    held = IndexEntry.objects.filter(recording__in=recordings, is_held=True)
    rows = held.values_list("recording", "bucket", "position")
    return {(recording, bucket): at for recording, bucket, at in rows}


def has_searched(
    scan: Scan, recording: Recording, positions: Mapping[tuple[int, int], int | None]
) -> bool:
    """Return whether a scan by the embedded engine searched for a recording.

    ``positions`` are those of ``index_positions``.
    """
    if recording.status != RecordingStatus.READY or recording.too_little_sound:
        return False
    if recording.bucket_id not in {bucket.get("id") for bucket in scan.buckets}:
        return False
    if scan.catalogue_state is None:
        return recording.created_at < scan.created_at
    at = positions.get((recording.pk, recording.bucket_id))
    return at is not None and at <= scan.catalogue_state


def not_scanned_since(scans: QuerySet[Scan]) -> QuerySet[Scan]:
    """Leave out scans whose failure a later scan of the file replaces."""
    later = Scan.objects.full().filter(
        scanned_file=OuterRef("scanned_file"), engine=OuterRef("engine"), pk__gt=OuterRef("pk")
    )
    present = scans.filter(scanned_file__deleted_at__isnull=True)
    return present.exclude(Exists(later))
