"""Relations between recordings."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import pytest

from benchmarks.hostile import crafted
from recognition.errors import MissingLayer
from recognition.fingerprint import file_format as fingerprint_file
from recognition.fingerprint.builder import extract
from recognition.fingerprint.hashes import reference_hashes
from recognition.relate.compare import SoundRelation, compare
from recognition.relate.single import OneRecording
from recognition.types import Fingerprint
from recognition.verify.repeats import sorted_hashes
from tests.recognition.synthesis import RATE, faster, join, music, noise, silence

SONG = music(21, 60)
OTHER = music(22, 60)


def _stored(fingerprint: Fingerprint) -> Fingerprint:
    """Return the data that a catalogue stores of a recording: its reference layer."""
    return replace(fingerprint, dense=None, level_map=None)


def _part(start: int, end: int) -> Fingerprint:
    return extract(SONG[start * RATE : end * RATE])


def test_quieter_noisier_copy_is_the_same_audio() -> None:
    copy = extract(join(silence(3), 0.3 * SONG + noise(1, 60, 0.001)))

    found = compare(_stored(copy), _stored(extract(SONG)))

    assert found.relation is SoundRelation.SAME_AUDIO
    assert not found.altered
    assert found.coverage_a >= 0.97
    assert found.score == 100


@pytest.mark.parametrize("start", [5, 52])
def test_what_lies_beyond_three_hidden_seconds_belongs_to_the_same_run(
    start: int,
) -> None:
    hidden = slice(start * RATE, (start + 3) * RATE)
    copy = SONG.copy()
    copy[hidden] = noise(3, 3, 0.5)

    found = compare(_stored(extract(copy)), _stored(extract(SONG)))

    assert found.relation is SoundRelation.SAME_AUDIO
    assert len(found.runs) == 1


def test_a_cut_is_the_same_recording() -> None:
    edit = extract(join(SONG[: 20 * RATE], SONG[32 * RATE :]))

    found = compare(edit, extract(SONG))

    assert found.relation is SoundRelation.SAME_RECORDING
    assert len(found.runs) == 2


def test_a_faster_copy_is_the_same_recording_altered() -> None:
    found = compare(extract(faster(SONG, 1.04)), extract(SONG))

    assert found.relation is SoundRelation.SAME_RECORDING
    assert found.altered
    assert found.tempo_ratio == pytest.approx(1.04, abs=0.002)


def test_a_shared_interval_is_an_overlap() -> None:
    mix = extract(join(OTHER[: 30 * RATE], SONG[10 * RATE : 25 * RATE]))

    found = compare(mix, extract(SONG))

    assert found.relation is SoundRelation.OVERLAP
    assert found.coverage_b == pytest.approx(0.25, abs=0.02)


def test_strangers_are_unrelated() -> None:
    found = compare(extract(OTHER), extract(SONG))

    assert found.relation is SoundRelation.NONE
    assert found.runs == ()


def test_a_short_shared_interval_is_no_relation_but_shown() -> None:
    mix = extract(join(OTHER[: 30 * RATE], SONG[10 * RATE : 16 * RATE]))

    found = compare(mix, extract(SONG))

    assert found.relation is SoundRelation.NONE
    assert len(found.runs) == 1


def test_the_relation_is_the_same_from_both_sides() -> None:
    one, other = _part(0, 40), _part(0, 60)

    assert compare(one, other).relation is compare(other, one).relation


def test_both_need_their_reference_layer() -> None:
    with pytest.raises(MissingLayer, match="reference"):
        compare(extract(SONG), replace(extract(OTHER), reference=None))


def test_two_hours_of_beeps_are_compared_without_the_square_of_them() -> None:
    beeps = fingerprint_file.from_bytes(crafted.same_hash(2 * 3_600_000))
    assert beeps.reference is not None
    index = OneRecording(sorted_hashes(beeps.reference))
    hashes, frames = reference_hashes(beeps.reference)

    tracemalloc.start()
    (votes,) = index.query_windows([0], hashes, frames, [(0, 2_000)])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(votes) <= 10
    assert peak < 512 * 1024**2
