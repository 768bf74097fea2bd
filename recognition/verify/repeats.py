"""Find where else in a recording an interval of it sounds again.

Looped music fits a query at many offsets that are almost equally right. Votes identify
the recording but seldom the right repeat; the recording's own repetitions show which
offsets to compare.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recognition import interrupts
from recognition.fingerprints.hashes import Hashes, reference_hashes
from recognition.params import DEFAULT, Params
from recognition.types import Landmarks
from recognition.verify.alignment import Alignment, QueryView
from recognition.verify.evidence import weigh
from recognition.verify.segments import ScoringRun

# At most this many repeats are weighed; more cost time without better places
# (docs/engine-notes.md, Which repeat).
MOST: Final = 6
# An eighth of the hashes must recur.
_ALIKE: Final = 0.12
_FEWEST: Final = 24
_MANY: Final = 64  # a hash at more places of a recording says nothing about repeats
# frames, because a loop need not last a whole number of frames
_BESIDE: Final = (-0.5, 0.0, 0.5)


def sorted_hashes(landmarks: Landmarks, params: Params = DEFAULT) -> Hashes:
    """Return the hashes of a recording and their frames, sorted by hash."""
    hashes, frames = reference_hashes(landmarks, params)
    # One sort of both together is four times as fast as an order by hash.
    both = (hashes.astype(np.uint64) << np.uint64(32)) | frames.astype(np.uint64)
    both.sort()
    return (both >> np.uint64(32)).astype(np.uint32), both.astype(np.int32)


def better_repeat(
    view: QueryView, run: ScoringRun, recording: Hashes, params: Params = DEFAULT
) -> Alignment | None:
    """Return the alignment of a repeat that fits the query better than the run, or None.

    ``recording`` comes from ``sorted_hashes``.
    """
    best, most = None, run.raw
    start, end = run.reference_span
    for later in repeats_of(recording, (start, end), params):
        interrupts.look()
        bounds = np.array([start + later, end + later + 1], dtype=np.int32)
        low, high = np.searchsorted(run.reference.frames, bounds)
        for beside in _BESIDE:
            offset = run.alignment.offset - run.alignment.slope * later + beside
            alignment = replace(run.alignment, offset=offset)
            evidence = weigh(view, run.reference, (low, high), alignment, params=params)
            raw = float(evidence.raw.sum())
            if raw > most:
                best, most = alignment, raw
    return best


def repeats_of(recording: Hashes, span: tuple[int, int], params: Params = DEFAULT) -> list[int]:
    """Return how many frames later (negative: earlier) an interval recurs, likest
    first.

    ``recording`` comes from ``sorted_hashes``; ``span`` is the interval in frames.
    """
    hashes, frames = recording
    inside = (frames >= span[0]) & (frames <= span[1])
    ours, at = hashes[inside], frames[inside]
    if len(ours) < _FEWEST:
        return []
    first = np.searchsorted(hashes, ours)
    places = np.searchsorted(hashes, ours, side="right") - first
    places[places > _MANY] = 0
    # For each hash of the interval, list all its places in the recording.
    nth = np.arange(places.sum()) - np.repeat(np.cumsum(places) - places, places)
    later = frames[np.repeat(first, places) + nth] - np.repeat(at, places)
    later = later[np.abs(later) > params.max_dt]  # a sustained sound is not a repeat
    return _peaks(later, _ALIKE * len(ours))


def _peaks(later: NDArray[np.int32], least: float) -> list[int]:
    """Return the values that occur at least ``least`` times, give or take a frame."""
    if len(later) < least:
        return []
    lowest = int(later.min())
    counts = np.convolve(np.bincount(later - lowest), np.ones(3), mode="same")
    values: list[int] = []
    while len(values) < MOST:
        best = int(np.argmax(counts))
        if counts[best] < least:
            break
        values.append(best + lowest)
        counts[max(0, best - 2) : best + 3] = 0
    return values
