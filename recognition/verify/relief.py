"""Evidence from the level map about missing landmarks, in bits.

Noise, reverberation and voices hide peaks but seldom the sound beneath: where the
recording does sound, the level at its missing landmarks still rises a little above its
surroundings. One landmark says nothing; a hundred do.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from recognition.fingerprints.levels import STEPS_PER_NEPER
from recognition.jit import compiled
from recognition.params import DEFAULT, Params
from recognition.verify.alignment import QueryView
from recognition.verify.evidence import weigh
from recognition.verify.lookup import (
    ABSENT,
    ALIGNED,
    CHANCE_SHIFTS,
    MISSING,
    OUTSIDE,
    UNKNOWN_LEVEL,
)
from recognition.verify.segments import ScoringRun

Floats: TypeAlias = NDArray[np.floating[Any]]  # Any: of either precision

FARTHEST = 3.0  # limit for one landmark, in standard deviations


def relief_bits(view: QueryView, run: ScoringRun, params: Params = DEFAULT) -> float:
    """Return bits for or against a run, from the levels at its missing landmarks.

    A log-likelihood ratio of two normal distributions. That of chance has the mean and
    spread that shifted alignments of the run show; where the recording sounds, the mean
    is higher by up to ``relief_shift`` of the spread, depending on how far the landmark
    should stand above its surroundings.

    It only settles doubt: run and relief together get at most ``relief_most`` bits.
    Returns 0 if the query has no level map, or nothing aligns.
    """
    span = (run.first, run.last + 1)
    evidence = weigh(view, run.reference, span, run.alignment, params=params)
    inside = evidence.states != OUTSIDE
    states, gaps = evidence.states[inside], evidence.gaps[inside]
    missing = ((states == MISSING) | (states == ABSENT)) & (gaps != UNKNOWN_LEVEL)
    if not missing.any() or not (states == ALIGNED).any():
        return 0.0
    frames = run.reference.frames[slice(*span)][inside]
    bins = run.reference.bins[slice(*span)][inside]
    places = (run.alignment.offset + run.alignment.slope * frames, bins + run.alignment.shift)
    here, chance = _lifts(view, places, params)
    spread = float(chance.std()) if len(chance) else 0.0
    if not spread:
        return 0.0
    lift = np.clip((here - chance.mean()) / spread, -FARTHEST, FARTHEST)
    # How far the landmark should stand above the query's surroundings, in nepers.
    above = evidence.gains[inside] - gaps + here / STEPS_PER_NEPER
    shift = params.relief_shift * (1 + np.tanh(above)) / 2
    # Landmarks of one onset are not independent of each other.
    near = np.int32(params.onset_frames)
    before = np.searchsorted(frames, frames - near)
    of_one_onset = np.searchsorted(frames, frames + near, side="right") - before
    nats = (shift * lift - shift**2 / 2) / np.sqrt(of_one_onset)
    bits = float(nats[missing].sum() / np.log(2))
    return min(bits, max(0.0, params.relief_most - run.bits))


def rises(view: QueryView, rows: tuple[int, int], params: Params) -> NDArray[np.float32]:
    """Return how far each cell of some rows of the level map rises above its
    surroundings.

    In steps of the map: the level, minus its means along time and along frequency, plus
    the mean over both. So neither a held tone nor a hit across the whole spectrum
    counts as a rise, but a tone that begins does. Beyond the given rows, the edge rows
    are repeated.
    """
    levels = view.map_levels[slice(*rows)]
    return _rises(levels, params.relief_rows, params.relief_columns)


@compiled
def _rises(levels: NDArray[np.uint8], reach_rows: int, reach_columns: int) -> NDArray[np.float32]:
    n_rows, n_columns = levels.shape
    tall, wide = 2 * reach_rows + 1, 2 * reach_columns + 1
    rises = np.empty((n_rows, n_columns), dtype=np.float32)
    if not n_rows:
        return rises
    # Sums along time around the row, one for each column.
    sums = np.zeros(n_columns, dtype=np.int64)
    for row in range(-reach_rows, reach_rows + 1):
        sums += levels[min(max(row, 0), n_rows - 1)]
    for row in range(n_rows):
        here = around = 0  # sums along frequency, of the levels and of their sums
        for column in range(-reach_columns, reach_columns + 1):
            place = min(max(column, 0), n_columns - 1)
            here += levels[row, place]
            around += sums[place]
        for column in range(n_columns):
            rises[row, column] = (
                levels[row, column] - sums[column] / tall - here / wide + around / (tall * wide)
            )
            right = min(column + reach_columns + 1, n_columns - 1)
            left = max(column - reach_columns, 0)
            here += np.int64(levels[row, right]) - levels[row, left]
            around += sums[right] - sums[left]
        after = levels[min(row + reach_rows + 1, n_rows - 1)]
        before = levels[max(row - reach_rows, 0)]
        for column in range(n_columns):
            sums[column] += np.int64(after[column]) - before[column]
    return rises


def _lifts(
    view: QueryView, places: tuple[Floats, Floats], params: Params
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the rises at places (frames, bins), and at the same places shifted."""
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
