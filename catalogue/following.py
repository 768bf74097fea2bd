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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

from django.db import connection
from django.db.models import Q

from catalogue import index_log, index_store
from catalogue.index_copy import IndexFolder, Read, Report, read_kept
from catalogue.index_log import LogState
from catalogue.models import IndexCopy, IndexEntry
from common.outages import outage_of
from jobs import clock, draining, resources
from recognition.errors import IndexCorrupt, IndexUnavailable, RecognitionError
from recognition.index.store import SegmentStore

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.05
_TELL_SECONDS = 20.0
# A copy whose machine is silent for longer counts as unseen, then as gone.
UNSEEN_AFTER = timedelta(minutes=2)
_FORGOTTEN_AFTER = timedelta(days=1)
# Damage that a new copy has as well is no damage of the disk.
_BUILDS = 2


def _go_on(_done: int = 0, _all: int = 0) -> None:
    return None


# --- For searches --------------------------------------------------------------------


def open_index(report: Report = _go_on) -> SegmentStore:
    """Return this machine's index, brought up to the catalogue as it is now.

    Raises ``IndexUnavailable`` while another process builds it, ``ParamsMismatch`` if
    another engine built it, and what the storage raises if it is away.
    """
    bring_up(report)
    return index_store.open_folder()


@contextmanager
def searched_index(report: Report = _go_on) -> Iterator[tuple[SegmentStore, int]]:
    """Yield the index as ``open_index`` does, and the position that it has reached.

    A search that met damage, or whose index was deleted or replaced meanwhile, may have
    missed something: it ends with ``IndexUnavailable``, and the index is built again.
    """
    position = bring_up(report)
    copy = IndexFolder(index_store.index_folder())
    before = index_store.identity(copy.root)
    try:
        yield index_store.open_folder(), position
        state = index_log.read_state()
        is_whole = copy.reached(state) is not None
    except IndexCorrupt as error:
        copy.distrust()
        raise IndexUnavailable(f"{error} It is built again.") from error
    if not is_whole or index_store.identity(copy.root) != before:
        raise IndexUnavailable("The index was replaced during the search.")


def bring_up(report: Report = _go_on) -> int:
    """Follow the catalogue to its state at the call; return the position reached.

    ``report`` is called while it takes time, and may raise to stop it.
    """
    state = index_log.count_changes()
    copy, builds = IndexFolder(index_store.index_folder()), 0
    while True:
        reached = copy.reached(state)
        if reached is None:
            if builds == _BUILDS:
                raise IndexCorrupt("The index of this machine is damaged again.")
            builds += 1
            build(report=report)
            # Another process may have followed the log further.
            state = index_log.count_changes()
            continue
        # This transaction may see changes that it must not count itself.
        if reached >= state.position and not (
            connection.in_atomic_block
            and IndexEntry.objects.filter(position=None).exists()
        ):
            return reached
        with _locked(copy.root, waits=False) as is_ours:
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


def build(
    *, read: Read = read_kept, report: Report = _go_on, resume: bool = True
) -> None:
    """Build a copy beside this machine's, and put it in its place.

    Searches use the old one meanwhile, if it is of use. A build that was stopped is
    continued, unless ``resume`` forbids it.
    """
    folder, beside = index_store.index_folder(), _beside()
    with _locked(beside.root, waits=False) as is_ours:
        if not is_ours:
            raise IndexUnavailable("The index of this machine is being built.")
        state = index_log.count_changes()
        if not resume or not _can_go_on(beside, state):
            shutil.rmtree(beside.root, ignore_errors=True)
        beside.follow(state, read, report)
        store = index_store.open_folder(beside.root)
        for bucket in store.buckets():
            store.maintain(bucket)
        with _locked(folder, waits=True):
            old = folder.with_name(f"{folder.name}.old")
            shutil.rmtree(old, ignore_errors=True)
            if folder.exists():
                folder.rename(old)
            beside.root.rename(folder)
            shutil.rmtree(old, ignore_errors=True)


def _beside() -> IndexFolder:
    folder = index_store.index_folder()
    return IndexFolder(folder.with_name(f"{folder.name}.new"))


def built_so_far() -> int:
    """Return how many recordings an interrupted build has put into the new copy."""
    beside = _beside()
    if not _can_go_on(beside, index_log.count_changes()):
        return 0
    store = index_store.open_folder(beside.root)
    return sum(len(store.recordings(bucket)) for bucket in store.buckets())


def _can_go_on(copy: IndexFolder, state: LogState) -> bool:
    try:
        reached = copy.reached(state)
    except RecognitionError:
        return False
    return reached is not None and reached >= 0


@contextmanager
def _locked(folder: Path, *, waits: bool) -> Iterator[bool]:
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

_told: tuple[float, object] = (0.0, None)
# The position up to which this process has merged, and its thread that merges.
_merged_to = -1
_merging: Thread | None = None


def keep_up() -> None:
    """Follow the catalogue, and tell how late this machine is; called each second."""
    stage = ""
    try:
        state = index_log.count_changes()
        copy = IndexFolder(index_store.index_folder())
        if copy.reached(state) is None:
            # This process takes no scans until there is something to search.
            resources.block(resources.INDEX)
        position = bring_up(_tell_on_the_way)
    except _Draining:
        return
    except Exception as error:
        if not isinstance(error, RecognitionError) and outage_of(error) is None:
            raise
        stage = str(error)
        logger.warning("the index of this machine does not follow: %s", error)
    else:
        resources.unblock({resources.INDEX})
        _merge_beside(position)
    _tell(stage)


def _merge_beside(position: int) -> None:
    """Start the merges that are due in a thread: large ones take minutes.

    The thread ends with the process; a merge that was cut short is begun again.
    """
    global _merging
    if position != _merged_to and (_merging is None or not _merging.is_alive()):
        index = index_store.open_folder()
        _merging = Thread(target=_merge, args=(index, position), daemon=True)
        _merging.start()


def _merge(index: SegmentStore, position: int) -> None:
    global _merged_to
    try:
        for bucket in index.buckets():
            while index.merge_due(bucket):
                logger.info("merged segments of bucket %s", bucket)
    except (RecognitionError, OSError):
        logger.exception("the index of this machine was not merged")
    _merged_to = position


class _Draining(Exception):
    """The worker stops; another one goes on."""


def _tell_on_the_way(done: int, changes: int) -> None:
    if draining.seconds():
        raise _Draining
    if changes and monotonic() - _told[0] > 1:
        _tell(f"{done:,} / {changes:,}")
        if resources.are_blocked({resources.INDEX}):
            resources.block(resources.INDEX)


def _tell(stage: str) -> None:
    """Write how far this machine is, if that changed or was told long ago."""
    global _told
    folder = index_store.index_folder()
    state = index_log.count_changes()
    try:
        reached = IndexFolder(folder).reached(state)
    except RecognitionError:
        reached = None
    is_complete = not stage and reached is not None and reached >= state.position
    news = (reached, is_complete, stage)
    if news == _told[1] and monotonic() - _told[0] < _TELL_SECONDS:
        return
    _told = (monotonic(), news)
    now = clock.now()
    columns: dict[str, object] = {
        "position": max(0, reached or 0),
        "seen_at": now,
        "stage": stage[:300],
    }
    if is_complete:
        columns["complete_at"] = now
    IndexCopy.objects.update_or_create(
        host=socket.gethostname()[:255], folder=str(folder)[:1000], defaults=columns
    )
    IndexCopy.objects.filter(seen_at__lt=now - _FORGOTTEN_AFTER).delete()


# --- For people ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CopyReport:
    """How far a machine's copy of the index is behind the catalogue."""

    host: str
    folder: str
    changes_behind: int
    late: timedelta
    seen_at: datetime
    is_seen: bool
    stage: str

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
    )
