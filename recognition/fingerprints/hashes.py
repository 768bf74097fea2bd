"""Hash landmarks: triplets of neighbouring landmarks, as uint32.

A hash holds the frequency of the first landmark and the distances of the other two. Its
times are coarse, so that noise that moves a peak by a frame, or a tempo a few per cent
off, seldom changes it. References are hashed with few neighbours; queries are denser
and hashed with more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recognition.fingerprints.landmarks import ranks_of
from recognition.jit import compiled, compiled_part
from recognition.params import DEFAULT, Params
from recognition.types import Landmarks

Hashes = tuple[NDArray[np.uint32], NDArray[np.int32]]
Zone = tuple[NDArray[np.int32], NDArray[np.int64]]


def reference_hashes(landmarks: Landmarks, params: Params = DEFAULT) -> Hashes:
    """Return the index entries of a recording: (hashes, anchor frames)."""
    fan = params.reference_fan
    return triplet_hashes(landmarks, fan=fan, within=fan, params=params)


def triplet_hashes(
    landmarks: Landmarks, *, fan: int, within: int, params: Params = DEFAULT
) -> Hashes:
    """Hash each landmark with two of its next ``fan`` neighbours; return its frame too.

    The third landmark is among the ``within`` neighbours after the second.
    """
    hashes, frames = _triplets(landmarks.frames, landmarks.bins, fan, within, zone_of(params))
    return hashes, frames


def likely_hashes(landmarks: Landmarks, params: Params = DEFAULT) -> Hashes:
    """Hash the triplets of a dense query that a recording is likely to share.

    Returns hashes and frames of the triplets whose ranks (see ``ranks_of``, among these
    landmarks) sum to at most ``likely_rank``. In noise, recordings share few others.
    Triplets of rank 0 are the likeliest by far, so they come twice and have two votes.
    Where there are more than ``likely_most`` a second, later landmarks give none.
    """
    per_frame = params.likely_most * params.frame_ms / 1000
    hashes, frames = _likely_triplets(
        (landmarks.frames, landmarks.bins, ranks_of(landmarks, params)),
        (params.dense_fan, params.dense_within, params.likely_rank),
        (per_frame, per_frame * params.window_frames),
        zone_of(params),
    )
    return hashes, frames


def zone_of(params: Params) -> Zone:
    """Return the bounds of the neighbour zone, and the coarse time of each distance."""
    bounds = np.array([params.min_dt, params.max_dt, params.max_df], dtype=np.int32)
    # A lookup table, because a division per hash would take most of the time.
    return bounds, np.arange(params.max_dt + 1, dtype=np.int64) // params.hash_frames


@compiled_part
def neighbours(
    frames: NDArray[np.int32],
    bins: NDArray[np.float32],
    i: int,
    bounds: NDArray[np.int32],
    out: NDArray[np.int64],
) -> int:
    """Fill ``out``, except its last place, with the landmarks in the zone after ``i``.

    Each landmark is written first and kept only if it is near in frequency: the outcome
    is unpredictable, and a mispredicted branch would cost more than the write. Indices
    are unsigned so that Numba does not handle negative indexing.
    """
    place, widest = bins[i], np.float32(bounds[2])
    first, last = frames[i] + bounds[0], frames[i] + bounds[1]
    n, one = np.uint64(len(frames)), np.uint64(1)
    j = np.uint64(i) + one
    while j < n and frames[j] < first:
        j += one
    count, most = np.uint64(0), np.uint64(len(out) - 1)
    while j < n and frames[j] <= last and count < most:
        out[count] = j
        count += np.uint64(abs(bins[j] - place) <= widest)
        j += one
    return int(np.int64(count))


@compiled
def _triplets(
    frames: NDArray[np.int32], bins: NDArray[np.float32], fan: int, within: int, zone: Zone
) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
    hashes = np.empty(len(frames) * fan * within, dtype=np.uint32)
    anchors = np.empty(len(hashes), dtype=np.int32)
    near = np.empty(fan + 1, dtype=np.int64)
    bounds, times = zone
    n = 0
    for i in range(len(frames)):
        anchor = np.int64(round(bins[i]))
        count = neighbours(frames, bins, i, bounds, near)
        for k in range(count):
            second = place_from(frames, bins, i, near[k], times)
            for m in range(k + 1, min(count, k + 1 + within)):
                third = place_from(frames, bins, i, near[m], times)
                hashes[n] = mix(anchor, second, third)
                anchors[n] = frames[i]
                n += 1
    return hashes[:n].copy(), anchors[:n].copy()


@compiled
def _likely_triplets(
    query: tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.uint8]],
    limits: tuple[int, int, int],
    budget: tuple[float, float],
    zone: Zone,
) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
    frames, bins, ranks = query
    fan, within, most = limits
    per_landmark = 2 * fan * within
    per_frame, room = budget
    length = frames[-1] - frames[0] if len(frames) else 0
    most_of_all = int(room + per_frame * length) + per_landmark
    hashes = np.empty(min(len(frames) * per_landmark, most_of_all), dtype=np.uint32)
    anchors = np.empty(len(hashes), dtype=np.int32)
    near = np.empty(fan + 1, dtype=np.int64)
    bounds, times = zone
    n = 0
    for i in range(len(frames)):
        if n > room + per_frame * (frames[i] - frames[0]):
            continue
        anchor, rank = np.int64(round(bins[i])), np.int64(ranks[i])
        count = neighbours(frames, bins, i, bounds, near)
        for k in range(count):
            of_two = rank + np.int64(ranks[near[k]])
            if of_two > most:
                continue
            second = place_from(frames, bins, i, near[k], times)
            for m in range(k + 1, min(count, k + 1 + within)):
                of_three = of_two + np.int64(ranks[near[m]])
                if of_three > most:
                    continue
                third = place_from(frames, bins, i, near[m], times)
                value = mix(anchor, second, third)
                for _ in range(2 if of_three == 0 else 1):
                    hashes[n], anchors[n] = value, frames[i]
                    n += 1
    return hashes[:n].copy(), anchors[:n].copy()


@compiled_part
def place_from(
    frames: NDArray[np.int32], bins: NDArray[np.float32], i: int, j: int, times: NDArray[np.int64]
) -> np.int64:
    """Return the distance of a landmark from landmark ``i``: bins, and 8 bits of time."""
    df = bins_between(bins, i, j)
    return df << 8 | np.int64(times[frames[j] - frames[i]])


@compiled_part
def bins_between(bins: NDArray[np.float32], i: int, j: int) -> np.int64:
    """Return how many bins a landmark lies above landmark ``i``, plus 64.

    ``max_df`` is below 64, so the result is positive.
    """
    return np.int64(round(bins[j] - bins[i])) + 64


@compiled_part
def mix(anchor: np.int64, second: np.int64, third: np.int64) -> np.uint32:
    """Spread the packed triplet over 32 bits (multiplicative hashing)."""
    value = anchor << 42 | second << 26 | third << 10
    product = np.uint64(value) * np.uint64(0x9E3779B97F4A7C15)
    return np.uint32(product >> np.uint64(32))
