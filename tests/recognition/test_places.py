"""Heights of places, and places in the files of the index."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from recognition.index.places import (
    NO_PLACES,
    Places,
    PlaceTable,
    Weights,
    heights_at,
    highest_places,
    places_of,
)
from recognition.index.segment import IndexSegment, Postings, merge_segments, write_segment
from recognition.types import Landmarks
from tests.index.sounds import music

PARAMS = "0123456789abcdef"
CELLS = 375


def _places(seed: int, n: int = 400, length: int = 3000) -> Places:
    rng = np.random.default_rng(seed)
    landmarks = Landmarks(
        np.sort(rng.integers(0, length, n)).astype(np.int32),
        rng.uniform(0, 226, n).astype(np.float32),
        rng.normal(size=n).astype(np.float32),
    )
    return places_of(landmarks)


def _weights(seed: int = 0) -> NDArray[np.int16]:
    weights = np.random.default_rng(seed).normal(0, 8, (227, CELLS))
    weights -= weights.mean(axis=1, keepdims=True)
    return np.rint(weights).astype(np.int16)


def _hidden(weights: NDArray[np.int16], places: Places, at: int) -> Weights:
    """Return weights that favour the landmarks of a recording at one place."""
    favoured = weights.copy()
    for cell, row in zip(places.cells, places.bins, strict=True):
        if 0 <= at - cell < CELLS:
            favoured[row, at - cell] += 24
    return Weights.of(favoured)


def _plain_heights(weights: NDArray[np.int16], places: Places, least: float) -> NDArray[np.float64]:
    """Return the height of every place, added up one by one."""
    length = int(places.cells[-1]) + CELLS
    sums, spread = np.zeros(length), np.zeros(length)
    for cell, row in zip(places.cells, places.bins, strict=True):
        sums[cell : cell + CELLS] += weights[row]
        spread[cell : cell + CELLS] += (weights[row].astype(float) ** 2).mean()
    return sums / np.sqrt(np.maximum(spread, least))


@given(seed=st.integers(0, 1000))
def test_heights_are_those_of_adding_up(seed: int) -> None:
    places, weights = _places(seed, n=60, length=900), _weights(seed)
    prepared = Weights.of(weights)
    plain = _plain_heights(weights, places, prepared.least)
    every = np.arange(1, len(plain) - 1)

    heights, best = heights_at(
        PlaceTable.of({1: places}), np.zeros(len(every), np.int64), every, prepared, -np.inf
    )

    assert (np.abs(best - every) <= 1).all()
    around = np.stack([plain[:-2], plain[1:-1], plain[2:]])
    # The spread is that of the middle place, which differs little beside it.
    assert np.allclose(heights, around.max(axis=0), atol=0.5)


@given(seed=st.integers(0, 1000), least=st.floats(0.5, 6))
def test_heights_that_cannot_reach_the_least_need_not_be_exact(seed: int, least: float) -> None:
    table = PlaceTable.of({1: _places(seed), 2: NO_PLACES, 3: _places(seed + 1, 400)})
    weights = _hidden(_weights(seed), _places(seed), 700)
    every = np.arange(-50, 5000)
    local = every % 3

    exact, places = heights_at(table, local, every, weights, -np.inf)
    heights, best = heights_at(table, local, every, weights, least)

    high = exact >= least
    assert np.array_equal(high, heights >= least)
    assert np.array_equal(exact[high], heights[high])
    assert np.array_equal(places, best)


@given(seed=st.integers(0, 1000))
def test_the_rough_pass_keeps_where_a_recording_is_hidden(seed: int) -> None:
    table = PlaceTable.of({number: _places(seed + number) for number in range(1, 6)})
    at = 700 + seed % 300
    weights = _hidden(_weights(seed), _places(seed + 3), at)

    local, places = highest_places(table, weights, 3.5, 256)
    heights, best = heights_at(table, local, places, weights, 0.0)

    first = int(np.argmax(heights))
    assert table.recordings[local[first]] == 3
    assert best[first] == at


@given(seed=st.integers(0, 1000), cells=st.integers(1, 1400))
def test_the_rough_pass_returns_the_best_pair_of_every_64_places(seed: int, cells: int) -> None:
    recorded = {number: _places(seed + number, 50 * number) for number in (1, 2, 3)}
    weights = np.random.default_rng(seed).integers(-40, 40, (227, cells))

    columns = highest_places(
        PlaceTable.of(recorded), Weights.of(weights.astype(np.int16)), 0.0, 4096
    )

    expected = []
    for local, places in enumerate(recorded.values()):
        pairs = (int(places.loud_cells[-1]) + cells) // 2 + 1
        sums = np.zeros(-(-pairs // 64) * 64)
        for cell, row in zip(places.loud_cells, places.loud_bins, strict=True):
            # Of every place, then the mean of each two of them.
            around = np.zeros(2 * len(sums))
            around[cell : cell + cells] = weights[row]
            sums += np.rint((around[::2] + around[1::2]) / 12)
        for start in range(0, len(sums), 32):
            block = sums[start : start + 32]
            if block.max() > 0:
                best = np.flatnonzero(block == block.max())
                expected.append((local, 2 * (start + int(best.sum()) // len(best))))
    assert list(zip(*(part.tolist() for part in columns), strict=True)) == expected


def test_a_removed_recording_has_no_places() -> None:
    table = PlaceTable.of({7: _places(1), 9: _places(2)})
    weights = _hidden(_weights(), _places(2), 800)

    without = replace(table, dead=np.array([0, 1], dtype=np.uint8))

    assert 9 in table.recordings[highest_places(table, weights, 3.5, 256)[0]]
    assert 9 not in table.recordings[highest_places(without, weights, 3.5, 256)[0]]
    assert without.local(np.array([9, 7, 8], np.uint32)).tolist() == [-1, 0, -1]


@pytest.mark.parametrize("most", [1, 2, 3, 4, 5, 8, 13])
def test_where_few_places_are_kept_they_are_the_highest(most: int) -> None:
    table = PlaceTable.of({number: _places(number) for number in range(20)})
    # Of flat weights, many places are equally high: those before it must leave it room.
    weights = _hidden(np.sign(_weights()) * np.int16(6), _places(13), 900)

    local, _ = highest_places(table, weights, 0.5, most)

    assert len(local) == most
    assert 13 in table.recordings[local]


def _stored(path: Path, numbers: range) -> IndexSegment:
    recordings = [Postings(n, *music(n, n=100), _places(n)) for n in numbers]
    write_segment(path, recordings, PARAMS)
    return IndexSegment(path, PARAMS)


def _alive(size: int, *dead: int) -> NDArray[np.uint8]:
    mask = np.zeros(size, dtype=np.uint8)
    mask[list(dead)] = 1
    return mask


def _assert_has(table: PlaceTable, numbers: list[int]) -> None:
    assert table.recordings.tolist() == numbers
    for local, number in enumerate(numbers):
        parts, made = table.parts(local), _places(number).parts
        assert all(np.array_equal(parts[column], made[column]) for column in range(4))


def test_a_merge_keeps_places_and_drops_removed_ones(tmp_path: Path) -> None:
    first, second = (_stored(tmp_path / "a", range(3)), _stored(tmp_path / "b", range(3, 6)))
    sources = [(first, _alive(3, 1)), (second, _alive(3, 0))]

    merge_segments(tmp_path / "merged", sources, PARAMS)

    merged = IndexSegment(tmp_path / "merged", PARAMS)
    _assert_has(merged.place_table(_alive(4)), [0, 2, 4, 5])
    assert merged.damage() is None


def test_recordings_without_places_are_stored_beside_others(tmp_path: Path) -> None:
    recordings = [Postings(1, *music(1)), Postings(2, *music(2), _places(2))]
    write_segment(tmp_path / "s", recordings, PARAMS)

    table = IndexSegment(tmp_path / "s", PARAMS).place_table(_alive(2))

    assert np.diff(table.starts).tolist() == [0, 400]


@pytest.mark.parametrize("seed", range(8))
def test_damaged_places_are_reported_and_never_read_outside(tmp_path: Path, seed: int) -> None:
    segment = _stored(tmp_path / "s", range(5))
    content = bytearray((tmp_path / "s").read_bytes())
    shape = segment.shape
    begin = shape.data_offset + 4096 * (shape.starts_pages + shape.words_pages)
    rng = np.random.default_rng(seed)
    for place in rng.integers(begin, shape.data_offset + 4096 * shape.data_pages, 300):
        content[place] = rng.integers(256)
    (tmp_path / "s").write_bytes(content)

    damaged = IndexSegment(tmp_path / "s", PARAMS)

    assert damaged.damage() is not None
    table, weights = damaged.place_table(_alive(5)), Weights.of(_weights())
    # Cells may be anything now, so keep the last one small: the pass ends there.
    short = replace(table, loud_cells=np.minimum(table.loud_cells, 10_000))
    highest_places(short, weights, 3.5, 256)
    every = np.arange(-500, 5000)
    heights, _ = heights_at(table, every % 5, every, weights, -np.inf)
    assert len(heights) == len(every)
