"""Weigh an alignment landmark by landmark, in bits of evidence.

Each reference landmark that the query lacks is judged by level: if the query is quieter
there than the recording would be, the landmark is absent and counts against the match;
if something as loud is there, the landmark may only be masked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recognition.alignment import Line, QueryView, nearest, something_near
from recognition.jit import compiled
from recognition.levels import OFFSET, STEPS_PER_NEPER
from recognition.params import DEFAULT, Params
from recognition.types import Landmarks

OUTSIDE, MISSING, ALIGNED, ABSENT = -1, 0, 1, 2
UNKNOWN_LEVEL = np.float32(1e9)
# Alignments shifted by these frames show how often landmarks align by chance. All are
# primes.
CHANCE_SHIFTS = np.array([-61, -53, -43, -37, -29, 29, 37, 43, 53, 61], dtype=np.int32)


Query = tuple[
    NDArray[np.int32],
    NDArray[np.uint64],
    NDArray[np.int32],
    NDArray[np.float32],
    NDArray[np.float32],
    NDArray[np.uint8],
    NDArray[np.int32],
]
Reference = tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]
Place = tuple[float, float, float]
Constants = tuple[float, ...]
"""The parameters that compiled functions need, by the numbers below."""
Tables = tuple[NDArray[np.int32], NDArray[np.float64]]
Alignment = tuple[Query, Reference, Place, Constants, Tables]
"""A query, landmarks of a recording, and the line that maps these to the query."""

# Indices rather than a named tuple: Numba treats them as compile-time constants, and
# recognises the type of a plain tuple faster at each call.
(
    _TOLERANCE_FRAMES,
    _TOLERANCE_BINS,
    _GAIN_BANDS,
    _N_BINS,
    _MIN_P1,
    _ABSENT_BITS,
    _MASKED_BITS,
    _ABSENT_MARGIN,
    _ONSET_FRAMES,
    _UNJUDGED_BITS,
    _SATURATION_FRAMES,
    _SATURATION_BITS,
) = range(12)

# How closely aligned landmarks agree in level (nepers) and place (bins). Each row:
# bounds of close and near; the shares of close, near and far where the recording does
# sound; the shares assumed for chance until shifted alignments show them. Measured, see
# docs/engine-notes.md, How closely landmarks agree.
_CLOSENESS = np.array(
    [
        [0.08, 0.3, 0.4, 0.35, 0.25, 0.1, 0.22, 0.68],
        [0.06, 0.2, 0.35, 0.35, 0.3, 0.15, 0.3, 0.55],
    ]
)
# How fast alignments get rarer per frame of distance where the recording sounds, and
# the mean of ``_timing`` assumed for chance until shifted alignments show it.
_TIMING_SLOPE, _TIMING_BY_CHANCE = 0.75, 0.6
_PRIOR = 20.0  # weight of the assumed chance shares, in alignments


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
    line: Line,
    core: tuple[int, int] | None = None,
    params: Params = DEFAULT,
) -> LandmarkEvidence:
    """Weigh the reference landmarks numbered ``span`` along ``line``.

    Gains and the rate of alignment are estimated inside ``core``, landmark numbers of
    the reference, if given.
    """
    inner = (0, span[1] - span[0])
    if core is not None:
        inner = (core[0] - span[0], core[1] - span[0])
    alignment = alignment_of(view, reference, span, line, params)
    states, gaps, gains, weights, raw, p0 = evidence(alignment, inner)
    return LandmarkEvidence(states, gaps, gains, weights, raw, float(p0))


def alignment_of(
    view: QueryView,
    reference: Landmarks,
    span: tuple[int, int],
    line: Line,
    params: Params,
) -> Alignment:
    """Return what compiled functions need to weigh the landmarks numbered ``span``."""
    query = (
        view.first,
        view.sectors,
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
    place = line.slope, line.offset, line.shift
    return query, landmarks, place, _constants(params), (CHANCE_SHIFTS, _CLOSENESS)


def aligned_counts(
    view: QueryView,
    reference: Landmarks,
    span: tuple[int, int],
    line: Line,
    nearby: Sequence[float],
    params: Params = DEFAULT,
) -> NDArray[np.int64]:
    """Return how many reference landmarks numbered ``span`` align along each of the
    lines that lie ``nearby`` frames from ``line``.
    """
    return _counts(
        (view.first, view.sectors, view.landmarks.frames, view.landmarks.bins),
        (reference.frames[slice(*span)], reference.bins[slice(*span)]),
        (line.slope, line.offset, line.shift),
        np.array(nearby, dtype=np.float64),
        (float(params.tolerance_frames), params.tolerance_bins),
    )


@compiled
def _counts(
    query: tuple[
        NDArray[np.int32], NDArray[np.uint64], NDArray[np.int32], NDArray[np.float32]
    ],
    reference: tuple[NDArray[np.int32], NDArray[np.float32]],
    line: Place,
    nearby: NDArray[np.float64],
    tolerance: tuple[float, float],
) -> NDArray[np.int64]:
    first, sectors, q_frames, q_bins = query
    frames, bins = reference
    counts = np.zeros(len(nearby), dtype=np.int64)
    for n in range(len(nearby)):
        for i in range(len(frames)):
            frame = line[1] + nearby[n] + line[0] * frames[i]
            place = bins[i] + line[2]
            if frame < 0 or frame > len(first) - 2 or place < 0:
                continue
            if something_near(sectors, frame, place):
                k = nearest(
                    first, q_frames, q_bins, frame, place, tolerance[0], tolerance[1]
                )
                counts[n] += k >= 0
    return counts


def _constants(params: Params) -> Constants:
    """Return the parameters of the compiled functions, in the order of their names."""
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
        params.unjudged_bits,
        float(params.saturation_frames),
        params.saturation_bits,
    )


@compiled
def evidence(alignment: Alignment, inner: tuple[int, int]) -> Weighed:
    """Return the parts of ``LandmarkEvidence``.

    Gains and the rate of alignment are estimated from the landmarks ``inner``.
    """
    return weighed(alignment, found_along(alignment), inner)


Weighed = tuple[
    NDArray[np.int8],
    NDArray[np.float32],
    NDArray[np.float32],
    NDArray[np.float32],
    NDArray[np.float32],
    float,
]
"""The parts of ``LandmarkEvidence``, in its order."""
Found = tuple[
    NDArray[np.int8],
    NDArray[np.float32],
    NDArray[np.float32],
    NDArray[np.int64],
    NDArray[np.float64],
    float,
    NDArray[np.int32],
    NDArray[np.float32],
]
"""What lies along a line: of each landmark its state, gap and distances; and by chance
for each shift the landmarks that align and those inside the query, the counts of
closeness in place, the sum of timing, and of each chance alignment the landmark and the
gap."""


@compiled
def found_along(alignment: Alignment) -> Found:
    """Look up what the query holds along the line, and along the shifted ones.

    This takes most of the time of weighing and does not depend on what gains are
    estimated from, so one line is looked up once.
    """
    query, reference, line, constants, tables = alignment
    states, gaps, offs = _classify(query, reference, line, constants)
    hits, places, timing, which, chance_gaps = _chance(
        query, reference, line, constants, tables
    )
    return states, gaps, offs, hits, places, timing, which, chance_gaps


@compiled
def found_wider(alignment: Alignment, found: Found, begin: int) -> Found:
    """Return what ``found_along`` returns, if the landmarks from ``begin`` on are known.

    ``found`` is what lies along the same line at as many landmarks as it has states.
    """
    query, (frames, bins, levels), line, constants, tables = alignment
    end = begin + len(found[0])
    before = frames[:begin], bins[:begin], levels[:begin]
    after = frames[end:], bins[end:], levels[end:]
    left = found_along((query, before, line, constants, tables))
    right = found_along((query, after, line, constants, tables))
    return (
        np.concatenate((left[0], found[0], right[0])),
        np.concatenate((left[1], found[1], right[1])),
        np.concatenate((left[2], found[2], right[2])),
        left[3] + found[3] + right[3],
        left[4] + found[4] + right[4],
        left[5] + found[5] + right[5],
        np.concatenate((left[6], found[6] + np.int32(begin), right[6] + np.int32(end))),
        np.concatenate((left[7], found[7], right[7])),
    )


@compiled
def weighed(alignment: Alignment, found: Found, inner: tuple[int, int]) -> Weighed:
    """Return what ``evidence`` returns, from what was found along the line."""
    _, reference, _, constants, tables = alignment
    before, gaps, offs, chances, places, timed, which, chance_gaps = found
    states = before.copy()
    known = 0
    hits = 0
    for i in range(inner[0], inner[1]):
        known += states[i] != OUTSIDE
        hits += states[i] == ALIGNED
    observed = hits / known if known else 0.0
    gains, spare = _band_gains(reference[1], states, gaps, inner, constants)
    levels = np.zeros(3, dtype=np.float64)
    for number in range(len(which)):
        gain = gains[_band(reference[1][which[number]], constants)]
        if not np.isnan(gain):
            levels[_cell(chance_gaps[number] - gain, tables[1][0])] += 1
    rates = chances[0] / np.maximum(1, chances[1])
    timing = (_PRIOR * _TIMING_BY_CHANCE + timed) / (_PRIOR + len(which))
    p0 = min(0.9, max(0.01, rates.mean() + rates.std()))
    p1 = max(min(0.98, max(constants[_MIN_P1], p0 + 0.15, observed)), p0 + 0.05)
    tight = _closeness_bits(levels, places, tables[1])
    expected = _expected_gains(reference[1], states, gaps, inner, gains, constants)
    _mark_absent(states, gaps, expected, constants[_ABSENT_MARGIN])
    raw = _weights(
        reference,
        (states, gaps, offs),
        (gains, spare),
        (tight, tables[1], timing),
        (p0, p1),
        constants,
    )
    weights = raw.copy()
    _saturate(
        reference[0],
        weights,
        constants[_SATURATION_FRAMES],
        constants[_SATURATION_BITS],
    )
    return states, gaps, expected, weights, raw, p0


@compiled
def _closeness_bits(
    levels: NDArray[np.float64],
    places: NDArray[np.float64],
    closeness: NDArray[np.float64],
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


@compiled
def _timing(frames: float) -> float:
    """Return how likely an alignment is ``frames`` off, relative to an exact one."""
    return 1 - _TIMING_SLOPE * abs(frames)


@compiled
def _cell(distance: float, bounds: NDArray[np.float64]) -> int:
    distance = abs(distance)
    if distance <= bounds[0]:
        return 0
    return 1 if distance <= bounds[1] else 2


@compiled
def _band_gains(
    bins: NDArray[np.float32],
    states: NDArray[np.int8],
    gaps: NDArray[np.float32],
    inner: tuple[int, int],
    constants: Constants,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the median gap of each band, NaN where unknown, and the spare medians.

    The spare medians leave out one landmark below, at, or above the middle: a landmark
    must not be judged by a median that includes it.
    """
    n_bands = int(constants[_GAIN_BANDS])
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
        gains[band] = np.median(ordered)
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


@compiled
def _expected_gains(
    bins: NDArray[np.float32],
    states: NDArray[np.int8],
    gaps: NDArray[np.float32],
    inner: tuple[int, int],
    gains: NDArray[np.float32],
    constants: Constants,
) -> NDArray[np.float32]:
    """Return the gain of each landmark's band, or the median of all where unknown."""
    aligned = np.empty(inner[1] - inner[0], dtype=np.float32)
    n = 0
    for i in range(inner[0], inner[1]):
        if states[i] == ALIGNED:
            aligned[n] = gaps[i]
            n += 1
    overall = np.median(aligned[:n]) if n else np.nan
    expected = np.empty(len(bins), dtype=np.float32)
    for i in range(len(bins)):
        gain = gains[_band(bins[i], constants)]
        expected[i] = overall if np.isnan(gain) else gain
    return expected


@compiled
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


@compiled
def _band(place: float, constants: Constants) -> int:
    return min(
        int(place * constants[_GAIN_BANDS] / constants[_N_BINS]),
        int(constants[_GAIN_BANDS]) - 1,
    )


@compiled
def _classify(
    query: Query, reference: Reference, line: Place, constants: Constants
) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.float32]]:
    """Return each landmark's state, gap, and distance in bins and frames.

    The gap is UNKNOWN_LEVEL where no level is known; distances are set for aligned
    landmarks only.
    """
    frames, bins, levels = reference
    first, sectors, q_frames, q_bins, q_levels, cells, cell_size = query
    states = np.empty(len(frames), dtype=np.int8)
    gaps = np.full(len(frames), UNKNOWN_LEVEL, dtype=np.float32)
    offs = np.zeros((len(frames), 2), dtype=np.float32)
    n_bins = cells.shape[1] * cell_size[1]
    for i in range(len(frames)):
        frame = line[1] + line[0] * frames[i]
        place = bins[i] + line[2]
        outside = frame < 0 or frame > len(first) - 2 or place < 0
        if outside or (len(cells) > 0 and place > n_bins - 1):
            states[i] = OUTSIDE
            continue
        k = -1
        # Written out here and in _chance: a helper that takes the whole query would
        # make both far slower (Numba counts references to each array).
        if something_near(sectors, frame, place):
            k = nearest(
                first,
                q_frames,
                q_bins,
                frame,
                place,
                constants[_TOLERANCE_FRAMES],
                constants[_TOLERANCE_BINS],
            )
        if k >= 0:
            states[i] = ALIGNED
            gaps[i] = q_levels[k] - levels[i]
            offs[i, 0] = q_bins[k] - place
            offs[i, 1] = q_frames[k] - frame
            continue
        states[i] = MISSING
        row = int(frame + 0.5) // cell_size[0]
        if row < len(cells):
            value = cells[row, int(place + 0.5) // cell_size[1]]
            gaps[i] = value / STEPS_PER_NEPER - OFFSET - levels[i]
    return states, gaps, offs


@compiled
def _chance(
    query: Query,
    reference: Reference,
    line: Place,
    constants: Constants,
    tables: tuple[NDArray[np.int32], NDArray[np.float64]],
) -> tuple[
    NDArray[np.int64],
    NDArray[np.float64],
    float,
    NDArray[np.int32],
    NDArray[np.float32],
]:
    """Return what shifted alignments show; see ``Found``."""
    frames, bins, levels = reference
    first, sectors, q_frames, q_bins, q_levels = query[:5]
    shifts, closeness = tables
    counts = np.zeros((2, len(shifts)), dtype=np.int64)
    places = np.zeros(3, dtype=np.float64)
    which = np.empty(len(shifts) * len(frames), dtype=np.int32)
    gaps = np.empty(len(which), dtype=np.float32)
    found = 0
    timing = 0.0
    for s in range(len(shifts)):
        hits = 0
        total = 0
        for i in range(len(frames)):
            frame = line[1] + line[0] * frames[i] + shifts[s]
            place = bins[i] + line[2]
            if frame < 0 or frame > len(first) - 2 or place < 0:
                continue
            total += 1
            if not something_near(sectors, frame, place):
                continue
            k = nearest(
                first,
                q_frames,
                q_bins,
                frame,
                place,
                constants[_TOLERANCE_FRAMES],
                constants[_TOLERANCE_BINS],
            )
            if k < 0:
                continue
            hits += 1
            which[found], gaps[found] = i, q_levels[k] - levels[i]
            found += 1
            places[_cell(q_bins[k] - place, closeness[1])] += 1
            timing += _timing(q_frames[k] - frame)
        counts[0, s], counts[1, s] = hits, total
    return counts, places, timing, which[:found], gaps[:found]


@compiled
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


@compiled
def _weights(
    reference: Reference,
    found: tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.float32]],
    gain: tuple[NDArray[np.float32], NDArray[np.float32]],
    close: tuple[NDArray[np.float64], NDArray[np.float64], float],
    rates: tuple[float, float],
    constants: Constants,
) -> NDArray[np.float32]:
    frames, bins, _ = reference
    states, gaps, offs = found
    bits, closeness, timing = close
    p0, p1 = rates
    weights = np.zeros(len(frames), dtype=np.float32)
    low, high = 0, 0
    for i in range(len(frames)):
        while frames[low] < frames[i] - constants[_ONSET_FRAMES]:
            low += 1
        while (
            high < len(frames) and frames[high] <= frames[i] + constants[_ONSET_FRAMES]
        ):
            high += 1
        if states[i] == OUTSIDE:
            continue
        band = _band(bins[i], constants)
        if states[i] == ALIGNED:
            value = np.log2(p1 / p0)
            value += bits[1, _cell(offs[i, 0], closeness[1])]
            value += np.log2(_timing(offs[i, 1]) / timing)
            gap = gaps[i] - _gain_without(gaps[i], gain, band)
            if not np.isnan(gap):
                value += bits[0, _cell(gap, closeness[0])]
        elif gaps[i] == UNKNOWN_LEVEL or np.isnan(gain[0][band]):
            value = max(constants[_UNJUDGED_BITS], np.log2((1 - p1) / (1 - p0)))
        elif states[i] == ABSENT:
            value = constants[_ABSENT_BITS]
        else:
            value = constants[_MASKED_BITS]
        # Landmarks of one onset are not independent of each other.
        weights[i] = value / np.sqrt(high - low)
    return weights


@compiled
def _saturate(
    frames: NDArray[np.int32],
    weights: NDArray[np.float32],
    window: float,
    most: float,
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
