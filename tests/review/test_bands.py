"""In which band a recording is heard, of a match and in words."""

from __future__ import annotations

import pytest

from review.bands import Band, band_in_words, band_of_all, is_like_a_telephone


@pytest.mark.parametrize(
    ("band", "words"),
    [
        ((None, None), ""),
        ((300, None), "heard only above 300 Hz"),
        ((None, 2000), "heard only below 2,000 Hz"),
        ((400, 2500), "heard only between 400 and 2,500 Hz"),
    ],
)
def test_a_band_is_said_where_something_was_cut_off(band: Band, words: str) -> None:
    assert band_in_words(*band) == words


@pytest.mark.parametrize(
    ("bands", "whole"),
    [
        ([(300, None)], (300, None)),
        ([(280, None), (310, None), (330, 2000)], (310, None)),
        ([(300, None), (None, None)], (None, None)),
        ([(200, 1000), (400, 1100)], (None, 1100)),
    ],
)
def test_a_match_is_heard_in_a_band_that_all_its_segments_share(
    bands: list[Band], whole: Band
) -> None:
    assert band_of_all(bands) == whole


def test_only_a_low_edge_near_that_of_telephones_is_like_one() -> None:
    assert is_like_a_telephone(300, None)
    assert not is_like_a_telephone(200, None)
    assert not is_like_a_telephone(500, None)
    assert not is_like_a_telephone(300, 2000)
    assert not is_like_a_telephone(None, None)
