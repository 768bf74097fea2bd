"""An index of recordings, as callers of the library use it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from recognition.api.collection import Collection, is_index
from recognition.api.results import Scan, scan_of
from recognition.api.sounds import Sound, read

Folder: TypeAlias = str | os.PathLike[str]


class Index:
    """Recordings in a folder on disk, which other sound is searched for.

    ``Index.create`` and ``Index.open`` return one. It holds fingerprints, and no sound:
    about 2 MB for an hour of music. Any number of processes may scan while one adds or
    removes; each sees the change in its next scan. ``len(index)`` is the number of
    recordings, ``"id" in index`` asks for one, and iteration yields their ids.

        index = Index.create("catalogue")
        index.add("songs/one.flac")
        for segment in index.scan("programme.mp3").segments:
            print(segment.recording_id, segment.start_s, segment.end_s)
    """

    def __init__(self, folder: Folder) -> None:
        self._collection = Collection(Path(folder))
        self._folder = Path(folder)

    @classmethod
    def create(cls, folder: Folder, *, exist_ok: bool = False) -> Index:
        """Make an empty index in a folder, which need not exist, and open it.

        Raises ``FileExistsError`` if there is one, unless ``exist_ok``, which opens it.
        """
        if not exist_ok and is_index(Path(folder)):
            raise FileExistsError(f"There is an index in {folder} already; Index.open opens it.")
        Collection(Path(folder), create=True)
        return cls(folder)

    @classmethod
    def open(cls, folder: Folder) -> Index:
        """Open the index of a folder.

        Raises ``FileNotFoundError`` if there is none, and ``IndexCorrupt`` if it is
        damaged.
        """
        return cls(folder)

    def add(self, sound: Sound, *, recording_id: str | None = None, rate: int | None = None) -> str:
        """Add a recording and return its id; one of the same id is replaced.

        On return it is on disk, and the next scan finds it.

        Args:
            sound: A path, an array or a fingerprint, as ``fingerprint`` takes them.
            recording_id: Its name in results; by default that of the file without its
                suffix.
            rate: Samples per second of an array.

        Raises:
            As ``fingerprint`` does; ``MissingLayer`` for a fingerprint that was made only
            to be scanned; ``TypeError`` for an array or a fingerprint without an id.
        """
        if recording_id is None:
            if isinstance(sound, (str, os.PathLike)):
                recording_id = Path(sound).stem
            else:
                raise TypeError("Only a file has a name of its own; pass a recording_id.")
        made = read(sound, "reference", rate=rate).fingerprint
        self._collection.add_many([(recording_id, made)])
        return recording_id

    def add_many(self, sounds: Mapping[str, Sound]) -> None:
        """Add files or fingerprints by their id, all at once: several times as fast.

        All are read before the first is added. Raises as ``add`` does.
        """
        made = [(key, read(sound, "reference").fingerprint) for key, sound in sounds.items()]
        self._collection.add_many(made)

    def remove(self, recording_id: str) -> None:
        """Take a recording out; raises ``KeyError`` if there is none of this id."""
        if not self._collection.remove(recording_id):
            raise KeyError(recording_id)

    def scan(self, sound: Sound, *, rate: int | None = None) -> Scan:
        """Return which recordings are heard in a sound, where, and how surely.

        Args:
            sound: A path, an array or a fingerprint, as ``fingerprint`` takes them. Of a
                film, all sound tracks are searched.
            rate: Samples per second of an array.

        Raises:
            As ``fingerprint`` does; ``MissingLayer`` for a fingerprint that was made only
            to be added; ``IndexCorrupt`` if the index is damaged.
        """
        heard = read(sound, "scan", rate=rate)
        return scan_of(heard.path, self._collection.scan(heard), self._collection.track_id)

    @property
    def hours(self) -> float:
        """How many hours its recordings last together."""
        return self._collection.duration_ms / 3_600_000

    def __len__(self) -> int:
        return len(self._collection)

    def __iter__(self) -> Iterator[str]:
        return iter(self._collection.track_ids)

    def __contains__(self, recording_id: object) -> bool:
        return recording_id in self._collection.track_ids

    def __repr__(self) -> str:
        return f"Index({str(self._folder)!r}, {len(self)} recordings)"
