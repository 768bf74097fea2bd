"""Measure in which band a query plays a recording, beside the recording's own levels.

Where a filter took the recording's bass or treble, the query is far quieter than the
recording's landmarks are. Other sound there hides that, and then nothing is said.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recognition.fingerprints.levels import OFFSET, STEPS_PER_NEPER
from recognition.params import Params
from recognition.verify.alignment import QueryView, level_gaps
from recognition.verify.segments import ScoringRun

Floats = NDArray[np.float64]

_BEFORE_AND_AFTER = ((-1.0, -0.5), (-1.0, 0.5), (1.0, -0.5), (1.0, 0.5))
"""Frames and bins around a place, within which a landmark counts as aligned."""


def heard_band(view: QueryView, run: ScoringRun, params: Params) -> tuple[int | None, int | None]:
    """Return the lowest and the highest frequency of a run in the query, in Hz, exact to
    a third of an octave.

    None where the query plays the recording to the end of the axis, or where too little
    of the recording lies there to say. The axis ends at 3.5 kHz, so that the upper end
    of a telephone's band is unknown.
    """
    places, gaps = _gaps_along(view, run)
    middle = params.heard_middle
    low = _edge(places, gaps, middle, params)
    high = _edge(-places, gaps, -middle, params)
    return (
        None if low is None else _hertz(low, params),
        None if high is None else _hertz(-high, params),
    )


def _gaps_along(view: QueryView, run: ScoringRun) -> tuple[Floats, Floats]:
    """Return the bins of a run's landmarks in the query, and how much louder than they
    are the query is there, in nepers; 0 is the median of those that align.
    """
    span = slice(run.first, run.last + 1)
    reference = run.reference.select(span)
    _, aligned = level_gaps(view, reference, run.alignment)
    frames = run.alignment.offset + run.alignment.slope * reference.frames
    places = reference.bins.astype(np.float64) + run.alignment.shift
    rows, columns = view.map_levels.shape
    inside = (frames >= 1) & (frames < rows * view.map_frames - 2)
    inside &= (places >= 0) & (places < columns * view.map_bins - 1)
    if not len(aligned) or not inside.any():
        return np.zeros(0), np.zeros(0)
    frames, places = frames[inside], places[inside]
    loudest = np.zeros(len(frames), dtype=np.uint8)
    for later, higher in _BEFORE_AND_AFTER:
        row = ((frames + later + 0.5) // view.map_frames).astype(np.int64)
        column = (places + higher + 0.5).clip(0) // view.map_bins
        np.maximum(loudest, view.map_levels[row, column.astype(np.int64)], out=loudest)
    levels = loudest / STEPS_PER_NEPER - OFFSET - reference.levels[inside]
    return places, levels - float(np.median(aligned))


def _edge(places: Floats, gaps: Floats, middle: float, params: Params) -> float | None:
    """Return the place below which a filter cut the sound off; None if none did.

    It parts the cut landmarks from those heard with the fewest errors, and lies before
    ``middle``, so that there is enough sound to compare with.
    """
    order = np.argsort(places, kind="stable")
    places, gaps = places[order], gaps[order]
    cut = gaps < -params.heard_gap
    score = np.concatenate([[0], np.cumsum(np.where(cut, 1, -1))])
    # Several places may part them as well or nearly so, as where nothing sounds between.
    alike = np.flatnonzero(score >= score.max() - 1)
    beneath = int(np.flatnonzero(score == score.max())[-1])
    if beneath < params.heard_fewest or beneath == len(places):
        return None
    first, last = places[max(0, alike[0] - 1)], places[min(len(places) - 1, alike[-1])]
    if last - first > params.heard_vague:
        return None
    edge = (places[beneath - 1] + places[beneath]) / 2
    above = ~cut[beneath:][places[beneath:] < edge + 2 * params.bins_per_octave]
    if (
        edge > middle
        or len(above) < params.heard_fewest
        or above.mean() < params.heard_share
        or cut[:beneath].mean() < params.cut_share
        or np.median(gaps[:beneath]) > -params.cut_gap
    ):
        return None
    # A filter's slope lets something through beyond its edge.
    return float(edge) + params.bins_per_octave / 9


def _hertz(place: float, params: Params) -> int:
    """Return the frequency of a place with two digits, as exactly as it is known."""
    exact = params.f_min * 2 ** (place / params.bins_per_octave)
    return int(float(f"{exact:.2g}"))
