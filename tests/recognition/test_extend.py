"""Extending a candidate: the cost of an alignment that was chosen to fit."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recognition.fingerprints.builder import extract
from recognition.index.places import References
from recognition.params import DEFAULT, Params
from recognition.relate.compare import compare
from recognition.search.live import HeardNow, OpenPlay, hear
from recognition.search.retro import RetroIndex, search_back
from recognition.types import Landmarks
from recognition.verify.alignment import Alignment, Lead, QueryView, view_of
from recognition.verify.extension import follow, whole_run
from recognition.verify.segments import ScoringRun
from tests.recognition.memory_index import MemoryIndex
from tests.recognition.synthesis import (
    RATE,
    Catalogue,
    Samples,
    faster,
    join,
    landmarks_of,
    machine,
    music,
    query_view,
    tones,
)

SONG = music(3, 20)
START = 4.0
SPEED = 1.008  # the error of an alignment that starts without any
FREE = replace(DEFAULT, warp_bits=0.0)
SLACK = 4  # frames that an alignment may move when it is fitted


def _clip(seconds: int) -> Samples:
    return SONG[int(START * RATE) : int((START + seconds) * RATE)]


@cache
def _faster(speed: float) -> QueryView:
    return query_view(faster(_clip(12), speed))


def _followed(clip: Samples, params: Params = DEFAULT) -> ScoringRun:
    view = query_view(clip)
    alignment = Alignment(1.0, -START * 62.5, 0.0)
    lead = Lead(1, alignment, (0, view.n_frames), 9, warped=False, nearby=(0.0, 1.0))
    run = follow(view, landmarks_of(SONG), lead, params)
    assert run is not None
    return run


def test_a_play_as_it_was_recorded_pays_nothing() -> None:
    run, free = _followed(_clip(10)), _followed(_clip(10), FREE)

    assert run.alignment.slope == pytest.approx(1, abs=0.001)
    assert run.bits == free.bits


def test_a_tempo_that_was_fitted_is_paid_for() -> None:
    clip = faster(_clip(12), SPEED)
    run, free = _followed(clip), _followed(clip, FREE)

    assert 1 / run.alignment.slope == pytest.approx(SPEED, abs=0.002)
    assert run.bits == pytest.approx(free.bits - DEFAULT.warp_bits)


def test_a_tempo_that_says_little_more_than_none_is_not_taken() -> None:
    clip = faster(_clip(12), SPEED)
    dear = replace(DEFAULT, warp_bits=500.0)

    assert _followed(clip, dear).alignment.slope == 1.0


def _covered(loudness: float) -> Samples:
    """Return 13 s of the song beneath other music, two of them hidden; then other music."""
    mixed = _clip(13) + loudness * music(70, 13)
    return join(mixed[: 4 * RATE], music(50, 2), mixed[6 * RATE :], music(61, 4))


def test_a_run_that_was_found_goes_on_beneath_other_music_and_not_into_it() -> None:
    view = query_view(_covered(2.5))
    lead = Lead(1, Alignment(1.0, -START * 62.5, 0.0), (0, 250), 9, warped=False)

    run = follow(view, landmarks_of(SONG), lead, DEFAULT)

    assert run is not None
    assert run.query_span[0] > 5 * 62.5  # more evidence follows the other music
    whole = whole_run(view, run, (0, view.n_frames), DEFAULT)
    assert whole.query_span == pytest.approx((0, 13 * 62.5), abs=25)
    assert (whole.bits, whole.raw > run.raw) == (run.bits, True)


def test_a_sound_has_the_same_ends_in_a_scan_live_and_in_a_comparison() -> None:
    heard = extract(_covered(5))
    catalogue = Catalogue(MemoryIndex(), {})
    catalogue.add(1, SONG)
    references = References.held(catalogue.references)

    def live(*plays: OpenPlay) -> HeardNow:
        return hear(heard, plays, index=catalogue.index, buckets=[1], references=references)

    (scanned,) = catalogue.scan(heard).segments
    (new_run,) = live().found
    going_on = live(OpenPlay(1, -START * 1000, 1.0, 0.0))
    (late,) = search_back(heard, RetroIndex.of(catalogue.references), hours=1)
    (shared,) = compare(heard, extract(SONG)).runs

    assert going_on.found == ()
    (followed,) = going_on.followed
    assert followed is not None
    ends = scanned.start_ms, scanned.end_ms
    assert ends == pytest.approx((0, 13_000), abs=400)
    for run in (new_run, followed, late, shared):
        assert (run.start_ms, run.end_ms) == pytest.approx(ends, abs=50)


@given(
    first=st.integers(0, 700),
    length=st.integers(1, 300),
    offset=st.integers(-40, 40),
    speed=st.sampled_from([0.96, 0.99, 1.0, 1.01, 1.05]),
)
def test_a_run_keeps_within_its_bounds(first: int, length: int, offset: int, speed: float) -> None:
    within = (first, first + length)
    alignment = Alignment(1.0, offset - START * 62.5, 0.0)
    lead = Lead(1, alignment, within, 9, False, (-1.0, 0.0, 1.0), within=within)
    run = follow(_faster(speed), landmarks_of(SONG), lead, DEFAULT)

    if run is not None:
        start, end = run.query_span
        assert within[0] - SLACK <= start <= end <= within[1] + SLACK


def _hits(every: int, count: int, bins: list[int]) -> Landmarks:
    """Return a drum machine's hits: the same landmarks at the same times, repeated."""
    frames = np.repeat(np.arange(count, dtype=np.int32) * np.int32(every), len(bins))
    places = np.tile(np.array(sorted(bins), dtype=np.float32), count)
    return Landmarks(frames, places, np.zeros(len(frames), dtype=np.float32))


@pytest.mark.slow
@given(
    every=st.integers(1, 200),
    period=st.integers(1, 200),
    count=st.integers(1, 40),
    bins=st.lists(st.integers(4, 220), min_size=8, max_size=40, unique=True),
    offset=st.integers(-5, 5),
    length=st.integers(1, 2000),
    warped=st.booleans(),
)
@example(
    every=5, period=200, count=8, bins=list(range(20, 220, 5)), offset=0, length=2000, warped=True
)
def test_what_repeats_is_followed_at_a_tempo_that_exists(
    every: int, period: int, count: int, bins: list[int], offset: int, length: int, warped: bool
) -> None:
    view = view_of(_hits(period, count, bins), None, 0)
    lead = Lead(1, Alignment(1.0, float(offset), 0.0), (0, length), 9, warped, (-1.0, 0.0, 1.0))

    run = follow(view, _hits(every, count, bins), lead, FREE)

    assert run is None or 0.8 <= run.alignment.slope <= 1.25


repeating = st.builds(
    lambda make, seed, seconds: make(seed, seconds),
    st.sampled_from([machine, tones]),
    st.integers(0, 1000),
    st.integers(4, 15),
)


@settings(max_examples=12)
@given(first=repeating, second=repeating, speed=st.sampled_from([0.9, 0.98, 1.0, 1.01, 1.1]))
def test_machines_and_tones_are_scanned_and_compared_without_a_fault(
    first: Samples, second: Samples, speed: float
) -> None:
    catalogue = Catalogue(MemoryIndex(), {})
    catalogue.add(1, first)
    catalogue.add(2, second)

    result = catalogue.scan(faster(join(second, first), speed))
    compared = compare(extract(first), extract(join(second, first)))

    for segment in (*result.segments, *compared.runs):
        assert segment.start_ms < segment.end_ms
        assert segment.reference_start_ms < segment.reference_end_ms
