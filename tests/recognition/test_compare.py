"""Relations between recordings, by all of both and along candidates from an index."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.hostile import crafted
from recognition.errors import MissingLayer
from recognition.fingerprints import file_format as fingerprint_file
from recognition.fingerprints.hashes import reference_hashes
from recognition.index.store import SegmentStore
from recognition.params import DEFAULT
from recognition.relate.compare import SoundComparison, SoundRelation, compare, related
from recognition.relate.relatives import relatives
from recognition.relate.single import OneRecording
from recognition.types import Fingerprint
from recognition.verify.repeats import sorted_hashes
from tests.recognition.synthesis import (
    RATE,
    Samples,
    faster,
    fingerprint_of,
    join,
    landmarks_of,
    music,
    noise,
    silence,
)

SONG = music(21, 60)
OTHER = music(22, 60)
Comparing = Callable[[Samples], SoundComparison]


def _stored(y: Samples) -> Fingerprint:
    """Return the data that a catalogue stores of a recording: its reference layer."""
    return replace(fingerprint_of(y), dense=None, level_map=None)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> SegmentStore:
    folder = tmp_path_factory.mktemp("song")
    made = SegmentStore(folder, params_hash=DEFAULT.index_hash())
    made.add(1, 7, *reference_hashes(landmarks_of(SONG)))
    return made


@pytest.fixture(scope="module")
def compared(index: SegmentStore) -> Comparing:
    """Return how to compare a copy with the song; candidates lead to the same relation."""

    def compared(copy: Samples) -> SoundComparison:
        comparison = compare(fingerprint_of(copy), fingerprint_of(SONG))
        query = landmarks_of(copy)
        leads = relatives(query, index=index, bucket=1).get(7, [])
        by_landmarks = related(query, landmarks_of(SONG), leads)
        relation = by_landmarks.relation if by_landmarks else SoundRelation.NONE
        assert relation is comparison.relation
        return comparison

    return compared


def test_quieter_noisier_copy_is_the_same_audio(compared: Comparing) -> None:
    copy = join(silence(3), 0.3 * SONG + noise(1, 60, 0.001))

    for comparison in (compared(copy), compare(_stored(copy), _stored(SONG))):
        assert comparison.relation is SoundRelation.SAME_AUDIO
        assert not comparison.altered
        assert comparison.coverage_a >= 0.97
        assert comparison.score == 100


@pytest.mark.parametrize("start", [5, 52])
def test_what_lies_beyond_three_hidden_seconds_belongs_to_the_same_run(start: int) -> None:
    copy = SONG.copy()
    copy[start * RATE : (start + 3) * RATE] = noise(3, 3, 0.5)

    comparison = compare(_stored(copy), _stored(SONG))

    assert comparison.relation is SoundRelation.SAME_AUDIO
    assert len(comparison.runs) == 1


def test_a_cut_is_the_same_recording(compared: Comparing) -> None:
    comparison = compared(join(SONG[: 20 * RATE], SONG[32 * RATE :]))

    assert comparison.relation is SoundRelation.SAME_RECORDING
    assert len(comparison.runs) == 2


@pytest.mark.parametrize("speed", [0.8, 1.04, 1.25])
def test_a_copy_at_another_speed_is_the_same_recording_altered(
    speed: float, compared: Comparing
) -> None:
    copy = faster(SONG, speed)
    wide = abs(speed - 1) > 0.1  # candidates come from small changes only
    comparison = compare(fingerprint_of(copy), fingerprint_of(SONG)) if wide else compared(copy)

    assert comparison.relation is SoundRelation.SAME_RECORDING
    assert comparison.altered
    assert comparison.tempo_ratio == pytest.approx(speed, rel=0.001)


def test_how_long_a_shared_interval_is_decides_whether_it_is_an_overlap(
    compared: Comparing,
) -> None:
    long, close, short = (
        compared(join(OTHER[: 30 * RATE], SONG[10 * RATE : end * RATE])) for end in (25, 21, 16)
    )

    assert long.relation is close.relation is SoundRelation.OVERLAP
    assert long.coverage_b == pytest.approx(0.25, abs=0.02)
    assert short.relation is SoundRelation.NONE
    assert len(short.runs) == 1
    # Near where the relation would be another, it is less sure.
    assert compared(SONG).confidence == 1
    assert close.confidence < 1


def test_strangers_are_unrelated(compared: Comparing) -> None:
    comparison = compared(OTHER)

    assert comparison.relation is SoundRelation.NONE
    assert comparison.runs == ()


def test_the_relation_is_the_same_from_both_sides() -> None:
    part, whole = fingerprint_of(SONG[: 40 * RATE]), fingerprint_of(SONG)

    assert compare(part, whole).relation is compare(whole, part).relation


def test_both_need_their_reference_layer() -> None:
    with pytest.raises(MissingLayer, match="reference"):
        compare(fingerprint_of(SONG), replace(fingerprint_of(OTHER), reference=None))


def test_a_recording_is_no_candidate_for_itself(index: SegmentStore) -> None:
    assert relatives(landmarks_of(SONG), index=index, bucket=1, own=7) == {}


def test_silence_has_no_candidates_and_no_relation(tmp_path: Path) -> None:
    index = SegmentStore(tmp_path, params_hash=DEFAULT.index_hash())
    quiet, silent = landmarks_of(silence(30)), fingerprint_of(silence(30))

    assert relatives(quiet, index=index, bucket=1) == {}
    assert related(quiet, quiet, []) is None
    assert compare(silent, silent).relation is SoundRelation.NONE


def test_logos_of_two_seconds_are_compared_and_of_less_than_one_are_not() -> None:
    logo, blip = (fingerprint_of(SONG[: 2 * RATE]), fingerprint_of(SONG[: RATE * 9 // 10]))

    assert compare(logo, logo).relation is SoundRelation.SAME_AUDIO
    assert compare(logo, fingerprint_of(SONG)).relation is not SoundRelation.NONE
    assert compare(fingerprint_of(SONG), logo).relation is not SoundRelation.NONE
    assert compare(blip, blip).relation is SoundRelation.NONE


def test_a_loop_under_other_music_is_a_shared_loop() -> None:
    remix = OTHER + join(*[SONG[10 * RATE : 16 * RATE]] * 10)

    comparison = compare(fingerprint_of(remix), fingerprint_of(SONG))

    assert comparison.relation is SoundRelation.SHARED_LOOP


def test_a_fade_is_a_version_not_the_same_audio() -> None:
    faded = SONG.copy()
    n = 8 * RATE
    faded[-n:] *= [(1 - k / n) ** 2 for k in range(n)]

    comparison = compare(fingerprint_of(faded), fingerprint_of(SONG))

    assert comparison.relation is SoundRelation.SAME_RECORDING


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


def test_the_same_drums_in_different_music_are_a_shared_loop() -> None:
    rng = np.random.default_rng(1)
    t = np.arange(RATE // 4) / RATE
    kick = np.sin(2 * np.pi * 60 * t * np.exp(-3 * t)) * np.exp(-18 * t)
    bar = np.zeros(2 * RATE, dtype=np.float32)
    for beat, hit in enumerate((kick, rng.normal(size=len(t)) * np.exp(-25 * t)) * 2):
        bar[beat * RATE // 2 :][: len(hit)] += hit.astype(np.float32)
    drums = 0.3 * join(*[bar] * 30)

    one, other = fingerprint_of(SONG + drums), fingerprint_of(OTHER + drums)

    assert compare(one, other).relation is SoundRelation.SHARED_LOOP
    assert compare(other, one).relation is SoundRelation.SHARED_LOOP
