"""Checks an installation for inconsistencies and offers repairs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from base.accounts.sign_on_groups import missing_groups
from base.common.phrases import count_noun
from base.common.secret_text import SecretUnreadable, unseal
from base.jobs import clock, installation, machines, resources
from base.jobs.choices import InstallationRole, JobState, Pool
from base.jobs.models import Job
from base.jobs.selectors import lost_leases, standstill
from base.jobs.services import reclaim
from catalogue import following, index_log, index_store, partitions
from catalogue.models import Bucket, Recording, RecordingStatus
from catalogue.partitions import Partition
from catalogue.rebuilding import rebuild_index
from operations.findings import DoctorFinding, checks
from operations.resealing import stored_secrets
from operations.stored_files import lost_files, stray_files, stray_uploads
from recognition.errors import IndexUnavailable, RecognitionError
from recognition.index.interface import IndexStore
from review.timeline.figures import differing, refresh
from scanning.models import ScannedFile

Check = Callable[[], Iterable[DoctorFinding]]

# Below this share of free space, large uploads and backups soon fail.
_LOW_DISK_SHARE = 0.05
# Counting all files of a large installation would take hours.
_FILES_COUNTED = 1_000
_CLOCK_TOLERANCE = timedelta(seconds=30)


def examine() -> Iterator[DoctorFinding]:
    """Yield all problems, check by check."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        yield DoctorFinding(
            "database",
            f"{count_noun(len(plan), 'migration')} not applied; the first is {plan[0][0]}",
            "Run: manage.py migrate",
        )
        # Other checks would fail on columns that do not exist yet.
        return
    for check in (*CHECKS, *checks):
        yield from check()


def _disk() -> Iterator[DoctorFinding]:
    usage = shutil.disk_usage(settings.ACRPORTAL_DATA_DIR)
    if usage.free < usage.total * _LOW_DISK_SHARE:
        yield DoctorFinding(
            "disk",
            f"only {usage.free // 2**20} MiB are free on the disk of the data folder",
            "Free some space, or move the data folder to a larger disk.",
        )
    waiting = Job.objects.filter(state=JobState.WAITING, blocked_by=resources.DISK)
    if count := waiting.count():
        yield DoctorFinding(
            "disk",
            f"{count_noun(count, 'job')} waiting, because the disk is full",
            "Free some space; waiting jobs are tried again every minute.",
        )


def _clock() -> Iterator[DoctorFinding]:
    """Find a machine whose clock differs from that of the database's server."""
    ahead = clock.difference()
    if abs(ahead) > _CLOCK_TOLERANCE:
        seconds = round(abs(ahead).total_seconds())
        yield DoctorFinding(
            "clock",
            f"this machine's clock is {seconds} s "
            f"{'ahead of' if ahead > timedelta(0) else 'behind'} the database server's",
            "Synchronise both clocks (NTP). Jobs follow the server's clock.",
        )


def _keys() -> Iterator[DoctorFinding]:
    key = settings.ACRPORTAL_DATA_DIR / "secret_key"
    if key.is_file() and key.stat().st_mode & 0o077:
        yield DoctorFinding(
            "keys",
            f"{key} is readable by users other than its owner",
            "--fix restricts it to its owner.",
            partial(key.chmod, 0o600),
        )
    for secret in stored_secrets():
        try:
            unseal(secret.sealed)
        except SecretUnreadable:
            yield DoctorFinding(
                "keys",
                f"{secret.name} was encrypted with another key",
                "Enter it again, or add the earlier key to SECRET_KEY_FALLBACKS.",
            )


def _sign_on() -> Iterator[DoctorFinding]:
    for name in missing_groups():
        yield DoctorFinding(
            "single sign-on",
            f"ACRPORTAL_OIDC_GROUPS names the group {name}, which does not exist",
            "Create it in Administration → Groups. Until then, its members have no role.",
        )


def _index() -> Iterator[DoctorFinding]:
    rebuild = partial(rebuild_index, lambda _counts: None)
    try:
        # Recordings whose change is missing from the log, on any machine.
        unnoted = index_log.unnoted().select_related("bucket").order_by("pk")
        for recording in unnoted:
            repair = partial(index_log.note_change, [recording.pk])
            yield _misplaced(recording, repair, recording.bucket)
        for partition in partitions.held():
            index = following.open_partition(partition)
            for bucket in Bucket.objects.present().order_by("pk"):
                # Checksums first: a damaged index would also seem to lack recordings.
                problems = index.verify(bucket.pk)
                if problems:
                    raise RecognitionError(f"{bucket}: {problems[0]}")
                yield from _index_of(bucket, index, partition)
    # An outage needs no repair.
    except IndexUnavailable as error:
        yield DoctorFinding(
            "index",
            str(error).rstrip("."),
            "Searches and scans on this machine wait until it answers.",
        )
    except RecognitionError as error:
        yield DoctorFinding(
            "index", str(error), "--fix rebuilds the index from the stored fingerprints.", rebuild
        )


def _partitions() -> Iterator[DoctorFinding]:
    count = len(partitions.every())
    for copy in following.copies():
        if copy.is_seen and copy.partitions != count:
            yield DoctorFinding(
                "index",
                f"{copy.host} splits the catalogue into {copy.partitions} partitions, "
                f"this machine into {count}",
                "Set ACRPORTAL_PARTITIONS to the same number on all machines.",
            )
    for partition in following.unheld():
        yield DoctorFinding(
            "index",
            f"no machine that holds partition {partition.number} of {partition.count} "
            "was seen lately",
            "Start its worker, or name it in another machine's "
            "ACRPORTAL_HELD_PARTITIONS; scans wait until then.",
        )


def _duties() -> Iterator[DoctorFinding]:
    """Find work that no machine does, and machines that do the same differently."""
    named = {partition.duty for partition in following.unheld()}
    for duty, count in machines.undone_duties().items():
        if duty not in named:
            yield DoctorFinding(
                "machines",
                f"{count_noun(count, 'job')} waiting for a worker that has "
                f"{resources.duty_words(duty)}, and none was seen lately",
                resources.duty_remedy(duty),
            )
    for duty, hosts in machines.contradictions().items():
        stated = "; ".join(f"{', '.join(hosts[mark])}: {mark}" for mark in hosts)
        yield DoctorFinding(
            "machines",
            f"machines have different ones of {resources.duty_words(duty)} ({stated})",
            "Give all of them the same one.",
        )


def _index_of(bucket: Bucket, index: IndexStore, partition: Partition) -> Iterator[DoctorFinding]:
    """Find what this machine's copy lacks, or holds though it should not."""
    held = set(index.recordings(bucket.pk).tolist())
    expected = set(filter(partition.holds, index_log.held_in(bucket.pk)))
    rows = Recording.objects.in_bulk(list(held ^ expected))
    for number in sorted(expected - held):
        repair = partial(index_store.index_recording, rows[number])
        yield _misplaced(rows[number], repair, bucket)
    for number in sorted(held - expected):
        yield _superfluous(number, partial(index.remove, bucket.pk, number), bucket)


def _misplaced(recording: Recording, repair: Callable[[], object], bucket: Bucket) -> DoctorFinding:
    if recording.status != RecordingStatus.READY:
        return _superfluous(recording.pk, repair, bucket)
    return DoctorFinding(
        "index",
        f"{recording} ({recording.uid}) is not in the index, so scans cannot find it",
        "--fix adds it from its stored fingerprint.",
        repair,
    )


def _superfluous(number: int, repair: Callable[[], object], bucket: Bucket) -> DoctorFinding:
    return DoctorFinding(
        "index",
        f"recording {number} is in the index of {bucket} but should not be",
        "--fix removes it.",
        repair,
    )


def _role() -> Iterator[DoctorFinding]:
    """Find that this installation sends and fetches nothing."""
    statement = installation.current()
    if statement is None or statement.role == InstallationRole.REAL:
        return
    is_copy = statement.role == InstallationRole.COPY
    yield DoctorFinding(
        "installation",
        "this is a copy, which sends and fetches nothing"
        if is_copy
        else f"it was restored from {statement.backup}, and sends and fetches nothing until "
        "somebody says whether it is the real one",
        "If it is the real one: manage.py installation --real"
        if is_copy
        else "Run: manage.py installation --real, or --copy",
    )


def _seconds() -> Iterator[DoctorFinding]:
    """Find stored figures of the newest files that differ from their timelines."""
    newest = ScannedFile.objects.filter(matches__isnull=False).order_by("-pk")
    keys = list(newest.values_list("pk", flat=True).distinct()[:_FILES_COUNTED])
    wrong = dict(differing(keys))
    if wrong:
        yield DoctorFinding(
            "seconds",
            f"{count_noun(len(wrong), 'file')} with other figures than its timeline; "
            f"the first: {next(iter(wrong.values()))}",
            "--fix counts them again.",
            partial(refresh, list(wrong)),
        )


def _stuck_work() -> Iterator[DoctorFinding]:
    """Find work whose lease expired; a running worker would have reclaimed it."""
    if count := lost_leases().count():
        yield DoctorFinding(
            "work",
            f"{count_noun(count, 'job')} without a worker: the lease ended and no other "
            "worker took over",
            "Start a worker (manage.py worker). --fix queues the jobs again.",
            reclaim,
        )


def _waiting_work() -> Iterator[DoctorFinding]:
    """Find jobs that no worker begins; a busy worker would run some at least."""
    waited = standstill()
    if waited is not None:
        yield DoctorFinding(
            "work",
            "jobs have been waiting for "
            f"{count_noun(waited // timedelta(minutes=1), 'minute')}, and none is running",
            "Start a worker (manage.py worker).",
        )


def _broker() -> Iterator[DoctorFinding]:
    """Find an unreachable broker: uploads still work, but no work is done."""
    if not settings.BROKER_URL:
        return
    # Most installations have no broker and skip the imports.
    from kombu.exceptions import OperationalError

    from base.jobs.broker import messages_waiting

    try:
        messages_waiting(Pool.WORK)
    except OperationalError as error:
        yield DoctorFinding(
            "work",
            f"the broker does not answer: {error}",
            "Start the broker or correct BROKER_URL. Workers then run the waiting jobs.",
        )


CHECKS: tuple[Check, ...] = (
    _role,
    _disk,
    _clock,
    _keys,
    _sign_on,
    lost_files,
    stray_files,
    stray_uploads,
    _index,
    _seconds,
    _partitions,
    _duties,
    _broker,
    _stuck_work,
    _waiting_work,
)
