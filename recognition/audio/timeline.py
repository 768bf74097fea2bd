"""Where decoded sound lies in a file: frames by their container's clock, gaps as silence.

The rules: the container's clock is trusted within a link (a file has one, a chained Ogg
file several). Where packets are missing, silence of their length takes their place.
Smaller deviations add up until packets are missing or they reach ``MOST_DRIFT_S``;
samples are never stretched. A jump of the clock is a gap, unless the container marks it
as a discontinuity or it goes back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

MOST_DRIFT_S: Final = 0.25
# A deviation of at least this share of a frame is a missing packet, no rounding.
MISSING_SHARE: Final = 0.5

Frame = TypeVar("Frame")


@dataclass(frozen=True, slots=True)
class Timed(Generic[Frame]):
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
        for timed in frames:
            if waiting is not None:
                yield from self._place(waiting, timed)
            waiting = timed
        if waiting is not None:
            yield from self._place(waiting, None)

    def _place(
        self, timed: Timed[Frame], following: Timed[Frame] | None
    ) -> Iterator[tuple[float, Frame]]:
        step_s = self._step_s(timed, following)
        if self._end_s is not None:
            self._end_s += step_s + timed.length_s
        elif timed.start_s is not None:
            self._end_s = timed.start_s + timed.length_s
        if not self._has_begun:
            self._has_begun = True
            yield max(step_s, 0.0), timed.frame
        elif timed.is_cut or step_s < -MOST_DRIFT_S:
            # The clock begins anew.
            self._drift_s = 0.0
            yield 0.0, timed.frame
        else:
            yield from self._follow(timed, step_s)

    def _follow(
        self, timed: Timed[Frame], step_s: float
    ) -> Iterator[tuple[float, Frame]]:
        self._drift_s += step_s
        if self._drift_s <= -MOST_DRIFT_S:
            self._drift_s += timed.length_s
            return
        missing_s = min(step_s, self._drift_s)
        gap_s = 0.0
        if missing_s >= MISSING_SHARE * timed.length_s or self._drift_s >= MOST_DRIFT_S:
            gap_s, self._drift_s = self._drift_s, gap_s
        self.lost_s += gap_s
        yield gap_s, timed.frame

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
