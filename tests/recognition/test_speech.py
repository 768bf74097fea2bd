"""Speech and music by half seconds, on synthetic sound and on the demo."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recognition.audio.analysis import analyse_file
from recognition.fingerprints.builder import extract
from recognition.speech.judging import judge, judge_interval
from recognition.speech_track import (
    HALF_MS,
    NO_TRACK,
    PIECE_MS,
    Share,
    SoundKind,
    SpeechTrack,
)
from recognition.types import LevelMap
from tests.recognition.synthesis import RATE, Samples, noise, silence

DEMO = Path("demo")


def level_map(y: Samples) -> LevelMap:
    made = extract(y).level_map
    assert made is not None
    return made


def track(*seconds: tuple[int, float, float]) -> SpeechTrack:
    """Return a track from (seconds, probability of speech, probability of music)."""
    rows = [[speech, music] for n, speech, music in seconds for _ in range(2 * n)]
    return SpeechTrack.of(np.array(rows, dtype=np.float32).reshape(-1, 2))


def _babble(seconds: float) -> Samples:
    """Return gliding voiced syllables, four per second, with pauses between words."""
    rng = np.random.default_rng(3)
    y = silence(seconds)
    at = 0.0
    while at < seconds - 0.4:
        t = np.arange(int(0.18 * RATE)) / RATE
        pitch = rng.uniform(100, 180) * (1 + rng.uniform(-1.5, 1.5) * t)
        phase = 2 * np.pi * np.cumsum(pitch) / RATE
        voiced = sum(np.sin(k * phase) / k for k in range(1, 20))
        part = y[int(at * RATE) : int(at * RATE) + len(t)]
        part += (0.1 * voiced * np.hanning(len(t)))[: len(part)]
        at += float(rng.choice([0.22, 0.26, 0.5]))
    return y + noise(4, seconds, 0.0005)


def test_a_held_chord_is_no_speech_and_silence_is_neither() -> None:
    t = np.arange(12 * RATE) / RATE
    chord = sum(0.05 * np.sin(2 * np.pi * f * t) for f in (220, 277, 330, 440))
    held = judge(level_map(np.asarray(chord, dtype=np.float32)))
    nothing = judge(level_map(silence(5)))

    assert held.speech_share(0, 12_000) == Share(0, 0)
    assert nothing.speech_share(0, 5_000) == nothing.music_share(0, 5_000) == Share(0, 0)


def test_syllables_are_taken_for_speech() -> None:
    share = judge(level_map(_babble(12))).speech_share(0, 12_000)

    assert share is not None
    assert share.is_over


def test_the_demo_has_speech_where_its_truth_says_so() -> None:
    made = analyse_file(DEMO / "programmes" / "programme-morning.opus").fingerprint.level_map
    assert made is not None
    pieces = list(judge(made).pieces(58_900, 80_000))
    metal = analyse_file(DEMO / "mutilated-mime.opus").fingerprint.level_map
    assert metal is not None

    assert [piece.kind for piece in pieces] == [SoundKind.MUSIC, SoundKind.SPEECH]
    assert abs(pieces[1].start_ms - 75_000) <= HALF_MS
    assert judge(metal).speech_share(0, 60_000) == pytest.approx((0, 0), abs=0.1)


def test_an_interval_is_judged_as_in_the_whole_but_at_its_ends() -> None:
    whole = level_map(np.concatenate([_babble(12), noise(1, 12, 0.05), _babble(12)]))
    part = judge_interval(whole, 8_000, 28_000)
    differing = np.frombuffer(judge(whole).part(8_000, 20_000).halves, np.uint8) != np.frombuffer(
        part.halves, np.uint8
    )

    assert len(part.halves) == 40
    assert not (abs(part.speech.astype(int) - judge(whole).speech[16:56]) > 4)[8:-8].any()
    assert differing.mean() < 0.5


def test_sound_that_follows_changes_the_last_seconds_only() -> None:
    y = np.concatenate([_babble(20), noise(1, 20, 0.05)])
    before = judge(level_map(y[: 30 * RATE])).speech >= 8
    after = judge(level_map(y)).speech[: len(before)] >= 8

    assert (before == after)[: -(3_200 // HALF_MS) - 1].all()


def test_steps_between_levels_are_those_that_decisions_ask_for() -> None:
    made = track((1, 0.8, 0.2), (1, 0.799, 0.199), (1, 0.5, 0.0))

    assert made.speech.tolist() == [11, 11, 10, 10, 8, 8]
    assert made.music.tolist() == [5, 5, 4, 4, 0, 0]
    assert made.speech_share(0, 3_000) == pytest.approx((1 / 3, 1))


@pytest.mark.parametrize(
    ("least", "most", "is_over"), [(0.5, 0.5, True), (0.4, 0.6, None), (0.4, 0.49, False)]
)
def test_between_sure_and_possible_nobody_judges(
    least: float, most: float, is_over: bool | None
) -> None:
    assert Share(least, most).is_over is is_over


def test_speech_of_the_recording_itself_lies_over_no_play() -> None:
    file = track((10, 0.9, 0.9), (10, 0.9, 0.9))
    recording = track((5, 0.0, 0.9), (10, 0.9, 0.9), (5, 0.0, 0.9))

    # It plays the recording from 5 s on, twice as fast.
    assert file.speech_over(0, 7_500, recording, (5_000, 20_000)) == pytest.approx(
        (1 / 3, 1 / 3), abs=0.01
    )
    assert file.speech_over(0, 10_000, NO_TRACK, (0, 10_000)) == Share(1, 1)
    assert NO_TRACK.speech_over(0, 10_000, recording, (0, 10_000)) is None


def test_pieces_end_where_speech_or_music_does() -> None:
    made = track((4, 0.9, 0.0), (2, 0.0, 0.9), (4, 0.9, 0.0), (10, 0.0, 0.9), (6, 0.9, 0.9))

    assert list(made.pieces(1_200, 30_000)) == [
        (1_200, 10_000, SoundKind.SPEECH),
        (10_000, 20_000, SoundKind.MUSIC),
        (20_000, 30_000, SoundKind.BOTH),
    ]
    assert list(made.pieces(40_000, 50_000)) == list(NO_TRACK.pieces(0, 5_000)) == []


@given(
    st.lists(st.tuples(st.integers(1, 9), st.booleans(), st.booleans()), max_size=30),
    st.integers(0, 20_000),
    st.integers(1, 60_000),
)
def test_pieces_meet_and_are_long_enough(
    seconds: list[tuple[int, bool, bool]], start_ms: int, length_ms: int
) -> None:
    made = track(*((n, float(speech), float(music)) for n, speech, music in seconds))
    pieces = list(made.pieces(start_ms, start_ms + length_ms))

    if pieces:
        assert (pieces[0].start_ms, pieces[-1].end_ms) == (start_ms, start_ms + length_ms)
    for piece, later in pairwise(pieces):
        assert piece.end_ms == later.start_ms
        assert piece.kind != later.kind
    if len(pieces) > 1:
        # The interval may begin and end within a half second.
        assert min(piece.end_ms - piece.start_ms for piece in pieces) >= PIECE_MS - HALF_MS // 2
