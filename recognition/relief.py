"""What the level map says of the landmarks that a run lacks, in bits.

Noise, reverberation and voices hide peaks, but seldom the sound beneath: where the
recording does sound, its missing landmarks still lift the level a little above what
surrounds them in the query. No one of them tells anything; a hundred do.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from scipy.special import expit

from recognition.alignment import QueryView
from recognition.levels import STEPS_PER_NEPER
from recognition.params import DEFAULT, Params
from recognition.segments import Run
from recognition.verify import (
    ABSENT,
    ALIGNED,
    CHANCE_SHIFTS,
    MISSING,
    UNKNOWN_LEVEL,
    weigh,
)

Floats: TypeAlias = NDArray[np.floating[Any]]  # Any: of either precision

FARTHEST = 3.0  # standard deviations that one landmark may count for


def relief_bits(view: QueryView, run: Run, params: Params = DEFAULT) -> float:
    """Bits for or against a run by the levels at its missing landmarks.

    A log-likelihood ratio of two normal distributions: that of chance has the mean and
    the spread that shifted alignments of the run show; where the recording sounds, the
    mean is higher by up to ``relief_shift`` of the spread, the more the higher the
    landmark should stand above its surroundings. It settles doubt: a run that has
    ``relief_most`` bits by its landmarks gets no more. 0 where the query has no level
    map, and where nothing aligns.
    """
    span = (run.first, run.last + 1)
    evidence = weigh(view, run.reference, span, run.line, params=params)
    missing = (evidence.states == MISSING) | (evidence.states == ABSENT)
    missing &= evidence.gaps != UNKNOWN_LEVEL
    if not missing.any() or not (evidence.states == ALIGNED).any():
        return 0.0
    frames, bins = run.reference.frames[slice(*span)], run.reference.bins[slice(*span)]
    places = (run.line.offset + run.line.slope * frames, bins + run.line.shift)
    here, chance = _lifts(view, places, params)
    spread = float(chance.std()) if len(chance) else 0.0
    if not spread:
        return 0.0
    lift = np.clip((here - chance.mean()) / spread, -FARTHEST, FARTHEST)
    # How far the landmark should stand above the query around it, in nepers
    above = evidence.gains - evidence.gaps + here / STEPS_PER_NEPER
    shift = params.relief_shift * expit(2 * above)
    nats = (shift * lift - shift**2 / 2) / np.sqrt(_of_one_onset(frames, params))
    bits = float(nats[missing].sum() / np.log(2))
    return min(bits, max(0.0, params.relief_most - run.bits))


def rises(
    view: QueryView, rows: tuple[int, int], params: Params
) -> NDArray[np.float32]:
    """How far each cell of some rows of the level map rises above its surroundings.

    In steps of the map: the level less the mean along time and the mean along
    frequency around it, plus the mean of both together. So neither a held tone rises
    nor a hit across the whole spectrum, but a tone that begins. What lies beyond these
    rows is taken to be as they are at their ends.
    """
    levels = view.map_levels[slice(*rows)].astype(np.float32)
    tall, wide = 2 * params.relief_rows + 1, 2 * params.relief_columns + 1
    relief: NDArray[np.float32] = (
        levels
        - uniform_filter(levels, (tall, 1), mode="nearest")
        - uniform_filter(levels, (1, wide), mode="nearest")
        + uniform_filter(levels, (tall, wide), mode="nearest")
    )
    return relief


def _lifts(
    view: QueryView,
    places: tuple[Floats, Floats],
    params: Params,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How far the level map rises at places (frames, bins), and at them shifted."""
    frames, bins = places
    reach = int(CHANCE_SHIFTS.max()) + params.relief_rows * view.map_frames
    first = max(0, int(frames[0]) - reach) // view.map_frames
    last = (int(frames[-1]) + reach) // view.map_frames + 1
    relief = rises(view, (first, last), params)
    columns = np.rint(bins).astype(np.int64) // view.map_bins
    columns = np.clip(columns, 0, relief.shape[1] - 1)
    n_frames = (first + len(relief)) * view.map_frames

    def at(shift: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        moved = np.rint(frames + shift).astype(np.int64)
        inside = (moved >= first * view.map_frames) & (moved < n_frames)
        rows = np.clip(moved // view.map_frames - first, 0, len(relief) - 1)
        return relief[rows, columns], inside

    shifted = [at(int(shift)) for shift in CHANCE_SHIFTS]
    return at(0)[0], np.concatenate([rise[inside] for rise, inside in shifted])


def _of_one_onset(frames: NDArray[np.int32], params: Params) -> NDArray[np.int64]:
    """How many landmarks begin together with each: they are not independent."""
    near = np.int32(params.onset_frames)
    first = np.searchsorted(frames, frames - near)
    after = np.searchsorted(frames, frames + near, side="right")
    return after - first
