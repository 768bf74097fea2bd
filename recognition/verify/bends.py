"""Let runs of one recording meet where its tempo drifts.

A tape that slows, or the pitch fader of a turntable, changes the tempo little by little.
Alignments are straight, so one use becomes several runs, with gaps and overlaps between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, pairwise

import numpy as np

from recognition.params import Params
from recognition.verify.alignment import Alignment, Lead
from recognition.verify.segments import ScoringRun, chosen

_ROUNDS = 20  # of looking beside runs: of 10 s at each end
_FARTHEST = 2.0  # times the change of tempo between two runs, the most beyond them
_SAME_TEMPO = 0.001  # straight runs of the same music differ by less


def chosen_with_drifts(
    runs: Sequence[ScoringRun], follow_all: Callable[[Sequence[Lead]], None], params: Params
) -> list[ScoringRun]:
    """Choose among runs, and look for more beside those that drift.

    ``follow_all`` adds to ``runs`` what it finds along leads.
    """
    best = chosen(runs, params)
    for _ in range(_ROUNDS):
        count = len(runs)
        follow_all([*leads_beside(best, params)])
        if len(runs) == count:
            break
        best = chosen(runs, params)
    return best


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


def leads_beside(runs: Sequence[ScoringRun], params: Params) -> Iterator[Lead]:
    """Yield where recordings whose tempo drifts may be: before, between and after runs."""
    ordered = sorted(runs, key=lambda r: (r.recording, r.query_span))
    for _, of_one in groupby(ordered, key=lambda r: r.recording):
        for earlier, later in pairwise(of_one):
            if abs(earlier.alignment.slope / later.alignment.slope - 1) < _SAME_TEMPO:
                continue
            between = _between_ends(earlier, later, params)
            if between is not None:
                yield between
            if between is not None or bend_between(earlier, later, params) is not None:
                yield _beyond(earlier, later, params.bend_frames)
                yield _beyond(later, earlier, params.bend_frames)


def _beyond(run: ScoringRun, other: ScoringRun, reach: int) -> Lead:
    """Return where a recording may be beyond one of two runs if its tempo drifts on."""
    start, end = run.query_span
    middle, elsewhere = (start + end) / 2, sum(other.query_span) / 2
    edge, place, window = start, run.reference_span[0], (int(start) - reach, int(start))
    if middle > elsewhere:
        edge, place, window = end, run.reference_span[1], (int(end), int(end) + reach)
    # The change between runs says little of the drift if their middles are close.
    farther = abs(sum(window) / 2 - middle) / max(1.0, abs(elsewhere - middle))
    share = min(_FARTHEST, farther)
    slope = run.alignment.slope + share * (run.alignment.slope - other.alignment.slope)
    shift = run.alignment.shift + share * (run.alignment.shift - other.alignment.shift)
    lead = _lead(run, Alignment(slope, edge - slope * place, shift), window)
    # A lead that went on into the run would give way to it.
    return replace(lead, within=lead.window)


def _between_ends(earlier: ScoringRun, later: ScoringRun, params: Params) -> Lead | None:
    """Return the lead from the end of a run to the start of a later one; None if there
    is no room, or their tempi do not lead there.
    """
    start, end = earlier.query_span[1], later.query_span[0]
    used = later.reference_span[0] - earlier.reference_span[1]
    if used <= 0 or end - start < params.min_segment_ms / params.frame_ms:
        return None
    slope = (end - start) / used
    for run in (earlier, later):
        if abs(slope / run.alignment.slope - 1) > params.bend_tempo:
            return None
    shift = (earlier.alignment.shift + later.alignment.shift) / 2
    along = Alignment(slope, start - slope * earlier.reference_span[1], shift)
    return _lead(earlier, along, (int(start), int(end)))


def _lead(run: ScoringRun, along: Alignment, window: tuple[int, int]) -> Lead:
    return Lead(run.recording, along, (max(0, window[0]), window[1]), 0, warped=True)


def bend_between(before: ScoringRun, after: ScoringRun, params: Params) -> float | None:
    """Return the reference frame where one run goes on as another; None if it does not.

    Both are at the same place of the query there, and their tempi differ little.
    """
    first, second = before.alignment, after.alignment
    change = abs(first.slope / second.slope - 1)
    if before.recording != after.recording or change > params.bend_tempo:
        return None
    ends = before.reference_span[1], after.reference_span[0]
    middle = sum(ends) / 2
    beside = first.query_frame(middle) - second.query_frame(middle)
    gap = after.query_span[0] - before.query_span[1]
    if abs(beside) > params.merge_drift_frames or gap > params.merge_frames:
        return None
    turn = first.slope - second.slope
    bend = middle - beside / turn if turn else middle
    bend = min(max(bend, min(ends)), max(ends))
    least = params.min_segment_ms / params.frame_ms
    left = first.query_frame(bend) - before.query_span[0]
    right = after.query_span[1] - second.query_frame(bend)
    return bend if min(left, right) >= least else None


def _between(run: ScoringRun, first: int, last: int) -> ScoringRun:
    """Return a run between two landmarks, with its share of the evidence if it is cut."""
    frames = run.reference.frames
    start, end = run.reference_span
    share = min(1.0, (int(frames[last]) - int(frames[first])) / max(1, end - start))
    return replace(
        run,
        first=first,
        last=last,
        bits=run.bits * share,
        raw=run.raw * share,
        aligned=round(run.aligned * share),
        judged=round(run.judged * share),
        absent=round(run.absent * share),
    )
