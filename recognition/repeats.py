"""Where else in a recording a stretch of it sounds again.

Looped music fits a query at many offsets that are all but equally right. Votes tell
that it is this recording, but seldom which of its repeats; what the recording itself
repeats does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recognition.alignment import Line, QueryView
from recognition.hashes import Hashes, reference_hashes
from recognition.params import DEFAULT, Params
from recognition.segments import Run
from recognition.types import Landmarks
from recognition.verify import weigh

MOST: Final = 6
_ALIKE: Final = 0.12
_FEWEST: Final = 24
_MANY: Final = 64  # places of one hash, beyond which it tells nothing
_BESIDE: Final = (-0.5, 0.0, 0.5)  # frames: a loop need not last a whole number


def sorted_hashes(landmarks: Landmarks, params: Params = DEFAULT) -> Hashes:
    """The hashes of a recording and their frames, in the order of the hashes."""
    hashes, frames = reference_hashes(landmarks, params)
    order = np.argsort(hashes, kind="stable")
    return hashes[order], frames[order]


def better_repeat(
    view: QueryView, run: Run, recording: Hashes, params: Params = DEFAULT
) -> Line | None:
    """The line along which the query sounds more like a repeat of what a run found.

    ``recording`` is as ``sorted_hashes`` gives it. None where the run's own place has
    most evidence.
    """
    best, most = None, run.raw
    start, end = run.reference_span
    for later in repeats_of(recording, (start, end), params):
        bounds = np.array([start + later, end + later + 1], dtype=np.int32)
        low, high = np.searchsorted(run.reference.frames, bounds)
        for beside in _BESIDE:
            offset = run.line.offset - run.line.slope * later + beside
            line = replace(run.line, offset=offset)
            evidence = weigh(view, run.reference, (low, high), line, params=params)
            raw = float(evidence.raw.sum())
            if raw > most:
                best, most = line, raw
    return best


def repeats_of(
    recording: Hashes, span: tuple[int, int], params: Params = DEFAULT
) -> list[int]:
    """How many frames later or, below 0, earlier a stretch sounds again; likest first.

    ``recording`` is as ``sorted_hashes`` gives it; ``span`` are the stretch's frames.
    """
    hashes, frames = recording
    inside = (frames >= span[0]) & (frames <= span[1])
    ours, at = hashes[inside], frames[inside]
    if len(ours) < _FEWEST:
        return []
    first = np.searchsorted(hashes, ours)
    places = np.searchsorted(hashes, ours, side="right") - first
    places[places > _MANY] = 0
    # One after the other, the places of every hash of the stretch
    nth = np.arange(places.sum()) - np.repeat(np.cumsum(places) - places, places)
    later = frames[np.repeat(first, places) + nth] - np.repeat(at, places)
    later = later[np.abs(later) > params.max_dt]  # what sounds on is no repeat
    return _peaks(later, _ALIKE * len(ours))


def _peaks(later: NDArray[np.int32], least: float) -> list[int]:
    """The values that occur at least so often, give or take a frame."""
    if len(later) < least:
        return []
    lowest = int(later.min())
    counts = np.convolve(np.bincount(later - lowest), np.ones(3), mode="same")
    found: list[int] = []
    while len(found) < MOST:
        best = int(np.argmax(counts))
        if counts[best] < least:
            break
        found.append(best + lowest)
        counts[max(0, best - 2) : best + 3] = 0
    return found
