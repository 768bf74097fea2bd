"""When each sample of a run was on the air.

Delay only adds: of all (arrival - time in the run) within some minutes, the least is
nearest to the truth. Bursts, stalls and late segments only make others larger.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from typing import Final

BUCKET_MS: Final = 5_000
ANCHOR_MS: Final = 60_000
WINDOW_MS: Final = 150_000
# Sound is missing if the least delay of this time is above that of the time before.
SETTLED_MS: Final = 20_000
BEFORE_MS: Final = 60_000
CAUGHT_UP_S: Final = 10.0
# Buckets whose points a jump may need.
POINTED: Final = (SETTLED_MS + BEFORE_MS) // BUCKET_MS + 2
KEPT_MS: Final = 2 * WINDOW_MS + 2 * ANCHOR_MS


@dataclass(slots=True)
class _Bucket:
    """The least delay of five seconds of a run, and the points it was taken from."""

    ms: int
    delay_s: float
    points: list[tuple[int, int, float]]


class RunClock:
    """Takes the arrival of each moment of a run, and tells its UTC in seconds.

    ``jump_s`` is how far the least delay must rise to mean missing sound.
    """

    def __init__(self, jump_s: float) -> None:
        self.jump_s = jump_s
        self._buckets: list[_Bucket] = []
        self._anchors: list[tuple[int, float]] = []  # (run_ms, UTC)
        self._given: dict[int, float] = {}
        self.last_ms = 0

    def add(self, run_ms: int, byte: int, arrived_s: float) -> None:
        """Note that the sound up to ``run_ms`` had arrived with ``byte``."""
        delay_s = arrived_s - run_ms / 1000
        start = run_ms - run_ms % BUCKET_MS
        if not self._buckets or self._buckets[-1].ms < start:
            self._buckets.append(_Bucket(start, delay_s, []))
            for old in self._buckets[:-POINTED]:
                old.points.clear()
        bucket = self._buckets[-1]
        bucket.delay_s = min(bucket.delay_s, delay_s)
        bucket.points.append((run_ms, byte, delay_s))
        self.last_ms = max(self.last_ms, run_ms)
        while self._buckets[0].ms < self.last_ms - KEPT_MS:
            del self._buckets[0]

    @property
    def is_set(self) -> bool:
        """Whether anything has arrived."""
        return bool(self._buckets)

    def at(self, run_ms: int) -> float:
        """Return the UTC of a moment, in seconds since 1970."""
        anchors = self._anchors
        after = bisect.bisect(anchors, (run_ms, float("inf")))
        if 0 < after < len(anchors):
            (ms, at), (next_ms, next_at) = anchors[after - 1 : after + 1]
            return at + (next_at - at) * (run_ms - ms) / (next_ms - ms)
        if not anchors:
            return self._least(0, self.last_ms) + run_ms / 1000
        ms, at = anchors[max(0, after - 1)]
        return at + (run_ms - ms) / 1000

    def new_anchors(self) -> list[tuple[int, float]]:
        """Return the anchors that are new or have moved since the last call.

        Those of the last minutes may move again, until what follows them has arrived.
        """
        moved = []
        first = self.last_ms - WINDOW_MS - ANCHOR_MS
        begin = max(0, first - first % ANCHOR_MS)
        for run_ms in range(begin, self.last_ms + 1, ANCHOR_MS):
            if self._given.get(run_ms) is not None and not self._near(run_ms):
                continue
            at = self._least(run_ms - WINDOW_MS, run_ms + WINDOW_MS) + run_ms / 1000
            if abs(at - self._given.get(run_ms, float("inf"))) > 0.01:
                self._given[run_ms] = at
                moved.append((run_ms, at))
        if moved:
            self._anchors = sorted(self._given.items())
        return moved

    def jump(self) -> tuple[int, int] | None:
        """Return (run_ms, byte) before which sound is missing, if it is."""
        new = [b for b in self._buckets if b.ms >= self.last_ms - SETTLED_MS]
        old_from = self.last_ms - SETTLED_MS - BEFORE_MS
        old = [b for b in self._buckets if old_from <= b.ms < self.last_ms - SETTLED_MS]
        if not old or not new or self.last_ms - new[0].ms < SETTLED_MS - BUCKET_MS:
            return None
        limit = min(b.delay_s for b in old) + self.jump_s
        if min(b.delay_s for b in new) <= limit:
            return None
        recent = [point for bucket in new for point in bucket.points]
        arrived_s = [delay_s + run_ms / 1000 for run_ms, _, delay_s in recent]
        if arrived_s[-1] - arrived_s[0] < CAUGHT_UP_S:
            return None  # a stall's sound that comes at once; what follows tells
        points = [point for bucket in old + new for point in bucket.points]
        in_time = [at for at, point in enumerate(points) if point[2] <= limit]
        run_ms, byte, _ = points[in_time[-1] + 1]
        return run_ms, byte

    def forget_after(self, run_ms: int) -> None:
        """Forget later moments, which belong to another run."""
        self._buckets = [b for b in self._buckets if b.ms <= run_ms]
        if not self._buckets:
            return
        last = self._buckets[-1]
        last.points = [p for p in last.points if p[0] <= run_ms]
        last.delay_s = min((p[2] for p in last.points), default=last.delay_s)
        self._anchors = []
        self._given = {ms: at for ms, at in self._given.items() if ms < run_ms - WINDOW_MS}
        self.last_ms = run_ms

    def _near(self, run_ms: int) -> bool:
        return run_ms >= self.last_ms - WINDOW_MS - ANCHOR_MS

    def _least(self, start_ms: int, end_ms: int) -> float:
        inside = [
            bucket.delay_s
            for bucket in self._buckets
            if start_ms <= bucket.ms + BUCKET_MS and bucket.ms <= end_ms
        ]
        return min(inside, default=min(bucket.delay_s for bucket in self._buckets))
