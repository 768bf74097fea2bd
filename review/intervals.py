"""Sums over time intervals: unions, overlaps, chains. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeAlias, TypeVar

Time = TypeVar("Time", int, datetime)
Interval: TypeAlias = tuple[int, int]
"""Start and end in milliseconds; the end is exclusive."""


def union(intervals: Iterable[tuple[Time, Time]]) -> list[tuple[Time, Time]]:
    """Return the union of the intervals as disjoint intervals in order."""
    merged: list[tuple[Time, Time]] = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def length(intervals: Iterable[Interval]) -> int:
    """Return the total duration; overlaps count once."""
    return sum(end - start for start, end in union(intervals))


def without(intervals: Iterable[Interval], taken: Iterable[Interval]) -> list[Interval]:
    """Return the intervals with the ``taken`` ones cut out."""
    cuts = union(taken)
    remaining: list[Interval] = []
    first = 0
    for start, end in union(intervals):
        # Both lists are in order, so that cuts before this interval are over.
        while first < len(cuts) and cuts[first][1] <= start:
            first += 1
        at = first
        while at < len(cuts) and cuts[at][0] < end:
            if start < cuts[at][0]:
                remaining.append((start, cuts[at][0]))
            start = max(start, cuts[at][1])
            at += 1
        if start < end:
            remaining.append((start, end))
    return remaining


def overlap_share(first: Sequence[Interval], second: Sequence[Interval]) -> float:
    """Return intersection ÷ union of the durations of two lists, 0–1."""
    together = length([*first, *second])
    if not together:
        return 0.0
    shared = length(first) + length(second) - together
    return shared / together


def share_within(inner: Iterable[Interval], outer: Iterable[Interval]) -> float:
    """Return how much of the durations of a list another covers, 0–1.

    Nothing lies within anything: an engine may report a section without times.
    """
    inner = union(inner)
    whole = length(inner)
    return (whole - length(without(inner, outer))) / whole if whole else 1.0


def are_together(first: Sequence[Interval], second: Sequence[Interval]) -> bool:
    """Return whether two lists share more than half of the shorter one."""
    shared = length(first) + length(second) - length([*first, *second])
    return shared > min(length(first), length(second)) / 2


def deepest(intervals: Iterable[Interval]) -> int:
    """Return the most intervals that overlap at one moment."""
    edges = [edge for start, end in intervals for edge in ((end, -1), (start, 1))]
    depth = most = 0
    for _, step in sorted(edges):
        depth += step
        most = max(most, depth)
    return most


def longest_chain(pairs: Sequence[tuple[Interval, Interval]]) -> int:
    """Return the longest reference time that is heard in order.

    Each pair is a source interval and its reference interval. A chain advances in both;
    where reference intervals overlap, only the new part counts.
    """
    ordered = sorted(pairs)
    best: list[int] = []
    for index, (_, (start, end)) in enumerate(ordered):
        reach = end - start
        for earlier in range(index):
            before_start, before_end = ordered[earlier][1]
            if before_start < start and before_end < end:
                gain = end - max(start, before_end)
                reach = max(reach, best[earlier] + gain)
        best.append(reach)
    return max(best, default=0)
