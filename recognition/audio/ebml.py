"""The elements of Matroska and WebM files, of which FFmpeg does not say everything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from recognition.audio.formats import read_at

EBML: Final = bytes.fromhex("1a45dfa3")
SEGMENT: Final = 0x18538067
CLUSTER: Final = 0x1F43B675
TRACKS: Final = 0x1654AE6B
TRACK_ENTRY: Final = 0xAE
TRACK_TYPE: Final = 0x83
CONTENT_ENCODINGS: Final = 0x6D80
CONTENT_ENCODING: Final = 0x6240
CONTENT_ENCRYPTION: Final = 0x5035
SOUND_TYPE: Final = 2
# Bounds hostile files; heads of real ones have a few dozen.
MAX_ELEMENTS: Final = 1000


@dataclass(frozen=True, slots=True)
class Element:
    """An element: its id, where its content begins, and its end.

    ``end`` may lie beyond that of the file; None if the writer did not know it.
    """

    id: int
    begin: int
    end: int | None


def elements_of(file: BinaryIO, at: int, end: int) -> Iterator[Element]:
    """Yield the elements between two places, up to the first of unknown size."""
    for _ in range(MAX_ELEMENTS):
        head = read_at(file, at, 12)
        if at >= end or not head or not head[0]:
            return
        id_bytes = 9 - head[0].bit_length()
        sized = head[id_bytes:]
        if id_bytes > 4 or not sized or not sized[0]:
            return
        size_bytes = 9 - sized[0].bit_length()
        # The first bit set says how many bytes the size has.
        marked = int.from_bytes(sized[:size_bytes])
        size = marked - (1 << 7 * size_bytes)
        begin = at + id_bytes + size_bytes
        is_unknown = size == (1 << 7 * size_bytes) - 1
        at = begin + size
        yield Element(int.from_bytes(head[:id_bytes]), begin, None if is_unknown else at)
        if is_unknown:
            return


def segment_of(file: BinaryIO, size: int) -> Element | None:
    """Return the element that holds all others."""
    elements = elements_of(file, 0, size)
    return next((element for element in elements if element.id == SEGMENT), None)


def encrypted_tracks(file: BinaryIO, size: int) -> list[bool]:
    """Return for each sound track whether its content is encrypted."""
    segment = segment_of(file, size)
    if segment is None:
        return []
    entries = [
        entry
        for tracks in _within(file, segment, TRACKS, size)
        for entry in _within(file, tracks, TRACK_ENTRY, size)
    ]
    return [
        any(
            True
            for encodings in _within(file, entry, CONTENT_ENCODINGS, size)
            for encoding in _within(file, encodings, CONTENT_ENCODING, size)
            for _ in _within(file, encoding, CONTENT_ENCRYPTION, size)
        )
        for entry in entries
        if _type_of(file, entry, size) == SOUND_TYPE
    ]


def _within(file: BinaryIO, parent: Element, element_id: int, size: int) -> Iterator[Element]:
    """Yield the children with an id; of a segment, those before its sound."""
    for element in elements_of(file, parent.begin, parent.end or size):
        if element.id == CLUSTER:
            return
        if element.id == element_id:
            yield element


def _type_of(file: BinaryIO, entry: Element, size: int) -> int | None:
    for element in _within(file, entry, TRACK_TYPE, size):
        if element.end is not None:
            return int.from_bytes(read_at(file, element.begin, min(8, element.end - element.begin)))
    return None
