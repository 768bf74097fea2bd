"""How a use was edited, and in which band it is heard, as a code and in words."""

from __future__ import annotations

from decimal import Decimal

import pytest

from review.bands import Band, band_in_words, band_of_all, is_like_a_telephone
from review.edits import Edit, edit_in_words, edit_of, edit_of_all


@pytest.mark.parametrize(
    ("tempo", "cents", "edit", "words"),
    [
        ("1.0", 0, Edit.NONE, ""),
        ("1.005", 10, Edit.NONE, ""),
        ("1.25", 386, Edit.SPED_UP, "sped up 1.25\N{NO-BREAK SPACE}×"),
        ("0.8", -386, Edit.SLOWED, "slowed 0.80\N{NO-BREAK SPACE}×"),
        ("1.0", 300, Edit.PITCH, "pitch +3 semitones"),
        ("1.001", -150, Edit.PITCH, "pitch −1.50 semitones"),
        ("1.2", 0, Edit.TEMPO, "tempo 1.20\N{NO-BREAK SPACE}× at the same pitch"),
        ("0.92", 300, Edit.TEMPO_AND_PITCH, "tempo 0.92\N{NO-BREAK SPACE}×, pitch +3 semitones"),
        ("1.2", None, Edit.TEMPO, "tempo 1.20\N{NO-BREAK SPACE}× at the same pitch"),
        (None, -200, Edit.PITCH, "pitch −2 semitones"),
        (None, None, None, ""),
    ],
)
def test_an_edit_is_named_by_tempo_and_pitch(
    tempo: str | None, cents: int | None, edit: Edit | None, words: str
) -> None:
    ratio = None if tempo is None else Decimal(tempo)

    assert edit_of(ratio, cents) == edit
    assert edit_in_words(edit, ratio, cents) == words


@pytest.mark.parametrize(
    ("played", "edit", "words"),
    [
        ([("1.25", 386), ("1.252", 389)], Edit.SPED_UP, "sped up 1.25\N{NO-BREAK SPACE}×"),
        ([("1.06", 101), ("1.0", 0)], Edit.IN_PART, "edited in part"),
        ([("1.06", 101), ("1.25", 386)], Edit.SEVERAL, "edited in several ways"),
        ([("1.06", 101), ("0.9", -182)], Edit.SEVERAL, "edited in several ways"),
        ([("1.06", 101), (None, None)], Edit.SPED_UP, "sped up 1.25\N{NO-BREAK SPACE}×"),
        ([(None, None)], None, ""),
    ],
)
def test_a_match_states_no_amount_that_its_segments_do_not_have(
    played: list[tuple[str | None, int | None]], edit: Edit | None, words: str
) -> None:
    ratios = [(Decimal(tempo) if tempo else None, cents) for tempo, cents in played]

    assert edit_of_all(ratios) == edit
    assert edit_in_words(edit, Decimal("1.25"), 386) == words


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
