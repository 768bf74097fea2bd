"""Mix channels down to one, without losing sound whose channels are in opposite phase."""

from __future__ import annotations

from typing import Final

import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

# If side (L − R) has this many times the power of mid (L + R), the channels are in
# opposite phase and their mean would cancel.
CANCELLING: Final = 4.0
# 64 ms at 8 kHz, and 1.3 s.
PHASE_SAMPLES: Final = 512
PHASE_NEAR: Final = 21
CLIPPED_LEVEL: Final = 0.99
MAX_LEVEL: Final = 8.0


def mono_block(frame: AudioFrame) -> tuple[NDArray[np.float32], int]:
    """Return a planar float frame as mono samples, and how many are at full scale."""
    channels = np.asarray(frame.to_ndarray(), dtype=np.float32)
    if not np.isfinite(channels).all():
        channels = np.nan_to_num(channels, nan=0.0, posinf=0.0, neginf=0.0)
    channels = np.clip(channels, -MAX_LEVEL, MAX_LEVEL)
    clipped = int((np.abs(channels).max(axis=0) >= CLIPPED_LEVEL).sum())
    return to_mono(channels), clipped


def to_mono(channels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of the channels, or the louder one wherever the mean cancels.

    Decided for each ``PHASE_SAMPLES`` with their surroundings: a song in opposite phase
    may be short.
    """
    left: NDArray[np.float32] = channels[0]
    if len(channels) == 1:
        return left
    right: NDArray[np.float32] = channels[1]
    mid: NDArray[np.float32] = (left + right) * np.float32(0.5)
    side = (left - right) * np.float32(0.5)
    where = _cancelling(mid, side)
    if not where.any():
        return mid
    is_left = np.dot(left[where], left[where]) >= np.dot(right[where], right[where])
    return np.where(where, left if is_left else right, mid)


def _cancelling(mid: NDArray[np.float32], side: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which samples lie in a stretch in opposite phase.

    A stretch is as long as the side is louder in each ``PHASE_SAMPLES``, and clearly
    louder in ``PHASE_NEAR`` of them together.
    """
    edges = np.arange(0, max(1, len(mid)), PHASE_SAMPLES)
    power = [np.add.reduceat(np.append(y * y, 0)[: len(y) or 1], edges) for y in (mid, side)]
    is_side = power[1] > power[0]
    if not is_side.any():
        return np.zeros(len(mid), dtype=np.bool_)
    near = np.ones(min(PHASE_NEAR, len(edges)))
    mid_near, side_near = (np.convolve(channel_power, near, mode="same") for channel_power in power)
    runs = np.cumsum(np.diff(is_side, prepend=False))
    clear = np.unique(runs[is_side & (side_near > CANCELLING * mid_near)])
    return np.repeat(is_side & np.isin(runs, clear), PHASE_SAMPLES)[: len(mid)]
