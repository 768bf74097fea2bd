"""Which parts of a sound track differ from the main one: only these need a search."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recognition.params import DEFAULT, Params
from recognition.types import Fingerprint, Landmarks, LevelMap

# Landmarks of the same sound agree to two frames, since encoders delay it differently, and
# to a bin. Of unrelated sound a tenth do, of one mix in two codecs most.
NEAR_FRAMES: Final = 2
NEAR_BINS: Final = 1
SAME_SHARE: Final = 0.5
# Frames that are judged together: 4 s.
BLOCK: Final = 250


def differing(
    main: Fingerprint,
    other_track: Fingerprint,
    fills_s: Iterable[tuple[float, float]] = (),
    params: Params = DEFAULT,
) -> Fingerprint | None:
    """Return another track's scan layer, silent where it sounds like the main one.

    What differs keeps some seconds around it, and what is heard in the main one's place
    at ``fills_s``, so that nothing is cut there. It is as long as the main track. None
    if nothing differs.
    """
    if main.dense is None or other_track.dense is None or other_track.level_map is None:
        return None
    length = int(main.duration_ms / params.frame_ms) + 1
    blocks = -(-length // BLOCK)
    differs = _differing_blocks(main.dense, other_track.dense, blocks)
    if not differs.any():
        return None
    near = np.convolve(differs, np.ones(3), mode="same") > 0
    for start_s, end_s in fills_s:
        first, last = (int(1000 * at / params.frame_ms) for at in (start_s, end_s))
        near[max(0, first) // BLOCK : last // BLOCK + 1] = True
    step = other_track.level_map.frames_per_cell
    levels = other_track.level_map.levels[: -(-length // step)].copy()
    rows = np.arange(len(levels)) * step // BLOCK
    levels[~near[np.minimum(rows, blocks - 1)]] = 0
    dense = _select_blocks(other_track.dense, near, min(length, len(levels) * step))
    return replace(
        other_track,
        duration_ms=main.duration_ms,
        reference=None,
        dense=dense,
        level_map=LevelMap(levels, step, other_track.level_map.bins_per_cell),
    )


def _differing_blocks(main: Landmarks, other_track: Landmarks, blocks: int) -> NDArray[np.bool_]:
    """Return in which blocks less than ``SAME_SHARE`` of all landmarks agree.

    Where the other track is silent, there is nothing to search.
    """
    agreed, counts = np.zeros(blocks), []
    for track, compared in ((main, other_track), (other_track, main)):
        at = track.frames // BLOCK
        inside = at < blocks
        agreed += np.bincount(at[inside], _agreeing(track, compared)[inside], minlength=blocks)
        counts.append(np.bincount(at[inside], minlength=blocks))
    of_main, of_other = counts
    too_few: NDArray[np.bool_] = agreed < SAME_SHARE * (of_main + of_other)
    return too_few & (of_other > 0)


def _agreeing(track: Landmarks, compared: Landmarks) -> NDArray[np.bool_]:
    """Return which landmarks of a track have one of the compared track near."""
    places = np.sort(_places(compared, 0, 0))
    near = np.zeros(len(track.frames), dtype=np.bool_)
    for frames in range(-NEAR_FRAMES, NEAR_FRAMES + 1):
        for bins in range(-NEAR_BINS, NEAR_BINS + 1):
            near |= np.isin(_places(track, frames, bins), places)
    return near


def _places(landmarks: Landmarks, frames: int, bins: int) -> NDArray[np.int64]:
    at = landmarks.frames.astype(np.int64) + frames
    return at << 10 | np.rint(landmarks.bins).astype(np.int64) + 1 + bins


def _select_blocks(landmarks: Landmarks, blocks: NDArray[np.bool_], length: int) -> Landmarks:
    at = np.minimum(landmarks.frames // BLOCK, len(blocks) - 1)
    mask = blocks[at] & (landmarks.frames < length)
    return landmarks.select(mask)
