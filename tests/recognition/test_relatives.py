"""Candidates from an index, and the comparison along them."""

from __future__ import annotations

from pathlib import Path

import pytest

from recognition.fingerprint.builder import extract
from recognition.fingerprint.hashes import reference_hashes
from recognition.index.store import SegmentStore
from recognition.params import DEFAULT
from recognition.relate.compare import SoundRelation, compare, related
from recognition.relate.relatives import relatives
from recognition.types import Landmarks
from tests.recognition.synthesis import (
    RATE,
    Samples,
    faster,
    join,
    music,
    noise,
    silence,
)

SONG = music(21, 60)
OTHER = music(22, 60)


def landmarks(y: Samples) -> Landmarks:
    reference = extract(y).reference
    assert reference is not None
    return reference


def relation_in_index(tmp_path: Path, one: Samples, other: Samples) -> str:
    """Query one recording's index with the other; compare along the candidates."""
    index = SegmentStore(tmp_path, params_hash=DEFAULT.index_hash())
    asked, kept = landmarks(one), landmarks(other)
    index.add(1, 7, *reference_hashes(kept))
    found = relatives(asked, index=index, bucket=1)
    said = related(asked, kept, found.get(7, []))
    return said.relation if said else SoundRelation.NONE


@pytest.mark.parametrize(
    ("copy", "relation"),
    [
        (0.3 * SONG + noise(1, 60, 0.001), SoundRelation.SAME_AUDIO),
        (join(SONG[: 20 * RATE], SONG[32 * RATE :]), SoundRelation.SAME_RECORDING),
        (faster(SONG, 1.05), SoundRelation.SAME_RECORDING),
        (join(OTHER[: 30 * RATE], SONG[10 * RATE : 25 * RATE]), SoundRelation.OVERLAP),
        (OTHER, SoundRelation.NONE),
    ],
)
def test_the_index_leads_to_what_comparing_all_of_both_says(
    tmp_path: Path, copy: Samples, relation: SoundRelation
) -> None:
    assert relation_in_index(tmp_path, copy, SONG) == relation
    assert compare(extract(copy), extract(SONG)).relation is relation


def test_a_recording_is_no_candidate_for_itself(tmp_path: Path) -> None:
    index = SegmentStore(tmp_path, params_hash=DEFAULT.index_hash())
    kept = landmarks(SONG)
    index.add(1, 7, *reference_hashes(kept))

    assert relatives(kept, index=index, bucket=1, own=7) == {}


def test_silence_has_no_candidates_and_no_relation(tmp_path: Path) -> None:
    index = SegmentStore(tmp_path, params_hash=DEFAULT.index_hash())
    quiet = landmarks(silence(30))

    assert relatives(quiet, index=index, bucket=1) == {}
    assert related(quiet, quiet, []) is None
    assert (
        compare(extract(silence(30)), extract(silence(30))).relation
        is SoundRelation.NONE
    )


def test_a_jingle_of_two_seconds_is_too_short_to_compare() -> None:
    jingle = extract(SONG[: 2 * RATE])

    assert compare(jingle, jingle).relation is SoundRelation.NONE


def test_a_loop_under_other_music_is_a_shared_loop() -> None:
    loop = SONG[10 * RATE : 16 * RATE]
    remix = OTHER + join(*[loop] * 10)

    found = compare(extract(remix), extract(SONG))

    assert found.relation is SoundRelation.SHARED_LOOP


def test_a_fade_is_a_version_not_the_same_audio() -> None:
    faded = SONG.copy()
    n = 8 * RATE
    faded[-n:] *= [(1 - k / n) ** 2 for k in range(n)]

    assert (
        compare(extract(faded), extract(SONG)).relation is SoundRelation.SAME_RECORDING
    )


def test_confidence_is_lower_near_where_the_relation_would_be_another() -> None:
    clear = compare(extract(SONG), extract(SONG))
    close = compare(
        extract(join(OTHER[: 30 * RATE], SONG[10 * RATE : 21 * RATE])), extract(SONG)
    )

    assert clear.confidence == 1
    assert close.confidence < clear.confidence
