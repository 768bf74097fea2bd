"""Describe intervals without a match: silence, unmatched sound, and unscanned ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from recognition.params import DEFAULT, Params
from recognition.types import (
    RefusedAlignment,
    SegmentMatch,
    UnmatchedInterval,
    UnmatchedKind,
)

_KINDS = (UnmatchedKind.NO_MATCH, UnmatchedKind.SILENCE, UnmatchedKind.NOT_SCANNED)


def unmatched_intervals(
    segments: Sequence[SegmentMatch],
    *,
    duration_ms: int,
    silent: NDArray[np.bool_],
    scanned: NDArray[np.bool_],
    refused: Sequence[SegmentMatch],
    params: Params = DEFAULT,
) -> tuple[UnmatchedInterval, ...]:
    """Return the intervals, in order, that the segments do not cover.

    Gaps shorter than the precision of segment edges are skipped. ``silent`` and
    ``scanned`` are masks by frame; ``refused`` are alignments too weak to be matches,
    the strongest of which becomes each unmatched interval's candidate.
    """
    kinds = np.zeros(len(silent), dtype=np.int8)
    kinds[_lasting(silent, params.silence_min_ms / params.frame_ms)] = 1
    kinds[~scanned] = 2
    for segment in segments:
        first = int(segment.start_ms / params.frame_ms)
        kinds[first : int(segment.end_ms / params.frame_ms) + 1] = -1
    intervals = []
    for first, last in _pieces(kinds):
        if kinds[first] < 0:
            continue
        start = round(first * params.frame_ms)
        end = min(duration_ms, round(last * params.frame_ms))
        kind = _KINDS[kinds[first]]
        candidate = _strongest(refused, start, end) if not kinds[first] else None
        if end - start > (
            params.no_match_min_ms if kind is UnmatchedKind.NO_MATCH else 0
        ):
            intervals.append(UnmatchedInterval(start, end, kind, candidate))
    return tuple(intervals)


def _lasting(mask: NDArray[np.bool_], least: float) -> NDArray[np.bool_]:
    """Return the mask without true intervals shorter than ``least``."""
    kept = mask.copy()
    for first, last in _pieces(mask.astype(np.int8)):
        if mask[first] and last - first < least:
            kept[first:last] = False
    return kept


def _pieces(values: NDArray[np.int8]) -> list[tuple[int, int]]:
    """Return maximal intervals of equal value as (first, past the last)."""
    if not len(values):
        return []
    changes = np.flatnonzero(np.diff(values)) + 1
    bounds = [0, *changes.tolist(), len(values)]
    return list(pairwise(bounds))


def _strongest(
    refused: Sequence[SegmentMatch], start_ms: int, end_ms: int
) -> RefusedAlignment | None:
    inside = [
        match
        for match in refused
        if min(match.end_ms, end_ms) - max(match.start_ms, start_ms)
        > (match.end_ms - match.start_ms) / 2
    ]
    if not inside:
        return None
    best = max(inside, key=lambda match: match.bits)
    return RefusedAlignment(
        recording=best.recording,
        start_ms=best.start_ms,
        end_ms=best.end_ms,
        reference_start_ms=best.reference_start_ms,
        score=best.score,
        reason=(
            f"{best.aligned} landmarks align, {best.expected_by_chance:.0f} expected by "
            f"chance; {best.bits:.0f} bits of evidence are too few"
        ),
    )
