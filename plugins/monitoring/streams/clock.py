"""Times of a run as wall time, by its anchors: linear between two of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from plugins.monitoring.streams.models import StreamRun


@dataclass(frozen=True, slots=True)
class AnchoredClock:
    """The anchors of one run: its times in ms, ascending, and their wall times.

    Beyond the outer anchors a second of sound takes a second.
    """

    points: tuple[tuple[int, datetime], ...]

    def at(self, run_ms: float) -> datetime:
        """Return the wall time of a time of the run."""
        number = bisect_right(self.points, run_ms, key=lambda point: point[0])
        if number in (0, len(self.points)):
            ms, at = self.points[max(0, number - 1)]
            return at + timedelta(milliseconds=run_ms - ms)
        (ms, at), (next_ms, next_at) = self.points[number - 1], self.points[number]
        return at + (next_at - at) * ((run_ms - ms) / (next_ms - ms))

    def ms(self, at: datetime) -> int:
        """Return the time of the run, in ms, at a wall time; it may lie outside."""
        number = bisect_right(self.points, at, key=lambda point: point[1])
        if number in (0, len(self.points)):
            ms, point_at = self.points[max(0, number - 1)]
            return ms + round((at - point_at) / timedelta(milliseconds=1))
        (ms, from_at), (next_ms, next_at) = self.points[number - 1], self.points[number]
        return ms + round((next_ms - ms) * ((at - from_at) / (next_at - from_at)))


def clock_of(run: StreamRun) -> AnchoredClock:
    """Return the clock of a run; without anchors it begins when the run was begun."""
    return clock_from(run, run.anchors.values_list("run_ms", "at"))


def clock_from(run: StreamRun, anchors: Iterable[tuple[int, datetime]]) -> AnchoredClock:
    """Return the clock of a run from its anchors, ordered by time of the run."""
    points: list[tuple[int, datetime]] = []
    for ms, at in anchors:
        # An anchor that would turn time back says nothing.
        if not points or at > points[-1][1]:
            points.append((ms, at))
    return AnchoredClock(tuple(points) or ((0, run.starts_at),))
