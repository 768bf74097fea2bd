"""Hashes: independent of time, sensitive to pitch, few for references."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from recognition.fingerprints.builder import extract
from recognition.fingerprints.hashes import likely_hashes, reference_hashes, triplet_hashes
from recognition.fingerprints.landmarks import ranks_of, select
from recognition.params import DEFAULT
from recognition.types import Landmarks
from tests.recognition.synthesis import empty_landmarks, music


def _landmarks(seed: int = 7) -> Landmarks:
    landmarks = extract(music(seed, 10)).reference
    assert landmarks is not None
    return landmarks


def test_hashes_do_not_depend_on_where_the_music_lies() -> None:
    landmarks = _landmarks()
    later = replace(landmarks, frames=landmarks.frames + np.int32(1000))

    hashes, frames = reference_hashes(landmarks)
    later_hashes, later_frames = reference_hashes(later)

    assert np.array_equal(hashes, later_hashes)
    assert np.array_equal(frames + 1000, later_frames)


def test_another_pitch_has_other_hashes() -> None:
    landmarks = _landmarks()
    higher = replace(landmarks, bins=landmarks.bins + np.float32(3))

    shared = np.isin(reference_hashes(higher)[0], reference_hashes(landmarks)[0])

    assert shared.mean() < 0.02


def test_a_dense_query_contains_the_hashes_of_the_reference() -> None:
    landmarks = _landmarks()

    wide, _ = triplet_hashes(landmarks, fan=16, within=8)

    assert np.isin(reference_hashes(landmarks)[0], wide).mean() > 0.95


def test_no_landmarks_have_no_hashes() -> None:
    hashes, frames = reference_hashes(empty_landmarks())

    assert len(hashes) == len(frames) == 0
    assert hashes.dtype == np.uint32
    assert frames.dtype == np.int32


def test_triplets_of_the_loudest_landmarks_have_two_votes() -> None:
    landmarks = _landmarks()
    loudest = select(landmarks, ranks_of(landmarks, DEFAULT) == 0)

    twice, _ = likely_hashes(loudest)
    once, _ = triplet_hashes(loudest, fan=DEFAULT.dense_fan, within=DEFAULT.dense_within)

    assert np.array_equal(twice[::2], once)
    assert np.array_equal(twice[1::2], once)


def test_landmarks_beneath_many_louder_ones_have_no_likely_triplets() -> None:
    landmarks = _landmarks()
    louder = replace(landmarks, levels=landmarks.levels + np.float32(1))
    frames = [landmarks.frames, *(louder.frames + np.int32(n) for n in (0, 1, 2))]
    bins = [landmarks.bins, *(louder.bins + np.float32(n) for n in (1, 2, 3))]
    levels = [landmarks.levels, *3 * [louder.levels]]
    order = np.argsort(np.concatenate(frames), kind="stable")
    crowded = Landmarks(
        np.concatenate(frames)[order], np.concatenate(bins)[order], np.concatenate(levels)[order]
    )

    hidden = select(crowded, ranks_of(crowded, DEFAULT) > DEFAULT.likely_rank)

    assert set(landmarks.frames) <= set(hidden.frames)
    alone = select(crowded, ranks_of(crowded, DEFAULT) <= DEFAULT.likely_rank)
    assert np.isin(likely_hashes(crowded)[1], alone.frames).all()
