"""Which part of a file is scanned, and how thoroughly: the container's settings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from recognition.params import DEFAULT, Params


class CaptureType(StrEnum):
    """How the audio was captured."""

    LINEIN = "linein"
    RECORDED = "recorded"


@dataclass(frozen=True, slots=True)
class ScanPolicy:
    """Which windows are scanned, and at which stage the search begins.

    - ``points`` > 0: scan that many evenly spaced windows of ``rec_length_ms``.
    - else ``interval_ms`` > 0: scan windows of ``rec_length_ms``, and skip
      ``interval_ms`` between them.
    - else: scan everything.

    ``recorded`` audio begins at the noise-robust stage. ``widely`` also searches the
    wide grid, for music that is sped up, slowed or pitched.
    """

    audio_type: CaptureType = CaptureType.LINEIN
    interval_ms: int = 0
    rec_length_ms: int = 10_000
    points: int = 0
    widely: bool = True

    def windows_ms(self, duration_ms: int) -> list[tuple[int, int]]:
        """Return the intervals to scan, in order."""
        length = max(1, self.rec_length_ms)
        if self.points > 0:
            room = max(0, duration_ms - length)
            starts = np.linspace(0, room, self.points) if self.points > 1 else [room / 2]
            return [(round(s), min(round(s) + length, duration_ms)) for s in starts]
        if self.interval_ms > 0:
            every = range(0, duration_ms, length + self.interval_ms)
            return [(s, min(s + length, duration_ms)) for s in every]
        return [(0, duration_ms)]

    def scanned_frames(
        self, duration_ms: int, n_frames: int, params: Params = DEFAULT
    ) -> NDArray[np.bool_]:
        """Return for each frame whether the policy scans it."""
        scanned = np.zeros(n_frames, dtype=np.bool_)
        for start, end in self.windows_ms(duration_ms):
            first = int(start / params.frame_ms)
            scanned[first : int(np.ceil(end / params.frame_ms)) + 1] = True
        return scanned
