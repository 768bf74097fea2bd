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


Query = tuple[
    NDArray[np.int32],
    NDArray[np.int32],
    NDArray[np.float32],
    NDArray[np.float32],
    NDArray[np.uint8],
    NDArray[np.int32],
]
Reference = tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]
Place = tuple[float, float, float]
Constants = tuple[float, ...]


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
    query = (
        view.first,
        view.landmarks.frames,
        view.landmarks.bins,
        view.landmarks.levels,
        view.map_levels,
        np.array([view.map_frames, view.map_bins], dtype=np.int32),
    )
    landmarks = (
        reference.frames[slice(*span)],
        reference.bins[slice(*span)],
        reference.levels[slice(*span)],
    )
    inner = (0, span[1] - span[0])
    if core is not None:
        inner = (core[0] - span[0], core[1] - span[0])
    states, gaps, absent, weights, p0, p1 = _evidence(
        query,
        landmarks,
        (line.slope, line.offset, line.shift),
        inner,
        _constants(params),
        _CHANCE_SHIFTS,
    )
    return Evidence(states, gaps, absent, weights, float(p0), float(p1))


def _constants(params: Params) -> tuple[float, ...]:
    return (
        float(params.tolerance_frames),
        params.tolerance_bins,
        float(params.gain_bands),
        float(params.n_bins),
        params.min_p1,
        params.absent_bits,
        params.masked_bits,
        params.absent_margin,
        float(params.onset_frames),
    )


@compiled
def _evidence(
    query: Query,
    reference: Reference,
    line: Place,
    inner: tuple[int, int],
    constants: Constants,
    shifts: NDArray[np.int32],
) -> tuple[
    NDArray[np.int8],
    NDArray[np.float32],
    NDArray[np.bool_],
    NDArray[np.float32],
    float,
    float,
]:
    tolerance = (constants[0], constants[1])
    states, gaps = _classify(query, reference, line, tolerance)
    chance = _chance_rates(query, reference, line, tolerance, shifts)
    known = 0
    hits = 0
    for i in range(inner[0], inner[1]):
        known += states[i] != OUTSIDE
        hits += states[i] == ALIGNED
    observed = hits / known if known else 0.0
    p0 = min(0.9, max(0.01, chance.mean() + chance.std()))
    p1 = max(min(0.98, max(constants[4], p0 + 0.15, observed)), p0 + 0.05)
    gains = _band_gains(reference[1], states, gaps, inner, constants)
    absent, weights = _weights(reference, states, gaps, gains, p0, p1, constants)
    return states, gaps, absent, weights, p0, p1


@compiled
def _band_gains(
    bins: NDArray[np.float32],
    states: NDArray[np.int8],
    gaps: NDArray[np.float32],
    inner: tuple[int, int],
    constants: Constants,
) -> NDArray[np.float32]:
    """Median of query level less reference level by band; NaN where unknown."""
    n_bands = int(constants[2])
    gains = np.full(n_bands, np.nan, dtype=np.float32)
    of_band = np.empty(inner[1] - inner[0], dtype=np.float32)
    for band in range(n_bands):
        n = 0
        for i in range(inner[0], inner[1]):
            if states[i] == ALIGNED and _band(bins[i], constants) == band:
                of_band[n] = gaps[i]
                n += 1
        if n >= 3:
            gains[band] = np.median(of_band[:n])
    return gains


@compiled
def _band(place: float, constants: Constants) -> int:
    return min(int(place * constants[2] / constants[3]), int(constants[2]) - 1)


@compiled
def _classify(
    query: Query, reference: Reference, line: Place, tolerance: tuple[float, float]
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """State of each landmark, and query level less reference level where known."""
    frames, bins, levels = reference
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
    query: Query,
    reference: Reference,
    line: Place,
    tolerance: tuple[float, float],
    shifts: NDArray[np.int32],
) -> NDArray[np.float64]:
    """Share of landmarks that align at each of the shifted alignments."""
    frames, bins = reference[0], reference[1]
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
def _weights(
    reference: Reference,
    states: NDArray[np.int8],
    gaps: NDArray[np.float32],
    gains: NDArray[np.float32],
    p0: float,
    p1: float,
    constants: Constants,
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    frames, bins, _ = reference
    absent = np.zeros(len(frames), dtype=np.bool_)
    weights = np.zeros(len(frames), dtype=np.float32)
    low, high = 0, 0
    for i in range(len(frames)):
        while frames[low] < frames[i] - constants[8]:
            low += 1
        while high < len(frames) and frames[high] <= frames[i] + constants[8]:
            high += 1
        if states[i] == OUTSIDE:
            continue
        gain = gains[_band(bins[i], constants)]
        if states[i] == ALIGNED:
            value = np.log2(p1 / p0)
        elif gaps[i] == UNKNOWN_LEVEL or np.isnan(gain):
            value = np.log2((1 - p1) / (1 - p0))
        elif gaps[i] < gain - constants[7]:
            value = constants[5]
            absent[i] = True
        else:
            value = constants[6]
        # Landmarks of one onset are not independent of each other
        weights[i] = value / np.sqrt(high - low)
    return absent, weights
