"""The parts of a file that FFmpeg reads, each as a file of its own.

Files in the wild hold what FFmpeg does not expect: several Ogg streams one after the
other, titles of a radio server between MP3 frames, sizes that a writer never filled in,
tags before a RIFF header. ``sections_of`` finds such things by reading headers alone.
"""

from __future__ import annotations

import io
import math
import time
from bisect import bisect_right
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import BinaryIO, Final, Literal

from recognition.audio.chunks import FORM, LARGEST, RIFF, SoundChunk, boxes_of, chunks_of, order_of
from recognition.audio.formats import MAX_POSITION, after_id3, read_at
from recognition.audio.ogg import CAPTURE, MAX_HEAD_BYTES, Chain, PageHead
from recognition.audio.ogg_heads import VORBIS_BEGINS, begins_in_mid_link, first_page, lacking_head
from recognition.audio.scrambled import ScrambledSound
from recognition.audio.transport import sections_of_transport
from recognition.errors import DecodeFailed

# Bounds hostile headers; opening a 48-hour film takes two seconds.
MAX_STEP_CPU_S: Final = 20.0
# How far apart packets of a transport stream lie, and where the first begins: Blu-ray and
# some recorders put four bytes before each, broadcasters 16 behind.
TS_LAYOUTS: Final = ((188, 0), (192, 4), (204, 0))
TS_SYNC: Final = 0x47
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
    """Ranges of a file that are read as one file, with bytes put over some places.

    ``head`` is read before them. The clock may continue that of the section before.
    ``fresh`` are the PIDs of a transport stream whose sound begins with this section.
    """

    ranges: tuple[Range, ...]
    patches: tuple[tuple[int, bytes], ...] = ()
    head: bytes = b""
    continues: bool = False
    fresh: frozenset[int] = frozenset()
    scrambled: tuple[ScrambledSound, ...] = ()


def sections_of(file: BinaryIO) -> list[ByteSection]:
    """Return the parts of a file that are files of their own, in order; at least one."""
    size = file.seek(0, io.SEEK_END)
    begin = begin_of(file)
    magic = read_at(file, begin, 12)
    if magic[:4] == CAPTURE:
        return _links(file, begin, size)
    if magic[:4] in RIFF and magic[8:] == b"WAVE":
        return _waves(file, begin, size)
    if magic[:4] == FORM:
        return [_aiff(file, begin, size)]
    if magic[4:8] == b"ftyp":
        return _movies(file, size)
    pages = first_page(file)
    if pages is not None:
        return _links(file, pages, size)
    if titles := _ranges_without_titles(file, size):
        return [ByteSection(titles)]
    return _transports(file, size) or [ByteSection(((0, size),))]


def _transports(file: BinaryIO, size: int) -> list[ByteSection]:
    """Return the parts of a transport stream; FFmpeg begins each with a table."""
    return [
        ByteSection(
            ((part.begin, part.end),),
            head=part.head,
            continues=part.continues,
            fresh=part.fresh,
            scrambled=part.scrambled,
        )
        for part in sections_of_transport(file, size)
    ]


def begin_of(file: BinaryIO) -> int:
    """Return where a file of chunks or pages begins after ID3 tags; 0 for others."""
    at = after_id3(file)
    return at if read_at(file, at, 4) in (*RIFF, FORM, CAPTURE) else 0


# --- Ogg ------------------------------------------------------------------------------


def _links(file: BinaryIO, begin: int, size: int) -> list[ByteSection]:
    """Return the links of a chained Ogg file: a link begins with its first pages.

    A page that repeats the Vorbis headers within a link loses its mark, so that FFmpeg,
    which would refuse the file, skips it like a damaged one.
    """
    starts: list[int] = [begin]
    patches: dict[int, list[tuple[int, bytes]]] = {begin: []}
    chain, at = Chain(), begin
    for _ in range(MAX_PAGES):
        page = PageHead.read(read_at(file, at, MAX_HEAD_BYTES))
        if page is None:
            next_page = _find(file, CAPTURE, at + 1, size)
            if next_page is None:
                break
            at = next_page
            continue
        if chain.begins_link(page) and at > begin and len(starts) < MAX_LINKS:
            starts.append(at)
            patches[at] = []
        body = at + page.head_bytes
        if chain.in_head and not page.is_first and _is_vorbis_head(file, body):
            patches[starts[-1]].append((at, bytes(len(CAPTURE))))
        at = _after_page(file, at, body + page.body_bytes, size)
    ends = [*starts[1:], size]
    links = [
        ByteSection(((start, end),), tuple(patches[start]))
        for start, end in zip(starts, ends, strict=True)
    ]
    if begins_in_mid_link(file, begin):
        following = starts[1] if len(starts) > 1 else None
        links[0] = replace(links[0], head=lacking_head(file, begin, following))
    return links


def _after_page(file: BinaryIO, at: int, end: int, size: int) -> int:
    """Return where pages go on: after a page, or within it if it was cut off there."""
    if end >= size or read_at(file, end, len(CAPTURE)) == CAPTURE:
        return end
    within = read_at(file, at + 1, end - at).find(CAPTURE)
    return end if within < 0 else at + 1 + within


def _is_vorbis_head(file: BinaryIO, at: int) -> bool:
    return read_at(file, at, len(VORBIS_BEGINS)) == VORBIS_BEGINS


def _find(file: BinaryIO, pattern: bytes, at: int, size: int) -> int | None:
    while at < size:
        offset = read_at(file, at, CHUNK + len(pattern)).find(pattern)
        if offset >= 0:
            return at + offset
        at += CHUNK
    return None


# --- Chunks ---------------------------------------------------------------------------


def _waves(file: BinaryIO, begin: int, size: int) -> list[ByteSection]:
    """Return the parts of a file that was put together from WAV files."""
    starts = [begin]
    while len(starts) < MAX_LINKS:
        following = next(
            (
                chunk.at
                for chunk in chunks_of(file, starts[-1], size)
                if chunk.name in RIFF and read_at(file, chunk.begin, 4) == b"WAVE"
            ),
            None,
        )
        if following is None:
            break
        starts.append(following)
    return [_riff(file, low, high) for low, high in pairwise([*starts, size])]


def _movies(file: BinaryIO, size: int) -> list[ByteSection]:
    """Return the parts of a file that was put together from MP4 files."""
    starts, indexes = [0], 0
    for box in boxes_of(file, size):
        indexes += box.name == b"moov"
        # Some writers repeat the first box, and no index of its own follows.
        if box.name == b"ftyp" and indexes >= len(starts) < MAX_LINKS:
            starts.append(box.at)
    if indexes < len(starts):
        starts = [0]
    return [ByteSection(((low, high),)) for low, high in pairwise([*starts, size])]


def _riff(file: BinaryIO, begin: int, size: int) -> ByteSection:
    """Return a WAV file as FFmpeg reads it: the sound of all its ``data`` chunks.

    Left out are chunks of odd size without padding, which FFmpeg does not expect. Header
    fields are corrected: an unknown size, and 24 valid bits in 32, which are integers and
    which FFmpeg takes for a rare floating-point format.
    """
    ranges: list[Range] = []
    patches: list[tuple[int, bytes]] = []
    sound: list[SoundChunk] = []
    at = begin
    for chunk in chunks_of(file, begin, size):
        if chunk.name == b"fmt ":
            patches += _integers(file, chunk, order_of(file, begin))
        elif chunk.name == b"data":
            sound.append(chunk)
        elif chunk.is_unpadded and not sound:
            ranges.append((at, chunk.at))
            at = chunk.next_at
    if sound and (sound[0].stated is None or len(sound) > 1):
        patches.append((sound[0].at + 4, UNKNOWN_SIZE))
    if len(sound) > 1:
        ranges.append((at, sound[0].end))
        ranges += [(chunk.begin, chunk.end) for chunk in sound[1:] if chunk.begin < chunk.end]
    else:
        ranges.append((at, size))
    return ByteSection(tuple((low, min(high, size)) for low, high in ranges), tuple(patches))


def _integers(
    file: BinaryIO, chunk: SoundChunk, order: Literal["little", "big"]
) -> list[tuple[int, bytes]]:
    form = read_at(file, chunk.begin, 20)
    kind, bits, valid = (int.from_bytes(form[place : place + 2], order) for place in (0, 14, 18))
    if (kind, bits, valid) == (EXTENSIBLE, 32, 24):
        return [(chunk.begin + 18, bits.to_bytes(2, order))]
    return []


def _aiff(file: BinaryIO, begin: int, size: int) -> ByteSection:
    """Return an AIFF file whose sizes say how much sound it holds."""
    chunks = {chunk.name: chunk for chunk in chunks_of(file, begin, size)}
    common, sound = chunks.get(b"COMM"), chunks.get(b"SSND")
    patches: list[tuple[int, bytes]] = []
    if common is not None and sound is not None and sound.stated is None:
        shape = read_at(file, common.begin, 8)
        channels, bits = (int.from_bytes(shape[at : at + 2]) for at in (0, 6))
        held = min(size - sound.begin, LARGEST)
        frames = max(0, held - 8) // max(1, channels * -(-bits // 8))
        patches.append((common.begin + 2, frames.to_bytes(4)))
        patches.append((sound.at + 4, held.to_bytes(4)))
    return ByteSection(((begin, size),), tuple(patches))


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
            next_title = _find(file, TITLE, at, size)
            if next_title is None:
                break
            at = next_title - 1
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
        self._head = section.head
        lengths = (end - begin for begin, end in section.ranges)
        self._starts = [*accumulate(lengths, initial=len(self._head))]
        self._at = 0
        self._step_ends = 0.0
        self._is_over = False
        self.name = name
        self.size = self._starts[-1]

    def begin_step(self) -> None:
        """Limit the CPU time of one step, such as reading the next packet.

        It counts from the step's first read on, as most packets need none.
        """
        self._step_ends = math.inf

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
        if self._at < len(self._head):
            data = self._head[self._at : self._at + size]
            self._at += len(data)
            return data
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
        begin = self._section.ranges[0][0] + max(0, low - len(self._head))
        data = read_at(self._file, begin, min(high - low + 208, CUT_WITHIN))
        step, first = max(
            TS_LAYOUTS, key=lambda layout: _share_of(TS_SYNC, data[layout[1] :: layout[0]])
        )
        packets = (data[at : at + 6] for at in range(first, len(data) - 5, step))
        return any(
            packet[0] == TS_SYNC and packet[3] & 0x20 and packet[4] and packet[5] & 0x80
            for packet in packets
        )

    def _has_spent_step(self) -> bool:
        """Return whether headers make FFmpeg loop.

        FFmpeg ignores errors then, so reads and seeks report the end of the file.
        """
        now = time.process_time()
        if self._step_ends == math.inf:
            self._step_ends = now + MAX_STEP_CPU_S
        self._is_over = self._is_over or now > self._step_ends
        return self._is_over


def _share_of(byte: int, data: bytes) -> float:
    return data.count(byte) / max(1, len(data))
