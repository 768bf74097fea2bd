"""Let runs of one recording meet where its tempo drifts.

A tape that slows, or the pitch fader of a turntable, changes the tempo little by little.
Alignments are straight, so one use becomes several runs, with gaps and overlaps between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from recognition.params import Params
from recognition.verify.segments import ScoringRun


def meeting(runs: Sequence[ScoringRun], params: Params) -> list[ScoringRun]:
    """Cut or extend runs of one recording to the bends between them; sort by place."""
    made: list[ScoringRun] = []
    for run in sorted(runs, key=lambda r: (r.recording, r.query_span)):
        bend = bend_between(made[-1], run, params) if made else None
        if bend is not None:
            frames = run.reference.frames
            there = int(np.searchsorted(frames, np.int32(bend)))
            made[-1] = _between(made[-1], made[-1].first, there - 1)
            run = _between(run, there, run.last)
        made.append(run)
    return sorted(made, key=lambda r: (r.query_span, r.recording))


def bend_between(before: ScoringRun, after: ScoringRun, params: Params) -> float | None:
    """Return the reference frame where one run goes on as another; None if it does not.

    Both are at the same place of the query there, and their tempi differ little.
    """
    one, other = before.alignment, after.alignment
    change = abs(one.slope / other.slope - 1)
    if before.recording != after.recording or change > params.bend_tempo:
        return None
    ends = before.reference_span[1], after.reference_span[0]
    middle = sum(ends) / 2
    beside = one.query_frame(middle) - other.query_frame(middle)
    gap = after.query_span[0] - before.query_span[1]
    if abs(beside) > params.merge_drift_frames or gap > params.merge_frames:
        return None
    turn = one.slope - other.slope
    bend = middle - beside / turn if turn else middle
    bend = min(max(bend, min(ends)), max(ends))
    least = params.min_segment_ms / params.frame_ms
    left = one.query_frame(bend) - before.query_span[0]
    right = after.query_span[1] - other.query_frame(bend)
    return bend if min(left, right) >= least else None


def _between(run: ScoringRun, first: int, last: int) -> ScoringRun:
    """Return a run between two landmarks, with its share of the evidence if it is cut."""
    frames = run.reference.frames
    whole = max(1, frames[run.last] - frames[run.first])
    share = min(1.0, float(frames[last] - frames[first]) / whole)
    return replace(
        run,
        first=first,
        last=last,
        bits=run.bits * share,
        raw=run.raw * share,
        aligned=round(run.aligned * share),
        known=round(run.known * share),
        absent=round(run.absent * share),
    )
