"""Find repeated unknown sound in media files, for the command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

from recognition.api.collection import BUCKET, Collection
from recognition.api.sounds import read
from recognition.commands.console import print_notes
from recognition.fingerprints import file_format as fingerprint
from recognition.fingerprints.file_format import scan_layer
from recognition.index.store import SegmentStore
from recognition.params import DEFAULT
from recognition.recurring.back import searched_back
from recognition.recurring.clipping import clipped
from recognition.recurring.items import Item, items_of
from recognition.recurring.join import SharedSound, keep
from recognition.recurring.sounds import Sound
from recognition.search.match import scan
from recognition.speech.judging import judge
from recognition.speech_track import SoundKind
from recognition.types import Fingerprint, UnmatchedKind

JOIN_BUCKET: Final = 0
_HELD: Final = 8  # files in memory, about 20 MB for each hour


@dataclass
class JoinedFiles:
    """Files that are joined one after the other, in a folder of their own.

    Matches of the ``collection``'s recordings are left out, if it is given.
    """

    folder: Path
    collection: Collection | None = None
    paths: list[Path] = field(default_factory=list)
    runs: list[SharedSound] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._index = SegmentStore(self.folder / "index", params_hash=DEFAULT.index_hash())
        self._unmatched: dict[int, tuple[tuple[int, int], ...]] = {}
        self._sound = lru_cache(_HELD)(self._load)

    def add(self, path: Path) -> None:
        """Read and join a file; raises as ``read`` and ``scan`` do."""
        file = read(path, "scan")
        print_notes(path, file.notes)
        made = file.fingerprint
        number = len(self.paths)
        self._unmatched[number] = self._open(made)
        fingerprint.save(self._path(number), made)
        runs = keep(number, load=self._sound, index=self._index, bucket=JOIN_BUCKET)
        self.paths.append(path)
        self.runs += runs

    def items(self) -> tuple[Item, ...]:
        """Return the items of all files; ``file`` numbers count from 0 in ``paths``."""
        items = clipped(items_of(self.runs, load=self._sound), self._unmatched.get)
        extended = searched_back(items, range(len(self.paths)), load=self._sound)
        return tuple(clipped(extended, self._unmatched.get))

    def _open(self, made: Fingerprint) -> tuple[tuple[int, int], ...]:
        if self.collection is None:
            pieces = judge(scan_layer(made)[1]).pieces(0, made.duration_ms)
            return tuple(
                (piece.start_ms, piece.end_ms)
                for piece in pieces
                if piece.kind is not SoundKind.SPEECH
            )
        result = scan(
            made,
            index=self.collection.store,
            buckets=[BUCKET],
            references=self.collection.references(),
        )
        return tuple(
            (interval.start_ms, interval.end_ms)
            for interval in result.unmatched
            if interval.kind is UnmatchedKind.NO_MATCH and interval.sound is not SoundKind.SPEECH
        )

    def _path(self, number: int) -> Path:
        return self.folder / f"{number}.acrfp"

    def _load(self, number: int) -> Sound:
        stored = fingerprint.load(self._path(number))
        return Sound.of(number, stored, self._unmatched[number])
