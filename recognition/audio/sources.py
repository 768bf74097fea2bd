"""The parts of a file that FFmpeg reads, each as a file of its own.

Files in the wild hold what FFmpeg does not expect: several Ogg streams one after the
other, titles of a radio server between MP3 frames, sizes that a writer never filled in,
tags before a RIFF header. ``sections_of`` finds such things by reading headers alone.
"""

from __future__ import annotations

import io
import time
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import BinaryIO, Final

from recognition.audio.formats import (
    MAX_CHUNKS,
    OGG_PAGE,
    VORBIS_BEGINS,
    after_id3,
    read_at,
)
from recognition.errors import DecodeFailed

# Some file systems refuse to seek further; no media file is that long.
MAX_POSITION: Final = 1 << 43
# Bounds hostile headers; opening a 48-hour film takes two seconds.
MAX_STEP_CPU_S: Final = 20.0
TS_PACKET: Final = 188
# A search for the next page or title reads this much at once, and looks this far for
# the first title. A mark of a transport stream lies near the packet it is about.
CHUNK: Final = 1 << 16
FIRST_TITLE_WITHIN: Final = 1 << 20
CUT_WITHIN: Final = 1 << 22
# Bounds hostile files; 48 hours of sound have fewer pages, and a night fewer songs.
MAX_PAGES: Final = 1 << 20
MAX_LINKS: Final = 10_000
TITLE: Final = b"StreamTitle='"
# Servers send titles after so many bytes of sound.
USUAL_INTERVALS: Final = (8192, 16000, 16384, 32768, 4000, 4096, 8000, 32000, 65536)
# So many blocks in their places are no accident: sound rarely has a zero byte there.
MIN_BLOCKS: Final = 4
# A dump of titles may hold millions; a section of so many parts still fits into memory.
MAX_PARTS: Final = 1 << 20
EXTENSIBLE: Final = 0xFFFE
UNKNOWN_SIZE: Final = b"\xff\xff\xff\xff"

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ByteSection:
    """Ranges of a file that are read as one file, with bytes put over some places."""

    ranges: tuple[Range, ...]
    patches: tuple[tuple[int, bytes], ...] = ()


def sections_of(file: BinaryIO) -> list[ByteSection]:
    """Return the parts of a file that are files of their own, in order; at least one."""
    size = file.seek(0, io.SEEK_END)
    begin = _after_tag(file)
    magic = read_at(file, begin, 4)
    if magic == OGG_PAGE:
        return _links(file, begin, size)
    if magic in (b"RIFF", b"RIFX"):
        return [ByteSection(((begin, size),), tuple(_riff_patches(file, begin, size)))]
    if titles := _ranges_without_titles(file, size):
        return [ByteSection(titles)]
    return [ByteSection(((0, size),))]


def _after_tag(file: BinaryIO) -> int:
    """Return where a RIFF or Ogg file begins after leading ID3 tags; 0 for others."""
    at = after_id3(file)
    return at if read_at(file, at, 4) in (b"RIFF", b"RIFX", OGG_PAGE) else 0


# --- Ogg ------------------------------------------------------------------------------


def _links(file: BinaryIO, begin: int, size: int) -> list[ByteSection]:
    """Return the links of a chained Ogg file: a link begins with its first pages.

    A page that repeats the Vorbis headers within a link loses its mark, so that FFmpeg,
    which would refuse the file, skips it like a damaged one.
    """
    starts: list[int] = [begin]
    patches: dict[int, list[tuple[int, bytes]]] = {begin: []}
    at, was_first, is_head = begin, True, True
    for _ in range(MAX_PAGES):
        head = read_at(file, at, 27 + 255)
        if head[:4] != OGG_PAGE or len(head) < 27:
            found = _find(file, OGG_PAGE, at + 1, size)
            if found is None:
                break
            at = found
            continue
        sizes = head[27 : 27 + head[26]]
        body = at + 27 + len(sizes)
        is_first = bool(head[5] & 2)
        if is_first and not was_first and len(starts) < MAX_LINKS:
            starts.append(at)
            patches[at] = []
            is_head = True
        if is_head and not is_first and read_at(file, body, 7) == VORBIS_BEGINS:
            patches[starts[-1]].append((at, bytes(len(OGG_PAGE))))
        # Headers come before the first granule of sound.
        is_head = is_head and (is_first or int.from_bytes(head[6:14], "little") == 0)
        was_first = is_first
        at = body + sum(sizes)
    ends = [*starts[1:], size]
    return [
        ByteSection(((start, end),), tuple(patches[start]))
        for start, end in zip(starts, ends, strict=True)
    ]


def _find(file: BinaryIO, wanted: bytes, at: int, size: int) -> int | None:
    while at < size:
        found = read_at(file, at, CHUNK + len(wanted)).find(wanted)
        if found >= 0:
            return at + found
        at += CHUNK
    return None


# --- RIFF -----------------------------------------------------------------------------


def _riff_patches(file: BinaryIO, begin: int, size: int) -> list[tuple[int, bytes]]:
    """Return corrections of a header that would have FFmpeg read other sound.

    24 valid bits in 32 are integers, which FFmpeg takes for a rare floating-point format.
    A ``data`` chunk that ends where no chunk follows has a size counted modulo 2³².
    """
    order = "big" if read_at(file, begin, 4) == b"RIFX" else "little"
    patches: list[tuple[int, bytes]] = []
    at = begin + 12
    for _ in range(MAX_CHUNKS):
        chunk = read_at(file, at, 8)
        if len(chunk) < 8:
            break
        length = int.from_bytes(chunk[4:], order)  # type: ignore[arg-type]
        if chunk[:4] == b"fmt " and length >= 20:
            form = read_at(file, at + 8, 20)
            kind, bits, valid = (
                int.from_bytes(form[place : place + 2], order)  # type: ignore[arg-type]
                for place in (0, 14, 18)
            )
            if kind == EXTENSIBLE and bits == 32 and valid == 24:
                patches.append((at + 26, bits.to_bytes(2, order)))  # type: ignore[arg-type]
        end = at + 8 + length + length % 2
        if chunk[:4] == b"data":
            if length > 0 and end + 8 <= size and not _is_chunk(file, end):
                patches.append((at + 4, UNKNOWN_SIZE))
            break
        at = end
    return patches


def _is_chunk(file: BinaryIO, at: int) -> bool:
    """Return whether a place looks like the head of a chunk, or like padding."""
    name = read_at(file, at, 4)
    return all(32 <= byte < 127 for byte in name) or not any(name)


# --- Titles between frames ------------------------------------------------------------


def _ranges_without_titles(file: BinaryIO, size: int) -> tuple[Range, ...]:
    """Return the ranges of sound in a dump of a radio stream; none if it has no titles."""
    first = _find(file, TITLE, 0, min(size, FIRST_TITLE_WITHIN))
    if first is None:
        return ()
    interval = _interval(file, first - 1)
    if interval is None:
        return ()
    at = first - 1
    while at - interval - 1 >= 0 and read_at(file, at - interval - 1, 1) == b"\0":
        at -= interval + 1
    ranges: list[Range] = []
    begin = 0
    while at < size and len(ranges) < MAX_PARTS:
        length = _block_bytes(file, at)
        if length is None:
            # The titles begin anew, as where dumps were put together.
            found = _find(file, TITLE, at, size)
            if found is None:
                break
            at = found - 1
            length = _block_bytes(file, at) or 1
        ranges.append((begin, at))
        begin = at + length
        at = begin + interval
    ranges.append((begin, size))
    return tuple((low, high) for low, high in ranges if low < high)


def _block_bytes(file: BinaryIO, at: int) -> int | None:
    """Return the length of the title block at a place, or None if there is none."""
    head = read_at(file, at, 1 + len(TITLE))
    if not head or head[0] == 0:
        return 1
    return 1 + 16 * head[0] if head[1:] == TITLE else None


def _interval(file: BinaryIO, first: int) -> int | None:
    """Return how many bytes of sound lie between titles, or None if they do not recur."""
    after = first + (_block_bytes(file, first) or 1)
    second = _find(file, TITLE, after, after + FIRST_TITLE_WITHIN)
    distance = 0 if second is None else second - 1 - after
    # With empty blocks between two titles, the distance is a multiple, less one.
    candidates = [
        (distance + 1) // parts - 1
        for parts in range(64, 0, -1)
        if distance and (distance + 1) % parts == 0
    ]
    for interval in (*candidates, *USUAL_INTERVALS):
        at, blocks = after + interval, 0
        while interval > 0 and (length := _block_bytes(file, at)) and blocks < 16:
            blocks += 1
            at += length + interval
        if blocks >= MIN_BLOCKS:
            return interval
    return None


class Source:
    """The file object that FFmpeg reads for one section; impossible seeks fail quietly.

    ``name`` carries the suffix, by which FFmpeg recognises some formats.
    """

    def __init__(self, file: BinaryIO, section: ByteSection, name: str) -> None:
        self._file = file
        self._section = section
        self._starts = [0, *accumulate(end - begin for begin, end in section.ranges)]
        self._at = 0
        self._step_ends = 0.0
        self._is_over = False
        self.name = name
        self.size = self._starts[-1]

    def begin_step(self) -> None:
        """Start the CPU-time limit of one step, such as reading the next packet."""
        self._step_ends = time.process_time() + MAX_STEP_CPU_S

    def end_step(self) -> None:
        """Raise ``DecodeFailed`` if the step used more CPU time than allowed."""
        if self._is_over:
            raise DecodeFailed("The file is damaged: its structure cannot be followed.")

    def tell(self) -> int:
        return self._at

    def read(self, size: int) -> bytes:
        """Return at most ``size`` bytes, up to the end of a range."""
        if self._has_spent_step() or self._at >= self.size:
            return b""
        number = bisect_right(self._starts, self._at) - 1
        begin, end = self._section.ranges[number]
        place = begin + self._at - self._starts[number]
        self._file.seek(place)
        data = self._file.read(min(size, end - place))
        self._at += len(data)
        for patched, content in self._section.patches:
            low = max(patched, place)
            high = min(patched + len(content), place + len(data))
            if low < high:
                covered = content[low - patched : high - patched]
                data = data[: low - place] + covered + data[high - place :]
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if self._has_spent_step():
            return -1
        base = {io.SEEK_CUR: self._at, io.SEEK_END: self.size}.get(whence, 0)
        if not 0 <= base + offset <= MAX_POSITION:
            return -1
        self._at = base + offset
        return self._at

    def has_cut_between(self, low: int, high: int) -> bool:
        """Return whether a packet of an MPEG transport stream marks a discontinuity.

        ``low`` and ``high`` are places of two packets of sound.
        """
        self._file.seek(self._section.ranges[0][0] + low)
        data = self._file.read(min(high - low + TS_PACKET, CUT_WITHIN))
        packets = (data[at : at + 6] for at in range(0, len(data) - 5, TS_PACKET))
        return any(
            packet[0] == 0x47 and packet[3] & 0x20 and packet[4] and packet[5] & 0x80
            for packet in packets
        )

    def _has_spent_step(self) -> bool:
        """Return whether headers make FFmpeg loop.

        FFmpeg ignores errors then, so reads and seeks report the end of the file.
        """
        self._is_over = self._is_over or time.process_time() > self._step_ends
        return self._is_over
