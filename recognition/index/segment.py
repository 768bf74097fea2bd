"""One immutable file of postings, memory-mapped and never loaded whole.

Layout, little-endian: a header page; the table of recordings (numbers, places where
they begin, counts of postings, landmarks and loud landmarks), padded to pages; data
pages (``starts`` of the buckets, then the packed postings, then cells and bins of the
landmarks and of the loud ones, each padded to pages); an 8-byte checksum for each data
page. Header and table carry a CRC checked on opening; data pages of postings are checked
on first use. Landmarks only propose what verification reads from the fingerprint, so
they are checked when the segment is merged or the index is checked.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recognition.errors import IndexCorrupt, ParamsMismatch
from recognition.index import packing
from recognition.index.packing import PAGE_BYTES
from recognition.index.places import NO_PLACES, PlaceParts, Places, PlaceTable, starts_of

MAGIC: Final = b"ACRSEG\r\n"
VERSION: Final = 2
HEADER: Final = struct.Struct("<8sI16sIQQBBxxIQQ")
CRC: Final = struct.Struct("<I")
MAX_AXIS: Final = 1 << 32
MAX_POSTINGS: Final = (1 << 32) - 1
# About this many postings share a bucket of the directory: with 16 a lookup takes half as
# long again, with 2 a tenth less, and the file is 3 % smaller or 7 % larger.
PER_BUCKET: Final = 4
MAX_BUCKET_BITS: Final = 28
MERGE_CHUNK: Final = 1 << 22
_COLUMNS: Final = 5  # of the table of recordings


class Postings(NamedTuple):
    """What an index stores of a recording: hashes with their frames, and its places.

    Without places it is found by votes alone.
    """

    recording: int
    hashes: NDArray[np.uint32]
    frames: NDArray[np.int32]
    places: Places = NO_PLACES


@dataclass(frozen=True, slots=True)
class Shape:
    """The numbers from which all sizes in a file follow."""

    recordings: int
    postings: int
    axis: int
    landmarks: int
    loud: int
    bucket_bits: int  # high bits of the mixed hash, which choose a bucket

    @property
    def axis_bits(self) -> int:
        """Bits of a place."""
        return max(1, (self.axis - 1).bit_length())

    @property
    def width(self) -> int:
        """Bits of a posting."""
        return 32 - self.bucket_bits + self.axis_bits

    @property
    def table_bytes(self) -> int:
        """Size of the table of recordings."""
        return _COLUMNS * 4 * self.recordings + 4

    @property
    def data_offset(self) -> int:
        """Offset of the data pages."""
        return PAGE_BYTES * (1 + _pages(self.table_bytes))

    @property
    def starts_pages(self) -> int:
        """Number of pages of the directory."""
        return _pages(4 * ((1 << self.bucket_bits) + 1))

    @property
    def words_pages(self) -> int:
        """Number of pages of the postings; a spare word lets reads overrun."""
        return _pages(8 * ((self.postings * self.width + 63) // 64 + 1))

    @property
    def place_pages(self) -> tuple[int, int, int, int]:
        """Number of pages of cells and bins, of all landmarks and of loud ones."""
        sizes = 4 * self.landmarks, self.landmarks, 4 * self.loud, self.loud
        cells, bins, loud_cells, loud_bins = map(_pages, sizes)
        return cells, bins, loud_cells, loud_bins

    @property
    def data_pages(self) -> int:
        """Number of all data pages."""
        return self.starts_pages + self.words_pages + sum(self.place_pages)

    @property
    def file_bytes(self) -> int:
        """Size of the whole file."""
        return self.data_offset + self.data_pages * (PAGE_BYTES + 8)


class IndexSegment:
    """An open segment; ``ids``, ``bases`` and ``counts`` are by local recording.

    ``guide`` leads from a place to its recording; see ``packing``.
    """

    def __init__(self, path: Path, params_hash: str) -> None:
        self.path = path
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < PAGE_BYTES:
                raise _corrupt(path, "it is truncated")
            self._map = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        self.shape = self._read_header(params_hash)
        if size != self.shape.file_bytes:
            raise _corrupt(path, "it has the wrong size")
        self.ids, self.bases, self.counts, self._landmarks, self._loud = self._read_table()
        self._by_id = np.argsort(self.ids)
        offset, pages = self.shape.data_offset, self.shape.data_pages
        whole = np.frombuffer(self._map, dtype=np.uint64)
        end = (offset + pages * PAGE_BYTES) // 8
        self.data = whole[offset // 8 : end]
        self.sums = whole[end:]
        self.checked = np.zeros(pages, dtype=np.uint8)
        places = np.arange(0, 1 << self.shape.axis_bits, packing.GUIDED)
        guide = np.searchsorted(self.bases, places, side="right") - 1
        self.guide = guide.astype(np.uint32)

    @property
    def words(self) -> NDArray[np.uint64]:
        """The packed postings."""
        return self.data[self.shape.starts_pages * packing.WORDS_PER_PAGE :]

    @property
    def starts(self) -> NDArray[np.uint32]:
        """The directory: where the postings of each bucket begin, and where the last
        end.
        """
        return self.data.view(np.uint32)[: (1 << self.shape.bucket_bits) + 1]

    def place_table(self, dead: NDArray[np.uint8]) -> PlaceTable:
        """Return where the landmarks of the recordings lie, without removed ones."""
        cells, bins, loud_cells, loud_bins = _place_parts(self.data, self.shape)
        return PlaceTable(
            self.ids,
            dead,
            starts_of(self._landmarks),
            cells,
            bins,
            starts_of(self._loud),
            loud_cells,
            loud_bins,
        )

    @property
    def landmark_counts(self) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """How many landmarks, and how many loud ones, each recording has."""
        return self._landmarks, self._loud

    def local(self, recording: int) -> int | None:
        """Return a recording's place in the table, or None if it is not in this
        segment.
        """
        at = int(np.searchsorted(self.ids, recording, sorter=self._by_id))
        if at == len(self.ids) or self.ids[self._by_id[at]] != recording:
            return None
        return int(self._by_id[at])

    def mask(self, dead: Sequence[int]) -> NDArray[np.uint8]:
        """Return a mask that is 1 for each local recording in ``dead``."""
        return np.isin(self.ids, np.array(dead, dtype=np.uint32)).astype(np.uint8)

    def damage(self) -> str | None:
        """Check the whole file; return its fault, or None."""
        bad = packing.first_bad_page(self.data, self.sums)
        if bad >= 0:
            return f"{self.path}: page {bad} is damaged"
        starts = self.starts.astype(np.int64)
        if starts[0] != 0 or starts[-1] != self.shape.postings:
            return f"{self.path}: the directory does not fit the postings"
        if (np.diff(starts) < 0).any():
            return f"{self.path}: the directory is out of order"
        table = self.place_table(np.zeros(len(self.ids), dtype=np.uint8))
        if not table.is_sound():
            return f"{self.path}: the landmarks are out of order"
        return None

    def keys(
        self, buckets: tuple[int, int], bases: NDArray[np.uint32], dead: NDArray[np.uint8]
    ) -> NDArray[np.uint64]:
        """Return mixed hash and new place of the postings in a range of buckets."""
        first, last = buckets
        starts = self.starts
        keys = np.empty(int(starts[last]) - int(starts[first]), dtype=np.uint64)
        shape = (self.shape.bucket_bits, self.shape.axis_bits, first, last)
        count = packing.unpack(
            self.words, starts, shape, (self.bases, self.guide, bases, dead), keys
        )
        return keys[:count]

    def _read_header(self, params_hash: str) -> Shape:
        header = self._map[: HEADER.size]
        magic, version, params, *sizes, bits, axis_bits, table, landmarks, loud = HEADER.unpack(
            header
        )
        recordings, postings, axis = sizes
        if magic != MAGIC:
            raise _corrupt(self.path, "it is not a segment")
        crc = CRC.unpack_from(self._map, HEADER.size)[0]
        if crc != zlib.crc32(header):
            raise _corrupt(self.path, "its header is damaged")
        if version != VERSION:
            raise _corrupt(self.path, f"it has the unknown version {version}")
        actual = params.rstrip(b"\0").decode("ascii")
        if actual != params_hash:
            raise ParamsMismatch(str(self.path), actual=actual, expected=params_hash)
        shape = Shape(recordings, postings, axis, landmarks, loud, bits)
        if bits > MAX_BUCKET_BITS or axis_bits != shape.axis_bits:
            raise _corrupt(self.path, "its header contradicts itself")
        self._table_crc = table
        return shape

    def _read_table(self) -> Table:
        raw = self._map[PAGE_BYTES : PAGE_BYTES + self.shape.table_bytes]
        if zlib.crc32(raw) != self._table_crc:
            raise _corrupt(self.path, "its table of recordings is damaged")
        table = np.frombuffer(raw, dtype=np.uint32)
        ids, bases, counts, landmarks, loud = table[:-1].reshape(_COLUMNS, -1)
        if (landmarks.sum(), loud.sum()) != (self.shape.landmarks, self.shape.loud):
            raise _corrupt(self.path, "its header contradicts its table of recordings")
        return ids, bases, counts, landmarks, loud


Table = tuple[
    NDArray[np.uint32],
    NDArray[np.uint32],
    NDArray[np.uint32],
    NDArray[np.uint32],
    NDArray[np.uint32],
]
"""By recording: its number, its place, and counts of postings, landmarks, loud ones."""

Source = tuple[IndexSegment, NDArray[np.uint8]]
"""A segment to merge and the mask of its removed recordings."""


def write_segment(path: Path, recordings: Sequence[Postings], params_hash: str) -> int:
    """Write the postings of some recordings; return the size of the file in bytes."""

    def column(values: Iterable[int]) -> NDArray[np.uint32]:
        return np.fromiter(values, dtype=np.uint32, count=len(recordings))

    bases = starts_of([int(postings.frames.max(initial=0)) + 1 for postings in recordings])
    table = (
        column(postings.recording for postings in recordings),
        bases[:-1].astype(np.uint32),
        column(len(postings.hashes) for postings in recordings),
        column(len(postings.places.cells) for postings in recordings),
        column(len(postings.places.loud_cells) for postings in recordings),
    )
    shape = _shape(table, int(bases[-1]))
    keys = np.empty(shape.postings, dtype=np.uint64)
    at = 0
    for postings, base in zip(recordings, bases, strict=False):
        places = (postings.frames.astype(np.int64) + base).astype(np.uint32)
        packing.mixed_keys(postings.hashes, places, keys[at : at + len(postings.hashes)])
        at += len(postings.hashes)
    keys.sort()
    every = (postings.places.parts for postings in recordings)
    return _write(path, shape, table, (iter([keys]), every), params_hash)


def merge_segments(path: Path, sources: Sequence[Source], params_hash: str) -> int:
    """Merge segments into one without their removed recordings; return its size.

    Refuses damaged sources, so that a merge cannot hide damage.
    """
    for segment, _ in sources:
        damage = segment.damage()
        if damage:
            raise IndexCorrupt(f"The index is damaged and was not merged: {damage}.")
    new_bases, axis = _lay_out(sources)
    columns = [
        np.stack([s.ids, bases, s.counts, *s.landmark_counts])[:, dead == 0]
        for (s, dead), bases in zip(sources, new_bases, strict=True)
    ]
    ids, bases, counts, landmarks, loud = np.concatenate(columns, axis=1)
    table = (ids, bases, counts, landmarks, loud)
    content = _merged_keys(sources, new_bases), _merged_places(sources)
    return _write(path, _shape(table, axis), table, content, params_hash)


def _merged_places(sources: Sequence[Source]) -> Iterator[PlaceParts]:
    """Yield the landmarks of each recording that is not removed."""
    for segment, dead in sources:
        table = segment.place_table(dead)
        for local in np.flatnonzero(dead == 0):
            yield table.parts(int(local))


def _lay_out(sources: Sequence[Source]) -> tuple[list[NDArray[np.uint32]], int]:
    """Return where each recording begins on the new axis, and the axis length."""
    axis = 0
    new_bases = []
    for segment, dead in sources:
        ends = np.append(segment.bases[1:], segment.shape.axis).astype(np.int64)
        lengths = np.where(dead, 0, ends - segment.bases)
        placed = axis + np.concatenate([[0], np.cumsum(lengths)])
        axis = int(placed[-1])
        if axis > MAX_AXIS:
            raise ValueError("the recordings are too long for one segment")
        new_bases.append(placed[:-1].astype(np.uint32))
    return new_bases, axis


def _merged_keys(
    sources: Sequence[Source], new_bases: Sequence[NDArray[np.uint32]]
) -> Iterator[NDArray[np.uint64]]:
    """Yield sorted keys of all sources, by ranges of the hash that fit in memory."""
    total = sum(segment.shape.postings for segment, _ in sources)
    bits = min(MAX_BUCKET_BITS, (total // MERGE_CHUNK).bit_length())
    ranges = [
        _key_ranges(segment, bases, dead, bits)
        for (segment, dead), bases in zip(sources, new_bases, strict=True)
    ]
    for parts in zip(*ranges, strict=True):
        keys = np.concatenate(parts)
        keys.sort()
        yield keys


def _key_ranges(
    segment: IndexSegment, bases: NDArray[np.uint32], dead: NDArray[np.uint8], bits: int
) -> Iterator[NDArray[np.uint64]]:
    """Yield the keys of one source in 2 ** ``bits`` equal ranges of the hash."""
    up = segment.shape.bucket_bits - bits
    if up >= 0:
        for number in range(1 << bits):
            yield segment.keys((number << up, (number + 1) << up), bases, dead)
        return
    keys = segment.keys((0, 1 << segment.shape.bucket_bits), bases, dead)
    edges = np.arange(1, 1 << bits, dtype=np.uint64) << np.uint64(64 - bits)
    yield from np.split(keys, np.searchsorted(keys, edges))


def _write(
    path: Path,
    shape: Shape,
    table: Table,
    content: tuple[Iterator[NDArray[np.uint64]], Iterable[PlaceParts]],
    params_hash: str,
) -> int:
    """Write and flush a file: sorted keys in chunks, and landmarks by recording."""
    with path.open("w+b") as file:
        # Fails now if the disk is full; writing to a mapping would kill the process.
        os.posix_fallocate(file.fileno(), 0, shape.file_bytes)
        with mmap.mmap(file.fileno(), shape.file_bytes) as view:
            _fill(view, shape, *content)
            raw = b"".join(column.tobytes() for column in table) + bytes(4)
            view[PAGE_BYTES : PAGE_BYTES + len(raw)] = raw
            header = HEADER.pack(
                MAGIC,
                VERSION,
                params_hash.encode("ascii"),
                shape.recordings,
                shape.postings,
                shape.axis,
                shape.bucket_bits,
                shape.axis_bits,
                zlib.crc32(raw),
                shape.landmarks,
                shape.loud,
            )
            view[: HEADER.size] = header
            view[HEADER.size : HEADER.size + CRC.size] = CRC.pack(zlib.crc32(header))
            view.flush()
        os.fsync(file.fileno())
    return shape.file_bytes


def _fill(
    view: mmap.mmap,
    shape: Shape,
    chunks: Iterator[NDArray[np.uint64]],
    landmarks: Iterable[PlaceParts],
) -> None:
    """Fill in the directory, the postings, the landmarks and the page checksums."""
    whole = np.frombuffer(view, dtype=np.uint64)
    begin = shape.data_offset // 8
    end = begin + shape.data_pages * packing.WORDS_PER_PAGE
    data = whole[begin:end]
    words = data[shape.starts_pages * packing.WORDS_PER_PAGE :]
    starts = np.zeros((1 << shape.bucket_bits) + 1, dtype=np.uint32)
    first = 0
    for keys in chunks:
        packing.pack(keys, first, shape.bucket_bits, shape.axis_bits, words, starts)
        first += len(keys)
    data.view(np.uint32)[: len(starts)] = np.cumsum(starts, dtype=np.uint32)
    columns, ends = _place_parts(data, shape), [0, 0, 0, 0]
    for parts in landmarks:
        for number in range(4):
            stop = ends[number] + len(parts[number])
            columns[number][ends[number] : stop] = parts[number]
            ends[number] = stop
    packing.sum_pages(data, whole[end:])


def _place_parts(data: NDArray[np.uint64], shape: Shape) -> PlaceParts:
    """Return the columns of landmarks in the data pages."""
    at = shape.starts_pages + shape.words_pages
    parts = []
    for pages in shape.place_pages:
        parts.append(data[at * packing.WORDS_PER_PAGE :])
        at += pages
    cells, bins, loud_cells, loud_bins = parts
    return (
        cells.view(np.int32)[: shape.landmarks],
        bins.view(np.uint8)[: shape.landmarks],
        loud_cells.view(np.int32)[: shape.loud],
        loud_bins.view(np.uint8)[: shape.loud],
    )


def _shape(table: Table, axis: int) -> Shape:
    """Return the shape of a file; raises ``ValueError`` if it cannot hold so much."""
    postings, landmarks, loud = (int(c.sum(dtype=np.int64)) for c in table[2:])
    bits = min(MAX_BUCKET_BITS, max(1, postings // PER_BUCKET).bit_length() - 1)
    shape = Shape(len(table[0]), postings, axis, landmarks, loud, bits)
    if shape.axis > MAX_AXIS or shape.postings > MAX_POSTINGS:
        raise ValueError("the recordings are too long for one segment")
    return shape


def _pages(size: int) -> int:
    return -(-size // PAGE_BYTES)


def _corrupt(path: Path, why: str) -> IndexCorrupt:
    return IndexCorrupt(f"The index file {path} is damaged: {why}.")
