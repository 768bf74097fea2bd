"""Detect loops: whether the sound that two recordings share is a repeated interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recognition.fingerprints.hashes import reference_hashes
from recognition.params import DEFAULT, Params
from recognition.types import Landmarks, SegmentMatch

LOOP_MS = 20_000
REPEATS = 4
_STEADY = 0.06  # tolerance of a repeat's start, as a share of the period
_ALIKE = 0.5  # share of an interval's hashes that must recur one period later
# Fewer hashes cannot show a period reliably.
_FEWEST = 24


def is_repeated(runs: Sequence[SegmentMatch]) -> bool:
    """Return whether one short interval of the reference plays repeatedly.

    At least four times, at a steady period or whole multiples of it.
    """
    for run in runs:
        length = run.reference_end_ms - run.reference_start_ms
        if length > LOOP_MS:
            continue
        starts = []
        for repeat in runs:
            shared = min(run.reference_end_ms, repeat.reference_end_ms) - max(
                run.reference_start_ms, repeat.reference_start_ms
            )
            if shared > length / 2:
                # Other runs may begin at another moment of the reference than this one.
                ahead = repeat.reference_start_ms - run.reference_start_ms
                starts.append(repeat.start_ms - ahead / repeat.tempo_ratio)
        if len(starts) >= REPEATS and _is_steady(starts):
            return True
    return False


def repeats_within(landmarks: Landmarks, params: Params = DEFAULT) -> int | None:
    """Return the period, in milliseconds, if the sound is one loop, else None.

    The landmarks must cover at least four repetitions.
    """
    hashes, frames = reference_hashes(landmarks, params)
    if len(hashes) < _FEWEST:
        return None
    length = int(landmarks.frames[-1] - landmarks.frames[0])
    longest = min(length // REPEATS, round(LOOP_MS / params.frame_ms))
    if longest <= params.max_dt:
        return None
    counts = _later(hashes, frames, longest)
    counts[: params.max_dt] = 0  # a sustained sound is not a repeat
    period = int(np.argmax(counts))
    if counts[period] < _ALIKE * len(hashes) * (1 - period / length):
        return None
    return round(period * params.frame_ms)


def recurrence(landmarks: Landmarks, params: Params = DEFAULT) -> float:
    """Return the share of landmarks that recur in their bin after one period.

    The landmarks of a loop or of drums do, whatever else is heard of the recordings; those
    of a whole piece hardly.
    """
    frames = landmarks.frames
    if len(frames) < _FEWEST:
        return 0.0
    length = int(frames[-1] - frames[0])
    longest = min(length // 2, round(LOOP_MS / params.frame_ms))
    if longest <= params.max_dt:
        return 0.0
    counts = _later(np.rint(landmarks.bins).astype(np.uint32), frames, longest)
    counts[: params.max_dt] = 0  # as above
    period = int(np.argmax(counts))
    return float(counts[period] / (len(frames) * (1 - period / length)))


def _later(
    hashes: NDArray[np.uint32], frames: NDArray[np.int32], longest: int
) -> NDArray[np.int64]:
    """Count hashes that recur after each number of frames, give or take one frame."""
    order = np.lexsort((frames, hashes))
    hashes, frames = hashes[order], frames[order]
    counts = np.zeros(longest + 2, dtype=np.int64)
    # A loop's hash occurs once per period, so its recurrence is among the next few.
    for step in range(1, REPEATS + 1):
        same = hashes[step:] == hashes[:-step]
        gaps = (frames[step:] - frames[:-step])[same]
        counts += np.bincount(gaps[gaps < len(counts)], minlength=len(counts))
    return np.convolve(counts, np.ones(3, dtype=np.int64), mode="same")[:-1]


def _is_steady(starts: list[float]) -> bool:
    gaps = np.diff(np.sort(starts))
    period = float(gaps.min())
    if period < 1:
        return False
    off = np.abs(gaps / period - np.rint(gaps / period))
    return bool((off <= _STEADY).mean() >= 0.75)
