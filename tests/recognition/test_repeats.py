"""Recordings that repeat themselves: the best-fitting position is reported."""

from __future__ import annotations

from typing import Any
from unittest import mock

import numpy as np

from recognition.fingerprints.builder import extract
from recognition.params import DEFAULT
from recognition.search import cascade
from recognition.verify import phases
from recognition.verify.alignment import Alignment, Lead
from recognition.verify.extension import follow
from recognition.verify.phases import _spread
from recognition.verify.repeats import better_repeat, repeats_of, sorted_hashes
from recognition.verify.segments import ScoringRun
from tests.recognition.synthesis import (
    RATE,
    Samples,
    catalogue,
    landmarks_of,
    music,
    noise,
    query_view,
)

PERIOD = 8
FRAMES = round(PERIOD * 62.5)


def _loop_with_melodies() -> Samples:
    """Return the same eight seconds five times, each time under a different melody."""
    loop = np.tile(music(1, PERIOD), 5)
    melodies = [music(10 + part, PERIOD) for part in range(5)]
    return (loop + 0.2 * np.concatenate(melodies)).astype(np.float32)


def test_a_loop_is_known_to_sound_again_a_period_later_and_earlier() -> None:
    reference = landmarks_of(_loop_with_melodies())

    shifts = repeats_of(sorted_hashes(reference), (FRAMES, 2 * FRAMES))

    near = {round(later / FRAMES) for later in shifts}
    assert near == {-1, 1, 2, 3}
    assert all(abs(later - round(later / FRAMES) * FRAMES) <= 1 for later in shifts)


def test_music_that_goes_on_and_silence_repeat_nothing() -> None:
    reference = landmarks_of(music(4, 5 * PERIOD))
    silent = landmarks_of(np.zeros(5 * RATE, dtype=np.float32))

    assert repeats_of(sorted_hashes(reference), (FRAMES, 2 * FRAMES)) == []
    assert repeats_of(sorted_hashes(silent), (0, 100)) == []


def test_from_another_repeat_the_one_that_was_played_is_found() -> None:
    whole = _loop_with_melodies()
    reference = landmarks_of(whole)
    hashed = sorted_hashes(reference)
    clip = whole[2 * PERIOD * RATE : 3 * PERIOD * RATE] + noise(2, PERIOD, 0.02)
    view = query_view(clip)

    def run_at(part: int) -> ScoringRun:
        alignment = Alignment(1.0, float(-part * FRAMES), 0.0)
        lead = Lead(1, alignment, (0, FRAMES), 9, warped=False)
        run = follow(view, reference, lead, DEFAULT)
        assert run is not None
        return run

    for part in (0, 1, 3, 4):
        better = better_repeat(view, run_at(part), hashed)
        assert better is not None
        assert abs(better.offset + 2 * FRAMES) <= 1
    assert better_repeat(view, run_at(2), hashed) is None


def _work_of_scan(y: Samples) -> tuple[int, int]:
    """Scan a recording for itself; return landmarks followed, and phases times drifts tried."""
    shelf, query = catalogue([y]), extract(y)
    landmarks = tried = 0

    def followed(*args: Any, **options: Any) -> ScoringRun | None:
        nonlocal landmarks
        run = follow(*args, **options)
        landmarks += run.last - run.first if run else 0
        return run

    def spread(pairs: Any, drifts: Any, size: int) -> Any:
        nonlocal tried
        tried += len(pairs[0]) * len(drifts)
        return _spread(pairs, drifts, size)

    with (
        mock.patch.object(cascade, "follow", followed),
        mock.patch.object(phases, "_spread", spread),
    ):
        (segment,) = shelf.scan(query).segments
    assert segment.end_ms - segment.start_ms > query.duration_ms - 1000
    return landmarks, tried


def test_a_loop_is_not_followed_along_every_repeat() -> None:
    """Else the work grows with the square of the length, and more: 16 times here."""
    loop = music(5, 6)

    short, long = (_work_of_scan(np.tile(loop, times)) for times in (40, 160))

    for short_steps, long_steps in zip(short, long, strict=True):
        assert 0 < short_steps < long_steps < 5 * short_steps
