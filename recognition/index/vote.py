"""Query one segment: which recordings match, and at which offsets.

A first pass counts every vote in a small table by its diagonal, where several may share
a cell. A second pass counts exactly the votes in cells that could be among the best.
Sharing only raises counts, so the first pass never drops a winner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recognition import interrupts
from recognition.errors import IndexCorrupt
from recognition.index import ballots, packing
from recognition.index.segment import IndexSegment

# Several cells per vote, so that few votes share one, as long as they fit the cache.
SPARE_BITS: Final = 2
MIN_CELLS_BITS: Final = 10
MAX_CELLS_BITS: Final = 24
# The most votes that the exact pass takes. If more could be among the best, those
# nearest to noise are dropped.
MANY: Final = 1 << 20
# High cells for each place wanted: one place marks about five, and chance some more.
CELLS_EACH: Final = 16
NO_CAP: Final = (1 << 63) - 1
# Hashes looked up at a stretch: a few milliseconds, or a second from a slow disk.
AT_A_STRETCH: Final = 1 << 14


@dataclass(frozen=True, slots=True)
class Peaks:
    """The best offsets of a window, best first: local recordings, deltas and votes."""

    local: NDArray[np.int64]
    deltas: NDArray[np.int64]
    votes: NDArray[np.int64]


NO_PEAKS: Final = Peaks(*(np.zeros(0, dtype=np.int64) for _ in range(3)))

Window = tuple[int, int]
"""The first hash of the window, and the first after it."""


@dataclass(frozen=True, slots=True)
class Query:
    """Mixed hashes in groups, with their number below, and frames by number."""

    keys: NDArray[np.uint64]
    frames: NDArray[np.int32]


def prepare(hashes: NDArray[np.uint32], frames: NDArray[np.int32]) -> Query:
    """Prepare a query once for all segments."""
    keys = np.empty(len(hashes), dtype=np.uint64)
    packing.grouped_keys(hashes, keys)
    return Query(keys, frames)


def best_offsets(
    segment: IndexSegment,
    dead: NDArray[np.uint8],
    query: Query,
    windows: Sequence[Window],
    *,
    top: int,
    min_votes: int,
    max_list: int | None = None,
) -> list[Peaks]:
    """Return the best offsets of each window, best first, with neighbours added up."""
    firsts, counts = _find_lists(segment, query, max_list)
    peaks = []
    for low, high in windows:
        interrupts.look()
        part = slice(low, high)
        lists, sizes, last = packing.lists_of(firsts[part], counts[part], query.frames[part])
        if sizes[1] < min_votes:
            peaks.append(NO_PEAKS)
            continue
        ballot = _Ballot(segment, dead, lists, sizes, last)
        peaks.append(ballot.best(top, min_votes))
    return peaks


def _find_lists(
    segment: IndexSegment, query: Query, max_list: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first posting of each hash's list, and its length."""
    n = len(query.keys)
    firsts, counts = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    shape = segment.shape
    for begin in range(0, n, AT_A_STRETCH):
        interrupts.look()
        total, _ = packing.find_lists(
            query.keys[begin : begin + AT_A_STRETCH],
            (segment.data, segment.sums, segment.checked),
            (shape.bucket_bits, shape.axis_bits, shape.starts_pages, shape.postings),
            NO_CAP if max_list is None else max_list,
            firsts,
            counts,
        )
        if total < 0:
            raise IndexCorrupt(f"The index file {segment.path} is damaged.")
    return firsts, counts


class _Ballot:
    """The votes of one window in one segment, counted roughly, then exactly."""

    def __init__(
        self,
        segment: IndexSegment,
        dead: NDArray[np.uint8],
        lists: packing.Lists,
        sizes: tuple[int, int],
        last_frame: int,
    ) -> None:
        self._recordings = (segment.bases, segment.guide, dead)
        self._lists = lists
        self._last_frame = last_frame
        postings, self._votes = sizes
        self._places = np.empty(postings, dtype=np.uint32)
        geometry = (segment.shape.width, segment.shape.axis_bits)
        packing.read_places(segment.words, geometry, lists, self._places)

    def best(self, top: int, min_votes: int) -> Peaks:
        """Return the best peaks of at least ``min_votes``, or of more if memory demands
        it.

        Weak places are many, and most come from cells that several diagonals share. So
        the least votes begin where few cells are left, and fall until ``top`` are found.
        """
        most = self._most_nearby()
        least = _least_with(most, min_votes, CELLS_EACH * top)
        while True:
            keys = self._keys(most >= min(least, ballots.FULL), least)
            if keys is None:
                least = min_votes = least + 1 + least // 4
                continue
            local, offsets, votes = strongest(keys, top=top, least=least)
            if len(votes) == top or least == min_votes:
                return Peaks(local, offsets - self._last_frame, votes)
            least -= 1

    def _most_nearby(self) -> NDArray[np.uint8]:
        """Return the most votes that each cell has together with two neighbours."""
        bits = max(MIN_CELLS_BITS, SPARE_BITS + len(self._places).bit_length())
        cells = 1 << min(MAX_CELLS_BITS, bits)
        sketch = np.zeros(cells + 2 * ballots.MARGIN, dtype=np.uint8)
        ballots.count_votes(self._places, self._lists, sketch)
        most = np.empty(cells, dtype=np.uint8)
        ballots.near_votes(sketch, most)
        return most

    def _keys(self, high: NDArray[np.bool_], least: int) -> NDArray[np.uint64] | None:
        """Return the sorted keys of all votes in high cells that have ``least`` near
        them; None if they are too many for memory.
        """
        keys = np.empty(min(self._votes, MANY), dtype=np.uint64)
        marks = np.packbits(high, bitorder="little")
        count = ballots.collect_votes(self._places, self._lists, marks, keys)
        if count > len(keys):
            return None
        bits = max(MIN_CELLS_BITS, SPARE_BITS + count.bit_length())
        keys = np.sort(keys[: ballots.crowded(keys[:count], least, bits)])
        return np.sort(keys[: ballots.with_enough(keys, least, self._recordings)])


def _least_with(most: NDArray[np.uint8], least: int, cells: int) -> int:
    """Return the most votes, ``least`` or more, that so many cells have."""
    while least < ballots.FULL and np.count_nonzero(most > least) >= cells:
        least += 1
    return least


def strongest(
    keys: NDArray[np.uint64], *, top: int, least: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return recordings, offsets and votes of the strongest places of sorted keys.

    A key is a local recording above an offset; each key is one vote. No place is within
    two frames of a stronger one.
    """
    centres = np.empty(2 * len(keys), dtype=np.uint64)
    sums = np.empty(2 * len(keys), dtype=np.int64)
    n = ballots.peaks(keys, centres, sums)
    enough = sums[:n] >= least
    centres, sums = centres[:n][enough], sums[:n][enough]
    order = np.argsort(-sums, kind="stable")
    chosen = order[ballots.apart(centres, order, top)]
    offsets = centres[chosen] & np.uint64((1 << ballots.OFFSET_BITS) - 1)
    local = centres[chosen] >> np.uint64(ballots.OFFSET_BITS)
    return local.astype(np.int64), offsets.astype(np.int64), sums[chosen]
