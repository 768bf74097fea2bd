"""Where each sound track of a file has sound, and which track is heard when.

The main track is heard wherever it has sound; where it has none, another one is. So the
sound of a file is as long as all its tracks together, and tracks that follow each other
are heard as one. All times are seconds on the container's clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

# Less is a lost packet, or what encoders add at the end.
GAP_S: Final = 1.0
# Tracks that take turns overlap by less.
OVERLAP_S: Final = 2.0
# Bounds hostile files: later sound counts as one interval.
MAX_INTERVALS: Final = 1000

Interval = tuple[float, float]


@dataclass(slots=True)
class Extent:
    """Where a track has sound: intervals in order, at least ``GAP_S`` apart."""

    intervals: list[Interval] = field(default_factory=list)
    goes_back: bool = False

    def add(self, start_s: float | None, length_s: float) -> None:
        """Take the time of the next packet; None if it follows the one before."""
        if start_s is None:
            start_s = self.intervals[-1][1] if self.intervals else 0.0
        end_s = start_s + length_s
        if not self.intervals:
            self.intervals.append((start_s, end_s))
            return
        begin_s, until_s = self.intervals[-1]
        self.goes_back |= start_s < until_s - OVERLAP_S
        if start_s - until_s < GAP_S or len(self.intervals) >= MAX_INTERVALS:
            self.intervals[-1] = (begin_s, max(until_s, end_s))
        else:
            self.intervals.append((start_s, end_s))

    @property
    def end_s(self) -> float:
        """Return when its last sound ends."""
        return self.intervals[-1][1]

    def length_s_without(self, heard_s: Iterable[HeardInterval]) -> float:
        """Return how much of its sound is not heard."""
        taken = [(interval.start_s, interval.end_s) for interval in heard_s]
        return sum(end - start for start, end in _outside(self.intervals, taken))

    @property
    def length_s(self) -> float:
        """Return how much sound there is."""
        return sum(end - start for start, end in self.intervals)


@dataclass(frozen=True, slots=True)
class HeardInterval:
    """When a track is heard; ``track`` is its place among all tracks, from 0."""

    start_s: float
    end_s: float
    track: int


@dataclass(slots=True)
class TrackSound:
    """How much sound a track has, and how much of it is not heard in the file.

    ``fills_s`` is when it is heard in place of the main one, in seconds of the file.
    """

    length_s: float = 0.0
    unheard_s: float = 0.0
    fills_s: list[Interval] = field(default_factory=list)


def heard(order: Sequence[int], extents: Sequence[Extent]) -> list[HeardInterval]:
    """Return which track is heard when; ``order`` names tracks, the main one first.

    Only the main one is heard if a clock goes back, since times then say little.
    """
    main = order[0]
    if any(extent.goes_back for extent in extents):
        order = [main]
    chosen: list[HeardInterval] = []
    for track in order:
        taken = [(interval.start_s, interval.end_s) for interval in chosen]
        for start, end in _outside(extents[track].intervals, taken):
            if track == main or end - start >= GAP_S:
                chosen.append(HeardInterval(start, end, track))
        chosen.sort(key=lambda interval: interval.start_s)
    return chosen


def _outside(intervals: Iterable[Interval], taken: Sequence[Interval]) -> Iterator[Interval]:
    """Yield what intervals have outside of others; both are in order."""
    edges = [(-float("inf"), -float("inf")), *taken, (float("inf"), float("inf"))]
    gaps = [(before[1], after[0]) for before, after in pairwise(edges)]
    first = 0
    for start, end in intervals:
        while gaps[first][1] <= start:
            first += 1
        for low, high in gaps[first:]:
            if low >= end:
                break
            if max(low, start) < min(high, end):
                yield max(low, start), min(high, end)
