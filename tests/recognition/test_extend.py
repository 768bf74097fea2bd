"""Following a lead: what a line that was chosen to fit costs."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recognition.alignment import Line, QueryView, view_of
from recognition.builder import extract
from recognition.candidates import Lead
from recognition.extend import follow
from recognition.params import DEFAULT, Params
from recognition.segments import Run
from recognition.types import Landmarks
from tests.recognition.synthesis import RATE, Samples, faster, music

SONG = music(3, 20)
START = 4.0
SPEED = 1.008  # as far off as a line is that began at none
FREE = replace(DEFAULT, warp_bits=0.0)
SLACK = 4  # frames that a line may move when it is fitted


def _clip(seconds: int) -> Samples:
    return SONG[int(START * RATE) : int((START + seconds) * RATE)]


def _view(clip: Samples) -> QueryView:
    made = extract(clip)
    assert made.dense is not None
    return view_of(made.dense, made.level_map, round(len(clip) / RATE * 62.5))


@cache
def _faster(speed: float) -> QueryView:
    return _view(faster(_clip(12), speed))


@cache
def _reference() -> Landmarks:
    reference = extract(SONG).reference
    assert reference is not None
    return reference


def _followed(clip: Samples, params: Params = DEFAULT) -> Run:
    view = _view(clip)
    line = Line(1.0, -START * 62.5, 0.0)
    lead = Lead(1, line, (0, view.n_frames), 9, warped=False, nearby=(0.0, 1.0))
    run = follow(view, _reference(), lead, params)
    assert run is not None
    return run


def test_a_play_as_it_was_recorded_pays_nothing() -> None:
    run, free = _followed(_clip(10)), _followed(_clip(10), FREE)

    assert run.line.slope == pytest.approx(1, abs=0.001)
    assert run.bits == free.bits


def test_a_tempo_that_was_fitted_is_paid_for() -> None:
    clip = faster(_clip(12), SPEED)
    run, free = _followed(clip), _followed(clip, FREE)

    assert 1 / run.line.slope == pytest.approx(SPEED, abs=0.002)
    assert run.bits == pytest.approx(free.bits - DEFAULT.warp_bits)


def test_a_tempo_that_says_little_more_than_none_is_not_taken() -> None:
    clip = faster(_clip(12), SPEED)
    dear = replace(DEFAULT, warp_bits=500.0)

    assert _followed(clip, dear).line.slope == 1.0


@given(
    first=st.integers(0, 700),
    length=st.integers(1, 300),
    offset=st.integers(-40, 40),
    speed=st.sampled_from([0.96, 0.99, 1.0, 1.01, 1.05]),
)
def test_a_run_keeps_within_its_bounds(
    first: int, length: int, offset: int, speed: float
) -> None:
    within = (first, first + length)
    line = Line(1.0, offset - START * 62.5, 0.0)
    lead = Lead(1, line, within, 9, False, (-1.0, 0.0, 1.0), within=within)
    run = follow(_faster(speed), _reference(), lead, DEFAULT)

    if run is not None:
        start, end = run.query_span
        assert within[0] - SLACK <= start <= end <= within[1] + SLACK
