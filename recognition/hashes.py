"""Landmarks to hashes: triplets of neighbouring landmarks, as uint32.

A hash holds the first landmark's frequency and where the other two lie from it. Its
times are coarse, so noise that moves a peak by a frame, or a tempo some per cent off,
seldom changes it. A reference is hashed with few neighbours; a query is denser, so it
hashes more of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recognition.jit import compiled
from recognition.params import DEFAULT, Params
from recognition.types import Landmarks

Hashes = tuple[NDArray[np.uint32], NDArray[np.int32]]


def reference_hashes(landmarks: Landmarks, params: Params = DEFAULT) -> Hashes:
    """What is put into the index for a recording: (hashes, anchor frames)."""
    fan = params.reference_fan
    return triplet_hashes(landmarks, fan=fan, within=fan, params=params)


def triplet_hashes(
    landmarks: Landmarks, *, fan: int, within: int, params: Params = DEFAULT
) -> Hashes:
    """Each landmark with two of its next ``fan`` neighbours, and its frame.

    The third landmark is among the ``within`` neighbours that follow the second.
    """
    zone = np.array(
        [params.min_dt, params.max_dt, params.max_df, params.hash_frames],
        dtype=np.int32,
    )
    hashes, frames = _triplets(landmarks.frames, landmarks.bins, fan, within, zone)
    return hashes, frames


@compiled
def _neighbours(
    frames: NDArray[np.int32],
    bins: NDArray[np.float32],
    i: int,
    zone: NDArray[np.int32],
    out: NDArray[np.int64],
) -> int:
    """Fill ``out`` with the next landmarks inside the zone of landmark ``i``."""
    count = 0
    for j in range(i + 1, len(frames)):
        dt = frames[j] - frames[i]
        if dt > zone[1] or count == len(out):
            break
        if dt >= zone[0] and abs(bins[j] - bins[i]) <= zone[2]:
            out[count] = j
            count += 1
    return count


@compiled
def _triplets(
    frames: NDArray[np.int32],
    bins: NDArray[np.float32],
    fan: int,
    within: int,
    zone: NDArray[np.int32],
) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
    hashes = np.empty(len(frames) * fan * within, dtype=np.uint32)
    anchors = np.empty(len(hashes), dtype=np.int32)
    near = np.empty(fan, dtype=np.int64)
    cell = zone[3]
    n = 0
    for i in range(len(frames)):
        anchor = np.int64(round(bins[i]))
        count = _neighbours(frames, bins, i, zone, near)
        for k in range(count):
            second = near[k]
            df2 = np.int64(round(bins[second] - bins[i])) + 64
            dt2 = np.int64((frames[second] - frames[i]) // cell)
            for m in range(k + 1, min(count, k + 1 + within)):
                third = near[m]
                df3 = np.int64(round(bins[third] - bins[i])) + 64
                dt3 = np.int64((frames[third] - frames[i]) // cell)
                value = anchor << 42 | df2 << 34 | dt2 << 26 | df3 << 18 | dt3 << 10
                hashes[n] = _mix(value)
                anchors[n] = frames[i]
                n += 1
    return hashes[:n].copy(), anchors[:n].copy()


@compiled
def _mix(value: np.int64) -> np.uint32:
    """Spread the exact triplet over 32 bits (multiplicative hashing)."""
    product = np.uint64(value) * np.uint64(0x9E3779B97F4A7C15)
    return np.uint32(product >> np.uint64(32))
