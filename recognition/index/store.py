"""The embedded landmark index: a directory of segments for each bucket.

One writer at a time (flock), any number of reading processes, which see a commit with
their next query. Needs a local file system.
"""

from __future__ import annotations

import contextlib
import fcntl
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recognition import durable
from recognition.errors import IndexCorrupt, ParamsMismatch
from recognition.index import manifest as manifests
from recognition.index.manifest import Manifest, ManifestEntry
from recognition.index.segment import (
    IndexSegment,
    Postings,
    merge_segments,
    write_segment,
)
from recognition.index.vote import best_offsets, prepare
from recognition.places import PlaceTable, Recorded
from recognition.types import IndexStats, IndexStore, Votes

STORE: Final = "STORE"
LOCK: Final = "LOCK"
MAX_SEGMENTS: Final = 12
# Largest merge inside an ``add``: about 0.3 s.
INLINE_POSTINGS: Final = 1 << 22
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
            entries = self._without(before, {one.recording for one in latest})
            manifests.write_manifest(
                directory, Manifest(counter, (*entries, ManifestEntry(name)))
            )
            # Merge small segments, so that adds stay cheap and segments stay few.
            snapshot = self._snapshot(bucket)
            chosen = _to_merge(
                [open_segment.postings for open_segment in snapshot.segments]
            )
            if chosen:
                self._merge(directory, snapshot, chosen)

    def remove(self, bucket: int, recording: int) -> None:
        """Remove a recording; its space is freed when the bucket is maintained."""
        if not self._directory(bucket).exists():
            return
        with self._writing(bucket) as directory:
            before = self._snapshot(bucket)
            entries = self._without(before, {recording})
            if entries != before.manifest.entries:
                manifests.write_manifest(
                    directory, Manifest(before.manifest.counter, entries)
                )

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
                found = best_offsets(
                    open_segment.segment,
                    open_segment.dead,
                    query,
                    windows,
                    top=top,
                    min_votes=max(1, min_votes),
                    max_list=max_list,
                )
                ids = open_segment.segment.ids
                for of_window, peaks in zip(parts, found, strict=True):
                    where = np.full(len(peaks.votes), bucket, dtype=np.int64)
                    numbers = ids[peaks.local]
                    of_window.append(Votes(where, numbers, peaks.deltas, peaks.votes))
        return [_best(of_window, top) for of_window in parts]

    def place_tables(self, buckets: Sequence[int]) -> list[PlaceTable]:
        """Return where all landmarks of some buckets lie; mapped, not loaded."""
        return [
            opened.segment.place_table(opened.dead)
            for bucket in dict.fromkeys(buckets)
            for opened in self._snapshot(bucket).segments
        ]

    def maintain(self, bucket: int) -> None:
        """Merge segments and drop removed postings; safe while others read."""
        if not self._directory(bucket).exists():
            return
        with self._writing(bucket) as directory:
            snapshot = self._snapshot(bucket)
            dirty = any(open_segment.entry.dead for open_segment in snapshot.segments)
            if dirty or len(snapshot.segments) > 1:
                self._merge(directory, snapshot, set(range(len(snapshot.segments))))

    def stats(self, bucket: int) -> IndexStats:
        """Return the counts of one bucket; zeros if it is empty."""
        segments = self._snapshot(bucket).segments
        return IndexStats(
            recordings=sum(len(open_segment.recordings) for open_segment in segments),
            postings=sum(open_segment.postings for open_segment in segments),
            size_bytes=sum(
                open_segment.segment.shape.file_bytes for open_segment in segments
            ),
            segments=len(segments),
            tombstones=sum(len(open_segment.entry.dead) for open_segment in segments),
        )

    def verify(self, bucket: int) -> list[str]:
        """Read a whole bucket and return what is wrong; empty if nothing is."""
        try:
            segments = self._snapshot(bucket).segments
        except IndexCorrupt as error:
            return [str(error)]
        problems = [open_segment.segment.damage() for open_segment in segments]
        numbers, counts = np.unique(
            np.concatenate(
                [[], *(open_segment.recordings for open_segment in segments)]
            ),
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
                found=str(stored["params"]),
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
            named = {e.file for e in manifests.read_manifest(directory).entries}
            for path in directory.iterdir():
                if path.name not in named | {LOCK, manifests.NAME}:
                    path.unlink()

    def _without(
        self, snapshot: _Snapshot, gone: set[int]
    ) -> tuple[ManifestEntry, ...]:
        """Return the snapshot's entries with some recordings marked as removed."""
        entries = []
        for open_segment in snapshot.segments:
            here = {n for n in gone if open_segment.segment.local(n) is not None}
            dead = tuple(sorted(here | set(open_segment.entry.dead)))
            # A segment without any live recording is dropped.
            if len(dead) < len(open_segment.segment.ids):
                entries.append(ManifestEntry(open_segment.entry.file, dead))
        return tuple(entries)

    def _merge(self, directory: Path, snapshot: _Snapshot, chosen: set[int]) -> None:
        """Replace some segments of a bucket by one, in one commit."""
        sources = [snapshot.segments[number] for number in sorted(chosen)]
        kept = [
            open_segment.entry
            for number, open_segment in enumerate(snapshot.segments)
            if number not in chosen
        ]
        counter = snapshot.manifest.counter + 1
        entry = ManifestEntry(f"segment-{counter:08d}")
        merge_segments(
            directory / entry.file,
            [(open_segment.segment, open_segment.dead) for open_segment in sources],
            self._params_hash,
        )
        durable.sync_directory(directory)
        manifests.write_manifest(directory, Manifest(counter, (entry, *kept)))
        for open_segment in sources:
            open_segment.segment.path.unlink()

    def _snapshot(self, bucket: int) -> _Snapshot:
        """Return the bucket as last committed by any process."""
        for _ in range(ATTEMPTS):
            stamp = _stamp(self._directory(bucket) / manifests.NAME)
            with self._guard:
                known = self._snapshots.get(bucket)
                if known is not None:
                    self._snapshots.move_to_end(bucket)
            if known is not None and known.stamp == stamp:
                return known
            try:
                fresh = self._load(bucket, stamp, known)
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

    def _load(
        self, bucket: int, stamp: Stamp | None, known: _Snapshot | None
    ) -> _Snapshot:
        directory = self._directory(bucket)
        manifest = manifests.read_manifest(directory)
        opened = {
            # An index that takes the place of this one has files of the same names.
            (open_segment.entry.file, open_segment.file): open_segment.segment
            for open_segment in (known.segments if known else ())
        }
        segments = []
        for entry in manifest.entries:
            path = directory / entry.file
            file = _stamp(path)
            segment = opened.get((entry.file, file)) or IndexSegment(
                path, self._params_hash
            )
            segments.append(_Open(segment, entry, segment.mask(entry.dead), file))
        return _Snapshot(stamp, manifest, tuple(segments))


def _best(parts: Sequence[Votes], top: int) -> Votes:
    """Return the best offsets of several segments."""
    if not parts:
        return Votes.of([])
    every = Votes(
        np.concatenate([part.buckets for part in parts]),
        np.concatenate([part.recordings for part in parts]),
        np.concatenate([part.deltas for part in parts]),
        np.concatenate([part.votes for part in parts]),
    )
    order = np.lexsort((every.recordings, every.buckets, -every.votes))
    return every[order[:top]]


def _stamp(path: Path) -> Stamp | None:
    """Return a value that changes whenever the file is replaced."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _to_merge(sizes: Sequence[int]) -> set[int]:
    """Return which segments of these sizes to merge now; empty for none.

    A segment that is smaller than all smaller ones together is merged with them, so
    that each posting is rewritten only about log2(number of adds) times.
    """
    order = sorted(range(len(sizes)), key=lambda number: -sizes[number])
    for rank in range(len(order) - 1):
        smaller = sum(sizes[number] for number in order[rank + 1 :])
        if (
            sizes[order[rank]] < smaller
            and smaller + sizes[order[rank]] <= INLINE_POSTINGS
        ):
            return set(order[rank:])
    if len(order) > MAX_SEGMENTS:
        return set(order[MAX_SEGMENTS - 2 :])
    return set()


def latest_of(recordings: Sequence[Recorded]) -> list[Postings]:
    """Return the last version of each recording; refuse data that no index can hold."""
    latest = {one[0]: Postings(*one) for one in recordings}
    for one in latest.values():
        check_postings(one.recording, one.hashes, one.frames)
    return list(latest.values())


def check_postings(
    recording: int, hashes: NDArray[np.uint32], frames: NDArray[np.int32]
) -> None:
    """Raise ``ValueError`` or ``TypeError`` for data that no index can hold."""
    if not 0 <= recording < 1 << 32:
        raise ValueError(f"recording {recording} is not an unsigned 32-bit number")
    if hashes.dtype != np.uint32 or frames.dtype != np.int32:
        raise TypeError("hashes must be uint32 and frames int32")
    if hashes.ndim != 1 or hashes.shape != frames.shape:
        raise ValueError("hashes and frames must have the same length")
    if len(frames) and frames.min() < 0:
        raise ValueError("frames must not be negative")
