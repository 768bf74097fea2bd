"""Asking for scans, cancelling them, and handing out again what was left behind."""

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
from common.leases import NO_LEASE
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
from scanning.errors import IntakeRefused, LeaseLost, ScanFailed
from scanning.models import Scan, ScannedFile
from scanning.tasks import enqueue_scan

logger = logging.getLogger(__name__)

# What they have worked off by the next sweep is topped up then.
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
    """Queue a scan of a file by its container's engine, or one by each of two.

    One that somebody waits for, looking at a page, goes before those that came in
    numbers. ``also`` are searched beside the container's buckets, this time;
    ``engine`` scans it in place of the container's.

    A container on ACRCloud without an account waits for the callback; nothing runs
    here. Raises ``IntakeRefused`` while an earlier scan of the file still runs.
    """
    if engine == EngineChoice.ACRCLOUD and not scanned_file.container.cloud_account:
        raise IntakeRefused(
            "no_cloud_account",
            f"{scanned_file.container.name} has no ACRCloud account to send files to.",
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
            awaits = all(one.stage == ScanStage.AWAITING_CALLBACK for one in scans)
            ScannedFile.objects.filter(pk=scanned_file.pk).update(
                status=FileStatus.WAITING,
                error_code="",
                message="Waiting for ACRCloud to call back." if awaits else "",
                updated_at=datetime.now(tz=UTC),
            )
            for scan in scans:
                _record_request(scan, user, also)
    except IntegrityError as error:
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
        f"{scanned_file.name} is being scanned already; wait for that scan or cancel "
        "it.",
        status=409,
    )


def cancel_scans(*, scanned_file: ScannedFile, user: User) -> None:
    """Stop every scan of a file that is under way: each of its engines has its own."""
    for scan in scanned_file.scans.filter(status__in=ACTIVE_SCAN_STATUSES):
        cancel_scan(scan=scan, user=user)


def cancel_scan(*, scan: Scan, user: User) -> None:
    """Stop a scan: at once where it waits, at its next step where it runs.

    One that has ended stays as it is.
    """
    active = Scan.objects.filter(pk=scan.pk, status__in=ACTIVE_SCAN_STATUSES)
    with transaction.atomic():
        if not active.update(cancel_requested=True):
            return
        audit.services.record(
            case=f"file:{scan.scanned_file.uid}",
            action="scan.cancelled",
            actor=user,
            after={"scan": scan.uid},
        )
        waits = Q(status=ScanStatus.QUEUED) | Q(
            status=ScanStatus.RUNNING,
            stage__in=[ScanStage.AWAITING_CALLBACK, ScanStage.PAUSED],
        )
        idle = Scan.objects.filter(waits, pk=scan.pk).update(
            status=ScanStatus.RUNNING, lease_owner="cancel", lease_until=None
        )
        if idle:
            results.store_cancellation(scan=scan, owner="cancel")


def requeue_stale_scans() -> int:
    """Hand out again scans whose worker fell silent or whose queue entry was lost.

    A scan that was interrupted too often ends in error, so that a file which kills
    its worker does not do so for ever. Returns how many were handed out.
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
    """Return queued scans whose queue entries may be lost; entries are alike.

    Entries for other work hide those that are missing; so where nothing is scanned at
    all, there is one more.
    """
    try:
        entries = entries_waiting()
    except BrokerAway:
        logger.warning("the broker is away")
        return []
    # Nobody takes it for a whole lease.
    lost = Q(created_at__lt=now - timedelta(seconds=settings.ACRPORTAL_LEASE_SECONDS))
    if entries == 0:
        # A worker on RabbitMQ holds an entry beyond the one it works on; another
        # worker may be free.
        lost |= Q(waited_for=True, created_at__lt=now - _HELD_FOR)
    running = Scan.objects.filter(lease_until__gt=now).exists()
    missing = max(_ENTRIES_AT_ONCE - entries, 0 if running else 1)
    return turns.due_scans().filter(lost)[:missing]


def _requeue_or_give_up(scan: Scan) -> int:
    if scan.attempts >= settings.ACRPORTAL_MAX_ATTEMPTS:
        failure = ScanFailed(
            "engine_error",
            f"Scan of {scan.scanned_file.name} stopped {scan.attempts} times without "
            "an answer. Ask for a rescan, or tell an admin if it happens again. "
            f"{scan.message}".rstrip(),
        )
        try:
            results.store_failure(scan=scan, failure=failure, owner=scan.lease_owner)
        except LeaseLost:
            return 0
        return 0
    requeued = Scan.objects.filter(
        pk=scan.pk,
        status=ScanStatus.RUNNING,
        lease_owner=scan.lease_owner,
        lease_until=scan.lease_until,
    ).update(status=ScanStatus.QUEUED, stage=ScanStage.QUEUED, **NO_LEASE)
    if requeued:
        enqueue_scan(scan)
    return requeued
