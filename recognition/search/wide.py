"""Choose which offsets of the grids to verify.

Edits often come with reverberation or a voice, which leave a true offset as few votes as
chance gives others. But along a true one many more of the recording's landmarks lie
where the query has one, and to count them is far cheaper than to verify.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from recognition.index.places import Bins, Cells, PlaceTable, first_from
from recognition.jit import compiled, compiled_part
from recognition.params import Params
from recognition.search.candidates import (
    SPEED_STEP,
    TEMPO_STEP,
    SearchStage,
    Warp,
    alignment_at,
    fewest_votes,
)
from recognition.search.sweep import Place, highest
from recognition.types import Votes
from recognition.verify.alignment import Lead, QueryView

# Lines between two of the grid, in half steps, and frames from the offset: a few first.
_ROUGH = [*product((-0.5, 0.5), (-3, 0, 3))]
_FINE = [*product((-1, -0.5, 0, 0.5, 1), (-4, -2, 0, 2, 4))]

Query = tuple[NDArray[np.uint8], NDArray[np.float32], tuple[int, int], int]
"""The parts of ``Heard``, and the frames of a cell."""
Trials = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], int, float]
"""Ratios to a line's tempo, bins and frames beside it; how many of these are rough, and
the deviations that the best of them must reach for the others.
"""


@dataclass(frozen=True, slots=True)
class Heard:
    """Where a window has landmarks, to the cell of the sweep.

    ``cells`` is 1 there, of shape [bins, cells]; ``rates`` is the share of each bin.
    """

    window: tuple[int, int]
    cells: NDArray[np.uint8]
    rates: NDArray[np.float32]


def heard_in(view: QueryView, window: tuple[int, int], params: Params) -> Heard:
    """Return where a window of a query has landmarks."""
    start, end = window
    size = params.sweep_frames
    cells = np.zeros((params.n_bins, max(1, (end - start) // size)), dtype=np.uint8)
    low, high = np.searchsorted(view.landmarks.frames, [start - 1, end + 1])
    frames = view.landmarks.frames[low:high] - np.int32(start)
    _mark(frames, view.landmarks.bins[low:high], size, cells)
    return Heard(window, cells, cells.mean(axis=1, dtype=np.float32))


def wide_places(
    tables: Sequence[PlaceTable], heard: Heard, votes: Votes, warp: Warp, params: Params
) -> tuple[list[int], list[Place]]:
    """Return which of a window's votes many landmarks align along, and the place of each.

    Such a place is the offset itself.
    """
    trials = _trials(warp.shift != 0, params.wide_worth, params)
    which: list[int] = []
    places: list[Place] = []
    for here, heights in _counted(tables, heard, votes, warp, trials, params):
        high = np.flatnonzero(heights >= params.wide_least)
        chosen = here[high]
        which += chosen.tolist()
        places += zip(
            (-heights[high]).tolist(),
            votes.recordings[chosen].tolist(),
            votes.deltas[chosen].tolist(),
            strict=True,
        )
    return which, places


def aligned_votes(
    tables: Sequence[PlaceTable], heard: Heard, votes: Votes, stage: SearchStage, params: Params
) -> Votes:
    """Return which of a window's votes the stage follows: enough landmarks align along
    them.
    """
    votes = votes[: stage.top]
    votes = votes[votes.votes >= fewest_votes(stage, params)]
    warp = stage.warp
    trials = _trials(warp.shift != 0 and warp.tempo != 1, params.grid_worth, params)
    keep = np.zeros(len(votes), dtype=np.bool_)
    for here, heights in _counted(tables, heard, votes, warp, trials, params):
        keep[here] = heights >= params.grid_least
    return votes[keep]


def _counted(
    tables: Sequence[PlaceTable],
    heard: Heard,
    votes: Votes,
    warp: Warp,
    trials: Trials,
    params: Params,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Yield the votes whose recordings each table has, and the height of each."""
    for table in tables if len(votes) else ():
        local = table.local(votes.recordings)
        here = np.flatnonzero(local >= 0)
        yield (
            here,
            _heights(
                (table.starts, table.cells, table.bins),
                (table.loud_starts, table.loud_cells, table.loud_bins),
                (local[here], votes.deltas[here]),
                (heard.cells, heard.rates, heard.window, params.sweep_frames),
                (warp.tempo, warp.shift),
                trials,
            ),
        )


def wide_leads(
    places: Iterable[Place], window: tuple[int, int], stage: SearchStage, params: Params
) -> Iterator[Lead]:
    """Yield the leads of the highest of some places of a window, best first."""
    for height, recording, delta in highest(places, params.glance_top, params):
        alignment = alignment_at(delta, stage.warp)
        yield Lead(recording, alignment, window, round(-height), True)


@lru_cache
def _trials(is_speed: bool, worth: float, params: Params) -> Trials:
    """Return the lines to try around one of the grid, of speed or of tempo alone."""
    half = ((SPEED_STEP if is_speed else TEMPO_STEP) - 1) / 2
    steps, frames = np.array([*_ROUGH, *_FINE]).T
    ratios = 1 + half * steps
    bins = params.bins_per_octave * np.log2(ratios) * is_speed
    return ratios, bins, frames.copy(), len(_ROUGH), worth


@compiled
def _mark(
    frames: NDArray[np.int32], bins: NDArray[np.float32], size: int, cells: NDArray[np.uint8]
) -> None:
    """Mark the cells within a frame and half a bin of a landmark."""
    n_bins, n = cells.shape
    for k in range(len(frames)):
        first, last = (frames[k] - 1) // size, (frames[k] + 1) // size
        low, high = int(np.ceil(bins[k] - 0.5)), int(np.floor(bins[k] + 0.5))
        for place in range(max(0, low), min(n_bins, high + 1)):
            for cell in range(max(0, first), min(n, last + 1)):
                cells[place, cell] = 1


@compiled
def _heights(
    every: tuple[NDArray[np.int64], Cells, Bins],
    loud: tuple[NDArray[np.int64], Cells, Bins],
    offsets: tuple[NDArray[np.int64], NDArray[np.int64]],
    query: Query,
    warp: tuple[float, float],
    trials: Trials,
) -> NDArray[np.float32]:
    """Return how many landmarks align along the best line near each offset.

    Counts are in deviations above chance, and 0 where the loud landmarks promise nothing.
    """
    local, deltas = offsets
    ratios, _, _, rough, worth = trials
    heights = np.zeros(len(local), dtype=np.float32)
    for i in range(len(local)):
        offset = local[i], deltas[i]
        if _highest(loud, offset, query, warp, trials, range(rough)) >= worth:
            fine = range(rough, len(ratios))
            heights[i] = _highest(every, offset, query, warp, trials, fine)
    return heights


@compiled_part
def _highest(
    landmarks: tuple[NDArray[np.int64], Cells, Bins],
    offset: tuple[np.int64, np.int64],
    query: Query,
    warp: tuple[float, float],
    trials: Trials,
    tried: range,
) -> float:
    """Return the greatest height of the lines ``tried`` near an offset, at least 0."""
    ratios, shifts, frames, _, _ = trials
    highest = 0.0
    for trial in tried:
        line = (warp[0] * ratios[trial], warp[1] + shifts[trial], offset[1] + frames[trial])
        highest = max(highest, _height(landmarks, offset[0], query, line, warp[0]))
    return highest


@compiled_part
def _height(
    landmarks: tuple[NDArray[np.int64], Cells, Bins],
    local: np.int64,
    query: Query,
    line: tuple[float, float, float],
    tempo: float,
) -> float:
    """Return how many landmarks of a recording align along a line, in deviations of chance.

    ``line`` is its tempo, its bins and its offset from the frame at ``tempo``, in the
    middle of the window: where lines of other tempi cross, as the votes come from all of it.
    """
    starts, cells, bins = landmarks
    heard, rates, (start, end), size = query
    n_bins, n = heard.shape
    slope = 1 / line[0]
    middle = (start + end) / 2 * tempo + line[2]
    begin = ((end - start) / 2 + ((size - 1) / 2 - middle) * slope) / size
    beside = line[1] + 0.5
    high = starts[local + 1]
    at = first_from(cells, starts[local], high, int(np.ceil(-begin / slope)))
    hits, chance = 0, np.float32(0)
    while at < high:
        cell = int(begin + slope * cells[at])
        if cell >= n:
            break
        place = int(bins[at] + beside)
        if 0 <= place < n_bins:
            hits += heard[place, cell]
            chance += rates[place]
        at += 1
    return float((hits - chance) / np.sqrt(chance + 1))
