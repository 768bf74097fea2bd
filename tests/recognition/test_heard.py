"""In which band a recording is heard: what filters cut off is said, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy  # loads scipy.signal when it is used, which takes long

from benchmarks import sound
from recognition.search.retro import RetroIndex, search_back
from recognition.types import SegmentMatch
from tests.recognition.memory_index import MemoryIndex
from tests.recognition.synthesis import RATE, Catalogue, Samples, fingerprint_of, landmarks_of

DEMO = Path(__file__).resolve().parents[2] / "demo"
NAMES = ("awakening", "coherence", "mountain", "palace", "armygeddon")
SECONDS = 10
Change = Callable[[Samples], Samples]


@pytest.fixture(scope="module")
def songs() -> list[Samples]:
    """Return what begins recordings of the demo, at the rate of the benchmarks."""
    return [sound.decode(DEMO / f"{name}.opus")[: 40 * sound.RATE] for name in NAMES]


@pytest.fixture(scope="module")
def shelf(songs: list[Samples]) -> Catalogue:
    made = Catalogue(MemoryIndex(), {})
    for number, y in enumerate(songs):
        made.add(number, sound.resample(y, sound.RATE, RATE))
    return made


def _find_segments(shelf: Catalogue, songs: list[Samples], change: Change) -> list[SegmentMatch]:
    """Return the segments of a changed clip of each song that are found."""
    segments = []
    for number, y in enumerate(songs):
        clip = y[15 * sound.RATE : (15 + SECONDS) * sound.RATE]
        query = sound.resample(change(clip), sound.RATE, RATE)
        matches = shelf.scan(query).segments
        segments += [match for match in matches if match.recording == number]
    return segments


def _filtered(low: float | None, high: float | None) -> Change:
    """Return a filter of 24 dB per octave."""
    kind = "lowpass" if low is None else "highpass" if high is None else "bandpass"
    edges = [edge for edge in (low, high) if edge is not None]

    def change(y: Samples) -> Samples:
        # Not before a test runs: the import takes more than a second of each process.
        made = scipy.signal.butter(4, np.squeeze(edges), kind, fs=sound.RATE, output="sos")
        filtered: Samples = scipy.signal.sosfilt(made, y).astype(np.float32)
        return filtered

    return change


def _third(hertz: float) -> object:
    return pytest.approx(hertz, rel=2 ** (1 / 3) - 1)


@pytest.mark.parametrize(
    "change",
    [
        sound.telephone,
        _filtered(300, 3400),
        lambda y: sound.coded(_filtered(300, 3400)(y), "libmp3lame", "mp3", 64_000),
        lambda y: _filtered(300, 3400)(sound.speed(y, 1.25)),
    ],
    ids=["telephone", "300 to 3,400 Hz", "coded", "sped up"],
)
def test_what_a_telephone_cuts_off_is_said(
    shelf: Catalogue, songs: list[Samples], change: Change
) -> None:
    segments = _find_segments(shelf, songs, change)

    assert len(segments) == len(NAMES)
    assert [segment.low_hz for segment in segments] == [_third(300)] * len(NAMES)
    assert {segment.high_hz for segment in segments} == {None}


@pytest.mark.parametrize("low", [200, 500])
def test_a_band_above_a_low_edge_is_said(
    shelf: Catalogue, songs: list[Samples], low: float
) -> None:
    segments = _find_segments(shelf, songs, _filtered(low, 7000))

    assert len(segments) == len(NAMES)
    assert [segment.low_hz for segment in segments] == [_third(low)] * len(NAMES)
    assert {segment.high_hz for segment in segments} == {None}


def test_a_band_below_a_high_edge_is_said(shelf: Catalogue, songs: list[Samples]) -> None:
    segments = _find_segments(shelf, songs, _filtered(None, 1000))

    assert segments
    assert {segment.low_hz for segment in segments} == {None}
    assert [segment.high_hz for segment in segments] == [_third(1000)] * len(segments)


def test_both_edges_of_a_narrow_band_are_said(shelf: Catalogue, songs: list[Samples]) -> None:
    segments = _find_segments(shelf, songs, _filtered(300, 1500))

    bands = [(segment.low_hz, segment.high_hz) for segment in segments if segment.high_hz]
    assert bands
    assert bands == [(_third(300), _third(1500))] * len(bands)


def _noisy(decibels: float, *, pink: bool = False) -> Change:
    def change(y: Samples) -> Samples:
        rng = np.random.default_rng(5)
        noise = rng.normal(size=len(y)).astype(np.float32)
        if pink:
            noise = sound.pink_noise(len(y), rng)
        return sound.mixed(y, noise, decibels)

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda y: y,
        lambda y: sound.coded(y, "libmp3lame", "mp3", 64_000),
        lambda y: sound.coded(y, "libopus", "ogg", 24_000),
        lambda y: sound.speed(y, 1.25),
        lambda y: sound.speed(y, 0.8),
        lambda y: sound.pitch(y, 3),
        lambda y: sound.reverberant(y, np.random.default_rng(5)),
        sound.clipped,
        _noisy(0),
        _noisy(-5, pink=True),
    ],
    ids=[
        *("clean", "MP3", "Opus", "sped up", "slowed", "pitched", "hall", "clipped"),
        *("as much noise", "more pink noise"),
    ],
)
def test_nothing_is_said_of_what_no_filter_cut(
    shelf: Catalogue, songs: list[Samples], change: Change
) -> None:
    segments = _find_segments(shelf, songs, change)

    assert segments
    assert {(segment.low_hz, segment.high_hz) for segment in segments} == {(None, None)}


def test_earlier_files_say_it_too(songs: list[Samples]) -> None:
    index = RetroIndex.of({4: landmarks_of(sound.resample(songs[0], sound.RATE, RATE))})
    clip = sound.telephone(songs[0][: 20 * sound.RATE])
    query = fingerprint_of(sound.resample(clip, sound.RATE, RATE))

    (segment,) = search_back(query, index, hours=300.0)

    assert segment.low_hz == _third(300)
