"""The chunks of WAV, RF64, Wave64, AIFF and CAF files, as their writers meant them, and
the boxes of MP4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal

from recognition.audio.formats import MAX_CHUNKS, read_at

RIFF: Final = (b"RIFF", b"RIFX", b"RF64", b"BW64")
FORM: Final = b"FORM"
CAF: Final = b"caff"
WAVE64: Final = b"riff\x2e\x91\xcf\x11"
# What a chunk with sound is called.
SOUND: Final = (b"data", b"SSND")
# Some writers count modulo 2³², and some do not know the size when they begin: then it is
# zero, or near the largest number with or without a sign.
LARGEST: Final = 0xFFFFFFFF
NEAR: Final = 0x1000
MAX_BOXES: Final = 1 << 20
PLACEHOLDERS: Final = (0, 0x7FFFFFFF, LARGEST, 0xFFFFFFFFFFFFFFFF)


@dataclass(frozen=True, slots=True)
class SoundChunk:
    """A chunk of a file: its name, where it begins, its content, and the next one.

    ``stated`` is the size in its head; None if the writer did not know it.
    """

    name: bytes
    at: int
    begin: int
    stated: int | None
    next_at: int

    @property
    def end(self) -> int:
        """Return where its content ends; at the next chunk if its size is unknown."""
        return self.next_at if self.stated is None else self.begin + self.stated

    @property
    def is_unpadded(self) -> bool:
        """Return whether a byte is missing after a content of odd size."""
        return bool(self.stated and self.stated % 2 and self.next_at == self.end)


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the heads of chunks are written."""

    first: int
    name_bytes: int
    size_bytes: int
    order: Literal["little", "big"]
    counts_head: bool = False
    multiple: int = 1


def _layout(magic: bytes) -> _Layout | None:
    if magic[:4] in (*RIFF, FORM):
        order: Literal["little", "big"] = "big"
        if magic[:4] not in (b"RIFX", FORM):
            order = "little"
        return _Layout(12, 4, 4, order, multiple=2)
    if magic[:4] == CAF:
        return _Layout(8, 4, 8, "big")
    if magic[:8] == WAVE64:
        return _Layout(40, 16, 8, "little", counts_head=True, multiple=8)
    return None


def order_of(file: BinaryIO, begin: int) -> Literal["little", "big"]:
    """Return the order of bytes in the chunks of a file that begins at a place."""
    layout = _layout(read_at(file, begin, 8))
    return layout.order if layout is not None else "little"


def chunks_of(file: BinaryIO, begin: int, size: int) -> Iterator[SoundChunk]:
    """Yield the chunks of a file that begins at a place and ends at ``size``."""
    layout = _layout(read_at(file, begin, 8))
    at = begin + layout.first if layout is not None else size
    long_size: int | None = None
    for _ in range(MAX_CHUNKS):
        if layout is None or at >= size:
            return
        head_bytes = layout.name_bytes + layout.size_bytes
        head = read_at(file, at, head_bytes)
        if len(head) < head_bytes:
            return
        name, content = head[:4], at + head_bytes
        stated: int | None = int.from_bytes(head[layout.name_bytes :], layout.order)
        if layout.counts_head and stated is not None:
            stated = max(0, stated - head_bytes)
        if name == b"ds64":
            # The size of the sound where four bytes do not hold it.
            long_size = int.from_bytes(read_at(file, content + 8, 8), "little")
        if name in SOUND:
            if stated == LARGEST and long_size is not None:
                stated = long_size
            stated = _known_size(stated)
        next_at = size
        if stated is not None:
            next_at = _next(file, content + stated, layout, size)
        if name in SOUND and not _is_end(file, next_at, size):
            stated, next_at = None, size
        yield SoundChunk(name, at, content, stated, next_at)
        at = next_at


def _known_size(stated: int | None) -> int | None:
    """Return a size, or None if it stands for an unknown one."""
    is_known = stated is not None and all(
        abs(stated - placeholder) > NEAR if placeholder else stated != placeholder
        for placeholder in PLACEHOLDERS
    )
    return stated if is_known else None


def _next(file: BinaryIO, end: int, layout: _Layout, size: int) -> int:
    """Return where the next chunk begins; not all writers fill up an odd size."""
    padded = -(-end // layout.multiple) * layout.multiple
    name = read_at(file, end, 4)
    # Padding is a zero, or at times a space; names begin with neither.
    is_unpadded = layout.multiple == 2 and padded != end and padded < size
    return end if is_unpadded and is_name(name) and name[:1] != b" " else padded


def _is_end(file: BinaryIO, at: int, size: int) -> bool:
    """Return whether a chunk may end here: at the end, before a chunk or padding.

    Else its size was counted modulo 2³².
    """
    if at + 8 > size:
        return True
    name = read_at(file, at, 4)
    return is_name(name) or not any(name)


def is_name(name: bytes) -> bool:
    """Return whether four bytes may be the name of a chunk."""
    return len(name) == 4 and all(32 <= byte < 127 for byte in name)


@dataclass(frozen=True, slots=True)
class Mp4Box:
    """A box of an MP4 file; its end may lie beyond that of the file."""

    name: bytes
    at: int
    begin: int
    end: int


def boxes_of(file: BinaryIO, size: int, at: int = 0) -> Iterator[Mp4Box]:
    """Yield the boxes of an MP4 file from a place to ``size``: the outermost ones, or
    those in another.
    """
    for _ in range(MAX_BOXES):
        head = read_at(file, at, 16)
        length, head_bytes = int.from_bytes(head[:4]), 8
        if length == 1:
            length, head_bytes = int.from_bytes(head[8:]), 16
        elif length == 0:
            length = size - at
        # Names are letters and digits; else this is no box.
        if at >= size or len(head) < 8 or length < 8 or not head[4:8].isalnum():
            return
        yield Mp4Box(head[4:8], at, at + head_bytes, at + length)
        at += length
