"""Scoring a query at every position of every recording."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recognition.index.places import References, places_of
from recognition.params import DEFAULT
from recognition.search.candidates import PLAIN, open_windows
from recognition.search.sweep import sweep, weights_of
from recognition.types import Landmarks
from recognition.verify.alignment import Lead, QueryView
from recognition.verify.extension import follow, whole_window
from tests.recognition.synthesis import (
    RATE,
    Samples,
    catalogue,
    empty_landmarks,
    join,
    landmarks_of,
    music,
    noise,
    query_view,
    silence,
)

SONGS = {number: music(number, 60) for number in range(1, 9)}
SECONDS = 10
FRAMES = round(SECONDS * 62.5)
START = 21.0
DROWNING = 0.33  # of noise, at which no hash survives and no run extends far


@pytest.fixture(scope="module")
def references() -> dict[int, Landmarks]:
    return {number: landmarks_of(song) for number, song in SONGS.items()}


def _clip(number: int = 3, level: float = DROWNING) -> Samples:
    part = SONGS[number][int(START * RATE) : int((START + SECONDS) * RATE)]
    return part + noise(9, SECONDS, level)


def _leads(
    view: QueryView, references: dict[int, Landmarks], closed: slice = slice(0)
) -> list[Lead]:
    open_frames = np.ones(view.n_frames, dtype=np.bool_)
    open_frames[closed] = False
    weighed = [
        ((window, PLAIN), weights_of(view, window, open_frames, DEFAULT))
        for window in open_windows(open_frames, DEFAULT)
    ]
    return list(sweep(References.held(references).places, weighed, DEFAULT))


def _is_true(lead: Lead) -> bool:
    late = lead.alignment.offset + START * 62.5
    return lead.recording == 3 and abs(late) <= DEFAULT.sweep_frames


@pytest.mark.parametrize("with_map", [True, False])
def test_the_true_place_of_a_clip_in_noise_is_the_first_lead(
    references: dict[int, Landmarks], *, with_map: bool
) -> None:
    view = query_view(_clip(level=0.2), with_map=with_map)

    first = _leads(view, references)[0]

    assert _is_true(first)
    assert first.window == (0, FRAMES)


def test_a_place_is_told_from_where_the_window_begins(references: dict[int, Landmarks]) -> None:
    view = query_view(join(silence(20), _clip(level=0.2)))

    leads = _leads(view, references, closed=slice(0, 20 * 62))

    assert leads[0].recording == 3
    late = (20 - START) * 62.5
    assert leads[0].alignment.offset == pytest.approx(late, abs=2)


def test_what_is_closed_says_nothing(references: dict[int, Landmarks]) -> None:
    clip = join(_clip(5, 0.05), _clip(3, 0.2))
    half = slice(0, FRAMES)

    everywhere = _leads(query_view(clip), references)
    open_half = _leads(query_view(clip), references, closed=half)

    assert everywhere[0].recording == 5
    assert open_half[0].recording == 3


def test_one_recording_does_not_take_all_leads() -> None:
    loop = music(20, 2)
    looped = {1: landmarks_of(np.tile(loop, 20)), 2: landmarks_of(SONGS[2])}
    part = SONGS[2][10 * RATE : 18 * RATE]

    leads = _leads(query_view(0.3 * part + np.tile(loop, 4)), looped)

    of_loop = [lead for lead in leads if lead.recording == 1]
    assert len(of_loop) == DEFAULT.sweep_each
    assert any(lead.recording == 2 for lead in leads)


def test_a_shifted_recording_shifts_its_place(references: dict[int, Landmarks]) -> None:
    reference = references[3]
    later = {3: replace(reference, frames=reference.frames + np.int32(500))}
    view = query_view(_clip(level=0.2))

    (first, *_), (moved, *_) = _leads(view, {3: reference}), _leads(view, later)

    assert moved.alignment.offset == first.alignment.offset - 500


def test_silence_and_recordings_without_landmarks_lie_nowhere(
    references: dict[int, Landmarks],
) -> None:
    empty = empty_landmarks()

    assert _leads(query_view(_clip()), {1: empty}) == []
    assert len(places_of(empty).cells) == 0
    assert _leads(query_view(silence(SECONDS)), references) == []


def test_the_whole_window_counts_where_no_run_grows(references: dict[int, Landmarks]) -> None:
    view = query_view(_clip())
    lead = next(lead for lead in _leads(view, references) if _is_true(lead))

    grown = follow(view, references[3], lead, DEFAULT)
    whole = whole_window(view, references[3], lead, DEFAULT)

    assert grown is not None
    assert whole is not None
    assert grown.length < DEFAULT.min_segment_ms / DEFAULT.frame_ms
    assert whole.length > FRAMES * 0.9


def test_music_under_drowning_noise_is_found(references: dict[int, Landmarks]) -> None:
    shelf = catalogue(list(SONGS.values()))

    (segment,) = shelf.scan(_clip()).segments

    assert segment.recording == 3
    assert segment.end_ms - segment.start_ms > 9000
    late = segment.reference_start_ms - segment.start_ms
    assert late == pytest.approx(1000 * START, abs=50)
