"""Requests and cancels scans."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.common.databases import violates
from base.common.phrases import for_the_record
from base.jobs.services import cancel_subject, submit
from catalogue.models import Bucket
from scanning import ending
from scanning.choices import ACTIVE_SCAN_STATUSES, EngineChoice, FileStatus, ScanStatus, SourceType
from scanning.cloud_jobs import CLOUD_SCAN, make_cloud_scan
from scanning.errors import IntakeRefused
from scanning.jobs import SCAN
from scanning.models import Scan, ScannedFile


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
    only; ``engine`` replaces the file's.

    A container on ACRCloud without an account waits for a callback; nothing runs here.
    Raise ``IntakeRefused`` while an earlier scan of the file is active.
    """
    if engine == EngineChoice.ACRCLOUD and scanned_file.source_type == SourceType.STREAM:
        raise IntakeRefused(
            "no_cloud_for_streams",
            _(
                "%(name)s is an hour of a stream, which ACRCloud cannot scan. Rescan it "
                "with the embedded engine."
            )
            % {"name": scanned_file.name},
        )
    if engine == EngineChoice.ACRCLOUD and not scanned_file.container.cloud_account:
        raise IntakeRefused(
            "no_cloud_account",
            _("%(name)s has no ACRCloud account to send files to. Ask an admin to connect one.")
            % {"name": scanned_file.container.name},
        )
    engine = engine or scanned_file.engine
    if engine != EngineChoice.ACRCLOUD and scanned_file.lacks_sound:
        raise IntakeRefused(
            "audio_removed", _("It has no audio that can be scanned. Attach the audio on its page.")
        )
    try:
        with transaction.atomic():
            if scanned_file.scans.filter(status__in=ACTIVE_SCAN_STATUSES).exists():
                raise _runs_already(scanned_file)
            scans = []
            if engine != EngineChoice.ACRCLOUD:
                scans.append(_make_embedded_scan(scanned_file, user, waited_for, also))
            if engine in (EngineChoice.ACRCLOUD, EngineChoice.BOTH):
                scans.append(make_cloud_scan(scanned_file=scanned_file, user=user))
            awaits = all(scan.status == ScanStatus.AWAITING_CALLBACK for scan in scans)
            with for_the_record():
                message = _("Waiting for ACRCloud to call back.") if awaits else ""
            ScannedFile.objects.filter(pk=scanned_file.pk).update(
                status=FileStatus.WAITING,
                error_code="",
                message=message,
                updated_at=datetime.now(tz=UTC),
            )
            for scan in scans:
                _record_request(scan, user, also)
    except IntegrityError as error:
        # The constraint catches requests that arrive at the same time.
        if not violates(error, Scan, "scan_one_active_per_engine"):
            raise
        raise _runs_already(scanned_file) from error
    scanned_file.refresh_from_db()
    return scans[0]


def _record_request(scan: Scan, user: User | None, also: Sequence[Bucket]) -> None:
    base.audit.services.record(
        case=f"file:{scan.scanned_file.uid}",
        action="scan.requested",
        actor=user or base.audit.services.SYSTEM,
        after={
            "scan": scan.uid,
            "engine": scan.engine,
            "also_buckets": [bucket.pk for bucket in also],
        },
    )


def _make_embedded_scan(
    scanned_file: ScannedFile, user: User | None, waited_for: bool, also: Sequence[Bucket]
) -> Scan:
    scan = Scan.objects.create(
        scanned_file=scanned_file, engine=EngineChoice.EMBEDDED, requested_by=user
    )
    if also:
        scan.also_buckets.set(also)
    submit(SCAN, scan, user=user, person_waits=waited_for)
    return scan


def _runs_already(scanned_file: ScannedFile) -> IntakeRefused:
    return IntakeRefused(
        "scan_running",
        _("%(name)s is already being scanned. Wait for that scan or cancel it.")
        % {"name": scanned_file.name},
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
    with transaction.atomic():
        if not stop_scan(scan):
            return
        base.audit.services.record(
            case=f"file:{scan.scanned_file.uid}",
            action="scan.cancelled",
            actor=user or base.audit.services.SYSTEM,
            after={"scan": scan.uid},
        )


def stop_scan(scan: Scan) -> bool:
    """Cancel a scan without a record of its own; return False if it has ended."""
    kind = SCAN if scan.engine == EngineChoice.EMBEDDED else CLOUD_SCAN
    active = Scan.objects.filter(pk=scan.pk, status__in=ACTIVE_SCAN_STATUSES)
    with transaction.atomic():
        if active.select_for_update().first() is None:
            return False
        # Without an account a scan has no job: it only waits for a callback.
        if not cancel_subject(kind, scan):
            ending.store_cancellation(scan=scan)
    return True
