"""Estimate where somebody speaks, from the stored layers of a scanned file.

The level of speech rises and falls with its syllables, in neighbouring bands at once,
and its pitch glides where music holds its tones. A logistic model of such traits,
fitted on synthetic voices over music, judges each second. Its neighbours contribute,
because speech rarely starts or stops for a single second. docs/recognition.md says how
often the estimate is right.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from recognition.fingerprints.levels import OFFSET, STEPS_PER_NEPER
from recognition.jit import compiled, compiled_part
from recognition.params import DEFAULT, Params
from recognition.types import Landmarks, LevelMap

# Output of ``python -m benchmarks.speech --fit``, in the order of ``traits``.
_WEIGHTS: Final = np.array(
    [
        *(-0.068, -0.162, -0.818, 0.261, 0.149, 0.096, -0.258, 0.409, 0.076),
        *(-0.558, 0.148, 2.48, 1.933, 0.094, 1.521, -1.035, 1.584, 0.639),
        *(0.162, -0.441, -0.771, 0.471, 0.679, -1.154, -0.324, -0.164, -0.389),
        *(-1.616, -0.631, 1.366, 3.626, -0.654, -4.69, 3.299),
        *(-2.208, -2.094, -0.636, -4.732, -1.721),
        *(-1.362, -5.087, -6.473, -4.475),
    ]
)
_BIAS: Final = 20.148

_BANDS: Final = 8
_LOWEST_BIN: Final = 72  # 180 Hz; lower bands say more about music than about voices
_QUIETEST: Final = -10.0
_SOFT: Final = 0.02  # nepers; keeps the logarithm of no change finite
_STILL: Final = 0.05  # nepers; smaller changes count as none
_ROWS: Final = 32  # rows of the level map around a second's middle that describe it
_FEWEST_ROWS: Final = 12
_STAYS: Final = 0.9  # probability that speech, or its absence, lasts another second
_MOST_ODDS: Final = 6.0  # limit on the log odds of one second
# When one landmark follows another: frames from and to, bins from and to. The rows are:
# sounds on, sounds on for longer, glides.
_FOLLOWERS: Final = np.array([[6, 40, 0.0, 0.25], [20, 80, 0.0, 0.25], [4, 13, 0.35, 2.2]])


def speech_share(
    landmarks: Landmarks,
    level_map: LevelMap,
    interval_ms: tuple[int, int],
    params: Params = DEFAULT,
) -> float | None:
    """Return the share (0–1) of seconds with speech, or None if the span is too short."""
    features = traits(landmarks, level_map, interval_ms, params)
    if not len(features):
        return None
    odds = _with_neighbours(np.clip(features @ _WEIGHTS + _BIAS, -_MOST_ODDS, _MOST_ODDS))
    return round(float((odds > 0).mean()), 2)


def traits(
    landmarks: Landmarks,
    level_map: LevelMap,
    interval_ms: tuple[int, int],
    params: Params = DEFAULT,
) -> NDArray[np.float64]:
    """Return what each second of a span is judged by, as rows; none if it is too short.

    For each of eight bands and for all together: spread of the level, its change over
    one and over four rows of the map. Then the correlation of neighbouring bands and of
    bands further apart, the number of landmarks, and the shares that hold their pitch,
    hold it longer, and glide.
    """
    row_ms = params.frame_ms * level_map.frames_per_cell
    middles = np.arange(interval_ms[0] + 500, interval_ms[1] - 499, 1000)
    if not len(middles) or len(level_map.levels) < _FEWEST_ROWS:
        return np.zeros((0, len(_WEIGHTS)))
    first = np.rint(middles / row_ms).astype(np.int64) - _ROWS // 2
    rows = np.clip(first[:, None] + np.arange(_ROWS), 0, len(level_map.levels) - 1)
    low, high = int(rows[0, 0]), int(rows[-1, -1]) + 1
    lowest = _LOWEST_BIN // level_map.bins_per_cell
    levels = _band_levels(level_map.levels[low:high, lowest:])[rows - low]
    changes = np.diff(levels, axis=1)
    edges = np.stack([first, first + _ROWS], axis=1) * level_map.frames_per_cell
    return np.concatenate(
        [
            np.log(levels.std(axis=1) + _SOFT),
            np.log(np.abs(changes).mean(axis=1) + _SOFT),
            np.log(np.abs(levels[:, 4:] - levels[:, :-4]).mean(axis=1) + _SOFT),
            _likeness(changes[:, :, :_BANDS], 1),
            _likeness(changes[:, :, :_BANDS], 3),
            _followers_by_second(landmarks, edges.astype(np.int32)),
        ],
        axis=1,
    )


def _band_levels(cells: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the levels, in nepers, of each band and of all together, row by row."""
    levels = cells.astype(np.float64) / STEPS_PER_NEPER - OFFSET
    power = np.exp(2 * np.maximum(levels, _QUIETEST))
    parts = np.array_split(power, _BANDS, axis=1)
    means = [part.mean(axis=1) for part in (*parts, power)]
    return np.log(np.stack(means, axis=1) + 1e-9) / 2


def _likeness(changes: NDArray[np.float64], apart: int) -> NDArray[np.float64]:
    """Return the correlation of bands ``apart`` from each other, second by second."""
    centred = changes - changes.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1) + _STILL
    products = (centred[:, :, apart:] * centred[:, :, :-apart]).mean(axis=1)
    alike: NDArray[np.float64] = products / (spread[:, apart:] * spread[:, :-apart])
    return alike


def _followers_by_second(landmarks: Landmarks, edges: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return per second the log number of landmarks, and three shares of followed ones."""
    reach = np.int32(edges[-1, 1] + _FOLLOWERS[:, 1].max())
    near = slice(*np.searchsorted(landmarks.frames, np.array([edges[0, 0], reach])))
    heard = landmarks.bins[near] >= _LOWEST_BIN
    frames, bins = landmarks.frames[near][heard], landmarks.bins[near][heard]
    bounds = np.searchsorted(frames, edges)
    followed = _followed(frames, bins, int(bounds[-1, 1]), _FOLLOWERS)
    sums = np.concatenate([np.zeros((1, 3)), np.cumsum(followed, axis=0)])
    counts = bounds[:, 1] - bounds[:, 0]
    totals = sums[bounds[:, 1]] - sums[bounds[:, 0]]
    shares = totals / np.maximum(1, counts)[:, None]
    return np.concatenate([np.log(1 + counts)[:, None], shares], axis=1)


@compiled
def _followed(
    frames: NDArray[np.int32], bins: NDArray[np.float32], count: int, ways: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return whether each of the first ``count`` landmarks is followed, in each way."""
    flags = np.zeros((count, len(ways)), dtype=np.float64)
    latest, farthest = ways[:, 1].max(), ways[:, 3].max()
    for i in range(count):
        for j in range(i + 1, len(frames)):
            later = frames[j] - frames[i]
            if later >= latest:
                break
            off = abs(bins[j] - bins[i])
            if off >= farthest:
                continue
            for way in range(len(ways)):
                in_time = ways[way, 0] <= later < ways[way, 1]
                if in_time and ways[way, 2] <= off < ways[way, 3]:
                    flags[i, way] = 1
    return flags


@compiled
def _with_neighbours(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the log odds of each second given all seconds (a two-state chain)."""
    n = len(odds)
    total = odds.copy()
    before, after = np.float64(0), np.float64(0)
    for i in range(n):
        total[i] += before
        total[n - 1 - i] += after
        before = _carried(before + odds[i])
        after = _carried(after + odds[n - 1 - i])
    return total


@compiled_part
def _carried(odds: float) -> np.float64:
    """Return the log odds of a second that follow from those of its neighbour."""
    ratio = np.exp(odds)
    return np.float64(np.log((ratio * _STAYS + 1 - _STAYS) / (ratio * (1 - _STAYS) + _STAYS)))
