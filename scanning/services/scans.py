"""Requests and cancels scans, and requeues those that workers abandoned."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

import audit.services
from accounts.models import User
from catalogue.models import Bucket
from common.leases import NO_LEASE, LeaseLost
from common.queue import BrokerAway, entries_waiting
from scanning import results, turns
from scanning.choices import (
    ACTIVE_SCAN_STATUSES,
    EngineChoice,
    FileStatus,
    ScanStage,
    ScanStatus,
)
from scanning.cloud.jobs import make_cloud_scan
from scanning.errors import IntakeRefused, ScanFailed
from scanning.models import Scan, ScannedFile
from scanning.tasks import enqueue_scan

logger = logging.getLogger(__name__)

# The next sweep adds more once the workers have used these up.
_ENTRIES_AT_ONCE = 1000
_HELD_FOR = timedelta(seconds=5)


def request_scan(
    *,
    scanned_file: ScannedFile,
    user: User | None,
    waited_for: bool = False,
    also: Sequence[Bucket] = (),
    engine: EngineChoice | None = None,
) -> Scan:
    """Queue a scan of a file, or two if its container combines two engines.

    ``waited_for`` scans run before bulk scans. ``also`` adds buckets for this scan
    only; ``engine`` replaces the container's.

    A container on ACRCloud without an account waits for a callback; nothing runs here.
    Raise ``IntakeRefused`` while an earlier scan of the file is active.
    """
    if engine == EngineChoice.ACRCLOUD and not scanned_file.container.cloud_account:
        raise IntakeRefused(
            "no_cloud_account",
            f"{scanned_file.container.name} has no ACRCloud account to send files to. "
            "Ask an admin to connect one.",
        )
    engine = engine or EngineChoice(scanned_file.container.engine)
    try:
        with transaction.atomic():
            if scanned_file.scans.filter(status__in=ACTIVE_SCAN_STATUSES).exists():
                raise _runs_already(scanned_file)
            scans = []
            if engine != EngineChoice.ACRCLOUD:
                scans.append(_make_embedded_scan(scanned_file, user, waited_for, also))
            if engine in (EngineChoice.ACRCLOUD, EngineChoice.BOTH):
                scans.append(make_cloud_scan(scanned_file=scanned_file, user=user))
            awaits = all(scan.stage == ScanStage.AWAITING_CALLBACK for scan in scans)
            ScannedFile.objects.filter(pk=scanned_file.pk).update(
                status=FileStatus.WAITING,
                error_code="",
                message="Waiting for ACRCloud to call back." if awaits else "",
                updated_at=datetime.now(tz=UTC),
            )
            for scan in scans:
                _record_request(scan, user, also)
    except IntegrityError as error:
        # The constraint on active scans catches requests that arrive at the same time.
        raise _runs_already(scanned_file) from error
    scanned_file.refresh_from_db()
    return scans[0]


def _record_request(scan: Scan, user: User | None, also: Sequence[Bucket]) -> None:
    audit.services.record(
        case=f"file:{scan.scanned_file.uid}",
        action="scan.requested",
        actor=user or audit.services.SYSTEM,
        after={
            "scan": scan.uid,
            "engine": scan.engine,
            "also_buckets": [bucket.pk for bucket in also],
        },
    )


def _make_embedded_scan(
    scanned_file: ScannedFile,
    user: User | None,
    waited_for: bool,
    also: Sequence[Bucket],
) -> Scan:
    waited_for = waited_for and turns.counts_as_waited_for(user)
    scan = Scan.objects.create(
        scanned_file=scanned_file,
        engine=EngineChoice.EMBEDDED,
        requested_by=user,
        waited_for=waited_for,
        turn=turns.turn_of_new(container=scanned_file.container, waited_for=waited_for),
    )
    if also:
        scan.also_buckets.set(also)
    transaction.on_commit(lambda: enqueue_scan(scan))
    return scan


def _runs_already(scanned_file: ScannedFile) -> IntakeRefused:
    return IntakeRefused(
        "scan_running",
        f"{scanned_file.name} is already being scanned. Wait for that scan or cancel "
        "it.",
        status=409,
    )


def cancel_scans(*, scanned_file: ScannedFile, user: User) -> None:
    """Cancel all active scans of a file, one per engine."""
    for scan in scanned_file.scans.filter(status__in=ACTIVE_SCAN_STATUSES):
        cancel_scan(scan=scan, user=user)


def cancel_scan(*, scan: Scan, user: User | None) -> None:
    """Cancel a scan: at once if it waits, at its next step if it runs.

    A scan that has ended stays unchanged.
    """
    active = Scan.objects.filter(pk=scan.pk, status__in=ACTIVE_SCAN_STATUSES)
    with transaction.atomic():
        if not active.update(cancel_requested=True):
            return
        audit.services.record(
            case=f"file:{scan.scanned_file.uid}",
            action="scan.cancelled",
            actor=user or audit.services.SYSTEM,
            after={"scan": scan.uid},
        )
        waits = Q(status=ScanStatus.QUEUED) | Q(
            status=ScanStatus.RUNNING,
            stage__in=[ScanStage.AWAITING_CALLBACK, ScanStage.PAUSED],
        )
        idle = Scan.objects.filter(waits, pk=scan.pk).update(
            # Claim the idle scan first, so that no worker starts it while it ends.
            status=ScanStatus.RUNNING,
            lease_owner="cancel",
            lease_until=None,
        )
        if idle:
            results.store_cancellation(scan=scan, owner="cancel")


def requeue_stale_scans() -> int:
    """Requeue scans whose worker died or whose queue entry was lost; return the count.

    A scan interrupted too often ends as failed, so that a file which kills its worker
    does not do so forever.
    """
    now = datetime.now(tz=UTC)
    count = 0
    silent = Scan.objects.filter(status=ScanStatus.RUNNING, lease_until__lt=now)
    for scan in silent.select_related("scanned_file"):
        count += _requeue_or_give_up(scan)
    for scan in _without_entry(now):
        enqueue_scan(scan)
        count += 1
    return count


def _without_entry(now: datetime) -> Iterable[Scan]:
    """Return queued scans whose queue entries may be lost.

    Entries do not name scans, so entries for other work can hide missing ones. If no
    scan runs at all, always add one entry.
    """
    try:
        entries = entries_waiting()
    except BrokerAway:
        logger.warning("the broker is unreachable")
        return []
    # No worker has taken the scan for a whole lease.
    lost = Q(created_at__lt=now - timedelta(seconds=settings.ACRPORTAL_LEASE_SECONDS))
    if entries == 0:
        # A busy RabbitMQ worker prefetches one entry; another worker may be free.
        lost |= Q(waited_for=True, created_at__lt=now - _HELD_FOR)
    running = Scan.objects.filter(lease_until__gt=now).exists()
    missing = max(_ENTRIES_AT_ONCE - entries, 0 if running else 1)
    return turns.due_scans().filter(lost)[:missing]


def _requeue_or_give_up(scan: Scan) -> int:
    if scan.attempts >= settings.ACRPORTAL_MAX_ATTEMPTS:
        failure = ScanFailed(
            "engine_error",
            f"The scan of {scan.scanned_file.name} stopped {scan.attempts} times "
            "without a result. Scan it again; if it stops again, tell an admin. "
            f"{scan.message}".rstrip(),
        )
        try:
            results.store_failure(scan=scan, failure=failure, owner=scan.lease_owner)
        except LeaseLost:
            return 0
        return 0
    # Compare owner and lease: the worker may have woken up meanwhile.
    requeued = Scan.objects.filter(
        pk=scan.pk,
        status=ScanStatus.RUNNING,
        lease_owner=scan.lease_owner,
        lease_until=scan.lease_until,
    ).update(status=ScanStatus.QUEUED, stage=ScanStage.QUEUED, **NO_LEASE)
    if requeued:
        enqueue_scan(scan)
    return requeued
