"""What the net hears of a level map: traits of its rows, averaged around each half second.

The net was fitted to exactly these numbers, so that a change needs another net.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from recognition.fingerprints.levels import OFFSET, STEPS_PER_NEPER
from recognition.speech_track import HALF_MS

Values: TypeAlias = NDArray[np.float32]
Numbers: TypeAlias = NDArray[Any]  # Any: numbers of any type

ROW_MS: Final = 64
CELLS: Final = 76
"""Cells of a row: twelve to the octave from 45 Hz, so that octaves are 12 apart."""
REACH: Final = 128
"""Rows on both sides of an interval that its traits look at, or average over."""

_QUIETEST: Final = -11.0  # nepers
_FAINT: Final = 1e-10  # keeps the logarithm of silence finite
_WINDOWS: Final = (10, 32, 100)  # rows: 0.6, 2 and 6.4 s
_SPREAD_WINDOW: Final = 32
_BAND_EDGES: Final = tuple(np.linspace(0, CELLS, 13).round().astype(int).tolist())
_QUARTERS: Final = ((0, 19), (19, 38), (38, 57), (57, 76))
# A voice's pitch is sought from 70 to 570 Hz, by its octave, twelfth and double octave.
_HARMONICS: Final = ((0, 1.0), (12, 1.0), (19, 0.7), (24, 0.5))
_PITCHES: Final = slice(8, 44)


def traits(levels: NDArray[np.uint8], first_row: int, count: int) -> Values:
    """Return the traits [count, traits] of half seconds, the first of which begins at a row.

    ``levels`` [rows, 76] should reach ``REACH`` rows further on both sides.
    """
    rows = _row_traits(levels)
    sums, squares = _summed(rows), _summed(rows.astype(np.float64) ** 2)
    middles = first_row + (np.arange(count) + 0.5) * HALF_MS / ROW_MS
    columns = []
    for size in _WINDOWS:
        low = np.clip(np.rint(middles - size / 2).astype(int), 0, len(rows) - 1)
        high = np.clip(np.rint(middles + size / 2).astype(int), low + 1, len(rows))
        length = (high - low)[:, None]
        mean = (sums[high] - sums[low]) / length
        columns.append(mean)
        if size == _SPREAD_WINDOW:
            variance = (squares[high] - squares[low]) / length - mean * mean
            columns.append(np.sqrt(np.maximum(variance, 0)))
    return np.concatenate(columns, axis=1).astype(np.float32)


def _row_traits(levels: NDArray[np.uint8]) -> Values:
    """Return what a row, and its change since earlier rows, says [rows, traits]."""
    cells = np.maximum(levels.astype(np.float32) / STEPS_PER_NEPER - np.float32(OFFSET), _QUIETEST)
    power = np.exp(2 * cells)
    loudness = _log(power.mean(axis=1))
    bands = np.stack([_log(power[:, a:b].mean(axis=1)) for a, b in pairwise(_BAND_EDGES)], axis=1)
    steps = bands - _earlier(bands, 1)
    return np.concatenate(
        [
            bands - loudness[:, None],
            abs(steps),
            abs(bands - _earlier(bands, 4)),
            *_partial_traits(_partials(cells)),
            *_change_traits(cells, loudness),
            # Whether neighbouring bands, and those far apart, rise and fall together.
            steps[:, 1:] * steps[:, :-1],
            steps[:, 4:] * steps[:, :-4],
            *_pace_traits(bands),
            loudness[:, None],
        ],
        axis=1,
    ).astype(np.float32)


def _log(power: Values) -> Values:
    logarithm: Values = 0.5 * np.log(power + _FAINT)
    return logarithm


def _partials(cells: Values) -> Values:
    """Return by how much each cell stands out from the seven around it."""
    padded = np.pad(np.pad(cells, ((0, 0), (3, 3)), "edge"), ((0, 0), (1, 0)))
    sums = np.cumsum(padded, axis=1)
    return cells - (sums[:, 7:] - sums[:, :-7]) / np.float32(7)


def _partial_traits(partials: Values) -> list[Numbers]:
    """Return whether partials last, glide, have octaves and stand out, and how pitch moves."""
    last = _earlier(partials, 1)
    comb = sum(weight * partials[:, above : above + CELLS - 24] for above, weight in _HARMONICS)
    comb = np.asarray(comb)[:, _PITCHES]
    pitch = comb.argmax(axis=1)
    moved, moved_far = (abs(pitch - _earlier(pitch, rows)) for rows in (1, 4))
    return [
        column[:, None]
        for column in (
            *(_likeness(partials, _earlier(partials, rows)) for rows in (1, 2, 4, 8, 16)),
            _likeness(partials[:, 1:], last[:, :-1]),
            _likeness(partials[:, :-1], last[:, 1:]),
            _likeness(partials[:, 12:], partials[:, :-12]),
            partials.std(axis=1),
            *(abs(partials[:, a:b]).mean(axis=1) for a, b in _QUARTERS),
            comb.max(axis=1),
            moved == 0,
            (moved == 1) | (moved == 2),
            moved > 3,
            moved_far == 0,
            (moved_far > 0) & (moved_far < 5),
        )
    ]


def _change_traits(cells: Values, loudness: Values) -> list[Numbers]:
    """Return how much begins and ends in a row, and whether it is a pause or a burst."""
    rise = cells - _earlier(cells, 1)
    above = loudness - _smoothed(loudness[:, None], 32)[:, 0]
    return [
        column[:, None]
        for column in (
            np.maximum(rise, 0).mean(axis=1),
            np.maximum(-rise, 0).mean(axis=1),
            above < -0.7,
            above < -1.5,
            above > 0.5,
        )
    ]


def _pace_traits(bands: Values) -> list[Numbers]:
    """Return how strongly the level of four bands changes at three paces."""
    groups = np.stack([bands[:, i : i + 3].mean(axis=1) for i in (0, 3, 6, 9)], axis=1)
    smoothed = [_smoothed(groups, rows) for rows in (2, 4, 8, 24)]
    return [(fast - slow) ** 2 for fast, slow in pairwise(smoothed)]


def _earlier(values: Numbers, rows: int) -> Numbers:
    """Return for each row what was there some rows before."""
    first = np.repeat(values[:1], min(rows, len(values)), axis=0)
    return np.concatenate([first, values[:-rows]])[: len(values)]


def _likeness(some: Values, others: Values) -> Values:
    products = np.sqrt((some * some).sum(axis=1) * (others * others).sum(axis=1) + 0.5)
    alike: Values = (some * others).sum(axis=1) / products
    return alike


def _summed(values: Numbers) -> NDArray[np.float64]:
    start = np.zeros((1, values.shape[1]))
    return np.concatenate([start, np.cumsum(values, axis=0, dtype=np.float64)])


def _smoothed(values: Values, rows: int) -> Values:
    """Return the mean over some rows around each."""
    sums, at = _summed(values), np.arange(len(values))
    low = np.clip(at - rows // 2, 0, len(values))
    high = np.clip(at - rows // 2 + rows, 0, len(values))
    return ((sums[high] - sums[low]) / (high - low)[:, None]).astype(np.float32)
