"""Edited music: sped up, slowed, stretched, pitched; and what a telephone cut off."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from benchmarks import sound
from recognition.params import DEFAULT
from recognition.search.candidates import GRID, WIDE, SearchStage, wide_warps, windows_of
from recognition.search.policy import ScanPolicy
from recognition.search.retro import RetroIndex, search_back
from recognition.types import Landmarks
from recognition.verify.alignment import Alignment, QueryView
from recognition.verify.evidence import weigh
from recognition.verify.lookup import ABSENT, ALIGNED
from tests.recognition.synthesis import (
    RATE,
    Catalogue,
    Samples,
    catalogue,
    faster,
    fingerprint_of,
    join,
    landmarks_of,
    music,
    noise,
    query_view,
)

SONGS = [music(seed, 40) for seed in (21, 22, 23)]


@pytest.fixture(scope="module")
def shelf() -> Catalogue:
    return catalogue(SONGS)


def _cut(recording: int, start: float, end: float) -> Samples:
    return SONGS[recording - 1][int(start * RATE) : int(end * RATE)]


def _edited(y: Samples, tempo: float, semitones: float) -> Samples:
    """Stretch and pitch by the filters that people's programs use."""
    wide = sound.resample(y, RATE, sound.RATE)
    ratio = 2 ** (semitones / 12)
    made = sound.tempo(sound.speed(wide, ratio), tempo / ratio)
    return sound.resample(made, sound.RATE, RATE)


@pytest.mark.parametrize("speed", [0.72, 0.8, 0.915, 1.11, 1.25, 1.44])
def test_a_clip_at_another_speed_is_found_with_its_speed(shelf: Catalogue, speed: float) -> None:
    result = shelf.scan(faster(_cut(2, 5, 5 + 10 * speed), speed))

    (segment,) = result.segments
    assert segment.recording == 2
    assert segment.tempo_ratio == pytest.approx(speed, rel=0.001)
    assert segment.pitch_cents == pytest.approx(1200 * np.log2(speed), abs=5)
    assert abs(segment.reference_start_ms - 5000) < 300


@pytest.mark.parametrize(
    ("tempo", "semitones"),
    [
        *((0.75, 0), (1.35, 0), (1, -5.5), (1, -1.5), (1, 1.5), (1, 4.25)),
        *((0.92, -3), (0.9, 2.25), (1.08, -2.5), (1.11, 3)),
    ],
)
def test_a_clip_at_another_tempo_or_pitch_is_found(
    shelf: Catalogue, tempo: float, semitones: float
) -> None:
    result = shelf.scan(_edited(_cut(1, 8, 8 + 10 * tempo), tempo, semitones))

    (segment,) = result.segments
    assert segment.recording == 1
    assert segment.tempo_ratio == pytest.approx(tempo, rel=0.002)
    assert segment.pitch_cents == pytest.approx(100 * semitones, abs=10)


def test_a_normal_search_leaves_large_changes_out(shelf: Catalogue) -> None:
    normal = ScanPolicy(widely=False)

    assert shelf.scan(faster(_cut(2, 5, 16), 1.05), normal).segments
    assert not shelf.scan(faster(_cut(2, 5, 17), 1.25), normal).segments


def test_earlier_files_are_searched_for_edited_music() -> None:
    index = RetroIndex.of({4: landmarks_of(SONGS[0])})
    query = fingerprint_of(join(music(80, 15), faster(_cut(1, 5, 35), 0.85)))

    (segment,) = search_back(query, index, hours=300.0)

    assert segment.recording == 4
    assert segment.tempo_ratio == pytest.approx(0.85, rel=0.001)
    normal = ScanPolicy(widely=False)
    assert not search_back(query, index, policy=normal, hours=300.0)


def test_strangers_are_not_found_at_any_speed(shelf: Catalogue) -> None:
    for seed in range(90, 96):
        assert not shelf.scan(music(seed, 20)).segments


def test_the_wide_grid_searches_one_window_of_four_in_a_row() -> None:
    step = DEFAULT.step_frames
    stage = SearchStage(WIDE, wide_warps(DEFAULT)[0], 1, 1.0)
    whole = np.ones(9 * step + 200, dtype=np.bool_)
    islands = whole.copy()
    islands[2 * step : 6 * step] = False

    starts = [start // step for start, _ in windows_of(stage, whole, DEFAULT)]
    parts = [start // step for start, _ in windows_of(stage, islands, DEFAULT)]
    every = windows_of(replace(stage, name=GRID), whole, DEFAULT)

    assert starts == [1, 5, 9]
    assert parts == [0, 1, 7]
    assert len(every) == 10


def test_what_noise_hides_is_found_along_the_change_found_elsewhere(shelf: Catalogue) -> None:
    clear = faster(_cut(3, 5, 20), 1.25)
    drowned = faster(_cut(1, 10, 26), 1.25)
    drowned = drowned + noise(4, len(drowned) / RATE + 1, 0.25)[: len(drowned)]

    alone = shelf.scan(drowned)
    beside = shelf.scan(join(clear, drowned))

    assert [segment.recording for segment in alone.segments] == []
    assert [segment.recording for segment in beside.segments] == [3, 1]
    assert beside.segments[1].tempo_ratio == pytest.approx(1.25, rel=0.002)


def test_what_a_telephone_cut_off_says_nothing() -> None:
    wide = sound.resample(_bassy(3, 10), RATE, sound.RATE)
    heard = query_view(sound.resample(sound.telephone(wide), sound.RATE, RATE))
    reference = landmarks_of(_bassy(3, 10))
    whole = replace(heard, bands=np.array([[0, DEFAULT.n_bins]], dtype=np.float32))

    low, high = heard.bands[0]
    assert 75 <= low <= 105  # 190 to 340 Hz
    assert high == DEFAULT.n_bins - 1
    assert _count(heard, reference, ABSENT) < _count(whole, reference, ABSENT) / 3
    assert _count(heard, reference, ALIGNED) > 0.8 * _count(whole, reference, ALIGNED)


def test_music_that_was_not_cut_is_judged_over_the_whole_axis() -> None:
    assert (query_view(_bassy(4, 30)).bands[:, 0] < 30).all()


def _count(heard: QueryView, reference: Landmarks, state: int) -> int:
    span = (0, len(reference.frames))
    states = weigh(heard, reference, span, Alignment(1.0, 0.0, 0.0)).states
    return int((states == state).sum())


def _bassy(seed: int, seconds: float) -> Samples:
    """Return music with a bass line below 200 Hz."""
    rng = np.random.default_rng(seed)
    y = music(seed, seconds).copy()
    t = np.arange(RATE // 2) / RATE
    for at in range(0, len(y) - len(t), len(t) // 2):
        pitch = rng.uniform(55, 180)
        y[at : at + len(t)] += 0.05 * np.sin(2 * np.pi * pitch * t) * np.exp(-4 * t)
    return y


@pytest.mark.parametrize(("first", "last"), [(1.0, 1.06), (0.88, 0.8)])
def test_segments_meet_where_the_speed_drifts(first: float, last: float) -> None:
    song = music(24, 100)
    tape = sound.drifting(song, first, last, 90 * RATE)

    segments = catalogue([song]).scan(join(noise(4, 3, 0.02), tape, noise(5, 3, 0.02))).segments

    tempi = [segment.tempo_ratio for segment in segments]
    assert len(segments) > 2
    assert tempi == sorted(tempi, reverse=last < first)
    assert abs(segments[0].start_ms - 3_000) < 500
    assert abs(segments[-1].end_ms - 93_000) < 500
    for segment, later in pairwise(segments):
        assert abs(later.start_ms - segment.end_ms) < 300
        assert abs(later.reference_start_ms - segment.reference_end_ms) < 300


def test_a_cut_is_no_bend(shelf: Catalogue) -> None:
    """Segments whose tempi differ by more than a drift keep their own ends."""
    jumping = join(faster(_cut(1, 0, 15), 1.25), faster(_cut(1, 15, 30), 0.8))

    earlier, later = shelf.scan(jumping).segments

    assert earlier.tempo_ratio == pytest.approx(1.25, rel=0.001)
    assert later.tempo_ratio == pytest.approx(0.8, rel=0.001)
    assert abs(earlier.end_ms - 12_000) < 300
    assert abs(later.start_ms - 12_000) < 300
