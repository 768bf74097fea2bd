"""Weighs an alignment landmark by landmark, in bits.

Of every reference landmark that is missing in the query it asks why: where the query
is quieter than the reference should be there, the landmark is absent and speaks
against the match; where something as loud covers it, it may only be masked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recognition.alignment import Line, QueryView, nearest
from recognition.jit import compiled
from recognition.levels import OFFSET, STEPS_PER_NEPER
from recognition.params import DEFAULT, Params
from recognition.types import Landmarks

OUTSIDE, MISSING, ALIGNED = -1, 0, 1
UNKNOWN_LEVEL = np.float32(1e9)
# Alignments shifted by these frames show how often landmarks align by chance
_CHANCE_SHIFTS = np.array([-61, -53, -43, -37, -29, 29, 37, 43, 53, 61], dtype=np.int32)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one alignment says of each reference landmark of a span.

    ``states`` are OUTSIDE, MISSING or ALIGNED; ``absent`` marks the missing ones that
    nothing masks; ``gaps`` are query level less reference level there, in nepers.
    """

    states: NDArray[np.int8]
    gaps: NDArray[np.float32]
    absent: NDArray[np.bool_]
    weights: NDArray[np.float32]
    p0: float
    p1: float


def weigh(
    view: QueryView,
    reference: Landmarks,
    span: tuple[int, int],
    line: Line,
    core: tuple[int, int] | None = None,
    params: Params = DEFAULT,
) -> Evidence:
    """Weights in bits of the reference landmarks ``span`` along ``line``.

    Gains and the rate of alignment are estimated inside ``core``, landmark numbers
    of the reference, when it is given.
    """
    frames = reference.frames[slice(*span)]
    bins = reference.bins[slice(*span)]
    query = (
        view.first,
        view.landmarks.frames,
        view.landmarks.bins,
        view.landmarks.levels,
        view.map_levels,
        np.array([view.map_frames, view.map_bins], dtype=np.int32),
    )
    place = (line.slope, line.offset, line.shift)
    tolerance = (float(params.tolerance_frames), params.tolerance_bins)
    states, gaps = _classify(
        query, frames, bins, reference.levels[slice(*span)], place, tolerance
    )
    chance = _chance_rates(query, frames, bins, place, tolerance, _CHANCE_SHIFTS)
    inner = slice(None)
    if core is not None:
        inner = slice(core[0] - span[0], core[1] - span[0])
    p0, p1 = _rates(chance, states[inner], params)
    gains = _band_gains(
        bins[inner], states[inner], gaps[inner], params.gain_bands, params.n_bins
    )
    absent = np.zeros(len(states), dtype=np.bool_)
    weights = np.empty(len(states), dtype=np.float32)
    _weigh(
        (frames, bins, states, gaps, gains),
        _bit_table(p0, p1, params),
        np.array([params.n_bins, params.onset_frames, params.absent_margin]),
        absent,
        weights,
    )
    return Evidence(states, gaps, absent, weights, p0, p1)


def _rates(
    chance: NDArray[np.float64], states: NDArray[np.int8], params: Params
) -> tuple[float, float]:
    known = states != OUTSIDE
    observed = float((states[known] == ALIGNED).mean()) if known.any() else 0.0
    p0 = min(0.9, max(0.01, float(chance.mean() + chance.std())))
    p1 = min(0.98, max(params.min_p1, p0 + 0.15, observed))
    return p0, max(p1, p0 + 0.05)


def _bit_table(p0: float, p1: float, params: Params) -> NDArray[np.float64]:
    """Bits of an aligned, absent, masked and unjudged landmark."""
    return np.array(
        [
            np.log2(p1 / p0),
            params.absent_bits,
            params.masked_bits,
            np.log2((1 - p1) / (1 - p0)),
        ]
    )


def _band_gains(
    bins: NDArray[np.float32],
    states: NDArray[np.int8],
    gaps: NDArray[np.float32],
    n_bands: int,
    n_bins: int,
) -> NDArray[np.float32]:
    """Median of query level less reference level by band; NaN where unknown."""
    gains = np.full(n_bands, np.nan, dtype=np.float32)
    bands = np.minimum((bins * n_bands / n_bins).astype(np.int32), n_bands - 1)
    for band in range(n_bands):
        of_band = gaps[(states == ALIGNED) & (bands == band)]
        if len(of_band) >= 3:
            gains[band] = np.median(of_band)
    return gains


@compiled
def _classify(
    query: tuple[
        NDArray[np.int32],
        NDArray[np.int32],
        NDArray[np.float32],
        NDArray[np.float32],
        NDArray[np.uint8],
        NDArray[np.int32],
    ],
    frames: NDArray[np.int32],
    bins: NDArray[np.float32],
    levels: NDArray[np.float32],
    line: tuple[float, float, float],
    tolerance: tuple[float, float],
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    first, q_frames, q_bins, q_levels, cells, cell_size = query
    states = np.empty(len(frames), dtype=np.int8)
    gaps = np.full(len(frames), UNKNOWN_LEVEL, dtype=np.float32)
    n_bins = cells.shape[1] * cell_size[1]
    for i in range(len(frames)):
        frame = line[1] + line[0] * frames[i]
        place = bins[i] + line[2]
        outside = frame < 0 or frame > len(first) - 2 or place < 0
        if outside or (len(cells) > 0 and place > n_bins - 1):
            states[i] = OUTSIDE
            continue
        k = nearest(first, q_frames, q_bins, frame, place, tolerance[0], tolerance[1])
        if k >= 0:
            states[i] = ALIGNED
            gaps[i] = q_levels[k] - levels[i]
            continue
        states[i] = MISSING
        row = int(frame + 0.5) // cell_size[0]
        if row < len(cells):
            value = cells[row, int(place + 0.5) // cell_size[1]]
            gaps[i] = value / STEPS_PER_NEPER - OFFSET - levels[i]
    return states, gaps


@compiled
def _chance_rates(
    query: tuple[
        NDArray[np.int32],
        NDArray[np.int32],
        NDArray[np.float32],
        NDArray[np.float32],
        NDArray[np.uint8],
        NDArray[np.int32],
    ],
    frames: NDArray[np.int32],
    bins: NDArray[np.float32],
    line: tuple[float, float, float],
    tolerance: tuple[float, float],
    shifts: NDArray[np.int32],
) -> NDArray[np.float64]:
    first, q_frames, q_bins = query[0], query[1], query[2]
    rates = np.zeros(len(shifts), dtype=np.float64)
    for s in range(len(shifts)):
        hits = 0
        total = 0
        for i in range(len(frames)):
            frame = line[1] + line[0] * frames[i] + shifts[s]
            place = bins[i] + line[2]
            if frame < 0 or frame > len(first) - 2 or place < 0:
                continue
            total += 1
            k = nearest(
                first, q_frames, q_bins, frame, place, tolerance[0], tolerance[1]
            )
            hits += k >= 0
        if total:
            rates[s] = hits / total
    return rates


@compiled
def _weigh(
    evidence: tuple[
        NDArray[np.int32],
        NDArray[np.float32],
        NDArray[np.int8],
        NDArray[np.float32],
        NDArray[np.float32],
    ],
    bits: NDArray[np.float64],
    constants: NDArray[np.float64],
    absent: NDArray[np.bool_],
    weights: NDArray[np.float32],
) -> None:
    frames, bins, states, gaps, gains = evidence
    n_bins, onset, margin = constants
    low, high = 0, 0
    for i in range(len(frames)):
        while frames[low] < frames[i] - onset:
            low += 1
        while high < len(frames) and frames[high] <= frames[i] + onset:
            high += 1
        if states[i] == OUTSIDE:
            weights[i] = 0
            continue
        band = min(int(bins[i] * len(gains) / n_bins), len(gains) - 1)
        if states[i] == ALIGNED:
            value = bits[0]
        elif gaps[i] == UNKNOWN_LEVEL or np.isnan(gains[band]):
            value = bits[3]
        elif gaps[i] < gains[band] - margin:
            value = bits[1]
            absent[i] = True
        else:
            value = bits[2]
        # Landmarks of one onset are not independent of each other
        weights[i] = value / np.sqrt(high - low)
