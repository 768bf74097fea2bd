"""Compare a query with every place of every recording, where no hash leads to one.

A hash needs three landmarks that are still peaks. Noise, reverberation and voices leave
few of these, but every landmark of a recording still gives some evidence: whether the
query has a peak there, and else how far the level rises. Summed along each offset (a
matched filter over the recording's landmarks), evidence far too weak elsewhere stands
out among millions of places.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from recognition import interrupts
from recognition.index.places import PlaceTable, Weights, heights_at, highest_places
from recognition.jit import compiled
from recognition.params import Params
from recognition.search.candidates import NEARBY, Warp
from recognition.types import Votes
from recognition.verify.alignment import Alignment, Lead, QueryView
from recognition.verify.relief import FARTHEST, rises

_UNIT = 8  # weights are integers; this many steps make a bit
_BESIDE = 2  # places this many cells apart count as one


Place = tuple[float, int, int]
"""Height below zero, so that the best sorts first; recording; place."""
Where = tuple[tuple[int, int], Warp]
"""A window, and the warp under which it is compared."""


def sweep(
    tables: Sequence[PlaceTable], windows: Iterable[tuple[Where, Weights]], params: Params
) -> Iterator[Lead]:
    """Yield where in the catalogue each window may lie, best first."""
    for where, weights in windows:
        for place in swept_places(tables, weights, params):
            yield lead_at(place, where, weights, params)


def swept_places(tables: Sequence[PlaceTable], weights: Weights, params: Params) -> list[Place]:
    """Return the highest places beneath a window, best first.

    A rough pass chooses places, exact heights choose among these.
    """
    if not weights.least:  # runs found meanwhile explain the window
        return []
    candidates: list[Place] = []
    for table in tables:
        interrupts.look()
        most = max(params.rough_top, len(table.loud_cells) // params.rough_every)
        local, places = highest_places(table, weights, params.rough_least, most)
        candidates += _exact(table, weights, local, places, params.sweep_weak)[1]
    return highest(candidates, params.sweep_top, params)


def glance(
    tables: Sequence[PlaceTable], where: Where, weights: Weights, votes: Votes, params: Params
) -> Iterator[Lead]:
    """Yield which of many weakly voted offsets of a window may hold a match, best first.

    Such an offset has the votes that chance gives, but few enough offsets have them to
    score each like a place of the sweep.
    """
    _, candidates = glanced_places(tables, where, weights, votes, params)
    for place in highest(candidates, params.glance_top, params):
        yield lead_at(place, where, weights, params)


def glanced_places(
    tables: Sequence[PlaceTable], where: Where, weights: Weights, votes: Votes, params: Params
) -> tuple[list[int], list[Place]]:
    """Return which of a window's votes are high enough, and the place of each."""
    which: list[int] = []
    candidates: list[Place] = []
    if not weights.least or not len(votes):
        return which, candidates
    window, warp = where
    first = warp.frames(window)[0] // params.sweep_frames
    places = (votes.deltas // params.sweep_frames) + first + weights.cells - 1
    for table in tables:
        interrupts.look()
        local = table.local(votes.recordings)
        here = np.flatnonzero(local >= 0)
        high, exact = _exact(table, weights, local[here], places[here], params.glance_least)
        which += here[high].tolist()
        candidates += exact
    return which, candidates


def _exact(
    table: PlaceTable,
    weights: Weights,
    local: NDArray[np.int64],
    places: NDArray[np.int64],
    least: float,
) -> tuple[NDArray[np.int64], list[Place]]:
    """Return which places reach ``least`` deviations, and these or places beside them."""
    heights, best = heights_at(table, local, places, weights, least)
    high = np.flatnonzero(heights >= least)
    numbers = table.recordings[local[high]]
    columns = -heights[high], numbers, best[high]
    return high, list(zip(*(column.tolist() for column in columns), strict=True))


def highest(candidates: Iterable[Place], top: int, params: Params) -> list[Place]:
    """Return the ``top`` highest places, without those beside a higher one.

    Keeps at most ``sweep_each`` of a recording, because a loop fits in many places. So
    the highest of all are among the highest of each part of the recordings.
    """
    best: list[Place] = []
    of_recording: dict[int, list[int]] = {}
    for height, recording, place in sorted(candidates):
        earlier_places = of_recording.setdefault(recording, [])
        is_beside = any(abs(place - earlier) <= _BESIDE for earlier in earlier_places)
        if not is_beside and len(earlier_places) < params.sweep_each:
            earlier_places.append(place)
            best.append((height, recording, place))
    return best[:top]


def lead_at(place: Place, where: Where, weights: Weights, params: Params) -> Lead:
    """Return the lead of a place beneath a window."""
    height, recording, cell = place
    window, warp = where
    frames = (cell - weights.cells + 1) * params.sweep_frames
    offset = (warp.frames(window)[0] - frames) / warp.tempo
    alignment = Alignment(1 / warp.tempo, offset, warp.shift)
    is_weak = -height < params.sweep_least
    return Lead(
        recording, alignment, window, round(-height), False, NEARBY, swept=True, is_weak=is_weak
    )


def weights_of(
    view: QueryView, window: tuple[int, int], open_frames: NDArray[np.bool_], params: Params
) -> Weights:
    """Return the weight of a landmark of each bin in each cell of a window.

    In steps of 1/8 bit: higher where the query has a
    landmark within a frame and half a bin, and where the level rises. Each bin sums to
    zero, so that chance gains nothing from where a recording has its landmarks.
    """
    start, end = window
    end -= (end - start) % params.sweep_frames
    low, high = np.searchsorted(view.landmarks.frames, [start - 1, end + 1])
    hit = np.zeros((params.n_bins, end - start), dtype=np.bool_)
    _mark(view.landmarks.frames[low:high] - np.int32(start), view.landmarks.bins[low:high], hit)
    first = start // view.map_frames
    exact = _cells(
        _rise_bits(view, (first, -(-end // view.map_frames)), params),
        (start - first * view.map_frames, view.map_frames, view.map_bins),
        hit,
        open_frames[start:end],
        (params.sweep_frames, params.sweep_hit),
    )
    return Weights.of(exact)


def _rise_bits(view: QueryView, rows: tuple[int, int], params: Params) -> NDArray[np.float32]:
    """Return the evidence, in bits, of each cell of some map rows; see ``relief``."""
    if not len(view.map_levels):
        columns = -(-params.n_bins // view.map_bins)
        return np.zeros((rows[1] - rows[0], columns), dtype=np.float32)
    rise = rises(view, rows, params)
    spread = float(rise.std()) or 1.0
    lift = np.clip((rise - rise.mean()) / spread, -FARTHEST, FARTHEST)
    bits: NDArray[np.float32] = params.sweep_rise * lift - params.sweep_rise**2 / 2
    return bits / np.float32(np.log(2))


@compiled
def _mark(frames: NDArray[np.int32], bins: NDArray[np.float32], hit: NDArray[np.bool_]) -> None:
    """Mark the places within a frame and half a bin of a landmark."""
    for k in range(len(frames)):
        low, high = int(np.ceil(bins[k] - 0.5)), int(np.floor(bins[k] + 0.5))
        for place in range(max(0, low), min(hit.shape[0], high + 1)):
            for t in range(max(0, frames[k] - 1), min(hit.shape[1], frames[k] + 2)):
                hit[place, t] = True


@compiled
def _cells(
    rise: NDArray[np.float32],
    grain: tuple[int, int, int],
    hit: NDArray[np.bool_],
    here: NDArray[np.bool_],
    weighing: tuple[int, float],
) -> NDArray[np.int16]:
    """Combine rises and landmarks by cell; frames that are not open count nothing.

    ``grain`` is the window's first frame within its first map row, and the frames and
    bins per map cell.
    """
    before, map_frames, map_bins = grain
    size, bits = weighing
    n = hit.shape[1] // size
    out = np.empty((hit.shape[0], n), dtype=np.int16)
    counts = np.zeros(n, dtype=np.int64)
    # The rises of the open frames, summed by column of the map and by cell.
    raised = np.zeros((rise.shape[1], n), dtype=np.float32)
    for t in range(n * size):
        if here[t]:
            counts[t // size] += 1
            row = rise[(before + t) // map_frames]
            for column in range(len(raised)):
                raised[column, t // size] += row[column]
    total = max(1, counts.sum())
    for place in range(len(out)):
        sums = raised[place // map_bins].copy()
        for t in range(n * size):
            if here[t] and hit[place, t]:
                sums[t // size] += np.float32(bits)
        mean = sums.sum() / total
        for c in range(n):
            steps = (sums[c] - mean * counts[c]) * _UNIT / size
            out[place, n - 1 - c] = np.int16(np.rint(steps))
    return out
