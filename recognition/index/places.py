"""Where a catalogue's landmarks lie in time and frequency, to score any place of it.

A place is an offset at which a recording may lie beneath a window of a query. The
weights of a window (``sweep``) give the evidence of each landmark at a place; a place's
height is their sum in standard deviations of chance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from recognition.jit import Late, compiled, compiled_part
from recognition.params import DEFAULT, Params
from recognition.types import Landmarks

BLOCK = 64  # pairs of places whose sums share a register of the processor
HALF = BLOCK // 2  # a block has the best pair of each half: of each 64 places
BLOCKS = 4  # blocks whose sums are computed together
SPAN = BLOCK * BLOCKS
# A pair of places, and the bounds of the parts that ``block_sums`` tells landmarks apart by.
WHERE = 1 + 2 * BLOCKS
LOUD_GROUP = 64  # landmarks; the louder half of each group serves the rough pass
_FEWEST = 15  # a place with fewer landmarks is given the spread of this many
ROWS = 256  # one for each value of a bin
_BYTES = 6  # weights are divided by this for sums in bytes
_CHANCE_STEPS = 256  # steps of a spread of 1
_AHEAD = 64  # places whose landmarks are prefetched together

block_sums = Late("recognition.index.vectors", "block_sums")

Cells = NDArray[np.int32]
Bins = NDArray[np.uint8]
Int: TypeAlias = int | np.int64


@dataclass(frozen=True, slots=True)
class Places:
    """A recording's landmarks for the sweep: cell of time (int32) and bin (uint8).

    ``loud_cells`` and ``loud_bins`` are the louder half of each 64 landmarks.
    """

    cells: Cells
    bins: Bins
    loud_cells: Cells
    loud_bins: Bins

    @property
    def parts(self) -> PlaceParts:
        """All four columns."""
        return self.cells, self.bins, self.loud_cells, self.loud_bins


PlaceParts = tuple[Cells, Bins, Cells, Bins]
"""Cells and bins of all landmarks, then of the loud ones."""

Recorded: TypeAlias = (
    tuple[int, NDArray[np.uint32], NDArray[np.int32]]
    | tuple[int, NDArray[np.uint32], NDArray[np.int32], Places]
)
"""A recording's number, hashes and frames, and where its landmarks lie."""

NO_PLACES = Places(*(2 * (np.zeros(0, np.int32), np.zeros(0, np.uint8))))


def places_of(landmarks: Landmarks, params: Params = DEFAULT) -> Places:
    """Return a recording's places; they take 7.5 bytes per landmark."""
    last = params.n_bins - 1
    cells = landmarks.frames // np.int32(params.sweep_frames)
    bins = np.clip(np.rint(landmarks.bins), 0, last).astype(np.uint8)
    # The louder half of each group of landmarks.
    loud = np.zeros(len(landmarks.levels), dtype=np.bool_)
    for start in range(0, len(loud), LOUD_GROUP):
        part = landmarks.levels[start : start + LOUD_GROUP]
        loud[start + np.argsort(-part, kind="stable")[: -(-len(part) // 2)]] = True
    return Places(cells, bins, cells[loud], bins[loud])


@dataclass(frozen=True)
class PlaceTable:
    """The places of many recordings in one piece: recordings lie one after another.

    ``dead`` is 1 for recordings that were removed. ``starts`` and ``loud_starts`` hold
    where each recording's landmarks begin, and where the last ones end.
    """

    recordings: NDArray[np.uint32]
    dead: NDArray[np.uint8]
    starts: NDArray[np.int64]
    cells: Cells
    bins: Bins
    loud_starts: NDArray[np.int64]
    loud_cells: Cells
    loud_bins: Bins

    @classmethod
    def of(cls, places: Mapping[int, Places]) -> PlaceTable:
        """Put the places of some recordings together."""
        every = places.values()
        columns = zip(*(recording.parts for recording in (NO_PLACES, *every)), strict=True)
        cells, bins, loud_cells, loud_bins = map(_concatenate, columns)
        return cls(
            np.array([*places], dtype=np.uint32),
            np.zeros(len(every), dtype=np.uint8),
            starts_of([len(recording.cells) for recording in every]),
            cells,
            bins,
            starts_of([len(recording.loud_cells) for recording in every]),
            loud_cells,
            loud_bins,
        )

    def parts(self, local: int) -> PlaceParts:
        """Return the landmarks of one recording."""
        every = slice(self.starts[local], self.starts[local + 1])
        loud = slice(self.loud_starts[local], self.loud_starts[local + 1])
        return (self.cells[every], self.bins[every], self.loud_cells[loud], self.loud_bins[loud])

    def is_sound(self) -> bool:
        """Return whether the cells of every recording are in order."""
        for cells, starts in ((self.cells, self.starts), (self.loud_cells, self.loud_starts)):
            falls = np.flatnonzero(cells[1:] < cells[:-1]) + 1
            if not (np.isin(falls, starts).all() and (cells[:1] >= 0).all()):
                return False
        return True

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """The order that sorts ``recordings``."""
        return np.argsort(self.recordings, kind="stable")

    def local(self, recordings: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Return the numbers of recordings in this table, -1 for those not in it."""
        if not len(self.recordings):
            return np.full(len(recordings), -1, dtype=np.int64)
        at = np.searchsorted(self.recordings, recordings, sorter=self.order)
        local = self.order[np.minimum(at, len(self.order) - 1)]
        here = (self.recordings[local] == recordings) & (self.dead[local] == 0)
        return np.where(here, local, -1)


def _concatenate(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:  # Any: of each type
    """Put arrays together, read-only as those of a mapped file are.

    Numba would compile loops over arrays that may be written again.
    """
    joined = np.concatenate(parts)
    joined.flags.writeable = False
    return joined


def starts_of(lengths: Sequence[int] | NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return where parts of these lengths begin, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


@dataclass(frozen=True)
class Weights:
    """The weights of a window, and the spread of chance.

    ``exact`` is int16 of shape [1 + 256 + 1, 1 + cells + 1], the last cell first, with
    nothing around it. ``spread`` is the mean square of each bin, ``least`` the
    spread that every place has at least. All have a row for any uint8.
    """

    exact: NDArray[np.int16]
    spread: NDArray[np.float32]
    least: float

    @classmethod
    def of(cls, exact: NDArray[np.int16]) -> Weights:
        """Prepare the weights of a window."""
        n_bins, cells = exact.shape
        spread = np.zeros(ROWS, dtype=np.float32)
        spread[:n_bins] = (exact.astype(np.float32) ** 2).mean(axis=1)
        padded = np.zeros((ROWS + 2, cells + 2), dtype=np.int16)
        padded[1 : 1 + n_bins, 1:-1] = exact
        least = float(spread[:n_bins].mean()) * _FEWEST
        return cls(padded, spread, least)

    @cached_property
    def rough(self) -> RoughWeights:
        """The weights of two neighbouring places together."""
        return RoughWeights.of(self)

    @property
    def cells(self) -> int:
        """Number of cells of the window."""
        return len(self.exact[0]) - 2


@dataclass(frozen=True, slots=True)
class RoughWeights:
    """The weights of a window for pairs of neighbouring places.

    ``weights`` is int8 of shape [2 · 256, pairs], with blocks of nothing before and after:
    the mean of both places of a pair, first for landmarks in even cells, then for those in
    odd ones. ``chance`` is the mean square of each row, in whole steps, which add up
    faster than fractions; ``least`` the spread that every place has at least.
    """

    weights: NDArray[np.int8]
    chance: NDArray[np.int64]
    least: float

    @classmethod
    def of(cls, whole: Weights) -> RoughWeights:
        """Prepare the weights of a window, of which ``least`` is above 0."""
        pairs = whole.cells // 2 + 1
        exact = np.zeros((ROWS, 2 * pairs + 2), dtype=np.int16)
        exact[:, : whole.cells + 2] = whole.exact[1:-1, : 2 * pairs + 2]
        sums = exact[:, :-1] + exact[:, 1:]
        # From a landmark in an odd cell, the first place of a pair is one cell less away.
        means = np.concatenate((sums[:, 1::2], sums[:, : 2 * pairs : 2])) / np.float32(2 * _BYTES)
        weights = np.zeros((2 * ROWS, pairs + 2 * SPAN), dtype=np.int8)
        weights[:, SPAN : SPAN + pairs] = np.clip(np.rint(means), -127, 127)
        spread = np.square(means).mean(axis=1)
        shrunk = float(spread.mean()) / float(whole.spread.mean())
        chance = np.rint(spread * _CHANCE_STEPS).astype(np.int64)
        return cls(weights, chance, whole.least / 2 * shrunk)


@dataclass(frozen=True, slots=True)
class References:
    """The landmarks of the recordings that a scan compares with.

    ``landmarks_of`` returns the landmarks of a recording; ``places`` where those of all lie.
    """

    landmarks_of: Callable[[int], Landmarks]
    places: Sequence[PlaceTable]

    @classmethod
    def held(cls, landmarks: Mapping[int, Landmarks], params: Params = DEFAULT) -> References:
        """Return references held in memory, by number."""
        table = PlaceTable.of(
            {number: places_of(recording, params) for number, recording in landmarks.items()}
        )
        return cls(landmarks.__getitem__, [table])


def heights_at(
    table: PlaceTable,
    local: NDArray[np.int64],
    places: NDArray[np.int64],
    weights: Weights,
    least: float,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the height of the best of each place and both beside it, and which it is.

    Heights are in standard deviations, and 0 where they cannot reach ``least``;
    ``local`` are numbers of recordings in the table.
    """
    heights, best, _ = _heights(
        (table.starts, table.cells, table.bins),
        local,
        places,
        (weights.exact.reshape(-1), weights.spread, weights.least, weights.cells),
        least,
    )
    return heights, best


@compiled
def _heights(
    table: tuple[NDArray[np.int64], Cells, Bins],
    local: NDArray[np.int64],
    places: NDArray[np.int64],
    query: tuple[NDArray[np.int16], NDArray[np.float32], float, int],
    least: float,
) -> tuple[NDArray[np.float32], NDArray[np.int64], Cells]:
    """Return what ``heights_at`` returns; the last value only keeps the compiler from
    removing the reads of ``_guess``.
    """
    starts, cells, bins = table
    weights, spread, least_spread, n = query
    one, stride = np.uint64(1), np.uint64(n + 2)
    heights = np.zeros(len(places), dtype=np.float32)
    best = np.empty(len(places), dtype=np.int64)
    guesses = np.empty(_AHEAD, dtype=np.int64)
    touched = np.zeros(1, dtype=np.int32)
    # A height is rounded before it is compared with ``least``.
    fewest = 0.999 * least * np.sqrt(least_spread)
    for block in range(0, len(places), _AHEAD):
        stop = min(block + _AHEAD, len(places))
        touched[0] ^= _guess((starts, cells), local[block:stop], places[block:stop] - n, guesses)
        for i in range(block, stop):
            place, high = places[i], starts[local[i] + 1]
            first = _first_near(cells, starts[local[i]], high, (guesses[i - block], place - n))
            before, here, after = 0, 0, 0
            last = first
            while last < high:
                at = np.uint64(place - cells[last] + 1)
                if at >= stride:
                    break
                at += (np.uint64(bins[last]) + one) * stride
                before += weights[at - one]
                here += weights[at]
                after += weights[at + one]
                last += 1
            total = max(before, here, after)
            best[i] = place + (after == total) - (before == total)
            if here == total:
                best[i] = place
            if total < fewest:  # whatever the spread is
                continue
            chance = np.float32(0)
            for k in range(first, last):
                chance += spread[bins[k]]
            heights[i] = total / np.sqrt(np.maximum(chance, least_spread))
    return heights, best, touched


@compiled_part
def _guess(
    table: tuple[NDArray[np.int64], Cells],
    local: NDArray[np.int64],
    first_cells: NDArray[np.int64],
    guesses: NDArray[np.int64],
) -> np.int32:
    """Guess where in each recording the first landmark from a cell on is.

    Reads what lies there, so that the processor waits for many recordings at once.
    """
    starts, cells = table
    touched = np.int32(0)
    for i in range(len(local)):
        if starts[local[i]] < starts[local[i] + 1]:
            touched ^= cells[starts[local[i] + 1] - 1]
    for i in range(len(local)):
        low, high = starts[local[i]], starts[local[i] + 1]
        guesses[i] = low
        if low == high:
            continue
        cell, length = max(0, first_cells[i]), max(0, cells[high - 1]) + 1
        guesses[i] = min(high - 1, low + (high - low) * cell // length)
        touched ^= cells[guesses[i]]
    return touched


@compiled_part
def _first_near(cells: Cells, low: int, high: int, target: tuple[int, int]) -> int:
    """Return the first landmark of ``low`` … ``high`` in a cell or after it.

    ``target`` is a guess which it is, and the cell.
    """
    guess, cell = target
    if low == high:
        return high
    step = 16
    if cells[guess] < cell:
        low = guess + 1
        while guess + step < high and cells[guess + step] < cell:
            low = guess + step + 1
            step *= 2
        return first_from(cells, low, min(high, guess + step), cell)
    high = guess
    while guess - step >= low and cells[guess - step] >= cell:
        high = guess - step
        step *= 2
    return first_from(cells, max(low, guess - step), high, cell)


@compiled_part
def first_from(cells: Cells, low: int, high: int, cell: int) -> int:
    """Return the first landmark of ``low`` … ``high`` in ``cell`` or after it."""
    while low < high:
        middle = (low + high) >> 1
        if cells[middle] < cell:
            low = middle + 1
        else:
            high = middle
    return low


def highest_places(
    table: PlaceTable, weights: Weights, least: float, most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return recordings (local numbers) and places that may be the highest, unordered.

    A rough pass over the louder landmarks and pairs of places, with sums in bytes: the
    best pair of each 64 places that reaches ``least`` standard deviations, at most ``most``
    of them.
    """
    rough = weights.rough
    local, pairs = _highest(
        (table.loud_starts, table.loud_cells, table.loud_bins),
        table.dead,
        (rough.weights, rough.chance, rough.least, weights.cells // 2 + 1),
        least,
        most,
    )
    return local, 2 * pairs


@compiled
def _highest(
    table: tuple[NDArray[np.int64], Cells, Bins],
    dead: NDArray[np.uint8],
    query: tuple[NDArray[np.int8], NDArray[np.int64], float, int],
    least: float,
    most: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    starts, cells, bins = table
    weights, spread, least_spread, n = query
    # Of each candidate: recording, pair; and its height. There is room for twice as many,
    # of which the lower half goes once it is full.
    candidates = np.empty((2 * most, 2), dtype=np.int64)
    heights = np.empty(2 * most, dtype=np.float32)
    # A plain 0 is a type of its own, for which Numba would compile the parts again.
    count: Int = np.int64(0)
    sums = np.empty(SPAN, dtype=np.int8)
    most_each = np.empty(2 * BLOCKS, dtype=np.int8)
    where = np.empty(WHERE, dtype=np.int64)
    # Landmarks of a block weigh something in it and so many blocks after it.
    reach = -(-n // BLOCK)
    share = n / (BLOCK * (reach + 1)) / _CHANCE_STEPS
    for local in range(len(starts) - 1):
        low, high = starts[local], starts[local + 1]
        if low == high or dead[local]:
            continue
        firsts, before = _blocks((cells, bins), spread, (low, high), reach)
        blocks = len(firsts) - reach - BLOCKS
        for block in range(0, blocks, BLOCKS):
            where[0] = block * BLOCK
            _bounds(firsts, block, reach, where[1:])
            block_sums(weights, cells, bins, where, sums, most_each)
            for number in range(2 * min(BLOCKS, blocks - block)):
                highest = int(most_each[number])
                here = block + number // 2
                chance = share * (before[here + reach + 1] - before[here])
                height = highest / np.sqrt(max(chance, least_spread))
                if highest > 0 and height >= least:
                    part = sums[number * HALF : (number + 1) * HALF]
                    pair = block * BLOCK + number * HALF + _middle(part, highest)
                    count, least = _keep(candidates, heights, (count, least), (local, pair, height))
    if count > most:
        count, _ = _thinned(candidates[:count], heights[:count], most)
    return candidates[:count, 0].copy(), candidates[:count, 1].copy()


@compiled_part
def _blocks(
    landmarks: tuple[Cells, Bins], spread: NDArray[np.int64], part: tuple[int, int], reach: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first landmark in each block of a recording, and the spread before it.

    ``part`` is where its landmarks begin and end. The first value is for ``reach`` blocks
    before the recording, the last for as many after it, and a span.
    """
    cells, bins = landmarks
    at, high = part
    n = 2 * reach + max(0, cells[high - 1] // (2 * BLOCK)) + BLOCKS + 1
    firsts, before = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    total = np.int64(0)
    for number in range(n):
        firsts[number], before[number] = at, total
        beyond = 2 * BLOCK * (number - reach + 1)
        while at < high and cells[at] < beyond:
            total += spread[(cells[at] & 1) * ROWS + bins[at]]
            at += 1
    return firsts, before


@compiled_part
def _bounds(firsts: NDArray[np.int64], block: int, reach: int, bounds: NDArray[np.int64]) -> None:
    """Fill ``bounds`` with those of the landmarks of a span's parts; see ``block_sums``."""
    for number in range(BLOCKS):
        # Of a short window, no landmark weighs something in all blocks.
        bounds[number] = firsts[block + (number if reach > 1 else 0)]
        end = number if reach > 1 else BLOCKS - 1
        bounds[BLOCKS + number] = firsts[block + reach + 1 + end]


@compiled_part
def _middle(sums: NDArray[np.int8], highest: int) -> int:
    """Return the middle of the highest places: where sums end, several are equal."""
    total, ties = 0, 0
    for k in range(len(sums)):
        if sums[k] == highest:
            total += k
            ties += 1
    return total // ties


@compiled_part
def _keep(
    candidates: NDArray[np.int64],
    heights: NDArray[np.float32],
    kept: tuple[Int, float],
    new: tuple[int, int, float],
) -> tuple[Int, float]:
    """Keep a candidate; return how many there are, and how high the next must be."""
    count, least = kept
    candidates[count, 0], candidates[count, 1], heights[count] = new
    if count + 1 < len(heights):
        return count + 1, least
    return _thinned(candidates, heights, len(heights) // 2)


@compiled_part
def _thinned(
    candidates: NDArray[np.int64], heights: NDArray[np.float32], most: int
) -> tuple[Int, float]:
    """Move the ``most`` highest candidates to the front; return how many, and the lowest.

    Of those as high as the lowest, the first.
    """
    lowest = np.partition(heights, len(heights) - most)[len(heights) - most]
    ties = most
    for i in range(len(heights)):
        ties -= heights[i] > lowest
    count: Int = np.int64(0)
    for i in range(len(heights)):
        if heights[i] == lowest:
            ties -= 1
        if heights[i] > lowest or (heights[i] == lowest and ties >= 0):
            for column in range(2):
                candidates[count, column] = candidates[i, column]
            heights[count] = heights[i]
            count += 1
    return count, np.float64(lowest)
