"""Keeps this machine's copy of the index in step with the catalogue.

Each machine has a copy of its own. Whoever searches brings it up to the state of the
catalogue at that moment first; workers also do so each second. A copy that is missing,
damaged or follows another catalogue is built again beside, and takes its place.
"""

from __future__ import annotations

import fcntl
import logging
import shutil
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

from django.db import connection
from django.db.models import Q

from base.common.outages import outage_of
from base.jobs import clock, draining, machines, resources
from base.jobs.choices import Pool
from base.jobs.machines import UNSEEN_AFTER
from catalogue import index_log, index_store, partitions
from catalogue.index_copy import IndexFolder, Read, Report, read_kept
from catalogue.index_log import LogState
from catalogue.models import IndexCopy, IndexEntry
from catalogue.partitions import Partition
from recognition import interrupts
from recognition.errors import IndexCorrupt, IndexUnavailable, RecognitionError
from recognition.index.interface import IndexStore
from recognition.index.store import SegmentStore

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.05
_REPORT_SECONDS = 20.0
_FORGOTTEN_AFTER = timedelta(days=1)
_BUILD_SECONDS = 2.0
# Damage that a new copy has as well is no damage of the disk.
_BUILDS = 2


def _look(_done: int = 0, _all: int = 0) -> None:
    """Stop here if the caller must not go on."""
    interrupts.look()


# --- For searches --------------------------------------------------------------------


def open_index() -> IndexStore:
    """Return this machine's index, brought up to the catalogue as it is now.

    Raises ``IndexUnavailable`` while another process builds it, ``ParamsMismatch`` if
    another engine built it, ``IndexPartial`` if this machine holds only a part,
    and what the storage raises if it is away.
    """
    if not partitions.are_all_held():
        raise partitions.elsewhere()
    return index_store.together(
        {partition: open_partition(partition) for partition in partitions.held()}
    )


def open_partition(partition: Partition, report: Report = _look) -> SegmentStore:
    """Return the index of one partition, as ``open_index`` does that of all."""
    _bring_up(partition, report)
    return index_store.open_folder(partition.folder)


@contextmanager
def searched_index(report: Report = _look) -> Iterator[tuple[IndexStore, int]]:
    """Yield the index as ``open_index`` does, and the position that it has reached.

    A search that met damage, or whose index was deleted or replaced meanwhile, may have
    missed something: it ends with ``IndexUnavailable``, and the index is built again.
    """
    if not partitions.are_all_held():
        raise partitions.elsewhere()
    with ExitStack() as stack:
        searched = {
            partition: stack.enter_context(searched_partition(partition, report))
            for partition in partitions.held()
        }
        parts = {partition: index for partition, (index, _) in searched.items()}
        yield (index_store.together(parts), min(position for _, position in searched.values()))


@contextmanager
def searched_partition(
    partition: Partition, report: Report = _look
) -> Iterator[tuple[SegmentStore, int]]:
    """Yield the index of one partition, as ``searched_index`` does that of all."""
    position = _bring_up(partition, report)
    copy = IndexFolder(partition.folder, partition)
    before = index_store.identity(copy.root)
    try:
        yield index_store.open_folder(copy.root), position
        state = index_log.read_state()
        is_whole = copy.reached(state) is not None
    except IndexCorrupt as error:
        copy.distrust()
        raise IndexUnavailable(f"{error} It is built again.") from error
    if not is_whole or index_store.identity(copy.root) != before:
        raise IndexUnavailable("The index was replaced during the search.")


def bring_up() -> int:
    """Follow the catalogue to its state at the call; return the position reached."""
    return min((_bring_up(partition, _look) for partition in partitions.held()), default=0)


def _bring_up(partition: Partition, report: Report) -> int:
    """Follow the catalogue with one partition; return the position reached."""
    state = index_log.count_changes()
    copy, builds = IndexFolder(partition.folder, partition), 0
    while True:
        reached = copy.reached(state)
        if reached is None:
            if builds == _BUILDS:
                raise IndexCorrupt("The index of this machine is damaged again.")
            builds += 1
            if not _build(partition, read_kept, report, resume=True, only_if_lost=True):
                _wait_for_build(_new_folder_of(partition), report)
            # Another process may have followed the log further.
            state = index_log.count_changes()
            continue
        # This transaction may see changes that it must not count itself.
        if reached >= state.position and not (
            connection.in_atomic_block and IndexEntry.objects.filter(position=None).exists()
        ):
            return reached
        with _lock_folder(copy.root, waits=False) as is_ours:
            if is_ours:
                try:
                    copy.follow(state, read_kept, report)
                except (IndexCorrupt, FileNotFoundError):
                    # Damaged, or just being deleted.
                    logger.exception("the index of this machine is built again")
                    copy.distrust()
                    continue
                return max(0, copy.reached(state) or 0)
        report(0, 0)
        sleep(_LOOK_SECONDS)


def build(*, read: Read = read_kept, report: Report = _look, resume: bool = True) -> None:
    """Build a copy beside this machine's, and put it in its place.

    Searches use the old one meanwhile, if it is of use. A build that was stopped is
    continued, unless ``resume`` forbids it.
    """
    for partition in partitions.held():
        if not _build(partition, read, report, resume=resume):
            raise _under_way()


def _build(
    partition: Partition, read: Read, report: Report, *, resume: bool, only_if_lost: bool = False
) -> bool:
    """Build the copy of a partition; return False if another process builds it.

    With ``only_if_lost``, a copy that another process has just built is kept.
    """
    folder, beside = partition.folder, _new_folder_of(partition)
    with _lock_folder(beside.root, waits=False) as is_ours:
        if not is_ours:
            return False
        state = index_log.count_changes()
        if only_if_lost and IndexFolder(folder, partition).reached(state) is not None:
            return True
        if not resume or not _can_go_on(beside, state):
            shutil.rmtree(beside.root, ignore_errors=True)
        beside.follow(state, read, report)
        store = index_store.open_folder(beside.root)
        for bucket in store.buckets():
            store.maintain(bucket)
        with _lock_folder(folder, waits=True):
            old = folder.with_name(f"{folder.name}.old")
            shutil.rmtree(old, ignore_errors=True)
            if folder.exists():
                folder.rename(old)
            beside.root.rename(folder)
            shutil.rmtree(old, ignore_errors=True)
    return True


def _wait_for_build(beside: IndexFolder, report: Report) -> None:
    """Wait briefly for another process that builds; a new installation's takes a moment.

    Raises ``IndexUnavailable`` if it takes longer.
    """
    until = monotonic() + _BUILD_SECONDS
    while monotonic() < until:
        report(0, 0)
        sleep(_LOOK_SECONDS)
        with _lock_folder(beside.root, waits=False) as is_free:
            if is_free:
                return
    raise _under_way()


def _under_way() -> IndexUnavailable:
    return IndexUnavailable("The index of this machine is being built.")


def _new_folder_of(partition: Partition) -> IndexFolder:
    folder = partition.folder
    return IndexFolder(folder.with_name(f"{folder.name}.new"), partition)


def built_so_far() -> int:
    """Return how many recordings an interrupted build has put into the new copy."""
    count = 0
    for beside in map(_new_folder_of, partitions.held()):
        if _can_go_on(beside, index_log.count_changes()):
            store = index_store.open_folder(beside.root)
            count += sum(len(store.recordings(bucket)) for bucket in store.buckets())
    return count


def _can_go_on(copy: IndexFolder, state: LogState) -> bool:
    try:
        reached = copy.reached(state)
    except RecognitionError:
        return False
    return reached is not None and reached >= 0


@contextmanager
def _lock_folder(folder: Path, *, waits: bool) -> Iterator[bool]:
    """Keep other processes of this machine from changing a folder.

    Yields whether the lock was free; with ``waits`` it is ours in any case.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True


# --- For workers ---------------------------------------------------------------------

# When each partition was last reported, and what was reported.
_reported: dict[Partition, tuple[float, object]] = {}
# The position up to which this process has merged, and its thread that merges.
_merged_to: dict[Partition, int] = {}
_merging: Thread | None = None


def keep_up() -> None:
    """Follow the catalogue, and tell how late this machine is; called each second."""
    late = [partition for partition in partitions.held() if not _keep_up(partition)]
    if not late:
        resources.unblock({resources.INDEX})


def _keep_up(partition: Partition) -> bool:
    """Follow the catalogue with one partition; return whether it can be searched."""
    stage = ""

    def report_on_the_way(done: int, changes: int) -> None:
        if draining.seconds():
            raise _Draining
        reported_at, _news = _reported.get(partition, (0.0, None))
        if changes and monotonic() - reported_at > 1:
            _report_progress(partition, f"{done:,} / {changes:,}")
            if resources.are_blocked({resources.INDEX}):
                resources.block(resources.INDEX)

    try:
        state = index_log.count_changes()
        copy = IndexFolder(partition.folder, partition)
        if copy.reached(state) is None:
            # This process takes no scans until there is something to search.
            resources.block(resources.INDEX)
        position = _bring_up(partition, report_on_the_way)
    except _Draining:
        return False
    except Exception as error:
        if not isinstance(error, RecognitionError) and outage_of(error) is None:
            raise
        stage = str(error)
        logger.warning("the index of this machine does not follow: %s", error)
    else:
        _merge_beside(partition, position)
    _report_progress(partition, stage)
    return not stage


def _merge_beside(partition: Partition, position: int) -> None:
    """Start the merges that are due in a thread: large ones take minutes.

    The thread ends with the process; a merge that was cut short is begun again.
    """
    global _merging
    if position != _merged_to.get(partition) and (_merging is None or not _merging.is_alive()):
        index = index_store.open_folder(partition.folder)
        _merging = Thread(target=_merge, args=(index, partition, position), daemon=True)
        _merging.start()


def _merge(index: SegmentStore, partition: Partition, position: int) -> None:
    try:
        for bucket in index.buckets():
            while index.merge_due(bucket):
                logger.info("merged segments of bucket %s", bucket)
    except (RecognitionError, OSError):
        logger.exception("the index of this machine was not merged")
    _merged_to[partition] = position


class _Draining(Exception):
    """The worker stops; another one goes on."""


def _report_progress(partition: Partition, stage: str) -> None:
    """Write how far this machine is, if that changed or was reported long ago."""
    folder = partition.folder
    state = index_log.count_changes()
    try:
        reached = IndexFolder(folder, partition).reached(state)
    except RecognitionError:
        reached = None
    is_complete = not stage and reached is not None and reached >= state.position
    news = (reached, is_complete, stage)
    reported_at, before = _reported.get(partition, (0.0, None))
    if news == before and monotonic() - reported_at < _REPORT_SECONDS:
        return
    _reported[partition] = (monotonic(), news)
    now = clock.now()
    columns: dict[str, object] = {
        "position": max(0, reached or 0),
        "seen_at": now,
        "stage": stage[:300],
        "partition": partition.number,
        "partitions": partition.count,
    }
    if is_complete:
        columns["complete_at"] = now
    if partition.count > 1 and is_complete:
        # From these, other machines learn the catalogue's size.
        store = index_store.open_folder(folder)
        columns["postings"] = {
            str(bucket): store.stats(bucket).postings for bucket in store.buckets()
        }
    IndexCopy.objects.update_or_create(
        host=socket.gethostname()[:255], folder=str(folder)[:1000], defaults=columns
    )
    IndexCopy.objects.filter(seen_at__lt=now - _FORGOTTEN_AFTER).delete()


# --- For people ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CopyReport:
    """How far a machine's copy of the index is behind the catalogue.

    ``partition`` of ``partitions`` says which part it holds.
    """

    host: str
    folder: str
    changes_behind: int
    late: timedelta
    seen_at: datetime
    is_seen: bool
    stage: str
    partition: int
    partitions: int

    @property
    def late_ms(self) -> int:
        """How late it is, as pages show times."""
        return round(1000 * self.late.total_seconds())


def copies() -> list[CopyReport]:
    """Return the copies of the index that workers reported lately."""
    now = clock.now()
    return [_report_of(copy, now) for copy in IndexCopy.objects.all()]


def _report_of(copy: IndexCopy, now: datetime) -> CopyReport:
    missing = Q(position__gt=copy.position) | Q(position=None)
    behind = IndexEntry.objects.filter(missing).count()
    is_seen = now - copy.seen_at < UNSEEN_AFTER
    complete = copy.complete_at or copy.seen_at
    # A machine tells now and then; it is late only once there is something to follow.
    is_late = bool(behind or copy.stage or copy.complete_at is None)
    return CopyReport(
        host=copy.host,
        folder=copy.folder,
        changes_behind=behind,
        late=max(timedelta(0), now - complete) if is_late else timedelta(0),
        seen_at=copy.seen_at,
        is_seen=is_seen,
        stage=copy.stage,
        partition=copy.partition,
        partitions=copy.partitions,
    )


def unheld() -> list[Partition]:
    """Return the partitions that no machine holds whose worker was seen lately."""
    every = partitions.every()
    if len(every) == 1:
        # Whoever searches holds all of it.
        return []
    done = machines.done_duties().get(Pool.WORK, ())
    return [partition for partition in every if partition.duty not in done]


def catalogue_postings(buckets: Sequence[int], *, since: int) -> int | None:
    """Return how many postings all partitions hold of some buckets.

    A machine that holds only a part learns the size of the others from what they reported
    at position ``since`` or later: None while one has reported nothing.
    """
    if partitions.are_all_held():
        index = open_index()
        return sum(index.stats(bucket).postings for bucket in buckets)
    total = 0
    for partition in partitions.every():
        copies = IndexCopy.objects.filter(
            partition=partition.number,
            partitions=partition.count,
            position__gte=since,
            postings__isnull=False,
        )
        copy = copies.order_by("-position").first()
        if copy is None or copy.postings is None:
            return None
        total += sum(copy.postings.get(str(bucket), 0) for bucket in buckets)
    return total
