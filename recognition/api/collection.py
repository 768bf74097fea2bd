"""A directory of recordings: names, landmarks and index.

``names.jsonl`` is append-only: a recording that is added again gets a new number, and
its old number leaves the index, as that of a removed one does. The next ``add`` or
``remove`` completes or undoes the work of a killed one.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from recognition import durable
from recognition.api.sounds import ReadSound
from recognition.errors import IndexCorrupt, RecognitionError
from recognition.fingerprints import file_format as fingerprint_file
from recognition.fingerprints.file_format import reference_layer
from recognition.fingerprints.hashes import reference_hashes
from recognition.index.places import References, places_of
from recognition.index.segment import Postings
from recognition.index.store import SegmentStore
from recognition.params import DEFAULT
from recognition.relate.tracks import scan_tracks, unsearched
from recognition.search import match
from recognition.types import NO_LANDMARKS, Fingerprint, Landmarks, ScanResult

NAMES: Final = "names.jsonl"
LOCK: Final = "LOCK"
LANDMARKS: Final = "landmarks"
POSTINGS: Final = "postings"
BUCKET: Final = 0
PER_FOLDER: Final = 1000
# Recordings per commit of a rebuild; bounds its memory.
REBUILD_BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class Named:
    """One line of the names file: a recording and its number.

    Without a length, the line says that the recording was removed, and its number stands
    for nothing: no other recording ever gets it.
    """

    number: int
    track_id: str
    duration_ms: int | None


class Collection:
    """The recordings in one directory; any number of readers, one writer."""

    def __init__(self, root: Path, *, create: bool = False) -> None:
        self._root = root
        if create:
            (root / LANDMARKS).mkdir(parents=True, exist_ok=True)
        elif not is_index(root):
            raise FileNotFoundError(
                f"There is no index in {root}. Make one with Index.create, or with: "
                f"acrfp add --index {root} FILE…"
            )
        self._store: SegmentStore | None = None
        self._names, self._sound_bytes = _read_names(root / NAMES)

    def __len__(self) -> int:
        return len(self._current())

    @property
    def track_ids(self) -> list[str]:
        """The names of all recordings, in the order in which they were added."""
        return [named.track_id for named in self._current().values()]

    @property
    def store(self) -> SegmentStore:
        """The index, opened on first use."""
        if self._store is None:
            path, fresh = self._root / POSTINGS, self._root / f"{POSTINGS}.new"
            if not path.exists() and fresh.exists():
                fresh.rename(path)  # a rebuild was killed between its two renames
            self._store = self._open_store(path)
        return self._store

    def track_id(self, number: int) -> str:
        """Return the name of a recording."""
        if number not in self._names:
            self._names, self._sound_bytes = _read_names(self._root / NAMES)
        if number not in self._names:
            raise IndexCorrupt(
                f"The file {self._root / NAMES} has no line of recording {number}, which is "
                f"in the index. Restore the file from a backup, or take the recording out "
                f"with: acrfp rebuild --index {self._root}"
            )
        return self._names[number].track_id

    def landmarks(self, number: int) -> Landmarks:
        """Return the reference landmarks of a recording; empty if it was replaced."""
        try:
            stored = fingerprint_file.load(self._landmark_path(number))
        except FileNotFoundError:
            self._names, self._sound_bytes = _read_names(self._root / NAMES)
            if number in self._current():
                raise
            return NO_LANDMARKS
        return reference_layer(stored)

    def references(self) -> References:
        """Return the reference landmarks of all recordings, read on demand."""
        return References(self.landmarks, self.store.place_tables([BUCKET]))

    @property
    def duration_ms(self) -> int:
        """Total length of all recordings, in milliseconds."""
        return sum(named.duration_ms or 0 for named in self._current().values())

    @property
    def landmark_bytes(self) -> int:
        """Size of the stored landmarks on disk, in bytes."""
        paths = map(self._landmark_path, self._current())
        return sum(path.stat().st_size for path in paths)

    def add_many(self, recordings: Sequence[tuple[str, Fingerprint]]) -> None:
        """Add recordings by name, replacing those with the same name.

        On return all of them are on disk, and the next query of any process finds them.
        """
        latest = dict(recordings)
        with self._writing():
            # Complete a killed writer's work before numbers are assigned.
            self._heal()
            first = max(self._names, default=0) + 1
            added = [
                Named(first + place, track_id, made.duration_ms)
                for place, (track_id, made) in enumerate(latest.items())
            ]
            for named in added:
                made = latest[named.track_id]
                # Refuses a fingerprint that lacks the layer, before anything is written.
                reference_layer(made)
                path = self._landmark_path(named.number)
                if not path.parent.exists():
                    path.parent.mkdir(exist_ok=True)
                    durable.sync_directory(path.parent.parent)
                fingerprint_file.save(path, replace(made, dense=None, level_map=None))
            self._append(added)
            self._heal()
        while self.store.merge_due(BUCKET):
            pass

    def remove(self, track_id: str) -> bool:
        """Take a recording out; return whether there was one of this name."""
        with self._writing():
            known = any(named.track_id == track_id for named in self._current().values())
            if known:
                self._append([Named(max(self._names) + 1, track_id, None)])
            self._heal()
        return known

    def scan(self, sound: ReadSound) -> ScanResult:
        """Search all of a sound's tracks; it needs its scan layer."""
        search = partial(
            match.scan, index=self.store, buckets=[BUCKET], references=self.references()
        )
        result = scan_tracks(sound.fingerprint, sound.other_tracks, search)
        unread = unsearched(sound.tracks, (number for number, _ in sound.other_tracks))
        warnings = (*sound.warnings, *unread, *result.warnings)
        return replace(result, warnings=warnings, states_length=sound.states_length)

    def verify(self) -> list[str]:
        """Read everything and return the problems found; empty if there are none."""
        problems = self.store.verify(BUCKET)
        current = self._current()
        indexed = {int(number) for number in self.store.recordings(BUCKET)}
        for number, named in current.items():
            try:
                self.landmarks(number)
            except (OSError, RecognitionError) as error:
                problems.append(f"{named.track_id}: cannot read its landmarks: {error}")
            if number not in indexed:
                problems.append(f"{named.track_id}: not in the index; add it again")
        problems += [
            f"recording {number}: in the index, but {NAMES} has no line of it"
            for number in sorted(indexed - self._names.keys())
        ]
        return problems

    def compact(self) -> None:
        """Merge the index and delete the landmarks of replaced recordings."""
        with self._writing():
            self._heal()
            self.store.maintain(BUCKET)
            current = self._current()
            for number in set(self._names) - set(current):
                self._landmark_path(number).unlink(missing_ok=True)
            # The last line stays, even of a removed one: the next number counts from it.
            last = dict([max(self._names.items())] if self._names else [])
            text = b"".join(_line(named) for named in (current | last).values())
            durable.write(self._root / NAMES, text)

    def rebuild(self) -> None:
        """Rebuild the index from the stored landmarks; no audio is needed."""
        with self._writing():
            fresh = self._root / f"{POSTINGS}.new"
            shutil.rmtree(fresh, ignore_errors=True)
            store = self._open_store(fresh)
            numbers = list(self._current())
            for at in range(0, len(numbers), REBUILD_BATCH):
                batch = numbers[at : at + REBUILD_BATCH]
                store.add_many(BUCKET, [self._postings(number) for number in batch])
            store.maintain(BUCKET)
            # Two renames: readers see the old index or the new one, never half of it.
            old = self._root / f"{POSTINGS}.old"
            shutil.rmtree(old, ignore_errors=True)
            if (self._root / POSTINGS).exists():
                (self._root / POSTINGS).rename(old)
            fresh.rename(self._root / POSTINGS)
            durable.sync_directory(self._root)
            shutil.rmtree(old, ignore_errors=True)
            self._store = None

    def _open_store(self, path: Path) -> SegmentStore:
        return SegmentStore(
            path,
            params_hash=DEFAULT.index_hash(),
            rebuild_command=(
                f"rebuild it from the kept landmarks with: acrfp rebuild --index {self._root}"
            ),
        )

    def _current(self) -> dict[int, Named]:
        """Return the current recordings by number, without replaced and removed ones."""
        by_id = {named.track_id: named for named in self._names.values()}
        return {named.number: named for named in by_id.values() if named.duration_ms is not None}

    def _landmark_path(self, number: int) -> Path:
        folder = self._root / LANDMARKS / f"{number // PER_FOLDER:06d}"
        return folder / f"{number}.acrfp"

    def _postings(self, number: int) -> Postings:
        landmarks = self.landmarks(number)
        hashes, frames = reference_hashes(landmarks, DEFAULT)
        return Postings(number, hashes, frames, places_of(landmarks))

    def _heal(self) -> None:
        """Make the index hold exactly the current recordings."""
        current = self._current()
        indexed = {int(number) for number in self.store.recordings(BUCKET)}
        missing = [number for number in current if number not in indexed]
        if missing:
            self.store.add_many(BUCKET, [self._postings(n) for n in missing])
        for number in sorted(indexed - set(current)):
            self.store.remove(BUCKET, number)

    def _append(self, added: Sequence[Named]) -> None:
        with (self._root / NAMES).open("ab") as file:
            # Cut off a half-written last line of a killed writer.
            file.truncate(self._sound_bytes)
            file.write(b"".join(_line(named) for named in added))
            file.flush()
            os.fsync(file.fileno())
            self._sound_bytes = file.tell()
        durable.sync_directory(self._root)
        self._names |= {named.number: named for named in added}

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Lock out other writers and reread the names."""
        with (self._root / LOCK).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._names, self._sound_bytes = _read_names(self._root / NAMES)
            yield


def is_index(root: Path) -> bool:
    """Return whether a folder holds an index."""
    return (root / LANDMARKS).is_dir()


def _line(named: Named) -> bytes:
    text = json.dumps([named.number, named.track_id, named.duration_ms]).encode()
    return b"%08x %b\n" % (zlib.crc32(text), text)


def _read_names(path: Path) -> tuple[dict[int, Named], int]:
    """Return the names by number, and the length in bytes of all complete lines.

    A last line without a line feed comes from a killed writer and is ignored.
    """
    data = path.read_bytes() if path.exists() else b""
    sound = data.rfind(b"\n") + 1
    names = {}
    for line in data[:sound].splitlines():
        crc, _, text = line.partition(b" ")
        if crc != b"%08x" % zlib.crc32(text):
            raise IndexCorrupt(f"The file {path} is damaged: wrong checksum.")
        named = Named(*json.loads(text))
        names[named.number] = named
    return names, sound
