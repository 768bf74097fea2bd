"""Compare a query with every place of every recording, where no hash leads to one.

A hash needs three landmarks that are still peaks. Noise, reverberation and voices leave
few of these, but every landmark of a recording still gives some evidence: whether the
query has a peak there, and else how far the level rises. Summed along each offset (a
matched filter over the recording's landmarks), evidence far too weak elsewhere stands
out among millions of places.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recognition.alignment import Line, QueryView
from recognition.candidates import NEARBY, Lead
from recognition.jit import compiled
from recognition.params import DEFAULT, Params
from recognition.relief import FARTHEST, rises
from recognition.types import Landmarks

_UNIT = 8  # weights are integers; this many steps make a bit
_FEWEST = 15  # a place with fewer landmarks is given the spread of this many
_BESIDE = 2  # places this many cells apart count as one


@dataclass(frozen=True, slots=True)
class Places:
    """A recording's landmarks for the sweep: cell of time (int32) and bin (uint8)."""

    recording: int
    cells: NDArray[np.int32]
    bins: NDArray[np.uint8]


def places_of(recording: int, landmarks: Landmarks, params: Params = DEFAULT) -> Places:
    """Return what a sweep reads of a recording; five bytes per landmark."""
    last = params.n_bins - 1
    return Places(
        recording,
        landmarks.frames // np.int32(params.sweep_frames),
        np.clip(np.rint(landmarks.bins), 0, last).astype(np.uint8),
    )


def sweep(
    view: QueryView,
    catalogue: Iterable[Places],
    windows: Sequence[tuple[int, int]],
    open_frames: NDArray[np.bool_],
    params: Params,
) -> Iterator[Lead]:
    """Yield where in the catalogue each window may lie, best first."""
    recordings = [places for places in catalogue if len(places.cells)]
    for window in windows:
        weights = _weights(view, window, open_frames, params)
        spread = (weights.astype(np.float32) ** 2).mean(axis=1)
        least = float(spread.mean()) * _FEWEST
        if not least:
            continue
        found = []
        for recording in recordings:
            heights, offsets = _best_places(
                (recording.cells, recording.bins),
                (weights, spread, least),
                params.sweep_least,
                params.sweep_each,
            )
            found += [
                (-height, recording.recording, place)
                for height, place in zip(
                    heights.tolist(), offsets.tolist(), strict=True
                )
            ]
        for height, number, place in sorted(found)[: params.sweep_top]:
            frames = (place - weights.shape[1] + 1) * params.sweep_frames
            line = Line(1.0, window[0] - frames, 0.0)
            yield Lead(number, line, window, round(-height), False, NEARBY, True)


def _weights(
    view: QueryView,
    window: tuple[int, int],
    open_frames: NDArray[np.bool_],
    params: Params,
) -> NDArray[np.int16]:
    """Return the weight of a landmark of each bin in each cell, the last cell first.

    Shape [bins, cells], int16, in steps of 1/8 bit: higher where the query has a
    landmark within a frame and half a bin, and where the level rises. Each bin sums to
    zero, so that chance gains nothing from where a recording has its landmarks.
    """
    start, end = window
    end -= (end - start) % params.sweep_frames
    low, high = np.searchsorted(view.landmarks.frames, [start - 1, end + 1])
    hit = np.zeros((params.n_bins, end - start), dtype=np.bool_)
    _mark(
        view.landmarks.frames[low:high] - np.int32(start),
        view.landmarks.bins[low:high],
        hit,
    )
    first = start // view.map_frames
    return _cells(
        _rise_bits(view, (first, -(-end // view.map_frames)), params),
        (start - first * view.map_frames, view.map_frames, view.map_bins),
        hit,
        open_frames[start:end],
        (params.sweep_frames, params.sweep_hit),
    )


def _rise_bits(
    view: QueryView, rows: tuple[int, int], params: Params
) -> NDArray[np.float32]:
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
def _mark(
    frames: NDArray[np.int32], bins: NDArray[np.float32], hit: NDArray[np.bool_]
) -> None:
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
    sums = np.empty(n, dtype=np.float32)
    counts = np.zeros(n, dtype=np.int64)
    rows = np.empty(n * size, dtype=np.int64)
    for t in range(n * size):
        counts[t // size] += here[t]
        rows[t] = (before + t) // map_frames
    for place in range(len(out)):
        column = place // map_bins
        for c in range(n):
            total = np.float32(0)
            for t in range(c * size, (c + 1) * size):
                if here[t]:
                    total += rise[rows[t], column]
                    if hit[place, t]:
                        total += np.float32(bits)
            sums[c] = total
        mean = sums.sum() / max(1, counts.sum())
        for c in range(n):
            steps = (sums[c] - mean * counts[c]) * _UNIT / size
            out[place, n - 1 - c] = np.int16(np.rint(steps))
    return out


@compiled
def _best_places(
    recording: tuple[NDArray[np.int32], NDArray[np.uint8]],
    query: tuple[NDArray[np.int16], NDArray[np.float32], float],
    least: float,
    most: int,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the highest sums of a recording, in standard deviations, and their places.

    A place is the recording's cell minus the query's, plus the query's last cell.
    """
    cells, bins = recording
    weights, spread, least_spread = query
    n = weights.shape[1]
    sums = np.zeros(cells[-1] + n, dtype=np.int16)
    change = np.zeros(len(sums) + 1, dtype=np.float32)
    for i in range(len(cells)):
        row = weights[bins[i]]
        part = sums[cells[i] : cells[i] + n]
        for k in range(n):
            part[k] += row[k]
        change[cells[i]] += spread[bins[i]]
        change[cells[i] + n] -= spread[bins[i]]
    heights = np.zeros(most, dtype=np.float32)
    places = np.zeros(most, dtype=np.int64)
    count = 0
    total = np.float32(0)
    too_low = np.int16(min(32767.0, least * np.sqrt(least_spread)))
    for at in range(len(sums)):
        total += change[at]
        if sums[at] <= too_low:  # true for most places, even at the least spread
            continue
        height = np.float32(sums[at] / np.sqrt(max(total, least_spread)))
        if height < least:
            continue
        count = _put(heights, places, count, (height, at))
    return heights[:count].copy(), places[:count].copy()


@compiled
def _put(
    heights: NDArray[np.float32],
    places: NDArray[np.int64],
    count: int,
    new: tuple[np.float32, int],
) -> int:
    """Insert a place among the highest, unless it is beside a higher one."""
    height, at = new
    worst = 0
    for k in range(count):
        if at - places[k] <= _BESIDE:
            if height > heights[k]:
                heights[k], places[k] = height, at
            return count
        if heights[k] < heights[worst]:
            worst = k
    if count < len(heights):
        heights[count], places[count] = height, at
        return count + 1
    if height > heights[worst]:
        heights[worst], places[worst] = height, at
    return count
