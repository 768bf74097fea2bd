"""Scans of synthetic programmes: matches, their intervals, and non-matches."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from recognition.errors import MissingLayer, ParamsMismatch
from recognition.index.places import References
from recognition.params import DEFAULT, Params
from recognition.search.candidates import LONG, PLAIN, SWEEP, SearchStage, windows_of
from recognition.search.match import begin, scan, searched
from recognition.search.policy import CaptureType, ScanPolicy
from recognition.speech_track import SpeechTrack
from recognition.types import ScanResult, UnmatchedKind
from tests.recognition.synthesis import (
    RATE,
    Catalogue,
    Samples,
    catalogue,
    faster,
    fingerprint_of,
    join,
    music,
    noise,
    silence,
)

RECORDINGS = [music(seed, 30) for seed in (11, 12, 13)]
FOREIGN = music(99, 12)


@pytest.fixture(scope="module")
def shelf() -> Catalogue:
    return catalogue(RECORDINGS)


def _cut(recording: int, start: float, end: float) -> Samples:
    return RECORDINGS[recording - 1][int(start * RATE) : int(end * RATE)]


def _recordings_in(result: ScanResult) -> list[int]:
    return [segment.recording for segment in result.segments]


def test_a_play_is_found_where_it_is_and_from_where_it_came(shelf: Catalogue) -> None:
    result = shelf.scan(join(FOREIGN, _cut(2, 5, 20), FOREIGN))

    (segment,) = result.segments
    assert segment.recording == 2
    assert abs(segment.start_ms - 12_000) < 300
    assert abs(segment.end_ms - 27_000) < 300
    assert abs(segment.reference_start_ms - segment.start_ms + 7000) < 60
    assert segment.tempo_ratio == pytest.approx(1, abs=0.001)
    assert segment.pitch_cents == pytest.approx(0, abs=3)
    assert segment.score > 80
    assert segment.aligned > segment.expected_by_chance


def test_of_a_short_clip_three_quarters_are_enough(shelf: Catalogue) -> None:
    clip = fingerprint_of(_cut(2, 8, 10))

    (segment,) = shelf.scan(clip).segments

    assert segment.recording == 2
    assert 1_500 <= segment.end_ms - segment.start_ms < DEFAULT.min_segment_ms
    assert abs(segment.reference_start_ms - segment.start_ms - 8_000) < 60
    assert not shelf.scan(fingerprint_of(join(FOREIGN, _cut(2, 8, 10)))).segments


@settings(max_examples=8)
@given(shift_ms=st.integers(0, 9000))
def test_a_shifted_file_shifts_its_matches(shelf: Catalogue, shift_ms: int) -> None:
    programme = join(_cut(1, 3, 12), FOREIGN)

    plain = shelf.scan(programme).segments
    shifted = shelf.scan(join(silence(shift_ms / 1000), programme)).segments

    assert [s.recording for s in shifted] == [s.recording for s in plain] == [1]
    assert abs(shifted[0].start_ms - plain[0].start_ms - shift_ms) <= 150
    assert abs(shifted[0].end_ms - plain[0].end_ms - shift_ms) <= 150


@settings(max_examples=6)
@given(seeds=st.sets(st.integers(1000, 2000), min_size=1, max_size=4))
def test_adding_strangers_changes_no_found_match(shelf: Catalogue, seeds: set[int]) -> None:
    shelf = shelf.copy()
    programme = fingerprint_of(join(_cut(1, 3, 12), FOREIGN, _cut(3, 10, 25)))

    before = shelf.scan(programme).segments
    for seed in seeds:
        shelf.add(seed, music(seed, 20))
    after = shelf.scan(programme).segments

    assert [(s.recording, s.start_ms, s.end_ms, s.reference_start_ms) for s in after] == [
        (s.recording, s.start_ms, s.end_ms, s.reference_start_ms) for s in before
    ]


def test_bits_fall_as_noise_grows(shelf: Catalogue) -> None:
    clip = _cut(1, 5, 15)

    bits = [
        max((s.bits for s in shelf.scan(clip + noise(5, 10, level)).segments), default=0)
        for level in (0.0, 0.02, 0.08, 0.5)
    ]

    assert bits == sorted(bits, reverse=True)
    assert bits[1] > 0
    assert bits[-1] == 0


def test_remove_undoes_add(shelf: Catalogue) -> None:
    shelf = shelf.copy()
    programme = fingerprint_of(join(_cut(1, 3, 12), _cut(2, 3, 12)))
    before = shelf.scan(programme)

    shelf.add(4, music(50, 20))
    shelf.remove(4)
    undone = shelf.scan(programme)
    shelf.remove(2)
    without = shelf.scan(programme)

    assert undone == before
    assert _recordings_in(without) == [1]


@pytest.mark.parametrize("ratio", [0.96, 1.03, 1.05])
def test_a_change_of_speed_is_read(shelf: Catalogue, ratio: float) -> None:
    result = shelf.scan(faster(_cut(3, 4, 24), ratio))

    (segment,) = result.segments
    assert segment.recording == 3
    assert segment.tempo_ratio == pytest.approx(ratio, abs=0.002)
    assert segment.pitch_cents == pytest.approx(1200 * np.log2(ratio), abs=4)


def test_two_recordings_at_once_are_both_found(shelf: Catalogue) -> None:
    result = shelf.scan(_cut(1, 2, 22) + 0.8 * _cut(2, 6, 26))

    assert sorted(_recordings_in(result)) == [1, 2]


def test_a_repeat_is_a_segment_of_its_own(shelf: Catalogue) -> None:
    result = shelf.scan(join(_cut(1, 5, 13), FOREIGN, _cut(1, 5, 13)))

    assert _recordings_in(result) == [1, 1]


def test_silence_foreign_music_and_matches_cover_the_whole_file(shelf: Catalogue) -> None:
    result = shelf.scan(join(FOREIGN, silence(6), _cut(1, 5, 15), silence(4), FOREIGN))

    kinds = [(s.kind, round(s.start_ms, -3)) for s in result.unmatched[:2]]
    assert kinds == [(UnmatchedKind.NO_MATCH, 0), (UnmatchedKind.SILENCE, 12_000)]
    parts = sorted(
        [(s.start_ms, s.end_ms) for s in result.segments]
        + [(s.start_ms, s.end_ms) for s in result.unmatched]
    )
    assert parts[0][0] == 0
    assert parts[-1][1] == result.duration_ms
    least = DEFAULT.no_match_min_ms + 2 * DEFAULT.frame_ms
    assert all(abs(after[0] - before[1]) <= least for before, after in pairwise(parts))


def test_points_leave_the_rest_unscanned(shelf: Catalogue) -> None:
    policy = ScanPolicy(points=1, rec_length_ms=8000)
    programme = join(_cut(1, 0, 10), FOREIGN, _cut(2, 0, 10))

    result = shelf.scan(programme, policy)

    assert result.segments == ()
    kinds = [s.kind for s in result.unmatched]
    assert kinds == [UnmatchedKind.NOT_SCANNED, UnmatchedKind.NO_MATCH, UnmatchedKind.NOT_SCANNED]


def test_an_interval_skips_what_lies_in_it() -> None:
    policy = ScanPolicy(interval_ms=5000, rec_length_ms=10_000)

    assert policy.windows_ms(32_000) == [(0, 10_000), (15_000, 25_000), (30_000, 32_000)]


def test_recorded_audio_begins_at_the_robust_stage(shelf: Catalogue) -> None:
    clip = _cut(1, 5, 15) + noise(8, 10, 0.05)

    result = shelf.scan(clip, ScanPolicy(audio_type=CaptureType.RECORDED))

    assert _recordings_in(result) == [1]


@pytest.mark.parametrize(("hours", "every"), [(100.0, 1), (0.5, 1), (0.1, 5)])
def test_what_no_hash_leads_to_is_found_in_catalogues_of_any_size(
    shelf: Catalogue, hours: float, every: int
) -> None:
    drowned = fingerprint_of(_cut(1, 15, 23) + noise(7, 8, 0.28))

    result = scan(
        drowned,
        index=shelf.index,
        buckets=[1],
        references=References.held(shelf.references),
        params=replace(DEFAULT, sweep_hours=hours, long_hours=2 * hours),
    )

    assert _recordings_in(result) == [1]
    assert result.swept_every == every


def test_what_was_found_is_sought_in_all_of_the_file(shelf: Catalogue) -> None:
    drowned = _cut(1, 15, 23) + noise(7, 8, 0.28)
    # So that nothing is swept.
    params = replace(DEFAULT, sweep_hours=0.1, long_hours=0.1, sweep_alone=0)

    def starts(y: Samples) -> list[int]:
        references = References.held(shelf.references)
        result = scan(
            fingerprint_of(y), index=shelf.index, buckets=[1], references=references, params=params
        )
        return [round(segment.reference_start_ms / 1000) for segment in result.segments]

    assert starts(drowned) == []
    assert starts(join(_cut(1, 0, 10), silence(10), drowned)) == [0, 15]


@pytest.mark.parametrize(("hours", "is_skipped"), [(30.0, True), (300.0, False)])
def test_music_that_plays_alone_is_not_swept_a_second_time(hours: float, is_skipped: bool) -> None:
    search = begin(fingerprint_of(FOREIGN), references=References.held({}), hours=hours).search
    alone = SpeechTrack(bytes([*[0x0F] * 8, *[0xFF] * 8, *[0x00] * 8]))  # music, both, neither
    search.speech = alone

    whole = search.open_frames(SearchStage(SWEEP, PLAIN, 1, hours))
    long = search.open_frames(SearchStage(LONG, PLAIN, 1, hours))

    after = round(4000 / DEFAULT.frame_ms)
    assert whole[:after].any()
    assert bool(long[:after].any()) is not is_skipped
    assert np.array_equal(long[after:], whole[after:])


def test_long_windows_are_swept_where_most_is_unexplained() -> None:
    def windows(hours: float, *open_s: tuple[float, float], seconds: float = 60) -> list[int]:
        frames = np.zeros(round(seconds * 62.5), dtype=np.bool_)
        for start, end in open_s:
            frames[round(start * 62.5) : round(end * 62.5)] = True
        stage = SearchStage(LONG, PLAIN, 1, hours)
        return [round(start / 62.5) for start, _ in windows_of(stage, frames, DEFAULT)]

    assert windows(30, (0, 60)) == [0, 20, 40]
    assert windows(30, (0, 5), (30, 60)) == [20, 40]
    # A short window held as much, if short ones are swept.
    assert windows(30, (0, 12), seconds=12) == []
    assert windows(120, (0, 12), seconds=12) == [0]
    # Places stand out by chance in a few seconds, unless few recordings are compared.
    assert windows(120, (0, 5)) == []
    assert windows(0, (0, 5)) == [0]


def test_large_catalogues_are_swept_in_fewer_windows() -> None:
    open_frames = np.ones(round(600 * 62.5), dtype=np.bool_)

    def starts(hours: float, frames: NDArray[np.bool_]) -> list[int]:
        stage = SearchStage(LONG, PLAIN, 1, hours)
        return [start for start, _ in windows_of(stage, frames, DEFAULT)]

    every = starts(150, open_frames)
    assert len(starts(300, open_frames)) == len(every) // 2
    assert len(starts(900, open_frames)) == len(every) // 6
    clip = open_frames[: 10 * 62]
    assert [len(starts(hours, clip)) for hours in (300, 1000, 6000)] == [1, 1, 0]


@pytest.mark.parametrize("before", [15, 18, 21])
def test_what_sounds_in_the_last_seconds_is_found(shelf: Catalogue, before: int) -> None:
    result = shelf.scan(join(silence(before), _cut(2, 5, 10)))

    assert _recordings_in(result) == [2]


def test_an_empty_catalogue_matches_nothing() -> None:
    result = catalogue([]).scan(FOREIGN)

    assert result.segments == ()
    assert [s.kind for s in result.unmatched] == [UnmatchedKind.NO_MATCH]


def test_a_fingerprint_without_scan_layer_or_of_other_parameters_is_refused(
    shelf: Catalogue,
) -> None:
    made = fingerprint_of(FOREIGN)

    with pytest.raises(MissingLayer, match="scan"):
        shelf.scan(replace(made, dense=None, level_map=None))
    with pytest.raises(ParamsMismatch, match="0123456789abcdef"):
        shelf.scan(replace(made, params_hash="0123456789abcdef"))


def _drums(seconds: float) -> Samples:
    """Return a pattern of eight sounds, the same for everybody who plays it."""
    rng = np.random.default_rng(1)
    t = np.arange(int(0.15 * RATE)) / RATE
    pitches, order = rng.uniform(200, 3000, 8), rng.integers(8, size=11)
    y = np.zeros(int(seconds * RATE), dtype=np.float32)
    for number, at in enumerate(np.arange(0, seconds - 0.36, 0.18)):
        hit = np.sin(2 * np.pi * pitches[order[number % 11]] * t) * np.exp(-30 * t)
        y[int(at * RATE) : int(at * RATE) + len(t)] += 0.3 * hit.astype(np.float32)
    return y


def test_a_few_sounds_again_and_again_count_less_than_many() -> None:
    shelf = catalogue([_drums(20) + 0.3 * music(5, 20)])
    query = fingerprint_of(_drums(8) + 0.3 * music(6, 8))

    def best(params: Params) -> float:
        search = searched(
            query,
            index=shelf.index,
            buckets=[1],
            references=References.held(shelf.references),
            params=params,
        ).search
        return max(run.bits for run in (*search.settled(), *search.refused))

    assert best(DEFAULT) < 0.7 * best(replace(DEFAULT, pitch_share=1e-9))
