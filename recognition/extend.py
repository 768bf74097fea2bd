"""From a lead to a run: verify it in its window, follow it outwards, fit its line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recognition.alignment import Line, QueryView, fit_line
from recognition.candidates import Lead
from recognition.params import Params
from recognition.segments import Run, best_segment, trimmed
from recognition.types import Landmarks
from recognition.verify import ABSENT, ALIGNED, OUTSIDE, Evidence, weigh

_FITS = 6  # each fit lets a run of another tempo grow to about twice its length
_FEWEST_LANDMARKS = 8
_SAME_TEMPO, _SAME_PITCH = 0.005, 0.3  # as a ratio, in bins
_NEAR_FRAMES = 94  # a run that ends within 1.5 s of its span may go on beyond it


def follow(
    view: QueryView, reference: Landmarks, lead: Lead, params: Params
) -> Run | None:
    """The best run along a lead's line, begun in its window and extended.

    Extends only what scores more than a candidate must; fits the line to what it
    finds and follows it again, until nothing is gained. A warped lead has a tempo and
    pitch only near the true ones, so its line is fitted before it is weighed. Of the
    offsets near a lead's the one with most evidence is followed. A tempo or pitch other
    than the recording's own is paid for.
    """
    if not len(reference.frames):
        return None
    line = lead.line
    span = _span(reference, line, lead.window)
    if lead.warped:
        line = fit_line(view, reference, span, line)
    lines = [replace(line, offset=line.offset + frames) for frames in lead.nearby]
    begun = [
        _run_in(view, lead.recording, reference, span, line, params) for line in lines
    ]
    run = max(filter(None, begun), key=lambda run: run.bits, default=None)
    if run is None or run.bits < params.candidate_bits:
        return None if lead.warped else run
    within = lead.within or (0, view.n_frames)
    run = _extended(view, run, span, within, params)
    for _ in range(_FITS):
        span = (run.first, run.last + 1)
        fitted = replace(run, line=fit_line(view, reference, span, run.line))
        wider = _inside(within, fitted, _wider(run, params))
        again = _extended(view, fitted, wider, within, params)
        if again.raw <= run.raw:
            break
        run = again
    # A line that was chosen to fit, among many, must be paid for
    paid = replace(run, bits=run.bits - params.warp_bits)
    if lead.warped:
        return paid
    if not _strays(run.line):
        return run
    return max(_straight(view, run, within, params), paid, key=lambda run: run.bits)


def _strays(line: Line) -> bool:
    """Whether a line was fitted to another tempo or pitch than the recording's."""
    return abs(line.slope - 1) > _SAME_TEMPO or abs(line.shift) > _SAME_PITCH


def _straight(
    view: QueryView, run: Run, within: tuple[int, int], params: Params
) -> Run:
    """What is left of a run at the tempo and pitch of its recording."""
    middle = sum(run.reference_span) / 2
    line = Line(1.0, run.line.query_frame(middle) - middle, 0.0)
    span = (run.first, run.last + 1)
    return _extended(view, replace(run, line=line), span, within, params)


def whole_window(
    view: QueryView, reference: Landmarks, lead: Lead, params: Params
) -> Run | None:
    """The run over all of a lead's window, what speaks against it included.

    Where almost every landmark is masked no run grows far; what a window says as a
    whole may still be much. Of the offsets near the lead's the one with most evidence.
    """
    span = _span(reference, lead.line, lead.window)
    if span[1] - span[0] < _FEWEST_LANDMARKS:
        return None
    runs = []
    for frames in lead.nearby:
        line = replace(lead.line, offset=lead.line.offset + frames)
        evidence = weigh(view, reference, span, line, params=params)
        bits = float(evidence.weights.sum())
        every = (0, span[1] - span[0] - 1, bits)
        runs.append(_run(lead.recording, reference, span, line, evidence, every))
    return max(runs, key=lambda run: run.bits)


def _span(reference: Landmarks, line: Line, window: tuple[int, int]) -> tuple[int, int]:
    """Numbers of the reference landmarks that fall into a window of query frames."""
    places = [line.reference_frame(frame) for frame in window]
    # The frames' own type, or the whole array would be converted for each search
    bounds = np.ceil(np.clip(places, 0, reference.frames[-1] + 1)).astype(np.int32)
    low, high = np.searchsorted(reference.frames, bounds)
    return int(low), int(high)


def _wider(run: Run, params: Params) -> tuple[int, int]:
    frames = run.reference.frames
    start, end = run.reference_span
    around = [start - params.extend_frames, end + params.extend_frames]
    low, high = np.searchsorted(frames, np.array(around, dtype=np.int32))
    return int(low), int(high)


def _extended(
    view: QueryView,
    run: Run,
    span: tuple[int, int],
    within: tuple[int, int],
    params: Params,
) -> Run:
    """Widen the span on each side where the run touches its border."""
    frames = run.reference.frames
    core: tuple[int, int] | None = (run.first, run.last + 1)
    while True:
        again = _run_in(
            view, run.recording, run.reference, span, run.line, params, core=core
        )
        if again is None:
            return run
        run = again
        core = (run.first, run.last + 1)
        low, high = span
        if low > 0 and frames[run.first] - frames[low] < _NEAR_FRAMES:
            low = _at(frames, frames[low] - params.extend_frames)
        if high < len(frames) and frames[high - 1] - frames[run.last] < _NEAR_FRAMES:
            high = _at(frames, frames[high - 1] + params.extend_frames)
        low, high = _inside(within, run, (low, high))
        if (low, high) == span or (low >= span[0] and high <= span[1]):
            return run
        span = (min(low, span[0]), max(high, span[1]))


def _at(frames: NDArray[np.int32], frame: int) -> int:
    return int(np.searchsorted(frames, np.int32(frame)))


def _inside(
    frames: tuple[int, int], run: Run, span: tuple[int, int]
) -> tuple[int, int]:
    """The part of a span that lies inside some frames of the query."""
    low, high = _span(run.reference, run.line, frames)
    return max(span[0], low), min(span[1], high)


def _run_in(
    view: QueryView,
    recording: int,
    reference: Landmarks,
    span: tuple[int, int],
    line: Line,
    params: Params,
    *,
    core: tuple[int, int] | None = None,
) -> Run | None:
    """The best run inside a span, weighed twice: by the span, then by itself."""
    if span[1] - span[0] < _FEWEST_LANDMARKS:
        return None
    if core is not None:
        core = (max(core[0], span[0]), min(core[1], span[1]))
        if core[0] >= core[1]:  # a fitted line may have left its bounds
            return None
    evidence = weigh(view, reference, span, line, core, params)
    first, last, bits = best_segment(evidence.weights, params.x_drop)
    if bits > 0 and core is None and last - first >= _FEWEST_LANDMARKS:
        core = (span[0] + first, span[0] + last + 1)
        evidence = weigh(view, reference, span, line, core, params)
        first, last, bits = best_segment(evidence.weights, params.x_drop)
    if bits <= 0:
        return None
    if bits >= params.candidate_bits:  # or nothing will come of it
        frames = reference.frames[slice(*span)]
        first, last = trimmed(
            frames, evidence.states == ALIGNED, evidence.raw, (first, last), params
        )
        bits = float(evidence.weights[first : last + 1].sum())
    return _run(recording, reference, span, line, evidence, (first, last, bits))


def _run(
    recording: int,
    reference: Landmarks,
    span: tuple[int, int],
    line: Line,
    evidence: Evidence,
    segment: tuple[int, int, float],
) -> Run:
    first, last, bits = segment
    states = evidence.states[first : last + 1]
    return Run(
        recording=recording,
        reference=reference,
        line=line,
        first=span[0] + first,
        last=span[0] + last,
        bits=bits,
        raw=float(evidence.raw[first : last + 1].sum()),
        aligned=int((states == ALIGNED).sum()),
        known=int((states != OUTSIDE).sum()),
        absent=int((states == ABSENT).sum()),
        p0=evidence.p0,
    )
