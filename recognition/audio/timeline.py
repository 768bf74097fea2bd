"""Where decoded sound lies in a file: frames by their container's clock, gaps as silence.

The rules: the container's clock is trusted within a link (a file has one, a chained Ogg
file several). Where packets are missing, silence of their length takes their place.
Smaller deviations add up until packets are missing or they reach ``MOST_DRIFT_S``;
samples are never stretched. A jump of the clock is a gap, unless the container marks it
as a discontinuity or it goes back.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final, Generic, NamedTuple, TypeVar

MOST_DRIFT_S: Final = 0.25
# A deviation of at least this share of a frame is a missing packet, no rounding.
MISSING_SHARE: Final = 0.5

Frame = TypeVar("Frame")


class Timed(NamedTuple, Generic[Frame]):
    """A frame, its start on the container's clock if it has one, and its length.

    ``is_cut`` says that the container marks a discontinuity before it.
    """

    frame: Frame
    start_s: float | None
    length_s: float
    is_cut: bool = False


class Timeline(Generic[Frame]):
    """Places the frames of one link; ``lost_s`` is the silence between its frames."""

    def __init__(self, origin_s: float | None = None) -> None:
        """``origin_s`` is when the link begins, if that may be before its first frame."""
        self._end_s = origin_s
        self._has_begun = False
        self._drift_s = 0.0
        self.lost_s = 0.0

    def place(self, frames: Iterator[Timed[Frame]]) -> Iterator[tuple[float, Frame]]:
        """Yield each frame with the seconds of silence before it.

        Leaves out a frame where the sound is ``MOST_DRIFT_S`` ahead of the clock.
        """
        waiting: Timed[Frame] | None = None
        for timed in chain(frames, [None]):
            if waiting is not None:
                gap_s = self._gap_s(waiting, timed)
                if gap_s is not None:
                    yield gap_s, waiting.frame
            waiting = timed

    def _gap_s(
        self, timed: Timed[Frame], following: Timed[Frame] | None
    ) -> float | None:
        """Return the seconds of silence before a frame, or None if it is left out."""
        step_s = self._step_s(timed, following)
        if self._end_s is not None:
            self._end_s += step_s + timed.length_s
        elif timed.start_s is not None:
            self._end_s = timed.start_s + timed.length_s
        if not self._has_begun:
            self._has_begun = True
            return max(step_s, 0.0)
        if timed.is_cut or step_s < -MOST_DRIFT_S:
            # The clock begins anew.
            self._drift_s = 0.0
            return 0.0
        return self._missing_s(timed, step_s)

    def _missing_s(self, timed: Timed[Frame], step_s: float) -> float | None:
        """Return the silence in seconds for missing packets or deviations that added up."""
        self._drift_s += step_s
        if self._drift_s <= -MOST_DRIFT_S:
            self._drift_s += timed.length_s
            return None
        missing_s = min(step_s, self._drift_s)
        gap_s = 0.0
        if missing_s >= MISSING_SHARE * timed.length_s or self._drift_s >= MOST_DRIFT_S:
            gap_s, self._drift_s = self._drift_s, gap_s
        self.lost_s += gap_s
        return gap_s

    def _step_s(self, timed: Timed[Frame], following: Timed[Frame] | None) -> float:
        """Return how long after the end of the frame before it a frame begins."""
        if timed.start_s is None or self._end_s is None:
            return 0.0
        step_s = timed.start_s - self._end_s
        if abs(step_s) <= MOST_DRIFT_S or not self._has_begun or timed.is_cut:
            return step_s
        if following is None or following.start_s is None:
            return step_s
        # The clock jumps only if the next frame follows this one.
        end_s = timed.start_s + timed.length_s
        as_jump = abs(following.start_s - end_s)
        as_before = abs(following.start_s - end_s + step_s)
        return step_s if as_jump <= as_before else 0.0
