"""Phases along an alignment, and what they add to a verdict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import sound
from benchmarks.corpus import DEMO
from recognition.params import DEFAULT
from recognition.types import Landmarks
from recognition.verify.alignment import Alignment
from recognition.verify.phases import coherence, phase_bits
from tests.recognition.synthesis import (
    RATE,
    Samples,
    catalogue,
    faster,
    fingerprint_of,
    join,
    landmarks_of,
    music,
    noise,
    query_view,
    silence,
)

SONG = music(3, 40)
START = 12.0


def _agreed(query: Samples, alignment: Alignment, reference: Landmarks | None = None) -> float:
    landmarks = landmarks_of(SONG) if reference is None else reference
    seconds = len(query) / RATE
    bounds = np.array([START * 62.5, (START + seconds) * 62.5], dtype=np.int32)
    span = tuple(np.searchsorted(landmarks.frames, bounds).tolist())
    return coherence(query_view(query), landmarks, span, alignment).height


def _part(start: float = START, seconds: float = 10) -> Samples:
    return SONG[int(start * RATE) : int((start + seconds) * RATE)]


def _at(offset: float = 0.0, slope: float = 1.0) -> Alignment:
    shift = -DEFAULT.bins_per_octave * float(np.log2(slope))
    return Alignment(slope, offset - slope * START * 62.5, shift)


def test_phases_agree_at_the_true_place_alone() -> None:
    clip = _part() + noise(9, 10, 0.15)

    assert _agreed(clip, _at()) > 25
    assert _agreed(clip, _at(offset=0.7)) > 25  # within what a search is off
    for wrong in (200, -150, 400):
        assert _agreed(clip, _at(offset=wrong)) < 14
    stranger = landmarks_of(music(4, 40))
    assert _agreed(clip, _at(), stranger) < 14


def test_a_clock_that_is_off_keeps_its_phases_and_a_stretched_tempo_none() -> None:
    clip = faster(_part(), 1.0005)
    assert _agreed(clip, _at()) > 40
    assert _agreed(faster(_part(), 1.25), _at(slope=0.8)) > 40
    assert _agreed(clip, replace(_at(), slope=0.9)) == 0  # its pitch would be another


def test_nothing_agrees_without_phases() -> None:
    bare = replace(landmarks_of(SONG), phases=None)

    assert _agreed(_part(), _at(), bare) == 0
    assert phase_bits(coherence(query_view(_part()), bare, (0, 100), _at())) == 0


def test_phases_follow_a_recording_beneath_noise() -> None:
    noisy = _part() + noise(4, 10, 0.2)
    drowned = _part(START + 10, 14) + noise(5, 14, 0.5)
    query = fingerprint_of(join(silence(2), noisy, drowned, silence(2)))
    assert query.dense is not None
    bare = replace(query, dense=replace(query.dense, phases=None))
    shelf = catalogue([music(1, 30), SONG])

    (followed,), (bare_segment,) = (
        shelf.scan(fingerprint).segments for fingerprint in (query, bare)
    )

    assert followed.recording == bare_segment.recording == 2
    assert followed.end_ms > bare_segment.end_ms + 2_000


@pytest.mark.parametrize(
    ("name", "start", "seed"), [("orbital-elevator", 25, 10), ("graveyard", 30, 210)]
)
def test_what_a_hall_and_noise_leave_is_proven_by_its_phases(
    name: str, start: int, seed: int
) -> None:
    whole = sound.audible(sound.decode(DEMO / f"{name}.opus"))
    rng = np.random.default_rng(seed)
    hall = sound.reverberant(whole[start * sound.RATE : (start + 10) * sound.RATE], rng)
    crowd = rng.normal(size=len(hall)) * hall.std() * 10 ** (9 / 20)
    song, clip = (
        sound.resample(y.astype(np.float32), sound.RATE, RATE) for y in (whole, hall + crowd)
    )

    (segment,) = catalogue([song]).scan(clip).segments

    assert segment.bits > 15
    assert segment.end_ms - segment.start_ms > 8_000
