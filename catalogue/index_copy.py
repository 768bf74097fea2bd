"""A folder with a copy of the index, and how far it has followed the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from base.common.batches import batched
from base.common.outages import outage_of
from catalogue import index_log, index_store
from catalogue.index_log import LoggedChange, LogState
from catalogue.models import Bucket, Recording
from catalogue.partitions import Partition
from recognition import interrupts
from recognition.errors import IndexCorrupt, IndexUnavailable, RecognitionError
from recognition.index import manifest as manifests
from recognition.index.segment import Postings
from recognition.index.store import SegmentStore

logger = logging.getLogger(__name__)

POSITION = "POSITION"
# Recordings per segment of the index: about ten hours of audio of usual length.
BATCH = 200

Read = Callable[[Sequence[LoggedChange]], list[Postings]]
Report = Callable[[int, int], None]
"""Called with the changes followed and to follow; may raise an exception to stop."""


@dataclass(frozen=True, slots=True)
class IndexFolder:
    """A copy of the index; changes reach the disk before the position does.

    It holds the recordings of ``partition``.
    """

    root: Path
    partition: Partition

    def reached(self, state: LogState) -> int | None:
        """Return the position that the copy has followed to, or None for a useless one.

        A copy without a position is from an earlier version or a backup: -1. Raises
        ``ParamsMismatch`` if another engine built it.
        """
        try:
            index_store.open_folder(self.root)
            stored = manifests.read_checked(self.root / POSITION)
        except IndexCorrupt:
            return None
        if stored is None:
            return -1
        position = int(stored["position"])
        if position > state.position:
            # Another process may have counted and followed further.
            state = index_log.read_state()
        # The rows were restored to an earlier state: the log goes another way since.
        if stored["catalogue"] != state.catalogue or position > state.position:
            return None
        # Of a folder that somebody deletes, the position may go last.
        if not set(stored["buckets"]) <= self._buckets():
            return None
        return position

    def follow(self, state: LogState, read: Read, report: Report) -> None:
        """Apply every change that the copy lacks, an empty folder's too."""
        store = index_store.create_folder(self.root)
        if not store.buckets() and not (self.root / POSITION).exists():
            self._write(state, 0)
        reached = self.reached(state)
        if reached is None:
            raise IndexCorrupt(f"The index in {self.root} is of no use.")
        if reached < 0:
            # A copy of unknown state may contain entries that the log does not name.
            for bucket in Bucket.objects.present().values_list("pk", flat=True):
                held = set(store.recordings(bucket).tolist())
                expected = filter(self.partition.holds, index_log.held_in(bucket))
                for number in sorted(held - set(expected)):
                    store.remove(bucket, number)
        changes = index_log.changes_after(max(0, reached))
        done = 0
        for batch in batched(changes, BATCH):
            ours = [change for change in batch if self.partition.holds(change.recording)]
            _apply(store, ours, read, skip_held=reached < 0)
            counted = [change.position for change in batch if change.position is not None]
            # Without a position, a copy is compared again after an interruption.
            if counted and reached >= 0:
                self._write(state, counted[-1])
            done += len(batch)
            report(done, len(changes))
        if reached < 0:
            counted = [change.position for change in changes if change.position is not None]
            self._write(state, max(counted, default=0))

    def distrust(self) -> None:
        """Have a damaged copy built again."""
        if self.root.exists():
            self._write(LogState("", 0), 0)

    def _buckets(self) -> set[str]:
        """Return the folders of buckets that hold, or held, something."""
        return {path.parent.name for path in self.root.glob(f"*/{manifests.NAME}")}

    def _write(self, state: LogState, position: int) -> None:
        value = {
            "format": manifests.FORMAT,
            "catalogue": state.catalogue,
            "position": position,
            "buckets": sorted(self._buckets()),
        }
        manifests.write_checked(self.root / POSITION, value)


def _apply(
    store: SegmentStore, changes: Collection[LoggedChange], read: Read, *, skip_held: bool
) -> None:
    for bucket in sorted({change.bucket for change in changes}):
        here = [change for change in changes if change.bucket == bucket]
        removed = [change for change in here if not change.is_held]
        held: set[int] = set()
        if removed or skip_held:
            held = set(store.recordings(bucket).tolist())
        for change in removed:
            if change.recording in held:
                store.remove(bucket, change.recording)
        added = [change for change in here if change.is_held]
        if skip_held:
            added = [change for change in added if change.recording not in held]
        if added:
            store.add_many(bucket, read(added))


def read_kept(changes: Sequence[LoggedChange]) -> list[Postings]:
    """Return the postings of recordings, without those whose fingerprint is unreadable.

    The index check and the doctor report them. A machine that can read none of several
    has another storage than the others, and must not search half a catalogue.
    """
    read, unread = [], []
    for change, recording in with_recordings(changes):
        interrupts.look()
        try:
            read.append(index_store.postings_of(recording))
        except UNREADABLE as error:
            if outage_of(error) is not None:
                raise
            if not index_log.is_replaced(change):
                unread.append(recording)
                logger.warning("%s is not in this index: %s", recording.uid, error)
    if not read and len(unread) > 1:
        raise IndexUnavailable(
            f"This machine can read none of {len(unread)} stored fingerprints. Check "
            "STORAGE_URL. If another engine made them, run: manage.py rebuild_index"
        )
    return read


# A field without a file raises ``ValueError``.
UNREADABLE = (RecognitionError, OSError, ValueError)


def with_recordings(changes: Sequence[LoggedChange]) -> Iterator[tuple[LoggedChange, Recording]]:
    """Yield each change with its recording; skip deleted recordings."""
    rows = Recording._base_manager.in_bulk([change.recording for change in changes])
    for change in changes:
        recording = rows.get(change.recording)
        if recording is not None:
            yield change, recording
