"""Where decoded sound lies in a file: frames by their container's clock, gaps as silence.

The rules: the container's clock is trusted within a link (a file has one, a chained Ogg
file several), but single stamps are not: recorders stamp packets with the half second in
which they arrive, and networks shake them. Sound is missing where all stamps of the next
seconds are ahead of those before; silence of that length takes its place. Where a clock
runs at another pace than the samples, pieces of ``PIECE_S`` are repeated or left out, so
that sound and clock stay within ``MOST_DRIFT_S``; samples are never stretched. A jump of
the clock is a gap, unless the container marks it as a discontinuity, it goes back, or no
recorder pauses for so long.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from itertools import chain, pairwise
from typing import Final, Generic, NamedTuple, TypeVar

MOST_DRIFT_S: Final = 0.25
# Beyond it a deviation that came little by little is missing sound, no other pace.
MOST_UNNOTICED_S: Final = 2 * MOST_DRIFT_S
# A deviation of at least this share of a frame is a missing packet, no rounding; and of
# this share of the width in which stamps swing, no chance.
MISSING_SHARE: Final = 0.5
SWING_SHARE: Final = 0.25
# A step back by more than stamps may swing begins the clock anew. In 6.2 hours a sample
# duration overflows that is counted in 32 bits at 192 kHz.
MOST_SWING_S: Final = 2.0
MOST_GAP_S: Final = 6 * 3600.0
# Stamps are compared over so many seconds before and after a frame.
WINDOW_S: Final = 4.0
# Stamps that are as close to the samples as rounding leaves them need no comparison.
ROUNDING_S: Final = 0.005
# At most this share of the sound is repeated or left out, in pieces too short to hear.
PACED_SHARE: Final = 0.1
PIECE_S: Final = 0.02
# Deviations that grow through so many stretches of time are those of another pace, and
# are followed as closely as stamps swing anyway.
STRETCHES: Final = 5
STRETCH_S: Final = 2.0
LEAST_DRIFT_S: Final = 0.06
# Less is the rounding of stamps.
LEAST_GROWTH_S: Final = 0.01
# Between two stamps that lie ``WINDOW_S`` apart, a clock drifts by no more.
MOST_NARROWED_S: Final = 0.15

Frame = TypeVar("Frame")


class Timed(NamedTuple, Generic[Frame]):
    """A frame, its start on the container's clock if it has one, and its length.

    ``is_cut`` says that the container marks a discontinuity before it.
    """

    frame: Frame
    start_s: float | None
    length_s: float
    is_cut: bool = False


class Band(NamedTuple):
    """Between which deviations stamps lie: seconds by which they are ahead of samples."""

    low: float
    high: float

    def above(self, other: Band) -> float:
        """Return how far this band lies above another; negative below, 0 if neither."""
        low, high = self.low - other.low, self.high - other.high
        if low > 0 and high > 0:
            return min(low, high)
        return max(low, high) if low < 0 and high < 0 else 0.0

    def drift_from(self, other: Band) -> float:
        """Return how far the stamps drifted since another band; as ``above``, but exact
        at the end, where a band is narrower for lack of stamps.
        """
        low, high = self.low - other.low, self.high - other.high
        above_s = self.above(other)
        if not above_s or not 0 <= low - high <= MOST_NARROWED_S:
            return above_s
        return low if above_s > 0 else high

    def contains(self, other: Band) -> bool:
        return self.low <= other.low and other.high <= self.high

    def is_near(self, other: Band, distance_s: float) -> bool:
        return (
            -distance_s < self.low - other.low < distance_s
            and -distance_s < self.high - other.high < distance_s
        )


class Deviations:
    """The lowest and the highest of the deviations in a window that moves on."""

    def __init__(self) -> None:
        # Those at the front are the extremes; each is followed by the next ones after it.
        self._lows: deque[tuple[float, float]] = deque()
        self._highs: deque[tuple[float, float]] = deque()

    def add(self, at_s: float, deviation_s: float) -> None:
        while self._lows and self._lows[-1][1] >= deviation_s:
            self._lows.pop()
        while self._highs and self._highs[-1][1] <= deviation_s:
            self._highs.pop()
        self._lows.append((at_s, deviation_s))
        self._highs.append((at_s, deviation_s))

    def leave_before(self, at_s: float) -> None:
        """Leave out what lies before a time; the latest stays."""
        for extremes in (self._lows, self._highs):
            while len(extremes) > 1 and extremes[0][0] < at_s:
                extremes.popleft()

    def band(self, placed_s: float = 0.0) -> Band:
        """Return the band of deviations, less what was placed since."""
        return Band(self._lows[0][1] - placed_s, self._highs[0][1] - placed_s)


class Trend:
    """Whether deviations grow, or fall, all the time, as under a clock of another pace."""

    def __init__(self) -> None:
        self._stretches: deque[Band] = deque(maxlen=STRETCHES)
        self._grown_s = 0.0
        self._latest: Band | None = None
        self._ends_s = 0.0

    def add(self, at_s: float, deviation_s: float) -> None:
        if self._latest is not None and at_s < self._ends_s:
            low, high = self._latest
            if not low <= deviation_s <= high:
                self._latest = Band(min(low, deviation_s), max(high, deviation_s))
            return
        if self._latest is not None:
            self._stretches.append(self._latest)
            if len(self._stretches) == STRETCHES:
                self._grown_s = self._latest.above(self._stretches[0])
        self._latest = Band(deviation_s, deviation_s)
        self._ends_s = at_s + STRETCH_S

    @property
    def is_growing(self) -> bool:
        return abs(self._grown_s) >= LEAST_GROWTH_S

    def leads_to(self, ahead_s: float) -> bool:
        """Return whether the deviations led to this one, by no more than it is.

        Stamps that swing slowly come from the other side of it.
        """
        return (
            self.is_growing
            and abs(self._grown_s) <= abs(ahead_s)
            and all(
                later.above(earlier) * ahead_s > 0 for earlier, later in pairwise(self._stretches)
            )
        )


class Placed(NamedTuple, Generic[Frame]):
    """A frame with the seconds of silence before it.

    So many seconds of its end are heard twice, or left out if ``paced_s`` is negative.
    """

    gap_s: float
    frame: Frame
    paced_s: float = 0.0


class _Waiting(NamedTuple, Generic[Frame]):
    """A frame whose place is to be decided: its samples begin ``at_s`` after the first
    ones, and its stamp is ``deviation_s`` ahead of them, ``step_s`` more than the one
    before.
    """

    frame: Frame
    at_s: float
    length_s: float
    deviation_s: float
    step_s: float


class Timeline(Generic[Frame]):
    """Places the frames of one link; ``lost_s`` is the silence between its frames.

    When ``place`` has ended, ``length_s`` is how long all are, with the silence before
    and between them.
    """

    def __init__(self, origin_s: float | None = None, window_s: float = WINDOW_S) -> None:
        """``origin_s`` is when the link begins, if that may be before its first frame.

        Where stamps leave the samples, a frame waits for those of ``window_s`` after it.
        """
        self._origin_s = origin_s
        self._window_s = window_s
        self._waiting: deque[_Waiting[Frame]] = deque()
        # Where the clock began against the samples, and where all samples so far end.
        self._clock_s: float | None = None
        self._end_s = 0.0
        self._deviation_s = 0.0
        # Seconds by which silence and repeated pieces made the sound longer, and those
        # of them that a jump of the clock explains.
        self._placed_s = 0.0
        self._jumped_s = 0.0
        self._before, self._after = Deviations(), Deviations()
        self._is_steady = True
        self._unsteady_at_s = 0.0
        self._aligned: Band | None = None
        self._trend = Trend()
        self._most_drift_s = MOST_DRIFT_S
        self._paced_at_s = 0.0
        self.lost_s = 0.0
        self.length_s = 0.0

    def place(self, frames: Iterator[Timed[Frame]]) -> Iterator[Placed[Frame]]:
        """Yield the frames in their places."""
        late_s = 0.0
        previous: Timed[Frame] | None = None
        for timed in chain(frames, [None]):
            if previous is None:
                self.length_s = late_s = self._late_s(timed)
            else:
                at_s, step_s = self._end_s, self._step_s(previous, timed)
                self._note(previous, step_s)
                if self._is_steady and not self._waiting:
                    yield Placed(late_s, previous.frame)
                    late_s = 0.0
                else:
                    self._waiting.append(
                        _Waiting(previous.frame, at_s, previous.length_s, self._deviation_s, step_s)
                    )
            previous = timed
            while self._waiting and self._is_decided(is_last=timed is None):
                placed = self._next()
                self.length_s += placed.gap_s + placed.paced_s
                yield placed._replace(gap_s=late_s + placed.gap_s) if late_s else placed
                late_s = 0.0
        self.length_s += self._end_s

    def _late_s(self, first: Timed[Frame] | None) -> float:
        """Return how long after the link the sound begins."""
        if first is None or first.start_s is None or self._origin_s is None:
            return 0.0
        late_s = first.start_s - self._origin_s
        return late_s if 0 < late_s <= MOST_GAP_S else 0.0

    def _is_decided(self, *, is_last: bool) -> bool:
        waits_s = self._end_s - self._waiting[0].at_s
        return is_last or self._is_steady or waits_s > self._window_s

    def _step_s(self, timed: Timed[Frame], following: Timed[Frame] | None) -> float:
        """Return how much more a stamp is ahead of the samples than the one before."""
        if timed.start_s is None:
            return 0.0
        samples_s = timed.start_s - self._end_s
        if self._clock_s is None:
            self._clock_s = samples_s
        step_s = samples_s - self._clock_s - self._deviation_s
        if abs(step_s) > MOST_DRIFT_S and _is_wrong(timed, step_s, following):
            return 0.0
        if timed.is_cut or not -MOST_SWING_S <= step_s <= MOST_GAP_S:
            # The clock begins anew.
            self._clock_s += step_s
            return 0.0
        return step_s

    def _note(self, timed: Timed[Frame], step_s: float) -> None:
        """Note the stamp of the next frame."""
        self._deviation_s += step_s
        if abs(self._deviation_s - self._placed_s) > ROUNDING_S:
            self._unsteady_at_s = self._end_s
            if self._is_steady:
                # The stamps before were those of the samples.
                self._is_steady = False
                self._before, self._after = Deviations(), Deviations()
                self._before.add(self._end_s, 0.0)
        if not self._is_steady:
            self._after.add(self._end_s, self._deviation_s)
        self._end_s += timed.length_s

    def _next(self) -> Placed[Frame]:
        """Place the frame that waited longest."""
        frame = self._waiting.popleft()
        if self._is_steady:
            return Placed(0.0, frame.frame)
        self._is_steady = frame.at_s - self._unsteady_at_s > self._window_s
        self._after.leave_before(frame.at_s)
        self._before.leave_before(frame.at_s - self._window_s)
        gap_s, paced_s = self._judged(frame)
        self._before.add(frame.at_s, frame.deviation_s - self._placed_s)
        self._trend.add(frame.at_s, frame.deviation_s - self._jumped_s)
        self._placed_s += paced_s
        return Placed(gap_s, frame.frame, paced_s)

    def _judged(self, frame: _Waiting[Frame]) -> tuple[float, float]:
        """Return the silence before a frame, and the change of its own length.

        The stamps before it and those from it on are two bands. Sound is missing if the
        one lies above the other, and above where stamps and samples were aligned.
        """
        before, after = self._before.band(), self._after.band(self._placed_s)
        if self._aligned is None or frame.at_s < self._window_s or before.contains(self._aligned):
            self._aligned = before
        if (
            frame.step_s < MISSING_SHARE * frame.length_s
            and after.is_near(self._aligned, self._most_drift_s)
            and not self._trend.is_growing
        ):
            # Nothing below acts on such a frame, as most are.
            return 0.0, 0.0
        moved_s, ahead_s = after.above(before), after.above(self._aligned)
        least_s = max(MISSING_SHARE * frame.length_s, SWING_SHARE * (before.high - before.low))
        if min(moved_s, ahead_s, frame.step_s) >= least_s or ahead_s > MOST_UNNOTICED_S:
            self._jump(ahead_s)
            self.lost_s += ahead_s
            return ahead_s, 0.0
        if max(moved_s, ahead_s) <= -MOST_DRIFT_S:
            # The clock went back.
            self._jump(ahead_s)
            return 0.0, 0.0
        now_s = (before.above(self._aligned) + ahead_s) / 2
        if self._most_drift_s == MOST_DRIFT_S and self._trend.leads_to(now_s):
            # Sound and clock stay as far apart as they are: their distance is small, and
            # a recording that plays here keeps one tempo.
            self._most_drift_s = min(MOST_DRIFT_S, max(LEAST_DRIFT_S, abs(ahead_s)))
        return 0.0, self._paced_s(frame, after.drift_from(self._aligned))

    def _jump(self, by_s: float) -> None:
        self._placed_s += by_s
        self._jumped_s += by_s

    def _paced_s(self, frame: _Waiting[Frame], ahead_s: float) -> float:
        """Return by how much a frame gets longer, so that the sound follows the clock."""
        piece_s = min(PIECE_S, frame.length_s)
        most_s = min(PACED_SHARE * (frame.at_s - self._paced_at_s), frame.length_s)
        if abs(ahead_s) < self._most_drift_s or most_s < piece_s:
            return 0.0
        self._paced_at_s = frame.at_s
        by_s = min(most_s, max(piece_s, abs(ahead_s) - self._most_drift_s))
        return math.copysign(by_s, ahead_s)


def _is_wrong(timed: Timed[Frame], step_s: float, following: Timed[Frame] | None) -> bool:
    """Return whether a stamp is wrong, as the next frame does not follow it."""
    if following is None or following.start_s is None or timed.start_s is None:
        return False
    as_jump_s = following.start_s - timed.start_s - timed.length_s
    return abs(as_jump_s) > abs(as_jump_s + step_s)
