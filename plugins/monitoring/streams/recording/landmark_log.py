"""The landmarks of one run, on disk while it goes on.

A file holds ten minutes at most. Its name states the first row of the level map in it; a
record is a piece as the listener sent it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from plugins.monitoring.streams.recording import records
from recognition.fingerprints.file_format import MAX_DURATION_MS
from recognition.params import DEFAULT
from recognition.streaming.listening import PIECE
from recognition.streaming.pieces import PieceCollector, RunPiece
from recognition.types import Fingerprint

# One row of the level map; reads begin on its grid.
GRID_MS: Final = 64
FILE_ROWS: Final = 600 * 1000 // GRID_MS
# Landmarks are decided up to a second after the rows of their piece, or before.
MARGIN_MS: Final = 5000
SUFFIX: Final = ".landmarks"


class LandmarkLog:
    """Landmarks and level map of one run, appended in pieces of about 4 s.

    One process appends; others may read meanwhile. ``folder`` is the plan's folder. What
    was read once is not parsed again: keep the object to read the end again and again.
    """

    def __init__(self, folder: Path, run: str) -> None:
        self.folder = folder / "runs" / run
        self._file: BinaryIO | None = None
        self._file_rows = 0
        self._known: dict[Path, _WholeRecords] = {}

    def append(self, piece: RunPiece) -> None:
        """Add the next piece. Raises ``BadFingerprint`` if the listener sent rubbish."""
        piece.fingerprint()
        head = PIECE.pack(piece.first_frame, piece.first_row, piece.duration_ms)
        file = self._open_for(piece.first_row)
        file.write(records.pack(head + piece.body))

    def read(self, start_ms: int, end_ms: int) -> Fingerprint:
        """Return the fingerprint of an interval, both layers and the level map.

        Its times count from ``start_ms``, rounded down to ``GRID_MS``. What is not
        there (later than ``duration_ms``, or deleted) is empty. Raises ``ValueError``
        for an interval of more than 48 hours.
        """
        start_ms -= start_ms % GRID_MS
        if start_ms < 0 or not 0 <= end_ms - start_ms <= MAX_DURATION_MS:
            raise ValueError("an interval lasts from 0 to 48 hours")
        first = round(start_ms / DEFAULT.frame_ms)
        last = -(-end_ms // int(DEFAULT.frame_ms))
        collector = PieceCollector(first, last)
        for path in self._files_from(start_ms - MARGIN_MS):
            places = [
                place
                for place in self._places(path)
                if place.first_row * GRID_MS <= end_ms + MARGIN_MS
                and place.duration_ms + MARGIN_MS >= start_ms
            ]
            for piece in _pieces_at(path, places):
                collector.add(piece)
        return collector.fingerprint(end_ms - start_ms)

    @property
    def duration_ms(self) -> int:
        """The run's time up to which landmarks are there."""
        for path in reversed(self._files()):
            if places := self._places(path):
                return places[-1].duration_ms
        return 0

    def delete_before(self, ms: int) -> None:
        """Delete the files whose landmarks all lie before ``ms``."""
        files = self._files()
        for path, following in itertools.pairwise(files):
            if _first_row(following) * GRID_MS > ms:
                return
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file that is written."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open_for(self, row: int) -> BinaryIO:
        if self._file is None or row >= self._file_rows + FILE_ROWS:
            self.close()
            self.folder.mkdir(parents=True, exist_ok=True)
            self._file = (self.folder / f"{row:012d}{SUFFIX}").open("ab", buffering=0)
            self._file_rows = row
        return self._file

    def _files_from(self, from_ms: int) -> Iterator[Path]:
        files = self._files()
        for at, path in enumerate(files):
            if at + 1 == len(files) or _first_row(files[at + 1]) * GRID_MS >= from_ms:
                yield path

    def _places(self, path: Path) -> list[_PiecePlace]:
        """Return the complete records of a file; only new ones are parsed."""
        whole_records = self._known.setdefault(path, _WholeRecords())
        try:
            file = path.open("rb")
        except FileNotFoundError:  # deleted in the meantime
            self._known.pop(path)
            return []
        with file:
            file.seek(whole_records.end)
            for payload in records.read(file):
                _first_frame, first_row, duration_ms = PIECE.unpack_from(payload)
                at = whole_records.end + records.HEAD.size
                whole_records.places.append(_PiecePlace(at, len(payload), first_row, duration_ms))
                whole_records.end = at + len(payload)
        return whole_records.places

    def _files(self) -> list[Path]:
        files = sorted(self.folder.glob(f"*{SUFFIX}"))
        for gone in self._known.keys() - set(files):
            self._known.pop(gone)
        return files


@dataclass(frozen=True, slots=True)
class _PiecePlace:
    """A piece's place in its file, and its origin."""

    at: int
    length: int
    first_row: int
    duration_ms: int


@dataclass(slots=True)
class _WholeRecords:
    """The whole records of a file up to byte ``end``."""

    end: int = 0
    places: list[_PiecePlace] = field(default_factory=list)


def _first_row(path: Path) -> int:
    return int(path.name.removesuffix(SUFFIX))


def _pieces_at(path: Path, places: list[_PiecePlace]) -> Iterator[RunPiece]:
    if not places:
        return
    try:
        file = path.open("rb")
    except FileNotFoundError:  # deleted in the meantime
        return
    with file:
        for place in places:
            file.seek(place.at)
            payload = file.read(place.length)
            first_frame, first_row, duration_ms = PIECE.unpack_from(payload)
            yield RunPiece(first_frame, first_row, duration_ms, payload[PIECE.size :])
