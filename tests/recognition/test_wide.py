"""Offsets of the grids: those along which many landmarks align are verified."""

from __future__ import annotations

import pytest

from recognition.index.places import References
from recognition.params import DEFAULT
from recognition.search.candidates import GRID, WIDE, SearchStage, wide_warps
from recognition.search.wide import aligned_votes, heard_in, wide_leads, wide_places
from recognition.types import Vote, Votes
from tests.recognition.synthesis import RATE, Samples, catalogue, faster, music, noise, query_view

SONGS = [music(seed, 30) for seed in (31, 32, 33)]
_FROM_S, _SPEED, _LOUD = 5, 0.8, 0.12
_WINDOW = 0, 625
_LINE = min(
    (warp for warp in wide_warps(DEFAULT) if warp.shift), key=lambda warp: abs(warp.tempo - _SPEED)
)


def _clip(loudness: float) -> Samples:
    """Return ten seconds of the second song, slowed and in noise."""
    begin, end = _FROM_S * RATE, int((_FROM_S + 10 * _SPEED) * RATE)
    y = faster(SONGS[1][begin:end], _SPEED)
    return y + noise(3, len(y) / RATE + 1, loudness)[: len(y)]


def test_a_slowed_clip_in_noise_is_found_though_its_offset_has_few_votes() -> None:
    shelf = catalogue(SONGS)

    (segment,) = shelf.scan(_clip(_LOUD)).segments

    assert segment.recording == 2
    assert segment.tempo_ratio == pytest.approx(_SPEED, rel=0.002)


def test_of_weak_offsets_those_are_verified_along_which_landmarks_align() -> None:
    shelf = catalogue(SONGS)
    heard = heard_in(query_view(_clip(_LOUD)), _WINDOW, DEFAULT)
    # The second is the first one's neighbour, the others lie elsewhere.
    begin = round(_FROM_S * 1000 / DEFAULT.frame_ms)
    offsets = ((2, begin), (2, begin + 2), (2, begin + 300), (1, begin), (3, begin))
    votes = Votes.of([Vote(1, recording, delta, 3) for recording, delta in offsets])
    tables = References.held(shelf.references).places

    which, places = wide_places(tables, heard, votes, _LINE, DEFAULT)
    stage = SearchStage(WIDE, _LINE, DEFAULT.wide_offsets, 1.0)
    (lead,) = wide_leads(places, _WINDOW, stage, DEFAULT)

    assert which == [0, 1]
    assert lead.recording == 2
    assert lead.alignment.query_frame(begin) == pytest.approx(0, abs=3)
    assert lead.warped


def test_of_voted_offsets_those_are_verified_along_which_landmarks_align() -> None:
    shelf = catalogue(SONGS)
    heard = heard_in(query_view(_clip(_LOUD)), _WINDOW, DEFAULT)
    begin = round(_FROM_S * 1000 / DEFAULT.frame_ms)
    strongest = [Vote(1, 3, begin, 9), Vote(1, 2, begin, 8)]
    votes = Votes.of([*strongest, Vote(1, 2, begin + 1, 7)])
    tables = References.held(shelf.references).places
    stage = SearchStage(GRID, _LINE, len(strongest), 1.0)

    followed = aligned_votes(tables, heard, votes, stage, DEFAULT)

    assert list(followed) == strongest[1:]


def test_nothing_is_chosen_without_offsets_or_their_recordings() -> None:
    heard = heard_in(query_view(_clip(_LOUD)), _WINDOW, DEFAULT)
    tables = References.held(catalogue(SONGS).references).places
    removed = Votes.of([Vote(1, 4, 0, 3)])

    for votes in (Votes.of([]), removed):
        assert wide_places(tables, heard, votes, _LINE, DEFAULT) == ([], [])
