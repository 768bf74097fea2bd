"""Sends a file to the cloud once, as audio, link or fingerprint.

Another portal of ours may take the fingerprint instead of audio, as ``forms`` decides.
A file may arrive although the answer is lost or the worker dies. Each file is sent
under a name that contains the scan's id; after an attempt that may have sent it, the
next one looks for that name before it sends again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, NoReturn, cast

from django.core.files.base import ContentFile, File
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

import base.audit.services
import base.jobs.clock
from base.common.databases import one_at_a_time
from base.common.storage import read_bytes
from base.jobs.context import JobContext
from base.jobs.errors import Cancelled, Retry
from recognition.fingerprints import file_format as fingerprint_file
from scanning.choices import (
    ACTIVE_SCAN_STATUSES,
    CallbackOutcome,
    EngineChoice,
    FileStatus,
    ScanStatus,
)
from scanning.cloud.forms import FingerprintAwaited, choose_form, form_with_audio, not_stored
from scanning.cloud.pauses import clock, pause, remember, resume, tell, wait
from scanning.cloud_jobs import (
    HOUR_MS,
    LONGEST_CHECK,
    delay,
    expected_ms,
    pause_after,
    sent_ms_this_month,
    waited_too_long,
)
from scanning.engines.acrcloud import Cloud, RemoteFile
from scanning.engines.cloud_faults import CloudFault, FaultKind
from scanning.errors import ScanFailed
from scanning.models import AudioBecause, CloudJob, InboundCallback, Scan, ScannedFile, SentAs

logger = logging.getLogger(__name__)

# An admin may raise the limit at any time, so look again soon.
_CAP_RECHECK = timedelta(minutes=15)
_PROCESSING = 0


@dataclass(frozen=True, slots=True)
class SentFile:
    """The cloud's id of the file and the form in which it was sent."""

    remote_id: str
    sent_as: SentAs
    audio_because: AudioBecause = AudioBecause.UNASKED


def send(context: JobContext, job: CloudJob) -> NoReturn:
    """Send a file, then wait for its result; after a failure wait for another try."""
    if not _begin(job):
        message = _over_cap(job)
        wait(job, "cloud_cap", message)
        context.wait_until(base.jobs.clock.now() + _CAP_RECHECK, message)
    try:
        sent = _deliver(job, progress=context.report)
    except FingerprintAwaited as awaited:
        wait(job, "", str(awaited))
        context.wait_until(base.jobs.clock.now() + awaited.seldom, str(awaited))
    except CloudFault as fault:
        logger.info("scan %s was not sent: %s", job.scan.uid, fault.kind)
        remember(job, fault)
        if fault.kind in (FaultKind.QUOTA, FaultKind.TOKEN):
            context.wait_until(pause(job, fault), str(fault))
        if fault.kind is FaultKind.UNREACHABLE and not waited_too_long(job.scan.created_at):
            at = base.jobs.clock.now() + pause_after(context.job.attempts)
            message = _("%(fault)s Next attempt at %(clock)s.") % {
                "fault": fault,
                "clock": clock(at),
            }
            wait(job, fault.kind, message)
            raise Retry(message) from fault
        raise ScanFailed(fault.kind, str(fault)) from fault
    context.wait_until(_keep_sent(context, job, sent))


def _begin(job: CloudJob) -> bool:
    """Mark the scan as being sent; return False if that would exceed the limit."""
    container = job.scan.scanned_file.container
    has_cap = container.cloud_cap_hours is not None
    with one_at_a_time(f"cloud cap {container.pk}") if has_cap else nullcontext():
        if not _fits(job):
            return False
        begun = Scan.objects.filter(pk=job.scan_id, status__in=ACTIVE_SCAN_STATUSES).update(
            status=ScanStatus.RUNNING, started_at=datetime.now(tz=UTC)
        )
    if not begun:
        raise Cancelled
    return True


def _fits(job: CloudJob) -> bool:
    """Return whether the container's monthly limit leaves room for a file.

    Files that are being sent count: once they are sent, it is too late to stop.
    """
    container = job.scan.scanned_file.container
    if container.cloud_cap_hours is None:
        return True
    being_sent = ScannedFile.objects.filter(
        container=container, scans__engine=EngineChoice.ACRCLOUD, scans__status=ScanStatus.RUNNING
    ).exclude(pk=job.scan.scanned_file_id)
    files = [job.scan.scanned_file, *being_sent]
    total = sent_ms_this_month(container=container) + sum(map(expected_ms, files))
    return total <= container.cloud_cap_hours * HOUR_MS


def _over_cap(job: CloudJob) -> str:
    """Return why a file waits that would exceed the container's monthly limit."""
    container = job.scan.scanned_file.container
    waiting = CloudJob.objects.filter(
        scan__scanned_file__container=container,
        sent_at__isnull=True,
        scan__status__in=ACTIVE_SCAN_STATUSES,
    ).count()
    return ngettext(
        "The monthly cloud limit of %(hours)s h is reached; %(count)s file waits. Embedded scans continue. Wait for next month, or ask an admin to raise the container's limit.",
        "The monthly cloud limit of %(hours)s h is reached; %(count)s files wait. Embedded scans continue. Wait for next month, or ask an admin to raise the container's limit.",
        waiting,
    ) % {"hours": container.cloud_cap_hours, "count": waiting}


def _keep_sent(context: JobContext, job: CloudJob, sent: SentFile) -> datetime:
    """Store that a file was sent; return when to look for its result."""
    now = base.jobs.clock.now()
    resume(job.account)
    with transaction.atomic():
        # First, because this stops a worker that has lost the job.
        context.write(status=ScanStatus.AWAITING_CALLBACK)
        CloudJob.objects.filter(pk=job.pk).update(
            remote_id=sent.remote_id,
            sent_as=sent.sent_as,
            audio_because=sent.audio_because,
            sent_at=now,
            sent_ms=expected_ms(job.scan.scanned_file),
            said="",
        )
        files = ScannedFile.objects.filter(pk=job.scan.scanned_file_id)
        # A server may answer a repeated upload with the id of an earlier file.
        named = ScannedFile.objects.present().filter(remote_id=sent.remote_id)
        if not named.exists():
            files.update(remote_id=sent.remote_id)
        tell(files, FileStatus.PROCESSING, "", "")
        base.audit.services.record(
            case=f"file:{job.scan.scanned_file.uid}",
            action="file.sent_to_cloud",
            actor=base.audit.services.SYSTEM,
            after={
                "account": job.account.name,
                "cloud_container": job.remote_container_id,
                "sent_as": sent.sent_as,
                "audio_because": sent.audio_because,
            },
        )
        if _take_early_callbacks(job, sent.remote_id):
            return now
    return now + delay(1, LONGEST_CHECK)


def _take_early_callbacks(job: CloudJob, remote_id: str) -> int:
    """Count the callbacks that arrived before the answer to the upload as applied."""
    early = InboundCallback.objects.filter(
        Q(account=job.account) | Q(container=job.scan.scanned_file.container),
        outcome=CallbackOutcome.ORPHAN,
        file_id=remote_id,
    )
    return early.update(
        outcome=CallbackOutcome.APPLIED,
        scanned_file=job.scan.scanned_file,
        message=_("It came before the file's id was known; the result is being fetched."),
        processed_at=datetime.now(tz=UTC),
    )


def _deliver(job: CloudJob, *, progress: Callable[[float], None]) -> SentFile:
    """Have the cloud rescan its copy, or send the file.

    Raise ``CloudFault``, or ``FingerprintAwaited`` if nothing was sent.
    """
    cloud, file = Cloud(job.account), job.scan.scanned_file
    looks_first = job.may_have_arrived
    if file.remote_id:
        _note_attempt(job)
        if _rescan(cloud, job, looks_first=looks_first):
            return SentFile(file.remote_id, SentAs.RESCAN)
    if looks_first:
        # The name of a file that an earlier attempt sent contains the scan id.
        uid = job.scan.uid
        remote_files = cloud.list_files(job.remote_container_id, search=uid)
        arrived = next((remote for remote in remote_files if uid in remote.name), None)
        if arrived is not None:
            # An earlier attempt may have sent another form than the present one.
            if arrived.data_type == SentAs.FINGERPRINT:
                return SentFile(arrived.id, SentAs.FINGERPRINT)
            return SentFile(arrived.id, form_with_audio(file))
    form = choose_form(cloud, job)
    _note_attempt(job)
    remote = _upload(cloud, job, form.sent_as, progress)
    return SentFile(remote.id, form.sent_as, form.audio_because)


def _note_attempt(job: CloudJob) -> None:
    """Remember that from now on the file may be there."""
    CloudJob.objects.filter(pk=job.pk).update(may_have_arrived=True)


def _rescan(cloud: Cloud, job: CloudJob, *, looks_first: bool) -> bool:
    """Have the cloud rescan its copy; False if the copy is gone."""
    remote_id = job.scan.scanned_file.remote_id
    try:
        if looks_first:
            there = cloud.show_file(job.remote_container_id, remote_id)
            if there.state == _PROCESSING:
                return True
        cloud.rescan_file(job.remote_container_id, remote_id)
    except CloudFault as fault:
        if fault.kind is FaultKind.GONE:
            return False
        raise
    return True


def _upload(
    cloud: Cloud, job: CloudJob, sent_as: SentAs, progress: Callable[[float], None]
) -> RemoteFile:
    file = job.scan.scanned_file
    fields = {"data_type": sent_as.value, "name": f"{file.name[:200]} [{job.scan.uid}]"}
    if sent_as in (SentAs.AUDIO_URL, SentAs.PLATFORMS):
        return cloud.send_link(
            job.remote_container_id, fields=fields | {"url": file.source_url}, key=job.scan.uid
        )
    try:
        opened, file_bytes = _what_is_sent(file, sent_as)
    except FileNotFoundError as error:
        raise not_stored(file) from error
    with opened as handle:
        return cloud.send_file(
            job.remote_container_id,
            # Django's file objects read like binary files but have no such type.
            file=cast("BinaryIO", handle),
            file_bytes=file_bytes,
            fields=fields,
            key=job.scan.uid,
            progress=progress,
        )


def _what_is_sent(file: ScannedFile, sent_as: SentAs) -> tuple[File[bytes], int]:
    """Return the open audio or fingerprint, and its size in bytes."""
    if sent_as != SentAs.FINGERPRINT:
        return file.media.open("rb"), file.media.size
    kept = fingerprint_file.from_bytes(read_bytes(file.fingerprint))
    content = fingerprint_file.to_bytes(fingerprint_file.for_others(kept))
    return ContentFile(content), len(content)
