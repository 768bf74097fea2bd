"""Measure the band of a query: between which bins it sounds at all.

A telephone cuts what lies below 300 Hz. A recording's landmarks there are missing from
the query whatever it plays, so they say nothing for or against a match.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recognition.fingerprints.levels import STEPS_PER_NEPER
from recognition.params import Params
from recognition.types import LevelMap

BAND_FRAMES = 625
"""Frames of a file whose band is measured together (10 s), with half as many around."""

_LOUD = 90  # percentile of a column's levels over time: onsets, not pauses


def bands_of(level_map: LevelMap, n_frames: int, params: Params) -> NDArray[np.float32]:
    """Return the lowest and highest bin with sound of each ``BAND_FRAMES``.

    The band ends where all columns beyond are quieter than the middle of the axis by
    ``band_low`` or ``band_high`` nepers, which only a filter does to bass, and almost
    only a filter to treble.
    """
    levels, cell = level_map.levels, level_map.frames_per_cell
    wide = level_map.bins_per_cell
    n = max(1, -(-n_frames // BAND_FRAMES))
    bands = np.empty((n, 2), dtype=np.float32)
    bands[:] = 0, params.n_bins - 1
    middle = slice(params.band_body[0] // wide, params.band_body[1] // wide)
    for number in range(n):
        first = max(0, (2 * number - 1) * BAND_FRAMES // (2 * cell))
        last = (2 * number + 3) * BAND_FRAMES // (2 * cell)
        rows = levels[first:last]
        if not len(rows):
            continue
        loud = np.percentile(rows, _LOUD, axis=0) / STEPS_PER_NEPER
        body = float(np.median(loud[middle]))
        low = np.flatnonzero(loud >= body - params.band_low)
        high = np.flatnonzero(loud >= body - params.band_high)
        if len(low):
            bands[number, 0] = wide * low[0]
        if len(high) and high[-1] < levels.shape[1] - 1:
            bands[number, 1] = wide * (high[-1] + 1) - 1
    return bands
