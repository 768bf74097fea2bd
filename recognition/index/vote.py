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

# Cells of the small table at most, so that it fits the cache.
MAX_CELLS_BITS: Final = 24
# The most votes that the exact pass takes. If more could be among the best, those
# nearest to noise are dropped.
MANY: Final = 1 << 20
NO_CAP: Final = (1 << 63) - 1
# Hashes looked up at a stretch: a few milliseconds, or a second from a slow disk.
AT_A_STRETCH: Final = 1 << 14
# Windows counted at a stretch: tens of milliseconds.
WINDOWS_AT_A_STRETCH: Final = 64


@dataclass(frozen=True, slots=True)
class Peaks:
    """The best offsets of a window, best first: local recordings, deltas and votes."""

    local: NDArray[np.int64]
    deltas: NDArray[np.int64]
    votes: NDArray[np.int64]


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
    """Return the best offsets of each window, best first, with neighbours added up.

    Those of fewer than ``min_votes`` are left out, or of more if memory demands it.
    """
    firsts, counts = _find_lists(segment, query, max_list)
    spans = np.array(windows, dtype=np.int64).reshape(-1, 2)
    geometry = (segment.shape.width, segment.shape.axis_bits)
    peaks = []
    for begin in range(0, len(spans), WINDOWS_AT_A_STRETCH):
        interrupts.look()
        offsets, ends = ballots.best_of_windows(
            (firsts, counts, query.frames),
            spans[begin : begin + WINDOWS_AT_A_STRETCH],
            (segment.words, geometry, (segment.bases, segment.guide, dead)),
            (top, min_votes, MAX_CELLS_BITS, MANY),
        )
        first = 0
        for end in ends.tolist():
            peaks.append(Peaks(*offsets[first:end].T))
            first = end
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
