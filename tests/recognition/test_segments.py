"""Maximal scoring segments, their ends, and runs that claim the same interval."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from recognition.params import DEFAULT
from recognition.types import Landmarks
from recognition.verify.alignment import Alignment
from recognition.verify.segments import (
    ScoringRun,
    best_segment,
    chosen,
    edge_of,
    joined,
    room,
    trimmed,
)

REFERENCE = Landmarks(
    frames=np.arange(0, 4000, 4, dtype=np.int32),
    bins=np.full(1000, 50, dtype=np.float32),
    levels=np.zeros(1000, dtype=np.float32),
)


def _run(first: int, last: int, *, offset: float = 0.0, raw: float = 50.0) -> ScoringRun:
    alignment = Alignment(1.0, offset, 0.0)
    return ScoringRun(1, REFERENCE, alignment, first, last, 40.0, raw, 90, 100, 0, 60, 0.03)


def test_the_best_segment_begins_and_ends_with_what_speaks_for_it() -> None:
    weights = np.array([-1, 2, 3, -1, 4, -5, -5, 1], dtype=np.float32)

    assert best_segment(weights, 10.0) == (1, 4, 8.0)


def test_a_deep_drop_ends_a_segment() -> None:
    weights = np.array([5, 5, -12, 8, 8], dtype=np.float32)

    assert best_segment(weights, 10.0) == (3, 4, 16.0)
    assert best_segment(weights, 20.0) in {(0, 4, 14.0), (3, 4, 16.0)}


def test_nothing_that_speaks_for_it_scores_nothing() -> None:
    assert best_segment(np.array([-1, -2], dtype=np.float32), 10.0)[2] == 0.0


def test_a_lone_landmark_beyond_the_end_is_cut_off() -> None:
    frames = np.arange(0, 400, 4, dtype=np.int32)
    aligned = np.zeros(100, dtype=np.bool_)
    aligned[:70] = True
    aligned[95] = True

    weights = np.full(100, 3, dtype=np.float32)
    assert trimmed(frames, aligned, weights, (0, 95), edge_of(DEFAULT)) == (0, 69)


def test_of_two_offsets_for_one_interval_the_one_with_more_evidence_stays() -> None:
    weaker, stronger = _run(0, 300), _run(100, 400, offset=-400.0, raw=80.0)

    assert chosen([weaker, stronger], DEFAULT) == [stronger]


def test_runs_on_one_line_with_little_between_are_one_play() -> None:
    (play,) = joined([_run(0, 200), _run(250, 500)], DEFAULT)

    assert (play.first, play.last) == (0, 500)
    assert play.bits == 80.0
    assert play.aligned == 180


def test_runs_on_one_line_far_apart_are_two_plays() -> None:
    assert len(joined([_run(0, 200), _run(600, 800)], DEFAULT)) == 2


def test_a_run_has_room_up_to_others_of_its_recording() -> None:
    run, before, after = _run(250, 500), _run(0, 200), _run(600, 800, offset=40.0)
    foreign_run = replace(_run(0, 1), recording=2)

    runs = [run, before, after, foreign_run]

    assert room(run, runs, 9000) == (801, 2440)
    assert room(after, runs, 9000) == (2001, 9000)
    assert room(foreign_run, runs, 9000) == (0, 9000)
