"""Weigh an alignment landmark by landmark, in bits of evidence.

Each reference landmark that the query lacks is judged by level: if the query is quieter
there than the recording would be, the landmark is absent and counts against the match;
if something as loud is there, the landmark may only be masked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recognition.jit import compiled, compiled_part
from recognition.params import DEFAULT, Params
from recognition.types import Landmarks
from recognition.verify.alignment import Alignment, QueryView
from recognition.verify.lookup import (
    ABSENT,
    ABSENT_BITS,
    ABSENT_MARGIN,
    ALIGNED,
    GAIN_BANDS,
    MASKED_BITS,
    MIN_P1,
    MISSING,
    N_BINS,
    ONSET_FRAMES,
    OUTSIDE,
    SATURATION_BITS,
    SATURATION_FRAMES,
    TIMING_BY_CHANCE,
    UNJUDGED_BITS,
    UNKNOWN_LEVEL,
    Constants,
    Found,
    Lookup,
    Reference,
    Span,
    cell,
    found_along,
    lookup_of,
    timing_at,
)

_PRIOR = 20.0  # weight of the assumed chance shares, in alignments


Weighed = tuple[
    NDArray[np.int8],
    NDArray[np.float32],
    NDArray[np.float32],
    NDArray[np.float32],
    NDArray[np.float32],
    float,
]
"""The parts of ``LandmarkEvidence``, in its order."""


@dataclass(frozen=True, slots=True)
class LandmarkEvidence:
    """The evidence of one alignment for each reference landmark of a span.

    - ``states``: OUTSIDE, ALIGNED, ABSENT, or MISSING if something may cover the
      landmark or the level is unknown.
    - ``gaps``: query level minus reference level, in nepers; ``UNKNOWN_LEVEL`` where
      there is none.
    - ``gains``: the median gap of aligned landmarks in the same frequency band, or of
      all bands if too few align there; NaN if none aligns.
    - ``weights``: bits, limited for short intervals; ``raw``: without that limit.
    - ``p0``: the rate at which landmarks align by chance.
    """

    states: NDArray[np.int8]
    gaps: NDArray[np.float32]
    gains: NDArray[np.float32]
    weights: NDArray[np.float32]
    raw: NDArray[np.float32]
    p0: float


def weigh(
    view: QueryView,
    reference: Landmarks,
    span: tuple[int, int],
    alignment: Alignment,
    core: tuple[int, int] | None = None,
    params: Params = DEFAULT,
) -> LandmarkEvidence:
    """Weigh the reference landmarks numbered ``span`` along ``alignment``.

    Gains and the rate of alignment are estimated inside ``core``, landmark numbers of
    the reference, if given.
    """
    inner = (0, span[1] - span[0])
    if core is not None:
        inner = (core[0] - span[0], core[1] - span[0])
    lookup = lookup_of(view, reference, span, alignment, params)
    states, gaps, gains, weights, raw, p0 = evidence(lookup, inner)
    return LandmarkEvidence(states, gaps, gains, weights, raw, float(p0))


@compiled
def evidence(lookup: Lookup, inner: Span) -> Weighed:
    """Return the parts of ``LandmarkEvidence``.

    Gains and the rate of alignment are estimated from the landmarks ``inner``.
    """
    return weighed(lookup, found_along(lookup), inner)


@compiled_part
def weighed(lookup: Lookup, findings: Found, inner: Span) -> Weighed:
    """Return what ``evidence`` returns, from what was found along the alignment."""
    _, reference, _, constants, tables = lookup
    before, gaps, offs, chances, places, timed, which, chance_gaps = findings
    states = before.copy()
    judged = 0
    hits = 0
    for i in range(inner[0], inner[1]):
        judged += states[i] != OUTSIDE
        hits += states[i] == ALIGNED
    observed = hits / judged if judged else 0.0
    gains, spare = _band_gains(reference[1], states, gaps, inner, constants)
    levels = np.zeros(3, dtype=np.float64)
    for number in range(len(which)):
        gain = gains[_band(reference[1][which[number]], constants)]
        if not np.isnan(gain):
            levels[cell(chance_gaps[number] - gain, tables[1][0])] += 1
    rates = chances[0] / np.maximum(1, chances[1])
    timing = (_PRIOR * TIMING_BY_CHANCE + timed) / (_PRIOR + len(which))
    p0 = min(0.9, max(0.01, rates.mean() + rates.std()))
    p1 = max(min(0.98, max(constants[MIN_P1], p0 + 0.15, observed)), p0 + 0.05)
    tight = _closeness_bits(levels, places, tables[1])
    expected = _expected_gains(reference[1], states, gaps, inner, gains, constants)
    _mark_absent(states, gaps, expected, constants[ABSENT_MARGIN])
    raw = _weights(
        reference,
        (states, gaps, offs),
        (gains, spare),
        (tight, tables[1], timing),
        (p0, p1),
        constants,
    )
    weights = raw.copy()
    _saturate(reference[0], weights, constants[SATURATION_FRAMES], constants[SATURATION_BITS])
    return states, gaps, expected, weights, raw, p0


@compiled_part
def _closeness_bits(
    levels: NDArray[np.float64], places: NDArray[np.float64], closeness: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the bits for close, near and far agreement, from counts by chance.

    Rows are level and place; columns are close, near and far.
    """
    bits = np.empty((2, 3), dtype=np.float64)
    for row in range(2):
        counts = levels if row == 0 else places
        total = counts.sum() + _PRIOR
        for column in range(3):
            chance = counts[column] + _PRIOR * closeness[row, 5 + column]
            bits[row, column] = np.log2(closeness[row, 2 + column] * total / chance)
    return bits


@compiled_part
def _band_gains(
    bins: NDArray[np.float32],
    states: NDArray[np.int8],
    gaps: NDArray[np.float32],
    inner: Span,
    constants: Constants,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the median gap of each band, NaN where unknown, and the spare medians.

    The spare medians leave out one landmark below, at, or above the middle: a landmark
    must not be judged by a median that includes it.
    """
    n_bands = int(constants[GAIN_BANDS])
    gains = np.full(n_bands, np.nan, dtype=np.float32)
    spare = np.full((n_bands, 3), np.nan, dtype=np.float32)
    of_band = np.empty(inner[1] - inner[0], dtype=np.float32)
    for band in range(n_bands):
        n = 0
        for i in range(inner[0], inner[1]):
            if states[i] == ALIGNED and _band(bins[i], constants) == band:
                of_band[n] = gaps[i]
                n += 1
        # Three landmarks give a median; fewer would follow chance alignments.
        if n < 3:
            continue
        ordered = np.sort(of_band[:n])
        gains[band] = _median(ordered)
        middle = n // 2
        if n % 2:
            spare[band, 0] = (ordered[middle] + ordered[middle + 1]) / 2
            spare[band, 1] = (ordered[middle - 1] + ordered[middle + 1]) / 2
            spare[band, 2] = (ordered[middle - 1] + ordered[middle]) / 2
        else:
            spare[band, 0] = ordered[middle]
            spare[band, 1] = gains[band]
            spare[band, 2] = ordered[middle - 1]
    return gains, spare


@compiled_part
def _expected_gains(
    bins: NDArray[np.float32],
    states: NDArray[np.int8],
    gaps: NDArray[np.float32],
    inner: Span,
    gains: NDArray[np.float32],
    constants: Constants,
) -> NDArray[np.float32]:
    """Return the gain of each landmark's band, or the median of all where unknown."""
    overall = np.nan
    if np.isnan(gains).any():
        overall = _overall_gain(states, gaps, inner)
    expected = np.empty(len(bins), dtype=np.float32)
    for i in range(len(bins)):
        gain = gains[_band(bins[i], constants)]
        expected[i] = overall if np.isnan(gain) else gain
    return expected


@compiled_part
def _overall_gain(states: NDArray[np.int8], gaps: NDArray[np.float32], inner: Span) -> float:
    """Return the median gap of all aligned landmarks, NaN if there is none."""
    aligned = np.empty(inner[1] - inner[0], dtype=np.float32)
    n = 0
    for i in range(inner[0], inner[1]):
        if states[i] == ALIGNED:
            aligned[n] = gaps[i]
            n += 1
    return _median(np.sort(aligned[:n])) if n else np.nan


@compiled_part
def _median(ordered: NDArray[np.float32]) -> float:
    """Return the median of sorted values; Numba would compile a second way to sort them."""
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return float(ordered[middle])
    return float((ordered[middle - 1] + ordered[middle]) / 2)


@compiled_part
def _mark_absent(
    states: NDArray[np.int8],
    gaps: NDArray[np.float32],
    expected: NDArray[np.float32],
    margin: float,
) -> None:
    """Mark missing landmarks as absent where the query is too quiet to mask them."""
    for i in range(len(states)):
        if states[i] == MISSING and gaps[i] < expected[i] - margin:
            states[i] = ABSENT


@compiled_part
def _band(place: float, constants: Constants) -> int:
    return min(
        int(place * constants[GAIN_BANDS] / constants[N_BINS]), int(constants[GAIN_BANDS]) - 1
    )


@compiled_part
def _gain_without(
    gap: float, gain: tuple[NDArray[np.float32], NDArray[np.float32]], band: int
) -> np.float32:
    """Return a band's gain as estimated from the landmarks other than that of ``gap``."""
    side = 1
    if gap < gain[0][band]:
        side = 0
    elif gap > gain[0][band]:
        side = 2
    return np.float32(gain[1][band, side])


@compiled_part
def _weights(
    reference: Reference,
    findings: tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.float32]],
    gain: tuple[NDArray[np.float32], NDArray[np.float32]],
    close: tuple[NDArray[np.float64], NDArray[np.float64], float],
    rates: tuple[float, float],
    constants: Constants,
) -> NDArray[np.float32]:
    frames, bins, _ = reference
    states, gaps, offs = findings
    bits, closeness, timing = close
    p0, p1 = rates
    weights = np.zeros(len(frames), dtype=np.float32)
    low, high = 0, 0
    for i in range(len(frames)):
        while frames[low] < frames[i] - constants[ONSET_FRAMES]:
            low += 1
        while high < len(frames) and frames[high] <= frames[i] + constants[ONSET_FRAMES]:
            high += 1
        if states[i] == OUTSIDE:
            continue
        band = _band(bins[i], constants)
        if states[i] == ALIGNED:
            value = np.log2(p1 / p0)
            value += bits[1, cell(offs[i, 0], closeness[1])]
            value += np.log2(timing_at(offs[i, 1]) / timing)
            gap = gaps[i] - _gain_without(gaps[i], gain, band)
            if not np.isnan(gap):
                value += bits[0, cell(gap, closeness[0])]
        elif gaps[i] == UNKNOWN_LEVEL or np.isnan(gain[0][band]):
            value = max(constants[UNJUDGED_BITS], np.log2((1 - p1) / (1 - p0)))
        elif states[i] == ABSENT:
            value = constants[ABSENT_BITS]
        else:
            value = constants[MASKED_BITS]
        # Landmarks of one onset are not independent of each other.
        weights[i] = value / np.sqrt(high - low)
    return weights


@compiled_part
def _saturate(
    frames: NDArray[np.int32], weights: NDArray[np.float32], window: float, most: float
) -> None:
    """Limit the evidence for the match from any short interval to ``most`` bits.

    A drum hit or held tone that two pieces share yields many landmarks that align all
    together or not at all.
    """
    start = 0
    while start < len(frames):
        end = start
        total = 0.0
        while end < len(frames) and frames[end] < frames[start] + window:
            total += max(0.0, weights[end])
            end += 1
        for i in range(start, end):
            if weights[i] > 0:
                weights[i] /= 1 + total / most
        start = end
