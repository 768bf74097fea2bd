"""Searching earlier files for recordings that were added later."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.hostile import crafted
from recognition.errors import MissingLayer
from recognition.fingerprints import file_format as fingerprint
from recognition.fingerprints.hashes import reference_hashes
from recognition.search.policy import ScanPolicy
from recognition.search.retro import RetroIndex, search_back
from recognition.types import Fingerprint
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
    silence,
)

RECORDINGS = {number: music(number, 30) for number in (11, 12, 13)}
FOREIGN = music(99, 12)


def _index(*numbers: int) -> RetroIndex:
    return RetroIndex.of({number: landmarks_of(RECORDINGS[number]) for number in numbers})


def _cut(number: int, start: float, end: float) -> Samples:
    return RECORDINGS[number][int(start * RATE) : int(end * RATE)]


@pytest.fixture(scope="module")
def programme() -> Fingerprint:
    """Return a programme of plays: unaltered, under noise, faster, and cut up."""
    return fingerprint_of(
        join(
            *(FOREIGN, _cut(11, 3, 18)),
            _cut(12, 2, 14) + noise(5, 12, 0.02),
            *(silence(3), faster(_cut(13, 4, 24), 1.04), FOREIGN, _cut(11, 20, 28)),
        )
    )


@pytest.fixture(scope="module")
def shelf() -> Catalogue:
    """Return a catalogue of the recordings."""
    made = catalogue([])
    for number, y in RECORDINGS.items():
        made.add(number, y)
    return made


def test_what_a_scan_finds_is_found_late_too_recording_by_recording_or_together(
    programme: Fingerprint, shelf: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanned = shelf.scan(programme).segments

    apart = [
        segment
        for number in RECORDINGS
        for segment in search_back(programme, _index(number), hours=1)
    ]
    index = _index(*RECORDINGS)
    together = search_back(programme, index, hours=1)

    assert [s.recording for s in scanned] == [11, 12, 13, 11]
    assert sorted(apart, key=lambda s: s.start_ms) == list(scanned)
    assert together == scanned
    # Where memory lets few tempi be asked about at once, too.
    monkeypatch.setattr("recognition.search.retro._PAIRINGS", 1)
    assert search_back(programme, index, hours=1) == scanned


def test_a_short_file_under_noise_is_found_late_too(shelf: Catalogue) -> None:
    clip = fingerprint_of(_cut(11, 15, 23) + noise(7, 8, 0.26))

    late = search_back(clip, _index(11), hours=1)

    assert [s.recording for s in late] == [11]
    assert late == shelf.scan(clip).segments


def test_a_logo_of_two_seconds_is_found_in_a_long_file_now_and_late() -> None:
    logo = landmarks_of(music(71, 2))
    held = catalogue([music(72, 20), music(71, 2)])
    programme = fingerprint_of(join(music(73, 15), music(71, 2), music(74, 15)))

    late = search_back(programme, RetroIndex.of({2: logo}), hours=1)

    (segment,) = held.scan(programme).segments
    assert (segment.recording, late) == (2, (segment,))
    assert segment.start_ms == pytest.approx(15_000, abs=200)
    assert segment.end_ms == pytest.approx(17_000, abs=200)


def test_a_recording_that_is_not_there_is_not_found(programme: Fingerprint) -> None:
    index = RetroIndex.of({50: landmarks_of(music(50, 30))})

    assert search_back(programme, index, hours=1) == ()


def test_only_what_the_policy_scans_is_looked_at(programme: Fingerprint) -> None:
    policy = ScanPolicy(rec_length_ms=20_000, interval_ms=1_000_000)

    (segment,) = search_back(programme, _index(11, 12, 13), hours=1, policy=policy)

    assert (segment.recording, segment.start_ms // 1000) == (11, 12)


def test_in_a_larger_catalogue_the_same_play_is_less_sure(programme: Fingerprint) -> None:
    small, large = (
        search_back(programme, _index(12), hours=hours)[0].e_value for hours in (1, 20_000)
    )

    assert large > small


def test_silence_and_recordings_without_landmarks_give_nothing() -> None:
    empty = RetroIndex.of({1: landmarks_of(silence(5))})

    assert search_back(fingerprint_of(silence(20)), _index(11), hours=1) == ()
    assert search_back(fingerprint_of(FOREIGN), empty, hours=1) == ()


def test_a_fingerprint_without_the_scan_layer_is_refused() -> None:
    bare = replace(fingerprint_of(FOREIGN), dense=None, level_map=None)

    with pytest.raises(MissingLayer):
        search_back(bare, _index(11), hours=1)


def test_a_tone_that_beeps_for_long_is_no_hash_of_a_recording() -> None:
    # Each hash is at every beep, so hits would be the square of the length.
    beeps = fingerprint.from_bytes(crafted.same_hash(600_000))
    assert beeps.reference is not None

    index = RetroIndex.of({1: beeps.reference, 11: landmarks_of(RECORDINGS[11])})

    assert index.n_hashes < len(reference_hashes(landmarks_of(RECORDINGS[11]))[0]) + 3_000
    assert search_back(beeps, index, hours=300.0) == ()
