"""Extract spectral peaks: a sparse layer for references, a dense one for queries.

Both come from one pass over the levels: a sparse peak is the maximum of a larger
neighbourhood, and therefore a peak of the dense layer too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from recognition.jit import compiled, compiled_part
from recognition.params import Params
from recognition.types import Landmarks

_DENSE, _SPARSE = 1, 2

PhasesAt = Callable[[NDArray[np.int32], NDArray[np.float32]], NDArray[np.uint8]]


class LandmarkExtractor:
    """Finds peaks in levels fed block by block; block sizes do not affect the result.

    ``phases_at`` returns the phases, in 256ths of a turn, at frames and bins of the last
    rows fed and of the ``context`` rows before them.
    """

    def __init__(self, params: Params, phases_at: PhasesAt) -> None:
        self._params = params
        self._phases_at = phases_at
        self._context = max(
            params.reference_radius_frames,
            params.dense_radius_frames,
            params.contrast_radius_frames,
        )
        self._rest = np.zeros((0, params.n_bins), dtype=np.float32)
        self._first = 0  # frame number of the first row of _rest
        self._next = 0  # first frame whose peaks are not found yet
        self._layers = {
            _SPARSE: _DensityLimit(params.reference_rate, params),
            _DENSE: _DensityLimit(params.dense_rate, params),
        }

    def feed(self, levels: NDArray[np.float32]) -> None:
        """Add the next rows of levels [frames, n_bins]."""
        self._rest = np.concatenate([self._rest, levels])
        self._search(self._first + len(self._rest) - self._context)

    def finish(self) -> None:
        """Search the last rows, which have no following context."""
        self._search(self._first + len(self._rest))
        for limit in self._layers.values():
            limit.finish()

    @property
    def searched(self) -> int:
        """The frame before which no phase will be asked for."""
        return self._next

    @property
    def decided(self) -> int:
        """The frame before which every peak is decided."""
        return self._layers[_SPARSE].decided

    def take(self) -> tuple[Landmarks, Landmarks]:
        """Return and forget the sparse and dense peaks decided since the last call."""
        return self._layers[_SPARSE].take(), self._layers[_DENSE].take()

    def _search(self, stop: int) -> None:
        if stop <= self._next:
            return
        p = self._params
        radii = np.array(
            [
                [p.dense_radius_frames, p.dense_radius_bins],
                [p.reference_radius_frames, p.reference_radius_bins],
                [p.contrast_radius_frames, p.contrast_radius_bins],
            ],
            dtype=np.int32,
        )
        start = self._next - self._first
        places, values = _find_peaks(self._rest, start, stop - self._first, p.level_floor, radii)
        places[:, 0] += self._first
        values = np.column_stack([values, self._phases_at(places[:, 0], values[:, 0])])
        for layer, limit in self._layers.items():
            chosen = places[:, 1] >= layer
            limit.feed(places[chosen, 0], values[chosen], stop)
        self._next = stop
        keep_from = max(self._first, stop - self._context)
        self._rest = self._rest[keep_from - self._first :].copy()
        self._first = keep_from


class _DensityLimit:
    """Limits peaks to ``rate`` per second, keeping those that stand out most.

    Decides on a peak as soon as the half second after it is known, so that only kept
    peaks use memory.
    """

    def __init__(self, rate: int, params: Params) -> None:
        self._rate = rate
        self._half = round(500 / params.frame_ms)
        self._frames = np.zeros(0, dtype=np.int32)
        self._values = np.zeros((0, 4), dtype=np.float32)
        self.decided = 0  # peaks before this frame are decided
        # Byte arrays grow in place, where a list of arrays would be copied at the end.
        self._kept_frames = bytearray()
        self._kept_bins = bytearray()
        self._kept_levels = bytearray()
        self._kept_phases = bytearray()

    def feed(self, frames: NDArray[np.int32], values: NDArray[np.float32], stop: int) -> None:
        """Add peaks as (bin, level, contrast, phase); all before ``stop`` are known now."""
        self._frames = np.concatenate([self._frames, frames])
        self._values = np.concatenate([self._values, values])
        self._decide(stop - self._half)

    def finish(self) -> None:
        """Decide on the last peaks."""
        if len(self._frames):
            self._decide(int(self._frames[-1]) + 1)

    def take(self) -> Landmarks:
        """Return and forget the peaks kept so far."""
        peaks = Landmarks(
            frames=np.frombuffer(self._kept_frames, dtype=np.int32),
            bins=np.frombuffer(self._kept_bins, dtype=np.float32),
            levels=np.frombuffer(self._kept_levels, dtype=np.float32),
            phases=np.frombuffer(self._kept_phases, dtype=np.uint8),
        )
        self._kept_frames = bytearray()
        self._kept_bins = bytearray()
        self._kept_levels = bytearray()
        self._kept_phases = bytearray()
        return peaks

    def _decide(self, stop: int) -> None:
        if stop <= self.decided:
            return
        frames, values = self._frames, self._values
        contrast = np.ascontiguousarray(values[:, 2])
        mask = _limit_density(frames, contrast, self._half, self._rate)
        mask &= (frames >= self.decided) & (frames < stop)
        self._kept_frames += frames[mask].tobytes()
        self._kept_bins += values[mask, 0].tobytes()
        self._kept_levels += values[mask, 1].tobytes()
        self._kept_phases += values[mask, 3].astype(np.uint8).tobytes()
        self.decided = stop
        context = int(np.searchsorted(frames, stop - self._half))
        self._frames, self._values = frames[context:].copy(), values[context:].copy()


def select(landmarks: Landmarks, chosen: NDArray[np.bool_] | slice) -> Landmarks:
    """Return the landmarks selected by a mask or a slice."""
    return landmarks.select(chosen)


def ranks_of(landmarks: Landmarks, params: Params) -> NDArray[np.uint8]:
    """Return how many louder landmarks lie within the reference layer's radius of each.

    A landmark of rank 0 would be a peak of a reference layer. One of a higher rank can
    be a peak only if every louder landmark is noise or another sound.
    """
    radii = params.reference_radius_frames, params.reference_radius_bins
    return _ranks(landmarks.frames, landmarks.bins, landmarks.levels, *radii)


@compiled_part
def _rules(levels: NDArray[np.float32], t: int, f: int, frames: int, bins: int) -> bool:
    """Return whether a cell is the maximum of its neighbourhood; the first of equals."""
    value = levels[t, f]
    for i in range(max(0, t - frames), min(levels.shape[0], t + frames + 1)):
        for j in range(max(0, f - bins), min(levels.shape[1], f + bins + 1)):
            neighbour = levels[i, j]
            if neighbour > value:
                return False
            if neighbour == value and (i < t or (i == t and j < f)):
                return False
    return True


@compiled_part
def _tops(levels: NDArray[np.float32], t: int, floor: float, out: NDArray[np.bool_]) -> None:
    """Mark the cells of a row that are audible and at least as loud as adjacent cells.

    Branch-free, so that the compiler compares many cells at once; few cells remain.
    """
    n = levels.shape[1]
    row = levels[t]
    before = levels[max(0, t - 1)]
    after = levels[min(levels.shape[0] - 1, t + 1)]
    for f in range(1, n - 1):
        value = row[f]
        beside = (value >= row[f - 1]) & (value >= row[f + 1])
        around = (value >= before[f]) & (value >= after[f])
        out[f] = beside & around & (value >= floor)


@compiled_part
def _sums(levels: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return cumulative sums of each row, which give the sum of any interval of bins."""
    sums = np.zeros((levels.shape[0], levels.shape[1] + 1), dtype=np.float64)
    for t in range(levels.shape[0]):
        total = 0.0
        for f in range(levels.shape[1]):
            total += levels[t, f]
            sums[t, f + 1] = total
    return sums


@compiled_part
def _mean_around(sums: NDArray[np.float64], t: int, f: int, frames: int, bins: int) -> np.float64:
    """Return the mean level around a cell."""
    first, last = max(0, f - bins), min(sums.shape[1] - 1, f + bins + 1)
    low, high = max(0, t - frames), min(sums.shape[0], t + frames + 1)
    total = np.float64(0)
    for i in range(low, high):
        total += sums[i, last] - sums[i, first]
    return np.float64(total / ((high - low) * (last - first)))


@compiled
def _find_peaks(
    levels: NDArray[np.float32], start: int, stop: int, floor: float, radii: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return peaks of rows start … stop: (frame, layer) and (bin, level, contrast)."""
    capacity = (stop - start) * levels.shape[1] // 4 + 16
    places = np.empty((capacity, 2), dtype=np.int32)
    values = np.empty((capacity, 3), dtype=np.float32)
    sums = _sums(levels)
    tops = np.zeros(levels.shape[1], dtype=np.bool_)
    n = 0
    for t in range(start, stop):
        _tops(levels, t, floor, tops)
        for f in range(1, levels.shape[1] - 1):
            if not tops[f] or not _rules(levels, t, f, radii[0, 0], radii[0, 1]):
                continue
            value = levels[t, f]
            sparse = _rules(levels, t, f, radii[1, 0], radii[1, 1])
            # The vertex of a parabola through three levels gives the bin with a
            # fraction.
            below, above = levels[t, f - 1], levels[t, f + 1]
            curvature = below - 2 * value + above
            step = 0.5 * (below - above) / curvature if curvature < 0 else 0.0
            places[n, 0] = t
            places[n, 1] = 2 if sparse else 1
            values[n, 0] = f + step
            values[n, 1] = value
            values[n, 2] = value - _mean_around(sums, t, f, radii[2, 0], radii[2, 1])
            n += 1
    return places[:n].copy(), values[:n].copy()


@compiled
def _limit_density(
    frames: NDArray[np.int32], contrast: NDArray[np.float32], half: int, limit: int
) -> NDArray[np.bool_]:
    """Keep a peak unless ``limit`` or more within ± ``half`` frames stand out more.

    The window moves with the peak, so a shifted file keeps the same peaks. Of equals,
    which repeated sound has, the earlier one stands out more; so no ``half`` + 1 frames
    keep more than ``limit``.
    """
    n = len(frames)
    mask = np.ones(n, dtype=np.bool_)
    low, high = 0, 0
    for i in range(n):
        while frames[low] < frames[i] - half:
            low += 1
        while high < n and frames[high] <= frames[i] + half:
            high += 1
        if high - low <= limit:
            continue
        better = 0
        for j in range(low, high):
            excess = contrast[j] - contrast[i]
            if excess > 0 or (excess == 0 and j < i):
                better += 1
        mask[i] = better < limit
    return mask


@compiled
def _ranks(
    frames: NDArray[np.int32],
    bins: NDArray[np.float32],
    levels: NDArray[np.float32],
    radius_frames: int,
    radius_bins: int,
) -> NDArray[np.uint8]:
    n = len(frames)
    ranks = np.empty(n, dtype=np.uint8)
    low = 0
    for i in range(n):
        while frames[low] < frames[i] - radius_frames:
            low += 1
        louder = 0
        j = low
        while j < n and frames[j] <= frames[i] + radius_frames:
            near = abs(bins[j] - bins[i]) <= radius_bins
            louder += int(near) & int(levels[j] > levels[i])
            j += 1
        ranks[i] = min(louder, 255)
    return ranks
