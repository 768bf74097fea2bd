"""Runs scans in the cloud: send → ask until there is a result → results.

Each step is one call, claimed by the job's lease, so that it can be repeated by any
worker. A send that may have arrived although no answer came is looked for by the
scan's id, which is part of the name it is sent under, before it is sent again.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from time import monotonic

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from common.leases import NO_LEASE, lease_end
from scanning import results
from scanning.choices import (
    ACTIVE_SCAN_STATUSES,
    CallbackOutcome,
    EngineChoice,
    FileStatus,
    ScanStage,
    ScanStatus,
)
from scanning.cloud_jobs import (
    HOUR_MS,
    delete_copy,
    expected_ms,
    sent_ms_this_month,
)
from scanning.cloud_sending import SentFile, deliver
from scanning.engines.acrcloud import Cloud, RemoteFile
from scanning.engines.acrcloud_results import digest
from scanning.engines.cloud_faults import CloudFault, FaultKind
from scanning.engines.reported import engine_result
from scanning.errors import LeaseLost, ScanCancelled, ScanFailed
from scanning.models import (
    CloudAccount,
    CloudDeletion,
    CloudJob,
    InboundCallback,
    Scan,
    ScannedFile,
    SentAs,
)

logger = logging.getLogger(__name__)

# States of the wire protocol.
_FINISHED = (1, -1)
_FAILED = (-2, -3)
_PER_ROUND = 50
_RENEW_SECONDS = 5.0
_CAP_RECHECK = timedelta(minutes=15)
_LONGEST_CHECK = timedelta(minutes=10)
_LONGEST_WAIT = timedelta(hours=1)


def send_due(*, owner: str) -> int:
    """Send what is due; return how many jobs were looked at."""
    count = 0
    for job in _claimed(_due_jobs().filter(sent_at__isnull=True), owner):
        _send(job)
        count += 1
    return count


def check_due(*, owner: str) -> list[int]:
    """Ask for the results that are due; return the keys of the scans that ended."""
    due = _due_jobs().filter(sent_at__isnull=False)
    return [job.scan_id for job in _claimed(due, owner) if _check(job)]


def delete_due(*, owner: str) -> int:
    """Delete in the cloud what was deleted here; return how many are gone."""
    now = datetime.now(tz=UTC)
    due = CloudDeletion.objects.filter(_free(now), due_at__lte=now)
    done = 0
    for key in list(due.order_by("due_at").values_list("pk", flat=True)[:_PER_ROUND]):
        if due.filter(pk=key).update(
            lease_owner=owner, lease_until=lease_end(), attempts=F("attempts") + 1
        ):
            done += _delete(CloudDeletion.objects.select_related("account").get(pk=key))
    return done


def _due_jobs() -> QuerySet[CloudJob]:
    now = datetime.now(tz=UTC)
    not_paused = Q(account__paused_until__isnull=True) | Q(
        account__paused_until__lte=now
    )
    return CloudJob.objects.filter(
        not_paused, _free(now), due_at__lte=now, scan__status__in=ACTIVE_SCAN_STATUSES
    )


def _free(now: datetime) -> Q:
    return Q(lease_until__isnull=True) | Q(lease_until__lt=now)


def _claimed(due: QuerySet[CloudJob], owner: str) -> Iterator[CloudJob]:
    """Yield what is due, each taken by this worker; a pause meanwhile ends the round.

    Container by container, so that one with thousands lets another's few through.
    """
    turns = due.annotate(
        turn=Window(
            RowNumber(),
            partition_by=F("scan__scanned_file__container"),
            order_by=[F("due_at"), F("pk")],
        )
    ).order_by("turn", "due_at", "pk")
    keys = list(turns.values_list("pk", flat=True)[:_PER_ROUND])
    for key in keys:
        if not due.filter(pk=key).exists():
            continue
        now = datetime.now(tz=UTC)
        taken = CloudJob.objects.filter(_free(now), pk=key, due_at__lte=now).update(
            lease_owner=owner, lease_until=lease_end(), attempts=F("attempts") + 1
        )
        if taken:
            yield CloudJob.objects.select_related(
                "account", "scan__scanned_file__container__cloud_account"
            ).get(pk=key)


def _send(job: CloudJob) -> None:
    file = job.scan.scanned_file
    if not _begin(job):
        return
    if job.scan.cancel_requested or file.deleted_at is not None:
        _end(job, lambda: results.store_cancellation(scan=job.scan, owner=""))
        return
    if _over_cap(job):
        return
    try:
        sent = deliver(job, progress=_renewer(job))
    except ScanCancelled:
        _end(job, lambda: results.store_cancellation(scan=job.scan, owner=""))
    except ScanFailed as failure:
        _fail(job, failure)
    except CloudFault as fault:
        _send_failed(job, fault)
    else:
        _keep_sent(job, sent)


def _begin(job: CloudJob) -> bool:
    """Show the scan as being sent; tell whether it is still wanted."""
    return bool(
        Scan.objects.filter(
            pk=job.scan_id, status__in=ACTIVE_SCAN_STATUSES, lease_owner=""
        ).update(
            status=ScanStatus.RUNNING,
            stage=ScanStage.SENDING,
            started_at=datetime.now(tz=UTC),
        )
    )


def _over_cap(job: CloudJob) -> bool:
    """Let the file wait if sending it would pass the container's limit of the month."""
    container = job.scan.scanned_file.container
    cap = container.cloud_cap_hours
    if cap is None:
        return False
    wanted = expected_ms(job.scan.scanned_file)
    if sent_ms_this_month(container=container) + wanted <= cap * HOUR_MS:
        return False
    waiting = CloudJob.objects.filter(
        scan__scanned_file__container=container,
        sent_at__isnull=True,
        scan__status__in=ACTIVE_SCAN_STATUSES,
    ).count()
    _wait(
        job,
        datetime.now(tz=UTC) + _CAP_RECHECK,
        "cloud_cap",
        f"Monthly cloud limit of {cap} h reached; {waiting} files wait. Embedded "
        "scans go on. An admin can raise the limit of the container; it ends with the "
        "month.",
    )
    return True


def _send_failed(job: CloudJob, fault: CloudFault) -> None:
    logger.info("scan %s was not sent: %s", job.scan.uid, fault.kind)
    _remember(job, fault)
    if fault.kind in (FaultKind.QUOTA, FaultKind.TOKEN):
        _pause(job, fault)
    elif fault.kind is FaultKind.UNREACHABLE and not _waited_too_long(
        job.scan.created_at
    ):
        at = datetime.now(tz=UTC) + _delay(4 ** (job.attempts - 1), _LONGEST_WAIT)
        _wait(job, at, fault.kind, f"{fault} Next try at {_clock(at)}.")
    else:
        _fail(job, ScanFailed(fault.kind, str(fault)))


def _pause(job: CloudJob, fault: CloudFault) -> None:
    """Let everything of the account wait: each further call would be refused too."""
    account = job.account
    wait = _delay(4 * 2 ** min(account.pauses, 12), _LONGEST_WAIT)
    if fault.retry_after is not None:
        wait = min(timedelta(seconds=fault.retry_after), _LONGEST_WAIT)
    at = datetime.now(tz=UTC) + wait
    told = f"ACRCloud says: {fault.said}. We retry at {_clock(at)}. {fault.explanation}"
    CloudAccount.objects.filter(pk=account.pk).update(
        paused_until=at,
        pause_code=fault.kind,
        pause_message=told[:1000],
        pauses=F("pauses") + 1,
    )
    if job.sent_at is None:
        _wait(job, at, fault.kind, told)
    else:
        CloudJob.objects.filter(pk=job.pk).update(due_at=at, **NO_LEASE)
    others = ScannedFile.objects.filter(
        scans__cloud_job__account=account,
        scans__cloud_job__sent_at__isnull=True,
        scans__status=ScanStatus.QUEUED,
    )
    _tell(others, FileStatus.WAITING, fault.kind, told)


def _wait(job: CloudJob, at: datetime, code: str, message: str) -> None:
    """Put the scan back in the line until ``at``; the file says why."""
    with transaction.atomic():
        CloudJob.objects.filter(pk=job.pk).update(due_at=at, **NO_LEASE)
        Scan.objects.filter(pk=job.scan_id, status=ScanStatus.RUNNING).update(
            status=ScanStatus.QUEUED, stage=ScanStage.QUEUED
        )
        _tell(
            ScannedFile.objects.filter(pk=job.scan.scanned_file_id),
            FileStatus.WAITING,
            code,
            message,
        )


def _keep_sent(job: CloudJob, sent: SentFile) -> None:
    now = datetime.now(tz=UTC)
    _resume(job.account)
    with transaction.atomic():
        CloudJob.objects.filter(pk=job.pk).update(
            remote_id=sent.remote_id,
            sent_as=sent.sent_as,
            sent_at=now,
            sent_ms=expected_ms(job.scan.scanned_file),
            attempts=0,
            due_at=now + _delay(1, _LONGEST_CHECK),
            said="",
            **NO_LEASE,
        )
        Scan.objects.filter(pk=job.scan_id, status=ScanStatus.RUNNING).update(
            stage=ScanStage.AWAITING_CALLBACK
        )
        files = ScannedFile.objects.filter(pk=job.scan.scanned_file_id)
        # A server may answer the same bytes with the id of an earlier file.
        if not ScannedFile.objects.filter(remote_id=sent.remote_id).exists():
            files.update(remote_id=sent.remote_id)
        _tell(files, FileStatus.PROCESSING, "", "")
        _take_early_callbacks(job, sent.remote_id)


def _take_early_callbacks(job: CloudJob, remote_id: str) -> None:
    """Look at once where a callback came before the answer to the upload."""
    early = InboundCallback.objects.filter(
        Q(account=job.account) | Q(container=job.scan.scanned_file.container),
        outcome=CallbackOutcome.ORPHAN,
        file_id=remote_id,
    )
    if early.update(
        outcome=CallbackOutcome.APPLIED,
        scanned_file=job.scan.scanned_file,
        message="It came before the file was known; the result is fetched.",
        processed_at=datetime.now(tz=UTC),
    ):
        CloudJob.objects.filter(pk=job.pk).update(due_at=datetime.now(tz=UTC))


def _check(job: CloudJob) -> bool:
    """Ask once; tell whether the scan has ended with that."""
    file = job.scan.scanned_file
    if job.scan.cancel_requested or file.deleted_at is not None:
        if file.deleted_at is not None:
            delete_copy(scanned_file=file, remote_id=job.remote_id)
        return _end(job, lambda: results.store_cancellation(scan=job.scan, owner=""))
    try:
        remote = Cloud(job.account).show_file(job.remote_container_id, job.remote_id)
    except CloudFault as fault:
        return _check_failed(job, fault)
    _resume(job.account)
    if remote.state in _FINISHED:
        return _store(job, remote)
    if remote.state in _FAILED:
        return _fail(job, _cloud_failure(job, remote))
    return _check_later(job)


def _check_failed(job: CloudJob, fault: CloudFault) -> bool:
    logger.info("scan %s was not checked: %s", job.scan.uid, fault.kind)
    _remember(job, fault)
    if fault.kind in (FaultKind.QUOTA, FaultKind.TOKEN):
        _pause(job, fault)
        return False
    if fault.kind is FaultKind.UNREACHABLE:
        return _check_later(job)
    return _fail(job, ScanFailed(fault.kind, str(fault)))


def _check_later(job: CloudJob) -> bool:
    if _waited_too_long(job.sent_at or job.created_at):
        hours = settings.ACRPORTAL_CLOUD_WAIT_HOURS
        failure = ScanFailed(
            "cloud_silent",
            f"ACRCloud gave no result within {hours} hours. Look for the file in its "
            "console, then scan it again.",
        )
        return _fail(job, failure)
    CloudJob.objects.filter(pk=job.pk).update(
        due_at=datetime.now(tz=UTC) + _delay(2 ** min(job.checks, 12), _LONGEST_CHECK),
        checks=F("checks") + 1,
        **NO_LEASE,
    )
    return False


def _store(job: CloudJob, remote: RemoteFile) -> bool:
    answer = digest(remote.state, remote.results)
    if job.sent_as == SentAs.CALLED_BACK and _is_known(job, answer):
        return _nothing_new(job)

    def store() -> None:
        _take_length(job, remote)
        results.store_result(
            scan=job.scan, result=engine_result(remote.results, answer), owner=""
        )
        CloudJob.objects.filter(pk=job.pk).update(raw=zlib.compress(remote.raw))

    return _end(job, store)


def _take_length(job: CloudJob, remote: RemoteFile) -> None:
    """Take the cloud's word for the length where the file was not decoded here."""
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
    """End a scan that a callback gave cause for; the file keeps its state."""
    Scan.objects.filter(pk=job.scan_id, status=ScanStatus.RUNNING).update(
        status=ScanStatus.CANCELLED,
        stage=ScanStage.DONE,
        finished_at=datetime.now(tz=UTC),
        message="ACRCloud called back with the result that is stored already.",
    )
    return _end(job, lambda: None)


def _cloud_failure(job: CloudJob, remote: RemoteFile) -> ScanFailed:
    cause = (
        "it could not read or fetch the sound; check that the file plays, or attach "
        "the audio of a link"
        if remote.state == _FAILED[0]
        else "it failed on its side; scan the file again later"
    )
    return ScanFailed(
        "acrcloud_error",
        f"ACRCloud could not scan {job.scan.scanned_file.name} (state "
        f"{remote.state}): {cause}.",
    )


def _fail(job: CloudJob, failure: ScanFailed) -> bool:
    return _end(
        job, lambda: results.store_failure(scan=job.scan, failure=failure, owner="")
    )


def _end(job: CloudJob, store: Callable[[], None]) -> bool:
    """Store how the scan ended; one that somebody else has ended is left as it is."""
    try:
        with transaction.atomic():
            store()
            CloudJob.objects.filter(pk=job.pk).update(due_at=None, **NO_LEASE)
    except LeaseLost:
        CloudJob.objects.filter(pk=job.pk).update(due_at=None, **NO_LEASE)
        return False
    return True


def _delete(deletion: CloudDeletion) -> bool:
    now = datetime.now(tz=UTC)
    try:
        Cloud(deletion.account).delete_file(
            deletion.remote_container_id, deletion.remote_id
        )
    except CloudFault as fault:
        over = fault.kind in (FaultKind.CONTAINER, FaultKind.REFUSED)
        wait = _delay(4 ** min(deletion.attempts, 6), _LONGEST_WAIT)
        over = over or _waited_too_long(deletion.created_at)
        columns = {"said": str(fault)[:1000], "due_at": None if over else now + wait}
        CloudDeletion.objects.filter(pk=deletion.pk).update(**columns, **NO_LEASE)
        return False
    CloudDeletion.objects.filter(pk=deletion.pk).update(
        due_at=None, done_at=now, said="", **NO_LEASE
    )
    return True


def _tell(
    files: QuerySet[ScannedFile], status: FileStatus, code: str, message: str
) -> None:
    files.update(
        status=status,
        error_code=code,
        message=message[:1000],
        updated_at=datetime.now(tz=UTC),
    )


def _remember(job: CloudJob, fault: CloudFault) -> None:
    CloudJob.objects.filter(pk=job.pk).update(said=fault.said[:1000])


def _resume(account: CloudAccount) -> None:
    """Forget earlier pauses: the account answers."""
    if account.pauses or account.pause_code:
        CloudAccount.objects.filter(pk=account.pk).update(
            paused_until=None, pause_code="", pause_message="", pauses=0
        )


def _renewer(job: CloudJob) -> Callable[[float], None]:
    """Return a progress callback that keeps the lease and notices a cancel."""
    last = monotonic()

    def renew(share: float) -> None:
        nonlocal last
        if monotonic() - last < _RENEW_SECONDS:
            return
        last = monotonic()
        CloudJob.objects.filter(pk=job.pk).update(lease_until=lease_end())
        Scan.objects.filter(pk=job.scan_id).update(progress=min(99, int(100 * share)))
        if Scan.objects.filter(pk=job.scan_id, cancel_requested=True).exists():
            raise ScanCancelled

    return renew


def _delay(times: int, longest: timedelta) -> timedelta:
    base = settings.ACRPORTAL_CLOUD_POLL_SECONDS
    return min(timedelta(seconds=base * min(times, 10_000)), longest)


def _waited_too_long(since: datetime) -> bool:
    limit = timedelta(hours=settings.ACRPORTAL_CLOUD_WAIT_HOURS)
    return datetime.now(tz=UTC) - since > limit


def _clock(at: datetime) -> str:
    return f"{at:%H:%M} UTC"
