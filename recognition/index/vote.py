"""Asks one segment where a query lies: which recordings, at which offsets.

A first pass counts every vote in a small table by its diagonal, in which others may
fall on the same cell; a second one counts exactly what lies in cells that could be
among the best. What the first pass drops can not have had enough votes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recognition.errors import IndexCorrupt
from recognition.index import kernels
from recognition.index.segment import Segment

MIN_CELLS_BITS: Final = 10
MAX_CELLS_BITS: Final = 24
# Votes that the exact pass takes at first, and at most: below the noise of a query
# with more, offsets are not told apart.
FEW: Final = 1 << 17
MANY: Final = 1 << 23
# Counters of more cells than this do not stay in the cache, see count_many_votes.
CACHED_CELLS: Final = 1 << 21
ROUND: Final = 1 << 21
NO_CAP: Final = (1 << 63) - 1

Peak = tuple[int, int, int]
"""Votes, local recording, delta."""


@dataclass(frozen=True, slots=True)
class Query:
    """Hashes sorted by their mixed value, with their frames from 0 on."""

    keys: NDArray[np.uint64]
    frames: NDArray[np.int64]
    first_frame: int
    last: int


def prepare(hashes: NDArray[np.uint32], frames: NDArray[np.int32]) -> Query:
    """What every segment is asked."""
    keys = np.empty(len(hashes), dtype=np.uint64)
    kernels.mixed_keys(hashes, np.arange(len(hashes), dtype=np.uint32), keys)
    keys.sort()
    first = int(frames.min()) if len(frames) else 0
    order = (keys & np.uint64(0xFFFFFFFF)).astype(np.intp)
    relative = frames[order].astype(np.int64) - first
    return Query(keys, relative, first, int(relative.max(initial=0)))


def best_offsets(
    segment: Segment,
    dead: NDArray[np.uint8],
    query: Query,
    *,
    top: int,
    min_votes: int,
    max_list: int | None = None,
) -> list[Peak]:
    """The offsets with most votes, neighbouring ones added up, best first."""
    n = len(query.keys)
    firsts, counts = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    shape = segment.shape
    total = kernels.find_lists(
        query.keys,
        (segment.data, segment.sums, segment.checked),
        (shape.bucket_bits, shape.axis_bits, shape.starts_pages, shape.postings),
        NO_CAP if max_list is None else max_list,
        firsts,
        counts,
    )
    if total < 0:
        raise IndexCorrupt(f"The index file {segment.path} is damaged.")
    if total < min_votes:
        return []
    used = counts > 0
    lists = (firsts[used], counts[used], query.last - query.frames[used])
    return _Ballot(segment, dead, query, lists, total).best(top, min_votes)


class _Ballot:
    """The votes of one query in one segment, counted roughly, then exactly."""

    def __init__(
        self,
        segment: Segment,
        dead: NDArray[np.uint8],
        query: Query,
        lists: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
        total: int,
    ) -> None:
        self._segment = segment
        self._dead = dead
        self._lists = lists
        self._total = total
        self._delta_shift = query.last + query.first_frame
        self._geometry = (segment.shape.width, segment.shape.axis_bits)
        bits = min(MAX_CELLS_BITS, max(MIN_CELLS_BITS, total.bit_length()))
        self._sketch = np.zeros(1 << bits, dtype=np.uint16)
        self._count()
        histogram = np.zeros(4096, dtype=np.int64)
        kernels.vote_histogram(self._sketch, histogram)
        # Votes left at most where cells of less than n are dropped, by n.
        self._left = histogram[::-1].cumsum()[::-1]

    def _count(self) -> None:
        words = self._segment.words
        if len(self._sketch) <= CACHED_CELLS:
            kernels.count_votes(words, self._geometry, self._lists, self._sketch)
            return
        parts = max(1, len(self._sketch) >> kernels.PART_BITS)
        room = (
            np.empty(min(self._total, ROUND), dtype=np.uint32),
            np.empty(min(self._total, ROUND), dtype=np.uint32),
            np.empty(parts, dtype=np.int64),
        )
        kernels.count_many_votes(words, self._geometry, self._lists, self._sketch, room)

    def best(self, top: int, min_votes: int) -> list[Peak]:
        """The best peaks of at least ``min_votes``, or of what noise allows."""
        floor = max(min_votes, self._least(MANY))
        least = max(floor, self._least(FEW))
        found = self._exact(least, floor, top)
        if least > floor and (len(found) < top or found[-1][0] < least):
            enough = found[-1][0] if len(found) == top else floor
            found = self._exact(enough, floor, top)
        return found

    def _least(self, room: int) -> int:
        """The lowest sum of cells that leaves at most ``room`` votes."""
        return int(np.searchsorted(-self._left, -room))

    def _exact(self, least: int, floor: int, top: int) -> list[Peak]:
        marked = np.zeros(len(self._sketch) // 64, dtype=np.uint64)
        kernels.mark_cells(self._sketch, least, marked)
        keys = np.empty(min(self._total, MANY), dtype=np.uint64)
        found = kernels.collect_votes(
            self._segment.words,
            self._geometry,
            self._lists,
            marked,
            (self._segment.bases, self._dead),
            keys,
        )
        keys = keys[: min(found, len(keys))]
        keys.sort()
        centres = np.empty(2 * len(keys), dtype=np.uint64)
        sums = np.empty(2 * len(keys), dtype=np.int64)
        n = kernels.peaks(keys, centres, sums)
        enough = sums[:n] >= floor
        return self._strongest(centres[:n][enough], sums[:n][enough], top)

    def _strongest(
        self, centres: NDArray[np.uint64], sums: NDArray[np.int64], top: int
    ) -> list[Peak]:
        """The strongest places, none within two frames of a stronger one."""
        chosen: list[Peak] = []
        taken: set[int] = set()
        for at in np.argsort(-sums, kind="stable"):
            key = int(centres[at])
            if key in taken:
                continue
            taken.update(range(key - 2, key + 3))
            offset = key & ((1 << kernels.OFFSET_BITS) - 1)
            local = key >> kernels.OFFSET_BITS
            chosen.append((int(sums[at]), local, offset - self._delta_shift))
            if len(chosen) == top:
                break
        return chosen
