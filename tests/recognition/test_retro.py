"""Searching earlier files for recordings that were added later."""

from __future__ import annotations

import pytest

from benchmarks.hostile import crafted
from recognition.errors import MissingLayer
from recognition.fingerprint import file_format as fingerprint
from recognition.fingerprint.builder import extract
from recognition.fingerprint.hashes import reference_hashes
from recognition.search.policy import ScanPolicy
from recognition.search.retro import RetroIndex, search_back
from recognition.types import Fingerprint, Landmarks, SegmentMatch
from tests.recognition.synthesis import (
    RATE,
    Samples,
    catalogue,
    faster,
    join,
    music,
    noise,
    silence,
)

RECORDINGS = {number: music(number, 30) for number in (11, 12, 13)}
FOREIGN = music(99, 12)


def _landmarks(number: int) -> Landmarks:
    reference = extract(RECORDINGS[number]).reference
    assert reference is not None
    return reference


def _index(*numbers: int) -> RetroIndex:
    return RetroIndex.of({number: _landmarks(number) for number in numbers})


def _cut(number: int, start: float, end: float) -> Samples:
    return RECORDINGS[number][int(start * RATE) : int(end * RATE)]


@pytest.fixture(scope="module")
def programme() -> Fingerprint:
    """Return a programme of plays: unaltered, under noise, faster, and cut up."""
    return extract(
        join(
            *(FOREIGN, _cut(11, 3, 18)),
            _cut(12, 2, 14) + noise(5, 12, 0.02),
            *(silence(3), faster(_cut(13, 4, 24), 1.04), FOREIGN, _cut(11, 20, 28)),
        )
    )


def test_what_a_scan_finds_is_found_late_too(programme: Fingerprint) -> None:
    shelf = catalogue([])
    for number in RECORDINGS:
        landmarks = _landmarks(number)
        shelf.references[number] = landmarks
        shelf.index.add(1, number, *reference_hashes(landmarks))
    scanned = shelf.scan(programme).segments

    late: list[SegmentMatch] = []
    for number in RECORDINGS:
        late += search_back(programme, _index(number), hours=1)

    assert [s.recording for s in scanned] == [11, 12, 13, 11]
    assert sorted(late, key=lambda s: s.start_ms) == list(scanned)


def test_the_same_is_found_where_memory_lets_few_tempi_be_asked_about_at_once(
    programme: Fingerprint, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = _index(*RECORDINGS)
    whole = search_back(programme, index, hours=1)
    monkeypatch.setattr("recognition.search.retro._PAIRINGS", 1)

    assert search_back(programme, index, hours=1) == whole
    assert [s.recording for s in whole] == [11, 12, 13, 11]


def test_a_short_file_under_noise_is_found_late_too() -> None:
    clip = extract(_cut(11, 15, 23) + noise(7, 8, 0.26))
    shelf = catalogue([])
    for number in RECORDINGS:
        shelf.add(number, RECORDINGS[number])

    late = search_back(clip, _index(11), hours=1)

    assert [s.recording for s in late] == [11]
    assert late == shelf.scan(clip).segments


def test_many_recordings_are_looked_for_together(programme: Fingerprint) -> None:
    together = search_back(programme, _index(11, 12, 13), hours=1)

    apart = [
        found
        for number in RECORDINGS
        for found in search_back(programme, _index(number), hours=1)
    ]
    assert list(together) == sorted(apart, key=lambda s: s.start_ms)


def test_a_recording_that_is_not_there_is_not_found(programme: Fingerprint) -> None:
    reference = extract(music(50, 30)).reference
    assert reference is not None

    assert search_back(programme, RetroIndex.of({50: reference}), hours=1) == ()


def test_only_what_the_policy_scans_is_looked_at(programme: Fingerprint) -> None:
    policy = ScanPolicy(rec_length_ms=20_000, interval_ms=1_000_000)

    (found,) = search_back(programme, _index(11, 12, 13), hours=1, policy=policy)

    assert (found.recording, found.start_ms // 1000) == (11, 12)


def test_in_a_larger_catalogue_the_same_play_is_less_sure(
    programme: Fingerprint,
) -> None:
    small, large = (
        search_back(programme, _index(12), hours=hours)[0].e_value
        for hours in (1, 20_000)
    )

    assert large > small


def test_silence_and_recordings_without_landmarks_give_nothing() -> None:
    empty = extract(silence(5)).reference
    assert empty is not None

    assert search_back(extract(silence(20)), _index(11), hours=1) == ()
    assert search_back(extract(FOREIGN), RetroIndex.of({1: empty}), hours=1) == ()


def test_a_fingerprint_without_the_scan_layer_is_refused() -> None:
    fingerprint = extract(FOREIGN)
    bare = Fingerprint(
        fingerprint.duration_ms, fingerprint.params_hash, fingerprint.reference
    )

    with pytest.raises(MissingLayer):
        search_back(bare, _index(11), hours=1)


def test_a_tone_that_beeps_for_long_is_no_hash_of_a_recording() -> None:
    # Each hash is at every beep, so hits would be the square of the length.
    beeps = fingerprint.from_bytes(crafted.same_hash(600_000))
    assert beeps.reference is not None

    index = RetroIndex.of({1: beeps.reference, 11: _landmarks(11)})

    assert index.n_hashes < len(reference_hashes(_landmarks(11))[0]) + 3_000
    assert search_back(beeps, index, hours=300.0) == ()
