"""Polls cloud accounts for results and stores them."""

from __future__ import annotations

import logging
import zlib
from datetime import UTC, datetime

from django.conf import settings
from django.db.models import F

from common.leases import NO_LEASE
from scanning import results
from scanning.choices import EngineChoice, ScanStage, ScanStatus
from scanning.cloud.jobs import delete_copy
from scanning.cloud.outcomes import cancel, end, fail, pause, remember, resume
from scanning.cloud.rounds import (
    LONGEST_CHECK,
    claimed,
    delay,
    due_jobs,
    waited_too_long,
)
from scanning.engines.acrcloud import Cloud, RemoteFile
from scanning.engines.acrcloud_recordings import engine_result
from scanning.engines.acrcloud_results import digest
from scanning.engines.cloud_faults import CloudFault, FaultKind
from scanning.errors import ScanFailed
from scanning.models import CloudJob, Scan, ScannedFile, SentAs

logger = logging.getLogger(__name__)

# Values of ``state`` in the wire protocol.
_FINISHED = (1, -1)
_FAILED = (-2, -3)


def check_due(*, owner: str) -> list[int]:
    """Poll for the results that are due; return the keys of the scans that ended."""
    due = due_jobs().filter(sent_at__isnull=False)
    return [job.scan_id for job in claimed(due, owner) if _check(job)]


def _check(job: CloudJob) -> bool:
    """Poll once; return whether the scan ended."""
    file = job.scan.scanned_file
    if job.scan.cancel_requested or file.deleted_at is not None:
        if file.deleted_at is not None:
            delete_copy(scanned_file=file, remote_id=job.remote_id)
        return cancel(job)
    try:
        remote = Cloud(job.account).show_file(job.remote_container_id, job.remote_id)
    except CloudFault as fault:
        return _check_failed(job, fault)
    # Any answer shows that a pause is no longer needed.
    resume(job.account)
    if remote.state in _FINISHED:
        return _store(job, remote)
    if remote.state in _FAILED:
        return fail(job, _cloud_failure(job, remote))
    return _check_later(job)


def _check_failed(job: CloudJob, fault: CloudFault) -> bool:
    logger.info("scan %s was not checked: %s", job.scan.uid, fault.kind)
    remember(job, fault)
    if fault.kind in (FaultKind.QUOTA, FaultKind.TOKEN):
        pause(job, fault)
        return False
    if fault.kind is FaultKind.UNREACHABLE:
        return _check_later(job)
    return fail(job, ScanFailed(fault.kind, str(fault)))


def _check_later(job: CloudJob) -> bool:
    if waited_too_long(job.sent_at or job.created_at):
        hours = settings.ACRPORTAL_CLOUD_WAIT_HOURS
        failure = ScanFailed(
            "cloud_silent",
            f"ACRCloud gave no result within {hours} hours. Look for the file in the "
            "ACRCloud console, then scan it again.",
        )
        return fail(job, failure)
    CloudJob.objects.filter(pk=job.pk).update(
        # Long files take minutes, so poll less and less often.
        due_at=datetime.now(tz=UTC) + delay(2 ** min(job.checks, 12), LONGEST_CHECK),
        checks=F("checks") + 1,
        **NO_LEASE,
    )
    return False


def _store(job: CloudJob, remote: RemoteFile) -> bool:
    answer = digest(remote.state, remote.results)
    # The callback announced a result that polling had already stored.
    if job.sent_as == SentAs.CALLED_BACK and _is_known(job, answer):
        return _nothing_new(job)

    def store() -> None:
        _take_length(job, remote)
        results.store_result(
            scan=job.scan, result=engine_result(remote.results, answer), owner=""
        )
        CloudJob.objects.filter(pk=job.pk).update(raw=zlib.compress(remote.raw))

    return end(job, store)


def _take_length(job: CloudJob, remote: RemoteFile) -> None:
    """Store the cloud's duration if the file was not decoded here."""
    file = job.scan.scanned_file
    if file.duration_ms or not remote.duration_ms:
        return
    file.duration_ms = remote.duration_ms
    ScannedFile.objects.filter(pk=file.pk).update(duration_ms=remote.duration_ms)
    if job.sent_ms:
        CloudJob.objects.filter(pk=job.pk).update(sent_ms=remote.duration_ms)


def _is_known(job: CloudJob, answer: str) -> bool:
    return Scan.objects.filter(
        scanned_file_id=job.scan.scanned_file_id,
        engine=EngineChoice.ACRCLOUD,
        status=ScanStatus.SUCCEEDED,
        result_sha256=answer,
    ).exists()


def _nothing_new(job: CloudJob) -> bool:
    """End a scan that a callback started; the file keeps its status."""
    Scan.objects.filter(pk=job.scan_id, status=ScanStatus.RUNNING).update(
        status=ScanStatus.CANCELLED,
        stage=ScanStage.DONE,
        finished_at=datetime.now(tz=UTC),
        message="ACRCloud sent the result that is already stored.",
    )
    return end(job, lambda: None)


def _cloud_failure(job: CloudJob, remote: RemoteFile) -> ScanFailed:
    cause = (
        "it could not read or fetch the audio; check that the file plays, or attach "
        "the audio of a link"
        if remote.state == _FAILED[0]
        else "the failure is on its side; scan the file again later"
    )
    return ScanFailed(
        "acrcloud_error",
        f"ACRCloud could not scan {job.scan.scanned_file.name} (state "
        f"{remote.state}): {cause}.",
    )
