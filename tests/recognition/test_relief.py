"""The level map's evidence about missing landmarks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recognition.params import DEFAULT
from recognition.types import Fingerprint
from recognition.verify.alignment import Alignment, Lead, QueryView
from recognition.verify.extension import follow
from recognition.verify.relief import relief_bits
from recognition.verify.segments import ScoringRun
from tests.recognition.synthesis import fingerprint_of, landmarks_of, music, noise, query_view

SONG = music(3, 20)
START = 4.0
SECONDS = 10
HIDING = 0.25  # of noise, which hides most landmarks


def _noisy(level: float, seed: int = 5) -> Fingerprint:
    start = int(START * 8000)
    clip = SONG[start : start + SECONDS * 8000]
    return fingerprint_of(clip + noise(seed, SECONDS, level))


def _true_run(view: QueryView) -> ScoringRun:
    reference = landmarks_of(SONG)
    alignment = Alignment(1.0, -START * 62.5, 0.0)
    lead = Lead(1, alignment, (0, view.n_frames), 9, warped=False)
    run = follow(view, reference, lead, DEFAULT)
    assert run is not None
    return replace(run, bits=0.0)  # in a run about which its landmarks give no evidence


def test_noise_that_hides_landmarks_leaves_them_lifted_at_their_places_alone() -> None:
    view = query_view(_noisy(HIDING))
    run = _true_run(view)
    offsets = [run.alignment.offset + late for late in range(-200, 201, 10) if abs(late) > 70]
    wrong = [
        relief_bits(view, replace(run, alignment=replace(run.alignment, offset=offset)))
        for offset in offsets
    ]

    assert run.aligned < run.judged / 2
    assert relief_bits(view, run) > 10
    assert np.median(wrong) < -3
    assert max(wrong) < relief_bits(view, run) / 2
    # It lifts no run beyond its most.
    least = DEFAULT.relief_most - 1
    assert relief_bits(view, replace(run, bits=least)) == pytest.approx(1)
    assert relief_bits(view, replace(run, bits=90.0)) == 0


def test_without_a_level_map_or_with_one_of_one_level_it_says_nothing() -> None:
    fingerprint = _noisy(HIDING)
    assert fingerprint.level_map is not None
    levels = np.full_like(fingerprint.level_map.levels, 90)
    flat = replace(fingerprint, level_map=replace(fingerprint.level_map, levels=levels))
    run = _true_run(query_view(fingerprint))

    assert relief_bits(query_view(fingerprint, with_map=False), run) == 0
    assert relief_bits(query_view(flat), _true_run(query_view(flat))) == 0
