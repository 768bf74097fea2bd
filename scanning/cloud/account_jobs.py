"""Runs the jobs of cloud accounts: scans, from sending to the result, and deletions."""

from __future__ import annotations

import logging
import zlib
from contextlib import suppress
from datetime import UTC, datetime
from typing import NoReturn

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

import base.jobs.clock
from base.jobs.context import JobContext
from base.jobs.errors import Cancelled, Failed, Retry
from base.jobs.services import submit
from scanning import results
from scanning.choices import ACTIVE_SCAN_STATUSES, EngineChoice, ScanStatus
from scanning.cloud.pauses import pause, remember, resume
from scanning.cloud.sending import send
from scanning.cloud_jobs import LONGEST_CHECK, delay, waited_too_long
from scanning.engines.acrcloud import Cloud, RemoteFile
from scanning.engines.acrcloud_recordings import engine_result
from scanning.engines.acrcloud_results import digest
from scanning.engines.cloud_faults import CloudFault, FaultKind
from scanning.errors import ScanEnded, ScanFailed
from scanning.jobs import RENDITION
from scanning.models import CloudDeletion, CloudJob, Scan, ScannedFile, SentAs

logger = logging.getLogger(__name__)

# Values of ``state`` in the wire protocol.
_FINISHED = (1, -1)
_FAILED = (-2, -3)


def run(context: JobContext) -> None:
    """Take the next step of a scan: send its file, or look for the result."""
    job = CloudJob.objects.select_related(
        "account", "scan__scanned_file__container__cloud_account"
    ).get(scan=context.subject)
    if job.scan.status not in ACTIVE_SCAN_STATUSES:
        return
    if job.scan.scanned_file.deleted_at is not None:
        raise Cancelled
    paused_until = job.account.paused_until
    if paused_until is not None and paused_until > base.jobs.clock.now():
        context.wait_until(paused_until, job.account.pause_message)
    try:
        _check_tries(context, job)
        if job.sent_at is None:
            send(context, job)
        _check(context, job)
    except ScanFailed as failure:
        if job.sent_at is not None:
            _ask_for_rendition(job.scan.scanned_file)
        raise Failed(failure.code, str(failure)) from failure


def _check_tries(context: JobContext, job: CloudJob) -> None:
    """Raise if errors and lost workers took up all the time that the cloud has."""
    tries = context.job.attempts
    since = job.sent_at or job.scan.created_at
    if tries > settings.ACRPORTAL_MAX_ATTEMPTS and waited_too_long(since):
        raise ScanFailed(
            "engine_error",
            ngettext(
                "The scan of %(name)s by ACRCloud stopped %(count)s time without a result. Look for the file in the ACRCloud console, then scan it again; if it stops again, tell an admin. %(cause)s",
                "The scan of %(name)s by ACRCloud stopped %(count)s times without a result. Look for the file in the ACRCloud console, then scan it again; if it stops again, tell an admin. %(cause)s",
                tries - 1,
            )
            % {"name": job.scan.scanned_file.name, "count": tries - 1, "cause": context.job.cause},
        )


def _check(context: JobContext, job: CloudJob) -> None:
    """Poll once: end the scan, or wait for the next poll."""
    try:
        remote = Cloud(job.account).show_file(job.remote_container_id, job.remote_id)
    except CloudFault as fault:
        logger.info("scan %s was not checked: %s", job.scan.uid, fault.kind)
        remember(job, fault)
        if fault.kind in (FaultKind.QUOTA, FaultKind.TOKEN):
            context.wait_until(pause(job, fault), str(fault))
        if fault.kind is FaultKind.UNREACHABLE:
            _check_later(context, job)
        raise ScanFailed(fault.kind, str(fault)) from fault
    # Any answer shows that a pause is no longer needed.
    resume(job.account)
    if remote.state in _FINISHED:
        _store(context, job, remote)
    elif remote.state in _FAILED:
        raise _cloud_failure(job, remote)
    else:
        _check_later(context, job)


def _check_later(context: JobContext, job: CloudJob) -> NoReturn:
    if waited_too_long(job.sent_at or job.created_at):
        hours = settings.ACRPORTAL_CLOUD_WAIT_HOURS
        raise ScanFailed(
            "cloud_silent",
            _(
                "ACRCloud gave no result within %(hours)s hours. Look for "
                "the file in the ACRCloud console, then scan it again."
            )
            % {"hours": hours},
        )
    CloudJob.objects.filter(pk=job.pk).update(checks=F("checks") + 1)
    # Long files take minutes, so poll less and less often.
    wait = delay(2 ** min(job.checks, 12), LONGEST_CHECK)
    context.wait_until(base.jobs.clock.now() + wait)


def _store(context: JobContext, job: CloudJob, remote: RemoteFile) -> None:
    """Store the result, unless the scan has ended."""
    answer = digest(remote.state, remote.results)
    stored = Scan.objects.filter(
        scanned_file_id=job.scan.scanned_file_id,
        engine=EngineChoice.ACRCLOUD,
        status=ScanStatus.SUCCEEDED,
        result_sha256=answer,
    )
    with suppress(ScanEnded), transaction.atomic():
        # The callback announced a result that polling had already stored.
        if job.sent_as == SentAs.CALLED_BACK and stored.exists():
            # The file keeps its status.
            Scan.objects.filter(pk=job.scan_id, status=ScanStatus.AWAITING_CALLBACK).update(
                status=ScanStatus.CANCELLED,
                finished_at=datetime.now(tz=UTC),
                message=_("ACRCloud sent the result that is already stored."),
            )
        else:
            _take_length(job, remote)
            results.store_result(scan=job.scan, result=engine_result(remote.results, answer))
            CloudJob.objects.filter(pk=job.pk).update(raw=zlib.compress(remote.raw))
        _ask_for_rendition(job.scan.scanned_file)
        context.finish()


def _ask_for_rendition(file: ScannedFile) -> None:
    """Ask for a playable copy of a file that the cloud has scanned."""
    if file.media and not file.proxy:
        submit(RENDITION, file)


def _take_length(job: CloudJob, remote: RemoteFile) -> None:
    """Store the cloud's duration if the file was not decoded here."""
    file = job.scan.scanned_file
    if file.length_ms or not remote.duration_ms:
        return
    file.length_ms = remote.duration_ms
    ScannedFile.objects.filter(pk=file.pk).update(length_ms=remote.duration_ms)
    if job.sent_ms:
        CloudJob.objects.filter(pk=job.pk).update(sent_ms=remote.duration_ms)


def _cloud_failure(job: CloudJob, remote: RemoteFile) -> ScanFailed:
    cause = (
        _(
            "it could not read or fetch the audio; check that the file plays, or attach "
            "the audio of a link"
        )
        if remote.state == _FAILED[0]
        else _("the failure is on its side; scan the file again later")
    )
    return ScanFailed(
        "acrcloud_error",
        _("ACRCloud could not scan %(name)s (state %(state)s): %(cause)s.")
        % {"name": job.scan.scanned_file.name, "state": remote.state, "cause": cause},
    )


def delete(context: JobContext) -> None:
    """Delete the cloud's copy of a file that was deleted here."""
    deletion: CloudDeletion = context.subject
    try:
        Cloud(deletion.account).delete_file(deletion.remote_container_id, deletion.remote_id)
    except CloudFault as fault:
        context.write(said=str(fault)[:1000])
        # Trying again cannot help these.
        over = fault.kind in (FaultKind.CONTAINER, FaultKind.REFUSED)
        if over or waited_too_long(deletion.created_at):
            raise Failed(fault.kind, str(fault)) from fault
        raise Retry(str(fault)) from fault
    context.finish(done_at=datetime.now(tz=UTC), said="")
