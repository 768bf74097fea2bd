"""From bits to expected false matches and scores."""

from __future__ import annotations

import pytest

from recognition.params import DEFAULT
from recognition.verify.calibration import (
    catalogue_hours,
    e_value,
    rarity_of,
    score_of,
    threshold_bits,
)


@pytest.mark.parametrize(
    ("expected", "score"),
    [(0.0, 100.0), (0.001, 50.0), (1e-18, 100.0), (1e-40, 100.0), (5e15, 0.0)],
)
def test_score_maps_expected_false_matches(expected: float, score: float) -> None:
    assert score_of(expected) == score


@pytest.mark.parametrize("power", range(3, 19))
def test_the_rarity_of_a_score_is_what_it_was_made_of(power: int) -> None:
    # Within a power: 2 and 5 expected false matches in ten times as many hours.
    for expected in (5 * 10.0 ** -(power + 1), 2 * 10.0 ** -(power + 1)):
        assert rarity_of(score_of(expected)) == power


def test_the_threshold_is_where_the_limit_is_reached_and_grows_with_the_catalogue() -> None:
    bits = threshold_bits(50, DEFAULT)

    assert e_value(bits, 50) == pytest.approx(DEFAULT.max_e_value)
    assert threshold_bits(1000, DEFAULT) > bits


def test_a_tiny_catalogue_counts_as_an_hour() -> None:
    assert catalogue_hours(10) == 1.0
