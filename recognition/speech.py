"""An estimate of where somebody speaks, from what is kept of a scanned file.

Speech rises and falls with its syllables, several times a second and in all bands
at once, and holds no pitch; music holds its tones. A logistic model of such traits,
fitted on synthetic voices over music, judges each second. It is an estimate: see
docs/recognition.md for how often it is right.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recognition.jit import compiled
from recognition.levels import OFFSET, STEPS_PER_NEPER
from recognition.params import DEFAULT, Params
from recognition.types import Landmarks, LevelMap

# Fitted by logistic regression. For four bands and their sum (columns): spread of the
# level, its change over one, two and four rows, and how far its quietest tenth lies
# below the mean; then how many landmarks there are, and how many hold their pitch.
_WEIGHTS = np.array(
    [
        [-0.296, -1.109, 2.947, -1.902, -1.555],
        [0.441, 3.749, -1.997, 0.332, 1.297],
        [-1.42, 0.48, 1.023, 0.298, 0.316],
        [0.665, 0.027, 1.096, 0.529, -2.81],
        [0.49, -0.203, 1.381, -0.092, -1.899],
    ]
)
_COUNT_WEIGHT, _STEADY_WEIGHT, _BIAS = -1.964, -4.89, 13.534
_BANDS = 4
_QUIETEST = -10.0
_SOFT = 0.02  # nepers, keeps logarithms of no change finite
_HALF_MS = 1024  # a second is judged with what surrounds it
_STEADY = (6, 40, 0.25)  # frames from, frames to, bins


def speech_share(
    landmarks: Landmarks,
    level_map: LevelMap,
    span_ms: tuple[int, int],
    params: Params = DEFAULT,
) -> float | None:
    """Share (0–1) of the seconds of a span with speech; None if it is too short."""
    start, end = span_ms
    middles = np.arange(start + 500, end - 499, 1000)
    judged = [_odds(landmarks, level_map, int(m), params) for m in middles]
    known = [odds for odds in judged if odds is not None]
    if not known:
        return None
    return round(float(np.mean(np.array(known) > 0)), 2)


def _odds(
    landmarks: Landmarks, level_map: LevelMap, middle_ms: int, params: Params
) -> float | None:
    """Logarithm of the odds that somebody speaks around a moment."""
    row_ms = params.frame_ms * level_map.frames_per_cell
    first = max(0, int((middle_ms - _HALF_MS) / row_ms))
    last = min(len(level_map.levels), int((middle_ms + _HALF_MS) / row_ms))
    if last - first < 12:
        return None
    bands = _band_levels(level_map.levels[first:last])
    changes = [
        np.log(np.abs(bands[lag:] - bands[:-lag]).mean(axis=0) + _SOFT)
        for lag in (1, 2, 4)
    ]
    dips = np.quantile(bands, 0.1, axis=0) - bands.mean(axis=0)
    traits = np.stack([np.log(bands.std(axis=0) + _SOFT), *changes, dips])
    places = np.array([first, last]) * level_map.frames_per_cell
    count, steady = _steadiness(landmarks, (int(places[0]), int(places[1])))
    return float(
        (_WEIGHTS * traits).sum()
        + _COUNT_WEIGHT * np.log(1 + count)
        + _STEADY_WEIGHT * steady
        + _BIAS
    )


def _band_levels(cells: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Levels in nepers of four bands and of all together, row by row."""
    levels = cells.astype(np.float64) / STEPS_PER_NEPER - OFFSET
    power = np.exp(2 * np.maximum(levels, _QUIETEST))
    parts = np.array_split(power, _BANDS, axis=1)
    means = [part.mean(axis=1) for part in (*parts, power)]
    return np.log(np.stack(means, axis=1) + 1e-9) / 2


def _steadiness(landmarks: Landmarks, span: tuple[int, int]) -> tuple[int, float]:
    """Landmarks in a span of frames, and the share that sounds on at its pitch."""
    bounds = np.array([span[0], span[1], span[1] + _STEADY[1]], dtype=np.int32)
    low, high, after = (int(at) for at in np.searchsorted(landmarks.frames, bounds))
    if high == low:
        return 0, 0.0
    frames, bins = landmarks.frames[low:after], landmarks.bins[low:after]
    return high - low, _sounding_on(frames, bins, high - low) / (high - low)


@compiled
def _sounding_on(
    frames: NDArray[np.int32], bins: NDArray[np.float32], count: int
) -> int:
    found = 0
    for i in range(count):
        for j in range(i + 1, len(frames)):
            if frames[j] >= frames[i] + _STEADY[1]:
                break
            near = abs(bins[j] - bins[i]) < _STEADY[2]
            if near and frames[j] >= frames[i] + _STEADY[0]:
                found += 1
                break
    return found
