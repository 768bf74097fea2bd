"""Maximal scoring segments of a sequence of weights, and how overlaps are settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recognition.jit import compiled, compiled_part
from recognition.params import Params
from recognition.types import Landmarks
from recognition.verify.alignment import Alignment
from recognition.verify.lookup import Span


@dataclass(frozen=True, slots=True)
class ScoringRun:
    """A scoring run of one recording along one alignment.

    ``first`` and ``last`` number the outermost reference landmarks, both inclusive.
    ``judged`` of the landmarks could be judged, ``aligned`` were found in the query,
    ``absent`` should be audible but are not; the aligned ones lie in ``pitches``
    different bins. ``raw`` sums all evidence, while ``bits`` limits evidence that is not
    independent; ``p0`` is the rate of alignment by chance.
    """

    recording: int
    reference: Landmarks
    alignment: Alignment
    first: int
    last: int
    bits: float
    raw: float
    aligned: int
    judged: int
    absent: int
    pitches: int
    p0: float

    @property
    def reference_span(self) -> tuple[int, int]:
        """Reference frames of the outermost landmarks."""
        frames = self.reference.frames
        return int(frames[self.first]), int(frames[self.last])

    @property
    def query_span(self) -> tuple[float, float]:
        """Query frames of the outermost landmarks."""
        start, end = self.reference_span
        return self.alignment.query_frame(start), self.alignment.query_frame(end)

    @property
    def length(self) -> float:
        """Query frames covered."""
        start, end = self.query_span
        return end - start


def is_row(run: ScoringRun, params: Params) -> bool:
    """Return whether a run is long enough to be reported."""
    return run.length >= least_of(run, params)


def least_of(run: ScoringRun, params: Params) -> float:
    """Return how many query frames of a run's recording must be heard."""
    frames = run.reference.frames
    return params.least_frames(int(frames[-1] - frames[0]) * run.alignment.slope)


@compiled
def best_segment(weights: NDArray[np.float32], x_drop: float) -> tuple[int, int, float]:
    """Return first and last place of the best scoring segment, and its sum.

    A segment ends where the sum falls ``x_drop`` below its highest value.
    """
    best_first, best_last, best = 0, 0, 0.0
    total, top = 0.0, 0.0
    first = 0
    for i in range(len(weights)):
        total += weights[i]
        if total <= 0 or total < top - x_drop:
            total, top = 0.0, 0.0
            first = i + 1
            continue
        if total > top:
            top = total
            if top > best:
                best_first, best_last, best = first, i, top
    return best_first, best_last, best


@compiled
def trimmed(
    frames: NDArray[np.int32],
    aligned: NDArray[np.bool_],
    weights: NDArray[np.float32],
    segment: tuple[int, int],
    edge: tuple[float, float, float],
) -> tuple[int, int]:
    """Cut ends off a segment that only chance alignments hold on to it.

    A masked landmark says almost nothing inside a run, so a single chance alignment
    could extend the run over the music or speech that follows. At the ends, a missing
    landmark therefore counts by how often the run's own landmarks align.

    ``edge`` is the frames of each end to examine, the weight of a missing landmark and
    the most bits of an aligned one.
    """
    first, last = segment
    reach, weight, most = edge
    missing = missing_bits(aligned, (first, last + 1), weight)
    tail, head = np.searchsorted(
        frames, np.array([frames[last] - reach, frames[first] + reach], dtype=np.int32)
    )
    tail, head = max(tail, first), min(head, last)
    new_last, top, total = tail, 0.0, 0.0
    for i in range(tail, last + 1):
        total += min(weights[i], most) if aligned[i] else missing
        if total > top:
            new_last, top = i, total
    new_first, top, total = head, 0.0, 0.0
    for i in range(head, first - 1, -1):
        total += min(weights[i], most) if aligned[i] else missing
        if total > top:
            new_first, top = i, total
    return (new_first, new_last) if new_first < new_last else segment


@compiled_part
def missing_bits(aligned: NDArray[np.bool_], inner: Span, weight: float) -> float:
    """Return the bits of a missing landmark, by how often the landmarks ``inner`` align.

    Where most align, a few beside them are chance.
    """
    hits = 0
    for i in range(inner[0], inner[1]):
        hits += aligned[i]
    share = hits / (inner[1] - inner[0])
    return float(weight * np.log2(max(0.05, 1 - share)))


def edge_of(params: Params) -> tuple[float, float, float]:
    """Return the parameters of ``trimmed``."""
    return float(params.edge_frames), params.edge_weight, params.edge_bits


def chosen(runs: Sequence[ScoringRun], params: Params) -> list[ScoringRun]:
    """Choose among runs of one recording that claim the same interval of the query.

    The run with more evidence wins, and comes first, because looped music aligns at many
    offsets that are almost equally right. Runs of different recordings may overlap, since
    several may sound at once.
    """
    best: list[ScoringRun] = []
    for run in sorted(runs, key=lambda r: -r.raw):
        taken = sum(overlap(run, earlier) for earlier in best if earlier.recording == run.recording)
        if taken <= run.length / 2 and run.length - taken >= least_of(run, params):
            best.append(run)
    return best


def room(run: ScoringRun, runs: Sequence[ScoringRun], n_frames: int) -> tuple[int, int]:
    """Return the query frames around a run that no other of its recording claims."""
    start, end = run.query_span
    spans = [
        rival.query_span for rival in runs if rival.recording == run.recording and rival is not run
    ]
    low = max((after for before, after in spans if before < start), default=-1)
    high = min((before for before, after in spans if after > end), default=n_frames)
    return int(low) + 1, int(high)


def joined(runs: Sequence[ScoringRun], params: Params) -> list[ScoringRun]:
    """Join runs that lie on one alignment with little between them; sort by place.

    They are one segment, interrupted where something covered it.
    """
    made: list[ScoringRun] = []
    for run in sorted(runs, key=lambda r: (r.recording, r.query_span)):
        before = made[-1] if made else None
        if (
            before is not None
            and before.recording == run.recording
            and run.query_span[0] - before.query_span[1] <= params.merge_frames
            and run.first > before.first
            and same_line(before, run, params.merge_drift_frames)
        ):
            stronger = before if before.raw >= run.raw else run
            made[-1] = replace(
                stronger,
                first=before.first,
                last=max(before.last, run.last),
                bits=before.bits + run.bits,
                raw=before.raw + run.raw,
                aligned=before.aligned + run.aligned,
                judged=before.judged + run.judged,
                absent=before.absent + run.absent,
                pitches=max(before.pitches, run.pitches),
            )
        else:
            made.append(run)
    return sorted(made, key=lambda r: (r.query_span, r.recording))


def overlap(a: ScoringRun, b: ScoringRun) -> float:
    """Return how many query frames both runs claim."""
    (a0, a1), (b0, b1) = a.query_span, b.query_span
    return max(0.0, min(a1, b1) - max(a0, b0))


def same_line(a: ScoringRun, b: ScoringRun, tolerance_frames: float) -> bool:
    """Return whether two runs of one recording lie on one alignment, in the middle of each."""
    (a0, a1), (b0, b1) = a.reference_span, b.reference_span
    return all(
        abs(a.alignment.query_frame(r) - b.alignment.query_frame(r)) <= tolerance_frames
        for r in ((a0 + a1) / 2, (b0 + b1) / 2)
    )
