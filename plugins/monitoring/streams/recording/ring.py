"""The bytes of a stream on disk, as they arrived.

A file holds ten minutes at most. Its name states the offset of its first byte and when
that arrived; offsets count all bytes that were ever recorded. A record is the kind, the
time of arrival, the offset, and the bytes.
"""

from __future__ import annotations

import itertools
import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from plugins.monitoring.streams.recording import records

ENTRY: Final = struct.Struct("<BdQ")
BYTES: Final = 0
BEGIN: Final = 1
"""Nothing before this is continued by what follows."""
CUT: Final = 2
"""A new container begins here."""
FILE_S: Final = 600.0
FILE_BYTES: Final = 16 << 20
SUFFIX: Final = ".ring"


class RingGone(Exception):
    """The ring no longer holds the bytes of that time."""


@dataclass(frozen=True, slots=True)
class RingEntry:
    """What arrived at once; ``at`` is seconds of UTC since 1970."""

    kind: int
    at: float
    offset: int
    data: bytes

    @property
    def end(self) -> int:
        """Offset of the next byte."""
        return self.offset + len(self.data)

    def is_break(self, begin: int) -> bool:
        """Return whether it does not continue the bytes read from ``begin`` on."""
        return self.kind == BEGIN and self.offset > begin


class RingLog:
    """Records of bytes with their arrival times; the oldest are dropped by the owner.

    One process appends; others may read meanwhile. ``folder`` is the plan's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "ring"
        self._file: BinaryIO | None = None
        self._file_size = 0
        self._file_until = 0.0
        self._end: int | None = None
        self.is_failing = False

    @property
    def end(self) -> int:
        """Offset of the next byte that is appended."""
        if self._end is None:
            files = self._files()
            if files:
                records.cut_torn_end(files[-1])
            last = deque(_entries(files[-1]), maxlen=1) if files else ()
            named = _parse_name(files[-1])[0] if files else 0
            self._end = last[0].end if last else named
        return self._end

    @property
    def begin(self) -> int:
        """Offset of the first byte that is still there."""
        files = self._files()
        return _parse_name(files[0])[0] if files else self.end

    def append(self, data: bytes, at: float, kind: int = BYTES) -> int:
        """Add bytes that arrived at ``at``; return the offset after them.

        If the disk takes no more, the bytes are lost and ``is_failing`` says so.
        """
        offset = self.end
        record = records.pack(ENTRY.pack(kind, at, offset) + data)
        self._end = offset + len(data)
        try:
            written = self._open_for(at, offset, len(record)).write(record)
        except OSError:
            written = 0
        self._file_size += len(record)
        self.is_failing = written != len(record)
        if self.is_failing:
            # What was torn ends its file; the next bytes try a new one.
            self.close()
        return self._end

    def entries(self, from_offset: int) -> Iterator[RingEntry]:
        """Yield the recording from an offset on, the first entry cut to it.

        Raises ``RingGone`` if these bytes are dropped.
        """
        files = self._files()
        starts = [_parse_name(path)[0] for path in files]
        at = sum(start <= from_offset for start in starts) - 1
        if at < 0 and files:
            raise RingGone
        for path in files[max(0, at) :]:
            for entry in _entries(path):
                if entry.offset >= from_offset:
                    yield entry
                elif entry.end > from_offset:
                    tail = entry.data[from_offset - entry.offset :]
                    yield RingEntry(entry.kind, entry.at, from_offset, tail)

    def tail(self, size: int) -> bytes:
        """Return the last bytes that belong together, at most ``size``."""
        begin = max(0, self.end - size)
        files = self._files()
        if files:
            begin = max(begin, _parse_name(files[0])[0])
        together = bytearray()
        for entry in self.entries(begin):
            if entry.kind == BEGIN:
                together.clear()
            together += entry.data
        return bytes(together[-size:])

    def read(self, from_utc: datetime, until_utc: datetime) -> bytes:
        """Return the bytes that arrived in an interval. Raises ``RingGone``."""
        start, stop = from_utc.timestamp(), until_utc.timestamp()
        files = self._files()
        if not files or _parse_name(files[0])[1] > start:
            raise RingGone
        sound = bytearray()
        for at, path in enumerate(files):
            if at + 1 < len(files) and _parse_name(files[at + 1])[1] < start:
                continue
            for entry in _entries(path):
                if entry.at >= stop:
                    return bytes(sound)
                if entry.at >= start:
                    sound += entry.data
        return bytes(sound)

    def drop_before(self, utc: datetime) -> None:
        """Delete the files whose bytes all arrived before ``utc``."""
        files = self._files()
        for path, following in itertools.pairwise(files):
            if _parse_name(following)[1] > utc.timestamp():
                return
            path.unlink(missing_ok=True)

    def drop_oldest(self) -> int:
        """Delete the oldest file unless it is the newest; return its size."""
        files = self._files()
        if len(files) < 2:
            return 0
        size = _size_of(files[0])
        files[0].unlink(missing_ok=True)
        return size

    @property
    def size_bytes(self) -> int:
        """The space that the ring takes on disk."""
        return sum(map(_size_of, self._files()))

    def close(self) -> None:
        """Close the file that is written."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open_for(self, at: float, offset: int, size: int) -> BinaryIO:
        full = self._file_size + size > FILE_BYTES or at >= self._file_until
        if self._file is None or full:
            self.close()
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"{offset:016d}-{max(0, int(at * 1000)):015d}{SUFFIX}"
            # Unbuffered, so written bytes survive a kill.
            self._file = path.open("ab", buffering=0)
            self._file_size = path.stat().st_size
            self._file_until = at + FILE_S
        return self._file

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{SUFFIX}"))


def utc(at: float) -> datetime:
    """Return seconds since 1970 as a time in UTC."""
    return datetime.fromtimestamp(at, UTC)


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # dropped meanwhile
        return 0


def _parse_name(path: Path) -> tuple[int, float]:
    offset, at = path.name.removesuffix(SUFFIX).split("-")
    return int(offset), int(at) / 1000


def _entries(path: Path) -> Iterator[RingEntry]:
    try:
        file = path.open("rb")
    except FileNotFoundError:  # dropped meanwhile
        return
    with file:
        for payload in records.read(file):
            kind, at, offset = ENTRY.unpack_from(payload)
            yield RingEntry(kind, at, offset, payload[ENTRY.size :])
