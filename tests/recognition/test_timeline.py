"""A place in a file is the place that its container, ffmpeg and a browser give it."""

from __future__ import annotations

import math
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recognition.audio import decode
from recognition.audio.timeline import MOST_DRIFT_S, WINDOW_S, Timed, Timeline
from tests.recognition import timed_files
from tests.recognition.media_files import Kind, Sound

FRAME_S = 0.02
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


def placed(frames: list[Timed[int]], origin_s: float | None = None) -> dict[int, float]:
    """Return where each frame's sound begins."""
    at, places = 0.0, {}
    length_s = {frame.frame: frame.length_s for frame in frames}
    for gap_s, number, paced_s in Timeline[int](origin_s).place(iter(frames)):
        at += gap_s
        places[number] = at
        at += length_s[number] + paced_s
    return places


@given(
    presence=st.lists(st.booleans(), min_size=2, max_size=200),
    unit_ms=st.sampled_from([0.001, 1, 10]),
    begins_s=st.floats(-5, 1000),
)
def test_what_is_lost_leaves_the_rest_in_place(
    presence: list[bool], unit_ms: float, begins_s: float
) -> None:
    numbers = [number for number, is_kept in enumerate(presence) if is_kept]
    unit_s = unit_ms / 1000
    # Containers round times to their unit.
    starts = {number: round((begins_s + number * FRAME_S) / unit_s) * unit_s for number in numbers}

    places = placed([Timed(number, starts[number], FRAME_S) for number in numbers])

    assert list(places) == numbers
    for number, place in places.items():
        assert place == pytest.approx((number - numbers[0]) * FRAME_S, abs=2 * unit_s)


@given(jitter_ms=st.lists(st.floats(-9, 9), min_size=1, max_size=300))
def test_rounding_of_times_is_no_gap(jitter_ms: list[float]) -> None:
    frames = [
        Timed(number, number * FRAME_S + jitter / 2000, FRAME_S)
        for number, jitter in enumerate(jitter_ms)
    ]

    places = placed(frames)

    assert places == {number: pytest.approx(number * FRAME_S) for number in range(len(frames))}


@pytest.mark.parametrize("pace", [0.98, 0.999, 1.001, 1.02])
def test_sound_that_runs_at_another_pace_than_the_clock_follows_it(pace: float) -> None:
    frames = [Timed(number, number * FRAME_S * pace, FRAME_S) for number in range(5000)]

    places = placed(frames)

    # At the end, fewer stamps are left to compare.
    most_s = MOST_DRIFT_S + FRAME_S + WINDOW_S * abs(pace - 1)
    assert all(abs(place - number * FRAME_S * pace) <= most_s for number, place in places.items())


def coarse(unit_s: float) -> Callable[[float], float]:
    return lambda at_s: math.floor(at_s / unit_s) * unit_s


def late(unit_s: float) -> Callable[[float], float]:
    return lambda at_s: math.ceil(at_s / unit_s) * unit_s


def nearest(unit_s: float) -> Callable[[float], float]:
    return lambda at_s: round(at_s / unit_s) * unit_s


def swinging(period_s: float) -> Callable[[float], float]:
    return lambda at_s: at_s + 0.12 * math.sin(2 * math.pi * at_s / period_s)


def shaken(seed: int) -> Callable[[float], float]:
    draws = Random(seed)  # noqa: S311 - no secret
    return lambda at_s: at_s + draws.uniform(-0.12, 0.12)


STAMPS = [
    *(kind(unit_s) for kind in (coarse, late, nearest) for unit_s in (0.04, 0.5, 1, 2)),
    *(swinging(period_s) for period_s in (0.3, 1, 3, 10)),
    *(shaken(seed) for seed in range(4)),
]


@pytest.mark.parametrize("stamp", STAMPS)
@pytest.mark.parametrize("frame_s", [FRAME_S, 0.1])
def test_stamps_that_swing_make_no_holes(stamp: Callable[[float], float], frame_s: float) -> None:
    timeline: Timeline[int] = Timeline()
    frames = [Timed(number, stamp(number * frame_s), frame_s) for number in range(3000)]

    parts = list(timeline.place(iter(frames)))

    assert [part.frame for part in parts] == list(range(3000))
    # At most the first step may be a hole, before it shows that stamps swing.
    assert timeline.lost_s < 0.15
    assert sum(abs(part.paced_s) for part in parts) <= 0.15


@pytest.mark.parametrize("stamp", STAMPS)
@pytest.mark.parametrize("lost_s", [2, 20])
def test_a_loss_between_stamps_that_swing_has_its_length(
    stamp: Callable[[float], float], lost_s: float
) -> None:
    timeline: Timeline[int] = Timeline()
    frames = [
        Timed(number, stamp(number * FRAME_S), FRAME_S)
        for number in range(4000)
        if not 1000 <= number < 1000 + lost_s / FRAME_S
    ]

    at_s = sum(part.gap_s + FRAME_S + part.paced_s for part in timeline.place(iter(frames)))

    assert timeline.lost_s == pytest.approx(lost_s, abs=0.3)
    assert at_s == pytest.approx(80, abs=0.3)


@pytest.mark.parametrize("pace", [0.99, 1.01])
@pytest.mark.parametrize("frame_s", [0.01, FRAME_S, 0.1, 1.0])
def test_another_pace_is_followed_in_short_pieces(pace: float, frame_s: float) -> None:
    timeline: Timeline[int] = Timeline()
    frames = [
        Timed(number, number * frame_s * pace, frame_s) for number in range(int(200 / frame_s))
    ]

    parts = list(timeline.place(iter(frames)))

    length_s = sum(part.gap_s + frame_s + part.paced_s for part in parts)
    assert length_s == pytest.approx(200 * pace, abs=0.3)
    assert timeline.lost_s == 0
    assert max(abs(part.paced_s) for part in parts) <= max(0.02, frame_s / 10)


@pytest.mark.parametrize("back_s", [0.5, 1.5, 5, 95_000])
def test_a_clock_that_goes_back_costs_no_sound(back_s: float) -> None:
    frames = [
        Timed(number, number * FRAME_S - back_s * (number >= 500), FRAME_S)
        for number in range(1000)
    ]

    assert placed(frames)[999] == pytest.approx(999 * FRAME_S)


def test_a_clock_that_stands_still_costs_no_sound() -> None:
    frames = [
        Timed(number, min(number * FRAME_S, max(10, number * FRAME_S - 5)), FRAME_S)
        for number in range(1000)
    ]

    assert placed(frames)[999] == pytest.approx(999 * FRAME_S, abs=0.1)


def test_an_overflow_of_the_clock_is_no_gap() -> None:
    frames = [
        Timed(number, number * FRAME_S + 194_783 * (number >= 50), FRAME_S) for number in range(100)
    ]

    assert placed(frames)[99] == pytest.approx(99 * FRAME_S)


@pytest.mark.parametrize("jump_s", [0.3, 25, 5000])
def test_a_jump_is_a_gap_of_that_length(jump_s: float) -> None:
    frames = [
        Timed(number, number * FRAME_S + (jump_s if number >= 50 else 0), FRAME_S)
        for number in range(100)
    ]

    assert placed(frames)[99] == pytest.approx(99 * FRAME_S + jump_s)


@pytest.mark.parametrize(("jump_s", "is_cut"), [(25, True), (-25, True), (-25, False)])
def test_a_clock_that_begins_anew_is_no_gap(jump_s: float, is_cut: bool) -> None:
    frames = [
        Timed(number, number * FRAME_S + jump_s * (number >= 50), FRAME_S, is_cut and number == 50)
        for number in range(100)
    ]

    assert placed(frames)[99] == pytest.approx(99 * FRAME_S)


@pytest.mark.parametrize("wrong_s", [-7, 40_000])
def test_one_wrong_time_among_right_ones_moves_nothing(wrong_s: float) -> None:
    frames = [
        Timed(number, wrong_s if number == 50 else number * FRAME_S, FRAME_S)
        for number in range(100)
    ]

    assert placed(frames)[99] == pytest.approx(99 * FRAME_S)


def test_frames_without_a_time_follow_those_before() -> None:
    starts = [None, None, 5.0, None, None, 6.0]
    frames = [Timed(number, start, FRAME_S) for number, start in enumerate(starts)]

    places = placed(frames)

    assert places[2] == pytest.approx(2 * FRAME_S)
    assert places[5] == pytest.approx(1 + 2 * FRAME_S)


def by_ffmpeg(path: Path) -> Sound:
    """Return the sound as ffmpeg places it, which fills gaps from 5 ms here."""
    placing = "aresample=async=1:first_pts=0:min_hard_comp=0.005"
    made = subprocess.run(
        [
            *("ffmpeg", "-v", "quiet", "-i", str(path), "-map", "0:a:0"),
            *("-af", placing, "-ac", "1", "-ar", "8000", "-f", "f32le", "-"),
        ],
        check=True,
        capture_output=True,
    )
    return np.frombuffer(made.stdout, dtype=np.float32)


def distances_ms(heard: Sound, reference: Sound) -> list[float]:
    """Return how far each second of one sound lies from its place in the other."""
    distances = []
    for at in range(4000, len(heard) - 8000, 4000):
        part = heard[at : at + 2000]
        around = reference[at - 4000 : at + 6000]
        power = np.convolve(around * around, np.ones(2000), mode="valid")
        likeness = np.correlate(around, part, mode="valid") / np.sqrt(
            power * np.dot(part, part) + 1e-9
        )
        # A second with a loss in it has no single place.
        if np.dot(part, part) > 1 and likeness.max() > 0.9:
            distances.append((int(likeness.argmax()) - 4000) / 8)
    return distances


@needs_ffmpeg
@pytest.mark.parametrize("kind", timed_files.KINDS, ids=lambda kind: kind.codec + kind.suffix)
def test_files_with_losses_are_placed_as_ffmpeg_places_them(kind: Kind, tmp_path: Path) -> None:
    path = tmp_path / f"a{kind.suffix}"
    timed_files.write_random(path, kind, Random(f"{kind}"))  # noqa: S311 - no secret

    heard = np.concatenate(list(decode.blocks(path)))

    distances = distances_ms(heard, by_ffmpeg(path))
    assert len(distances) >= 8
    assert max(map(abs, distances)) <= 20
