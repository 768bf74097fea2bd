"""Matching: 1,000 hard pairs, versions, confidence and the safe mark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.filling.open_data.confidence import cross_fitted, find_mark, isotonic, measure, wilson
from plugins.filling.open_data.folding import fold, read_name, split_artists
from plugins.filling.open_data.index import OpenIndex
from plugins.filling.open_data.matching import Ours, values
from plugins.filling.tests.dumps import Song, dump_of
from plugins.filling.tests.hard_pairs import HardPair, hard_pairs
from plugins.filling.tests.test_reading import read_here
from tests.security.test_long_texts import slow_texts


@pytest.fixture(scope="module")
def judged(
    tmp_path_factory: pytest.TempPathFactory,
) -> list[tuple[HardPair, list[float], bool, bool]]:
    """Return each pair that got a value: its features, whether it is right, in one go."""
    folder = tmp_path_factory.mktemp("hard")
    pairs = hard_pairs()
    songs = [song for pair in pairs for song in pair.there]
    read_here(dump_of(songs).write(folder / "mbdump.tar.bz2"), folder)
    rules = []
    with OpenIndex(folder / "index.sqlite3") as index:
        for pair in pairs:
            for value in values(pair.ours, index, fields=[pair.field]):
                is_right = value.value == pair.right
                rules.append((pair, value.features(), is_right, not value.holds))
    return rules


def test_thousand_hard_pairs_give_no_wrong_value_in_one_go(
    judged: list[tuple[HardPair, list[float], bool, bool]],
) -> None:
    pairs = hard_pairs()
    assert len(pairs) == 1_000
    x = np.array([features for _pair, features, _right, _go in judged])
    y = np.array([float(right) for _pair, _features, right, _go in judged])

    guesses = cross_fitted(x, y)

    sure = [
        (pair, right)
        for (pair, _features, right, in_one_go), guess in zip(judged, guesses, strict=True)
        if guess > 0.995 and in_one_go
    ]
    wrong = Counter(pair.line for pair, right in sure if not right)
    assert not wrong
    possible = sum(bool(pair.right) for pair in pairs)
    assert sum(right for _pair, right in sure) >= 0.6 * possible


def test_title_names_its_version() -> None:
    cases: tuple[tuple[str, str, set[str]], ...] = (
        ("Song", "", set()),
        ("Song (Album Version)", "", set()),
        ("(I Can't Get) Song", "", set()),
        ("Live and Let Song", "", set()),
        ("Song - Live at Wembley 1986", "", {"live", "year:1986"}),
        ("Song", "2011 Remaster", {"remaster", "year:2011"}),
        ("Song (DJ Foo Remix)", "", {"remix:dj foo"}),
        ("Song (Extended Mix)", "", {"extended"}),
        ("Song (Video Edit)", "", {"edit", "edit:video"}),
        ("Song", "Radio Edit", {"edit"}),
        ("Song, Pt. 2", "", {"part:2"}),
        ("Song (Part Two) [Live]", "", {"part:2", "live"}),
        ("Song", "Piano Version", {"version:piano"}),
    )
    for title, version, versions in cases:
        assert read_name(title, version).versions == versions, (title, version)


@pytest.mark.soak
@pytest.mark.parametrize("read", [fold, read_name, lambda name: split_artists([name])])
def test_what_reads_names_reads_long_ones(read: Callable[[str], object]) -> None:
    assert slow_texts(read) == []


_VERSIONS = st.sampled_from(
    ["", "Live", "Live 1998", "Radio Edit", "Holt Remix", "2011 Remaster", "Demo"]
)


@given(_VERSIONS, st.lists(_VERSIONS, min_size=1, max_size=4))
@settings(max_examples=15)
def test_nothing_crosses_versions(
    tmp_path_factory: pytest.TempPathFactory, mine: str, there: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("versions")
    songs = [
        Song(f"Tune ({version})" if version else "Tune", "Somebody", isrcs=(f"QZXX1000000{n}",))
        for n, version in enumerate(there)
    ]
    read_here(dump_of(songs).write(folder / "mbdump.tar.bz2"), folder)

    with OpenIndex(folder / "index.sqlite3") as index:
        ours = Ours("Tune", mine, ("Somebody",), duration_ms=200_000)
        result = list(values(ours, index))

    same = read_name("Tune", mine).versions
    for value in result:
        match = value.match.recording
        assert read_name(match.title, match.version).versions == same
    assert bool(result) == (mine in there)


def test_our_code_on_another_title_there_suggests_nothing(tmp_path: Path) -> None:
    code = "QZXX10000001"
    songs = [Song("Tune", "Somebody", isrcs=(code,))]
    read_here(dump_of(songs).write(tmp_path / "mbdump.tar.bz2"), tmp_path)

    with OpenIndex(tmp_path / "index.sqlite3") as index:
        other_song = Ours("Something Else", "", ("Somebody",), isrc=code, duration_ms=200_000)
        assert not list(values(other_song, index, fields=["label"]))


def test_wilson_bound_needs_as_many_values_as_the_documents_say() -> None:
    for errors, count in ((0, 765), (1, 1_130), (2, 1_455)):
        assert wilson(count - errors, count) >= 0.995
        assert wilson(count - 1 - errors, count - 1) < 0.995


def test_mark_leaves_out_what_is_wrong_too_often() -> None:
    guesses = np.array([0.99] * 800 + [0.9] * 300 + [0.5] * 100)
    right = np.array([1.0] * 800 + [1.0] * 290 + [0.0] * 110)

    assert find_mark(guesses, right) == (0.99, 800, 0)
    assert find_mark(guesses[:700], right[:700]) == (None, 0, 0)


def test_measured_mark_follows_what_was_right() -> None:
    rng = np.random.default_rng(5)
    x = np.column_stack([np.ones(3_000), rng.random(3_000) < 0.7, rng.random(3_000)])
    right = np.where(x[:, 1] > 0, rng.random(3_000) < 0.9995, rng.random(3_000) < 0.6)

    measured = measure(x.tolist(), right.tolist(), [True] * 3_000)

    assert measured.mark is not None
    assert measured.errors <= 0.005 * measured.above
    assert measured.above >= 765
    assert measured.model.confidence([1, 1, 0.5]) > measured.model.confidence([1, 0, 0.5])
    assert measure(x[:50].tolist(), right[:50].tolist(), [True] * 50).mark is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_isotonic_curve_rises_and_keeps_the_mean(given_values: list[float]) -> None:
    curve = isotonic(np.array(given_values))

    assert (np.diff(curve) >= -1e-12).all()
    assert curve.mean() == pytest.approx(np.mean(given_values))
