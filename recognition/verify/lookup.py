"""Look up what a query holds where a recording's landmarks should be.

The landmarks of a recording are mapped to the query by an alignment. Each is looked for there,
and at shifted places, which show how often landmarks align by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from recognition.fingerprints.levels import OFFSET, STEPS_PER_NEPER
from recognition.jit import compiled, compiled_part
from recognition.params import DEFAULT, Params
from recognition.types import Landmarks
from recognition.verify.alignment import Alignment, Place, QueryView, nearest, something_near
from recognition.verify.band import BAND_FRAMES

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
    NDArray[np.float32],
]
Reference = tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]
Constants = tuple[float, ...]
"""The parameters that compiled functions need, by the numbers below."""
Tables = tuple[NDArray[np.int32], NDArray[np.float64]]
Span: TypeAlias = tuple[int | np.int64, int]
"""The numbers of the landmarks at both ends."""
Lookup = tuple[Query, Reference, Place, Constants, Tables]
"""A query, landmarks of a recording, and the alignment that maps these to the query."""

# Indices rather than a named tuple: Numba treats them as compile-time constants, and
# recognises the type of a plain tuple faster at each call.
(
    TOLERANCE_FRAMES,
    TOLERANCE_BINS,
    GAIN_BANDS,
    N_BINS,
    MIN_P1,
    ABSENT_BITS,
    MASKED_BITS,
    ABSENT_MARGIN,
    ONSET_FRAMES,
    UNJUDGED_BITS,
    SATURATION_FRAMES,
    SATURATION_BITS,
) = range(12)

# How closely aligned landmarks agree in level (nepers) and place (bins). Each row:
# bounds of close and near; the shares of close, near and far where the recording does
# sound; the shares assumed for chance until shifted alignments show them. Measured, see
# docs/engine-notes.md, How closely landmarks agree.
CLOSENESS = np.array(
    [[0.08, 0.3, 0.4, 0.35, 0.25, 0.1, 0.22, 0.68], [0.06, 0.2, 0.35, 0.35, 0.3, 0.15, 0.3, 0.55]]
)
# How fast alignments get rarer per frame of distance where the recording sounds, and
# the mean of ``timing_at`` assumed for chance until shifted alignments show it.
_TIMING_SLOPE, TIMING_BY_CHANCE = 0.75, 0.6

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
"""What lies along an alignment: of each landmark its state, gap and distances; and by chance
for each shift the landmarks that align and those inside the query, the counts of
closeness in place, the sum of timing, and of each chance alignment the landmark and the
gap."""


def lookup_of(
    view: QueryView,
    reference: Landmarks,
    span: tuple[int, int],
    alignment: Alignment,
    params: Params,
) -> Lookup:
    """Return what compiled functions need to weigh the landmarks numbered ``span``."""
    query = (
        view.first,
        view.sectors,
        view.landmarks.frames,
        view.landmarks.bins,
        view.landmarks.levels,
        view.map_levels,
        np.array([view.map_frames, view.map_bins], dtype=np.int32),
        view.bands,
    )
    landmarks = (
        reference.frames[slice(*span)],
        reference.bins[slice(*span)],
        reference.levels[slice(*span)],
    )
    place = alignment.slope, alignment.offset, alignment.shift
    return query, landmarks, place, _constants(params), (CHANCE_SHIFTS, CLOSENESS)


def aligned_counts(
    view: QueryView,
    reference: Landmarks,
    span: tuple[int, int],
    alignment: Alignment,
    nearby: Sequence[float],
    params: Params = DEFAULT,
) -> NDArray[np.int64]:
    """Return how many reference landmarks numbered ``span`` align along each of the
    alignments that lie ``nearby`` frames from ``alignment``.
    """
    return _counts(
        (view.first, view.sectors, view.landmarks.frames, view.landmarks.bins),
        (reference.frames[slice(*span)], reference.bins[slice(*span)]),
        (alignment.slope, alignment.offset, alignment.shift),
        np.array(nearby, dtype=np.float64),
        (float(params.tolerance_frames), params.tolerance_bins),
    )


@compiled
def _counts(
    query: tuple[NDArray[np.int32], NDArray[np.uint64], NDArray[np.int32], NDArray[np.float32]],
    reference: tuple[NDArray[np.int32], NDArray[np.float32]],
    alignment: Place,
    nearby: NDArray[np.float64],
    tolerance: tuple[float, float],
) -> NDArray[np.int64]:
    first, sectors, q_frames, q_bins = query
    frames, bins = reference
    counts = np.zeros(len(nearby), dtype=np.int64)
    for n in range(len(nearby)):
        for i in range(len(frames)):
            frame = alignment[1] + nearby[n] + alignment[0] * frames[i]
            place = bins[i] + alignment[2]
            if frame < 0 or frame > len(first) - 2 or place < 0:
                continue
            if something_near(sectors, frame, place):
                k = nearest(first, q_frames, q_bins, frame, place, tolerance[0], tolerance[1])
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


@compiled_part
def found_along(lookup: Lookup) -> Found:
    """Look up what the query holds along the alignment, and along the shifted ones.

    This takes most of the time of weighing and does not depend on what gains are
    estimated from, so one alignment is looked up once.
    """
    query, reference, alignment, constants, tables = lookup
    states, gaps, offs = _classify(query, reference, alignment, constants)
    hits, places, timing, which, chance_gaps = _chance(
        query, reference, alignment, constants, tables
    )
    return states, gaps, offs, hits, places, timing, which, chance_gaps


@compiled_part
def found_wider(lookup: Lookup, findings: Found, begin: int) -> Found:
    """Return what ``found_along`` returns, if the landmarks from ``begin`` on are known.

    ``findings`` is what lies along the same alignment at as many landmarks as it has states.
    """
    query, (frames, bins, levels), alignment, constants, tables = lookup
    end = begin + len(findings[0])
    before = frames[:begin], bins[:begin], levels[:begin]
    after = frames[end:], bins[end:], levels[end:]
    left = found_along((query, before, alignment, constants, tables))
    right = found_along((query, after, alignment, constants, tables))
    return (
        np.concatenate((left[0], findings[0], right[0])),
        np.concatenate((left[1], findings[1], right[1])),
        np.concatenate((left[2], findings[2], right[2])),
        left[3] + findings[3] + right[3],
        left[4] + findings[4] + right[4],
        left[5] + findings[5] + right[5],
        np.concatenate((left[6], findings[6] + np.int32(begin), right[6] + np.int32(end))),
        np.concatenate((left[7], findings[7], right[7])),
    )


@compiled_part
def _classify(
    query: Query, reference: Reference, alignment: Place, constants: Constants
) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.float32]]:
    """Return each landmark's state, gap, and distance in bins and frames.

    The gap is UNKNOWN_LEVEL where no level is known; distances are set for aligned
    landmarks only.
    """
    frames, bins, levels = reference
    first, sectors, q_frames, q_bins, q_levels, cells, cell_size, bands = query
    states = np.empty(len(frames), dtype=np.int8)
    gaps = np.full(len(frames), UNKNOWN_LEVEL, dtype=np.float32)
    offs = np.zeros((len(frames), 2), dtype=np.float32)
    n_bins = cells.shape[1] * cell_size[1]
    for i in range(len(frames)):
        frame = alignment[1] + alignment[0] * frames[i]
        place = bins[i] + alignment[2]
        states[i] = OUTSIDE
        if frame < 0 or frame > len(first) - 2:
            continue
        # Also what lies outside the query's band: it proves nothing.
        band = min(int(frame) // BAND_FRAMES, len(bands) - 1)
        outside = place < bands[band, 0] or place > bands[band, 1]
        if outside or (len(cells) > 0 and place > n_bins - 1):
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
                constants[TOLERANCE_FRAMES],
                constants[TOLERANCE_BINS],
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


@compiled_part
def _chance(
    query: Query,
    reference: Reference,
    alignment: Place,
    constants: Constants,
    tables: tuple[NDArray[np.int32], NDArray[np.float64]],
) -> tuple[NDArray[np.int64], NDArray[np.float64], float, NDArray[np.int32], NDArray[np.float32]]:
    """Return what shifted alignments show; see ``Found``."""
    frames, bins, levels = reference
    first, sectors, q_frames, q_bins, q_levels = query[:5]
    bands = query[7]
    shifts, closeness = tables
    counts = np.zeros((2, len(shifts)), dtype=np.int64)
    places = np.zeros(3, dtype=np.float64)
    which = np.empty(len(shifts) * len(frames), dtype=np.int32)
    gaps = np.empty(len(which), dtype=np.float32)
    count = 0
    timing = 0.0
    for s in range(len(shifts)):
        hits = 0
        total = 0
        for i in range(len(frames)):
            frame = alignment[1] + alignment[0] * frames[i] + shifts[s]
            place = bins[i] + alignment[2]
            if frame < 0 or frame > len(first) - 2:
                continue
            band = min(int(frame) // BAND_FRAMES, len(bands) - 1)
            if place < bands[band, 0] or place > bands[band, 1]:
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
                constants[TOLERANCE_FRAMES],
                constants[TOLERANCE_BINS],
            )
            if k < 0:
                continue
            hits += 1
            which[count], gaps[count] = i, q_levels[k] - levels[i]
            count += 1
            places[cell(q_bins[k] - place, closeness[1])] += 1
            timing += timing_at(q_frames[k] - frame)
        counts[0, s], counts[1, s] = hits, total
    return counts, places, timing, which[:count], gaps[:count]


@compiled_part
def timing_at(frames: float) -> float:
    """Return how likely an alignment is ``frames`` off, relative to an exact one."""
    return 1 - _TIMING_SLOPE * abs(frames)


@compiled_part
def cell(distance: float, bounds: NDArray[np.float64]) -> int:
    distance = abs(distance)
    if distance <= bounds[0]:
        return 0
    return 1 if distance <= bounds[1] else 2
