"""Asking for scans, cancelling them, and handing out again what was left behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

import audit.services
from accounts.models import User
from common.leases import NO_LEASE
from common.queue import queue_holds_work
from scanning import results
from scanning.choices import EngineChoice, FileStatus, ScanStage, ScanStatus
from scanning.errors import IntakeRefused, LeaseLost, ScanFailed
from scanning.models import Scan, ScannedFile
from scanning.tasks import run_scan


def request_scan(*, scanned_file: ScannedFile, user: User | None) -> Scan:
    """Queue a scan of a file by its container's engine.

    A container on ACRCloud waits for the callback; nothing runs here. Raises
    ``IntakeRefused`` while an earlier scan of the file still runs.
    """
    container = scanned_file.container
    remote = container.engine == EngineChoice.ACRCLOUD
    try:
        with transaction.atomic():
            scan = Scan.objects.create(
                scanned_file=scanned_file,
                engine=container.engine,
                requested_by=user,
                status=ScanStatus.RUNNING if remote else ScanStatus.QUEUED,
                stage=ScanStage.AWAITING_CALLBACK if remote else ScanStage.QUEUED,
            )
            ScannedFile.objects.filter(pk=scanned_file.pk).update(
                status=FileStatus.WAITING,
                error_code="",
                message="Waiting for ACRCloud to call back." if remote else "",
                updated_at=datetime.now(tz=UTC),
            )
            audit.services.record(
                case=f"file:{scanned_file.uid}",
                action="scan.requested",
                actor=user or audit.services.SYSTEM,
                after={"scan": scan.uid, "engine": scan.engine},
            )
            if not remote:
                transaction.on_commit(lambda: run_scan.enqueue(scan.pk))
    except IntegrityError as error:
        raise IntakeRefused(
            "scan_running",
            f"{scanned_file.name} is being scanned already; wait for that scan or "
            "cancel it.",
            status=409,
        ) from error
    scanned_file.refresh_from_db()
    return scan


def cancel_scan(*, scan: Scan, user: User) -> None:
    """Stop a scan: at once where it waits, at its next step where it runs."""
    with transaction.atomic():
        audit.services.record(
            case=f"file:{scan.scanned_file.uid}",
            action="scan.cancelled",
            actor=user,
            after={"scan": scan.uid},
        )
        Scan.objects.filter(pk=scan.pk).update(cancel_requested=True)
        waits = Q(status=ScanStatus.QUEUED) | Q(stage=ScanStage.AWAITING_CALLBACK)
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
    # A queued scan whose queue entry was lost: nobody takes it for a whole lease.
    lost_before = now - timedelta(seconds=settings.ACRPORTAL_LEASE_SECONDS)
    lost = Scan.objects.filter(status=ScanStatus.QUEUED, created_at__lt=lost_before)
    if not queue_holds_work():
        for scan_id in lost.values_list("pk", flat=True):
            run_scan.enqueue(scan_id)
            count += 1
    return count


def _requeue_or_give_up(scan: Scan) -> int:
    if scan.attempts >= settings.ACRPORTAL_MAX_ATTEMPTS:
        failure = ScanFailed(
            "engine_error",
            f"Scan of {scan.scanned_file.name} stopped {scan.attempts} times without "
            "an answer. Ask for a rescan, or tell an admin if it happens again.",
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
        run_scan.enqueue(scan.pk)
    return requeued
