"""Looks over an installation: what does not fit together, and can it be mended?"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django_tasks_db.models import DBTaskResult

from catalogue import index_store
from catalogue.models import Bucket, Recording, RecordingStatus
from catalogue.rebuilding import rebuild_index
from catalogue.services import requeue_stale_recordings
from common.queue import BrokerAway, entries_waiting
from common.secret_text import SecretUnreadable, unseal
from operations.findings import Finding
from operations.stored_files import lost_files, stray_files, stray_uploads
from recognition.errors import IndexUnavailable, RecognitionError
from scanning.choices import ScanStatus
from scanning.models import CloudAccount, Scan
from scanning.services.scans import requeue_stale_scans

Check = Callable[[], Iterable[Finding]]

# Below this, large uploads and backups soon fail.
_LOW_DISK_SHARE = 0.05


def examine() -> Iterator[Finding]:
    """Yield everything that is not as it should be, check by check."""
    unmigrated = list(_migrations())
    yield from unmigrated
    if unmigrated:
        # Other checks would stumble over columns that are not there yet.
        return
    for check in CHECKS:
        yield from check()


def _migrations() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        yield Finding(
            "database",
            f"{len(plan)} migrations are not applied, the first is {plan[0][0]}",
            "Run: manage.py migrate",
        )


def _disk() -> Iterator[Finding]:
    usage = shutil.disk_usage(settings.ACRPORTAL_DATA_DIR)
    if usage.free < usage.total * _LOW_DISK_SHARE:
        yield Finding(
            "disk",
            f"{usage.free // 2**20} MiB are free on the disk of the data folder",
            "Make room, or move the data folder to a larger disk.",
        )


def _keys() -> Iterator[Finding]:
    key = settings.ACRPORTAL_DATA_DIR / "secret_key"
    if key.is_file() and key.stat().st_mode & 0o077:
        yield Finding(
            "keys",
            f"{key} can be read by others than its owner",
            "--fix takes their rights away.",
            partial(key.chmod, 0o600),
        )
    for account in CloudAccount.objects.order_by("pk"):
        try:
            unseal(account.token_sealed)
        except SecretUnreadable:
            yield Finding(
                "keys",
                f"the token of the cloud account {account} was sealed with another key",
                "Enter the token again, or put the earlier SECRET_KEY back.",
            )


def _index() -> Iterator[Finding]:
    rebuild = partial(rebuild_index, lambda _counts: None)
    try:
        index = index_store.open_index()
        for bucket in Bucket.objects.order_by("pk"):
            problems = index.verify(bucket.pk)
            if problems:
                raise RecognitionError(f"{bucket}: {problems[0]}")
            yield from _index_of(bucket)
    except IndexUnavailable as error:
        yield Finding(
            "index",
            str(error).rstrip("."),
            "Searches and scans wait until it answers again; see INDEX_URL.",
        )
    except RecognitionError as error:
        yield Finding(
            "index",
            str(error),
            "--fix builds the index again from the stored fingerprints.",
            rebuild,
        )


def _index_of(bucket: Bucket) -> Iterator[Finding]:
    indexed = set(index_store.open_index().recordings(bucket.pk).tolist())
    ready = Recording.objects.filter(bucket=bucket, status=RecordingStatus.READY)
    for recording in ready.exclude(pk__in=indexed).order_by("pk").iterator():
        yield Finding(
            "index",
            f"{recording} ({recording.uid}) is not in the index, so it is never found",
            "--fix adds it from its stored fingerprint.",
            partial(index_store.index_recording, recording),
        )
    for number in sorted(indexed - set(ready.values_list("pk", flat=True))):
        yield Finding(
            "index",
            f"recording {number} is in the index of {bucket} and not searchable there",
            "--fix takes it out.",
            partial(index_store.open_index().remove, bucket.pk, number),
        )


def _stuck_work() -> Iterator[Finding]:
    """Find work whose worker fell silent; a worker that runs hands it out by itself."""
    now = datetime.now(tz=UTC)
    scans = Scan.objects.filter(status=ScanStatus.RUNNING, lease_until__lt=now)
    recordings = Recording.objects.filter(
        status=RecordingStatus.PROCESSING, lease_until__lt=now
    )
    for count, what in ((scans.count(), "scans"), (recordings.count(), "recordings")):
        if count:
            yield Finding(
                "work",
                f"{count} {what} have lost their worker, and no other took them over",
                "See that a worker runs (manage.py scan_worker). --fix hands them out "
                "again.",
                _hand_out,
            )


def _hand_out() -> None:
    requeue_stale_scans()
    requeue_stale_recordings(max_attempts=settings.ACRPORTAL_MAX_ATTEMPTS)


def _failed_tasks() -> Iterator[Finding]:
    for task in DBTaskResult.objects.failed().order_by("finished_at"):
        cause = (task.exception_class_path or "unknown").rpartition(".")[2]
        yield Finding(
            "work",
            f"{task.task_path}{tuple(task.args_kwargs['args'])} failed: {cause}",
            "Its traceback is in the worker's log. --fix forgets the entry; rows "
            "that still wait are handed out again.",
            task.delete,
        )


def _broker() -> Iterator[Finding]:
    """Find a broker that is away: uploads are taken meanwhile, nothing is worked off."""
    try:
        entries_waiting()
    except BrokerAway as error:
        yield Finding(
            "work",
            f"the broker does not answer: {error}",
            "Start it, or mend BROKER_URL. What was asked for meanwhile is queued again.",
        )


CHECKS: tuple[Check, ...] = (
    _disk,
    _keys,
    lost_files,
    stray_files,
    stray_uploads,
    _index,
    _broker,
    _stuck_work,
    _failed_tasks,
)
