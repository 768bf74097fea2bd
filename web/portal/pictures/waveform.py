"""View-models of a waveform and of the window of a sound that a picture shows.

A waveform is two closed SVG paths in a box that stretches to any width.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from base.common.storage import read_bytes
from catalogue.models import Recording
from recognition.audio import waveform
from recognition.errors import RecognitionError
from scanning.models import ScannedFile

MAX_WAVE_POINTS = 900
WAVE_HALF = 100
FULL_SCALE = 255


@dataclass(frozen=True, slots=True)
class Window:
    """The interval of a sound that a picture shows."""

    start_ms: int
    end_ms: int

    @property
    def length_ms(self) -> int:
        """Return the length of the window, at least 1."""
        return max(self.end_ms - self.start_ms, 1)

    def percent(self, at_ms: float) -> float:
        """Return the position of a time in the window, clamped to 0–100."""
        share = 100 * (at_ms - self.start_ms) / self.length_ms
        return min(max(share, 0.0), 100.0)

    def shows(self, start_ms: int, end_ms: int) -> bool:
        """Tell whether an interval overlaps the window."""
        return start_ms < self.end_ms and end_ms > self.start_ms


@dataclass(frozen=True, slots=True)
class DrawnWaveform:
    """Equally spaced loudness values 0–255 over the whole duration."""

    peaks: Sequence[int]
    rms: Sequence[int]


@dataclass(frozen=True, slots=True)
class WavePaths:
    """Two closed SVG paths in a box of ``points`` × 200."""

    points: int
    peaks: str
    body: str


def wave_paths(
    waveform: DrawnWaveform | None,
    *,
    window: Window | None = None,
    duration_ms: int = 0,
    points: int = MAX_WAVE_POINTS,
) -> WavePaths | None:
    """Turn loudness values into two mirrored paths: peaks and body (RMS)."""
    if waveform is None or not waveform.peaks:
        return None
    peaks = _cut(waveform.peaks, window, duration_ms)
    body = _cut(waveform.rms or waveform.peaks, window, duration_ms)
    count = min(len(peaks), points)
    return WavePaths(
        points=max(count - 1, 1),
        peaks=_mirrored([max(group) for group in _groups(peaks, count)]),
        body=_mirrored([sum(group) // len(group) for group in _groups(body, count)]),
    )


def _cut(values: Sequence[int], window: Window | None, duration_ms: int) -> Sequence[int]:
    if window is None or window.length_ms >= duration_ms or duration_ms <= 0:
        return values
    first = int(len(values) * window.start_ms / duration_ms)
    last = int(len(values) * window.end_ms / duration_ms) + 1
    return values[first:last] or values[-1:]


def _groups(values: Sequence[int], count: int) -> list[Sequence[int]]:
    size = len(values) / count
    edges = [int(index * size) for index in range(count)] + [len(values)]
    return [values[a : max(b, a + 1)] for a, b in itertools.pairwise(edges)]


def _mirrored(values: Sequence[int]) -> str:
    heights = [max(round(value / FULL_SCALE * (WAVE_HALF - 4)), 1) for value in values]
    if len(heights) == 1:
        heights = heights * 2
    # Steps from point to point are half as long as their places.
    rises = [before - after for before, after in itertools.pairwise(heights)]
    there = " ".join(f"1{rise:+d}" for rise in rises)
    back = "".join(f"-1{rise:+d}" for rise in reversed(rises))
    return f"M0 {WAVE_HALF - heights[0]}l{there}v{2 * heights[-1]}l{back}z"


def length_of(sound: ScannedFile | Recording) -> int:
    """Return the length of a sound; 0 if it is unknown."""
    return sound.length_ms if isinstance(sound, ScannedFile) else sound.duration_ms


def load_waveform(owner: ScannedFile | Recording) -> DrawnWaveform | None:
    """Return the stored waveform; None if there is none or it is unreadable."""
    if not owner.waveform:
        return None
    try:
        stored = waveform.from_bytes(read_bytes(owner.waveform))
    except (RecognitionError, OSError):
        return None
    drawn = DrawnWaveform(stored.peaks.tolist(), stored.rms.tolist())
    if isinstance(owner, ScannedFile) and owner.decoded_ms:
        # Nothing is heard of the end that was not decoded.
        count = len(drawn.peaks) * owner.undecoded_ms // owner.decoded_ms
        nothing = [0] * count
        return DrawnWaveform([*drawn.peaks, *nothing], [*drawn.rms, *nothing])
    return drawn
