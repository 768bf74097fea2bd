"""The embedded landmark index: a directory of segments for each bucket.

One writer at a time (flock), any number of reading processes, which see a commit with
their next query. Large merges hold up neither: they write a new segment beside the
others and lock out writers only to put it in their place. Needs a local file system.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recognition import durable
from recognition.errors import IndexCorrupt, ParamsMismatch
from recognition.index import manifest as manifests
from recognition.index.interface import IndexStore
from recognition.index.manifest import Manifest, ManifestEntry
from recognition.index.places import PlaceTable, Recorded
from recognition.index.segment import (
    MAX_AXIS,
    IndexSegment,
    Postings,
    merge_segments,
    write_segment,
)
from recognition.index.vote import best_offsets, prepare
from recognition.types import IndexStats, Votes

STORE: Final = "STORE"
LOCK: Final = "LOCK"
MERGING: Final = "MERGING"
# The files that a large merge and one inside an ``add`` write until they are complete.
MERGED: Final = "merged"
MERGED_SMALL: Final = "merged-small"
# Largest merge inside an ``add``: about 0.3 s.
INLINE_POSTINGS: Final = 1 << 22
# Largest segment that a merge makes, for about 2,700 hours: it bounds the time and the
# room of a merge, and the format ends at four times as many.
LARGEST_POSTINGS: Final = 1 << 30
# A merge is due when this many segments have about the same size.
FAN: Final = 8
# A segment is written again once this share of its postings has been removed.
REMOVED_SHARE: Final = 0.25
OPEN_BUCKETS: Final = 64
# A merge may remove a file that a reader is about to open; the next attempt succeeds.
ATTEMPTS: Final = 20

_BUCKET = re.compile(r"bucket-(\d+)")

Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Open:
    """A segment and which of its recordings the manifest marks as removed."""

    segment: IndexSegment
    entry: ManifestEntry
    dead: NDArray[np.uint8]
    file: Stamp | None

    @property
    def postings(self) -> int:
        """Number of postings of recordings that are not removed."""
        return int(self.segment.counts[self.dead == 0].sum(dtype=np.int64))

    @property
    def size(self) -> int:
        """Number of postings and recordings: some recordings have no posting."""
        return self.postings + len(self.recordings)

    @property
    def axis(self) -> int:
        """Length of the segment's axis of time, in frames."""
        return int(self.segment.shape.axis)

    @property
    def removed_share(self) -> float:
        """Share of the postings whose recordings are removed; 0 without postings."""
        stored = self.segment.shape.postings
        return (stored - self.postings) / max(1, stored)

    @property
    def recordings(self) -> NDArray[np.uint32]:
        """Recordings that are not removed."""
        alive: NDArray[np.uint32] = self.segment.ids[self.dead == 0]
        return alive


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """A bucket at one commit."""

    stamp: Stamp | None
    manifest: Manifest
    segments: tuple[_Open, ...]


Choose = Callable[[Sequence[_Open]], list[_Open]]
"""Returns the segments that a merge makes into one; empty for no merge."""


class SegmentStore(IndexStore):
    """``LandmarkIndex`` in a directory; safe for threads and several processes."""

    def __init__(
        self,
        root: Path,
        *,
        params_hash: str,
        create: bool = True,
        rebuild_command: str = "rebuild it from the stored landmarks",
    ) -> None:
        self._root = root
        self._params_hash = params_hash
        self._rebuild = rebuild_command
        self._snapshots: OrderedDict[int, _Snapshot] = OrderedDict()
        self._guard = threading.Lock()
        self._open(create)
        for bucket in self.buckets():
            self._sweep(bucket)

    def buckets(self) -> list[int]:
        """Return the buckets that ever held a recording."""
        matches = (_BUCKET.fullmatch(path.name) for path in self._root.iterdir())
        return sorted(int(match[1]) for match in matches if match)

    def recordings(self, bucket: int) -> NDArray[np.uint32]:
        """Return the numbers of all recordings in a bucket, sorted."""
        parts = [opened.recordings for opened in self._snapshot(bucket).segments]
        return np.sort(np.concatenate([np.zeros(0, dtype=np.uint32), *parts]))

    def add_many(self, bucket: int, recordings: Sequence[Recorded]) -> None:
        """Add many recordings as one segment in one commit."""
        latest = latest_of(recordings)
        if not latest:
            return
        with self._writing(bucket) as directory:
            before = self._snapshot(bucket)
            counter = before.manifest.counter + 1
            name = f"segment-{counter:08d}"
            write_segment(directory / name, latest, self._params_hash)
            durable.sync_directory(directory)
            entries = self._without(before, {postings.recording for postings in latest})
            manifests.write_manifest(directory, Manifest(counter, (*entries, ManifestEntry(name))))
            # Merge small segments, so that adds stay cheap and segments stay few.
            taken = _being_merged(directory)
            free = [
                open_segment
                for open_segment in self._snapshot(bucket).segments
                if open_segment.entry.file not in taken
            ]
            chosen = _small_ones(free)
            if chosen:
                made = directory / MERGED_SMALL
                _write_merged(made, chosen, self._params_hash)
                self._replace(bucket, made, chosen)

    def remove(self, bucket: int, recording: int) -> None:
        """Remove a recording; its space is freed when the bucket is maintained."""
        if not self._directory(bucket).exists():
            return
        with self._writing(bucket) as directory:
            before = self._snapshot(bucket)
            entries = self._without(before, {recording})
            if entries != before.manifest.entries:
                manifests.write_manifest(directory, Manifest(before.manifest.counter, entries))

    def query_windows(
        self,
        buckets: Sequence[int],
        hashes: NDArray[np.uint32],
        frames: NDArray[np.int32],
        windows: Sequence[tuple[int, int]],
        *,
        top: int = 10,
        min_votes: int = 6,
        max_list: int | None = None,
    ) -> list[Votes]:
        """Query each window (first, past the last) of the hashes.

        Querying many at once is cheaper: hashes are looked up in the order of the
        files.
        """
        check_postings(0, hashes, frames)
        query = prepare(hashes, frames)
        parts: list[list[Votes]] = [[] for _ in windows]
        for bucket in dict.fromkeys(buckets):
            for open_segment in self._snapshot(bucket).segments:
                best = best_offsets(
                    open_segment.segment,
                    open_segment.dead,
                    query,
                    windows,
                    top=top,
                    min_votes=max(1, min_votes),
                    max_list=max_list,
                )
                ids = open_segment.segment.ids
                for of_window, peaks in zip(parts, best, strict=True):
                    if len(peaks.votes):
                        where = np.full(len(peaks.votes), bucket, dtype=np.int64)
                        numbers = ids[peaks.local]
                        of_window.append(Votes(where, numbers, peaks.deltas, peaks.votes))
        nothing = Votes.of([])
        return [best_of(of_window, top) if of_window else nothing for of_window in parts]

    def place_tables(self, buckets: Sequence[int]) -> list[PlaceTable]:
        """Return where all landmarks of some buckets lie; mapped, not loaded."""
        return [
            opened.segment.place_table(opened.dead)
            for bucket in dict.fromkeys(buckets)
            for opened in self._snapshot(bucket).segments
        ]

    def merge_due(self, bucket: int) -> bool:
        """Do one merge that is due; return False if there is none, or one is going on.

        Others read, add and remove meanwhile. Call it until it returns False, where
        many recordings are added.
        """
        with self._merging(bucket, waits=False) as directory:
            return directory is not None and self._merge(bucket, directory, _due)

    def maintain(self, bucket: int) -> None:
        """Merge all that fits into one segment, and drop removed postings.

        Others read, add and remove meanwhile.
        """
        with self._merging(bucket, waits=True) as directory:
            while directory is not None and self._merge(bucket, directory, _compactable):
                pass

    def stats(self, bucket: int) -> IndexStats:
        """Return the counts of one bucket; zeros if it is empty."""
        segments = self._snapshot(bucket).segments
        return IndexStats(
            recordings=sum(len(open_segment.recordings) for open_segment in segments),
            postings=sum(open_segment.postings for open_segment in segments),
            size_bytes=sum(open_segment.segment.shape.file_bytes for open_segment in segments),
            segments=len(segments),
            tombstones=sum(len(open_segment.entry.dead) for open_segment in segments),
        )

    def verify(self, bucket: int) -> list[str]:
        """Read a whole bucket and return its faults; empty if there are none."""
        try:
            segments = self._snapshot(bucket).segments
        except IndexCorrupt as error:
            return [str(error)]
        problems = [open_segment.segment.damage() for open_segment in segments]
        numbers, counts = np.unique(
            np.concatenate([[], *(open_segment.recordings for open_segment in segments)]),
            return_counts=True,
        )
        twice = [int(number) for number in numbers[counts > 1]]
        return [problem for problem in problems if problem] + [
            f"bucket {bucket}: recording {number} is indexed twice" for number in twice
        ]

    def _open(self, create: bool) -> None:
        path = self._root / STORE
        stored = manifests.read_checked(path)
        if stored is None:
            if not create:
                raise IndexCorrupt(f"There is no index in {self._root}.")
            self._root.mkdir(parents=True, exist_ok=True)
            value = {"format": manifests.FORMAT, "params": self._params_hash}
            manifests.write_checked(path, value)
        elif stored["params"] != self._params_hash:
            raise ParamsMismatch(
                f"The index in {self._root}",
                actual=str(stored["params"]),
                expected=self._params_hash,
                remedy=self._rebuild,
            )

    def _directory(self, bucket: int) -> Path:
        return self._root / f"bucket-{bucket}"

    @contextlib.contextmanager
    def _writing(self, bucket: int) -> Iterator[Path]:
        """Lock the bucket against other writers and yield its directory."""
        directory = self._directory(bucket)
        if not directory.exists():
            directory.mkdir(exist_ok=True)
            durable.sync_directory(self._root)
        with (directory / LOCK).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield directory

    def _sweep(self, bucket: int) -> None:
        """Remove files that a killed writer left, unless a writer is active."""
        directory = self._directory(bucket)
        with (directory / LOCK).open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            file_names = {e.file for e in manifests.read_manifest(directory).entries}
            file_names |= {LOCK, MERGING, manifests.NAME}
            if _is_merging(directory):
                file_names.add(MERGED)
            for path in directory.iterdir():
                if path.name not in file_names:
                    path.unlink()

    def _without(self, snapshot: _Snapshot, gone: set[int]) -> tuple[ManifestEntry, ...]:
        """Return the snapshot's entries with some recordings marked as removed."""
        entries = []
        for open_segment in snapshot.segments:
            here = {n for n in gone if open_segment.segment.local(n) is not None}
            dead = tuple(sorted(here | set(open_segment.entry.dead)))
            # A segment without any live recording is dropped.
            if len(dead) < len(open_segment.segment.ids):
                entries.append(ManifestEntry(open_segment.entry.file, dead))
        return tuple(entries)

    @contextlib.contextmanager
    def _merging(self, bucket: int, *, waits: bool) -> Iterator[Path | None]:
        """Keep out other large merges; yield None if there is one, or no bucket."""
        directory = self._directory(bucket)
        if not directory.exists():
            yield None
            return
        with (directory / MERGING).open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
            except BlockingIOError:
                yield None
                return
            yield directory

    def _merge(self, bucket: int, directory: Path, choose: Choose) -> bool:
        """Merge the chosen segments; return False if there is nothing to merge."""
        whole = _stamp(self._root / STORE)
        with self._writing(bucket):
            sources = choose(self._snapshot(bucket).segments)
            # Adds leave these alone.
            names = [source.entry.file for source in sources]
            (directory / MERGING).write_text("\n".join(names), encoding="ascii")
        if not sources:
            return False
        made = directory / MERGED
        try:
            _write_merged(made, sources, self._params_hash)
        except BaseException:
            made.unlink(missing_ok=True)
            raise
        with self._writing(bucket):
            # Another index may have taken the place of this one.
            if _stamp(self._root / STORE) == whole:
                self._replace(bucket, made, sources)
        return True

    def _replace(self, bucket: int, made: Path, sources: Sequence[_Open]) -> None:
        """Put a merged segment in the place of its sources, in one commit."""
        directory = made.parent
        now = self._snapshot(bucket).manifest
        there = {entry.file: entry for entry in now.entries}
        merged, dead = 0, set[int]()
        for source in sources:
            merged += len(source.recordings)
            # Removed since the merge began; a segment without any other is gone.
            alive = set(source.recordings.tolist())
            entry = there.pop(source.entry.file, None)
            dead |= alive if entry is None else alive & set(entry.dead)
        counter = now.counter + 1
        name = f"segment-{counter:08d}"
        entries = tuple(there.values())
        if len(dead) < merged:
            made.rename(directory / name)
            entries = (ManifestEntry(name, tuple(sorted(dead))), *entries)
        durable.sync_directory(directory)
        manifests.write_manifest(directory, Manifest(counter, entries))
        for source in sources:
            source.segment.path.unlink(missing_ok=True)

    def _snapshot(self, bucket: int) -> _Snapshot:
        """Return the bucket as last committed by any process."""
        for _ in range(ATTEMPTS):
            stamp = _stamp(self._directory(bucket) / manifests.NAME)
            with self._guard:
                snapshot = self._snapshots.get(bucket)
                if snapshot is not None:
                    self._snapshots.move_to_end(bucket)
            if snapshot is not None and snapshot.stamp == stamp:
                return snapshot
            try:
                fresh = self._load(bucket, stamp, snapshot)
            except FileNotFoundError:
                continue
            with self._guard:
                self._snapshots[bucket] = fresh
                while len(self._snapshots) > OPEN_BUCKETS:
                    self._snapshots.popitem(last=False)
            return fresh
        raise IndexCorrupt(
            f"The index in {self._directory(bucket)} lacks files that its manifest names."
        )

    def _load(self, bucket: int, stamp: Stamp | None, previous: _Snapshot | None) -> _Snapshot:
        directory = self._directory(bucket)
        manifest = manifests.read_manifest(directory)
        opened = {
            # An index that takes the place of this one has files of the same names.
            (open_segment.entry.file, open_segment.file): open_segment.segment
            for open_segment in (previous.segments if previous else ())
        }
        segments = []
        for entry in manifest.entries:
            path = directory / entry.file
            file = _stamp(path)
            segment = opened.get((entry.file, file)) or IndexSegment(path, self._params_hash)
            segments.append(_Open(segment, entry, segment.mask(entry.dead), file))
        return _Snapshot(stamp, manifest, tuple(segments))


def best_of(parts: Sequence[Votes], top: int) -> Votes:
    """Return the best offsets of several segments, or of several indexes."""
    every, order = ranked(parts)
    return every[order[:top]]


def ranked(parts: Sequence[Votes]) -> tuple[Votes, NDArray[np.int64]]:
    """Return the offsets of several parts together, and the order that ranks them."""
    parts = parts or [Votes.of([])]
    every = Votes(
        np.concatenate([part.buckets for part in parts]),
        np.concatenate([part.recordings for part in parts]),
        np.concatenate([part.deltas for part in parts]),
        np.concatenate([part.votes for part in parts]),
    )
    return every, np.lexsort((every.recordings, every.buckets, -every.votes))


def _stamp(path: Path) -> Stamp | None:
    """Return a value that changes whenever the file is replaced."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _write_merged(path: Path, sources: Sequence[_Open], params_hash: str) -> None:
    parts = [(source.segment, source.dead) for source in sources]
    merge_segments(path, parts, params_hash)


def _is_merging(directory: Path) -> bool:
    """Tell whether some process does a large merge."""
    with (directory / MERGING).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _being_merged(directory: Path) -> set[str]:
    """Return the segments of the large merge that is going on."""
    if not _is_merging(directory):
        return set()
    return set((directory / MERGING).read_text(encoding="ascii").split())


def _small_ones(segments: Sequence[_Open]) -> list[_Open]:
    """Return the segments that an add merges; empty for none.

    A segment that is smaller than all smaller ones together is merged with them, so
    that each posting is rewritten only about log2(number of adds) times.
    """
    order = sorted(segments, key=lambda segment: -segment.size)
    for rank in range(len(order) - 1):
        smaller = sum(segment.size for segment in order[rank + 1 :])
        size = order[rank].size
        if size < smaller and size + smaller <= INLINE_POSTINGS:
            return order[rank:]
    return []


def _due(segments: Sequence[_Open]) -> list[_Open]:
    """Return the segments of the next large merge: of about the same size, or thinned.

    Merges end, because each leaves fewer segments, or fewer postings in as many. Each
    posting is rewritten once for each power of ``FAN`` in the size of the bucket.
    """
    tiers: dict[int, list[_Open]] = {}
    for segment in sorted(segments, key=lambda segment: segment.postings):
        tiers.setdefault(_tier(segment.postings), []).append(segment)
    for tier in sorted(tiers):
        group = _fitting(tiers[tier])
        if len(tiers[tier]) >= FAN and len(group) > 1:
            return group
    return [segment for segment in segments if segment.removed_share > REMOVED_SHARE][:1]


def _tier(postings: int) -> int:
    return int(math.log(max(postings, INLINE_POSTINGS) / INLINE_POSTINGS, FAN))


def _compactable(segments: Sequence[_Open]) -> list[_Open]:
    """Return segments that fit into one, or one with removed recordings."""
    group = _fitting(sorted(segments, key=lambda segment: segment.postings))
    if len(group) > 1:
        return group
    return [segment for segment in segments if segment.entry.dead][:1]


def _fitting(segments: Sequence[_Open]) -> list[_Open]:
    """Return as many of the first segments as one segment can hold."""
    postings = axis = 0
    group = []
    for segment in segments:
        postings += segment.postings
        axis += segment.axis
        if postings > LARGEST_POSTINGS or axis > MAX_AXIS:
            break
        group.append(segment)
    return group


def latest_of(recordings: Sequence[Recorded]) -> list[Postings]:
    """Return the last version of each recording; refuse data that no index can hold."""
    latest = {recording[0]: Postings(*recording) for recording in recordings}
    for postings in latest.values():
        check_postings(postings.recording, postings.hashes, postings.frames)
    return list(latest.values())


def check_postings(recording: int, hashes: NDArray[np.uint32], frames: NDArray[np.int32]) -> None:
    """Raise ``ValueError`` or ``TypeError`` for data that no index can hold."""
    if not 0 <= recording < 1 << 32:
        raise ValueError(f"recording {recording} is not an unsigned 32-bit number")
    if hashes.dtype != np.uint32 or frames.dtype != np.int32:
        raise TypeError("hashes must be uint32 and frames int32")
    if hashes.ndim != 1 or hashes.shape != frames.shape:
        raise ValueError("hashes and frames must have the same length")
    if len(frames) and frames.min() < 0:
        raise ValueError("frames must not be negative")
