"""Describe intervals without a match: silence, unmatched sound, and unscanned ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from recognition.params import DEFAULT, Params
from recognition.speech_track import SpeechTrack
from recognition.types import RefusedAlignment, SegmentMatch, UnmatchedInterval, UnmatchedKind

_KINDS = (UnmatchedKind.NO_MATCH, UnmatchedKind.SILENCE, UnmatchedKind.NOT_SCANNED)


def unmatched_intervals(
    segments: Sequence[SegmentMatch],
    *,
    duration_ms: int,
    silent: NDArray[np.bool_],
    scanned: NDArray[np.bool_],
    refused: Sequence[SegmentMatch],
    speech: SpeechTrack,
    params: Params = DEFAULT,
) -> tuple[UnmatchedInterval, ...]:
    """Return the intervals, in order, that the segments do not cover.

    Gaps shorter than the precision of segment edges are skipped, and sound without a
    match is divided where speech or music begins or ends. ``silent`` and
    ``scanned`` are masks by frame; ``refused`` are alignments too weak to be matches,
    the strongest of which becomes each unmatched interval's candidate.
    """
    kinds = np.zeros(len(silent), dtype=np.int8)
    kinds[_lasting(silent, params.silence_min_ms / params.frame_ms)] = 1
    kinds[~scanned] = 2
    for segment in segments:
        first = int(segment.start_ms / params.frame_ms)
        kinds[first : int(segment.end_ms / params.frame_ms) + 1] = -1
    spans = np.array([(match.start_ms, match.end_ms, match.bits) for match in refused])
    intervals = []
    for first, last in _pieces(kinds):
        if kinds[first] < 0:
            continue
        start = round(first * params.frame_ms)
        end = min(duration_ms, round(last * params.frame_ms))
        kind = _KINDS[kinds[first]]
        if kind is not UnmatchedKind.NO_MATCH:
            if end > start:
                intervals.append(UnmatchedInterval(start, end, kind))
        elif end - start > params.no_match_min_ms:
            best = _strongest(spans, start, end)
            candidate = None if best is None else _candidate(refused[best])
            intervals += divided(UnmatchedInterval(start, end, kind, candidate), speech)
    return tuple(intervals)


def divided(interval: UnmatchedInterval, speech: SpeechTrack) -> Iterator[UnmatchedInterval]:
    """Yield the pieces of an interval without a match, each with the sound that it holds.

    The candidate stays with the piece that has most of it. ``speech`` is the track of
    the whole file; where it says nothing, the interval stays whole.
    """
    pieces = list(speech.pieces(interval.start_ms, interval.end_ms))
    near = interval.candidate
    host = near and max(
        pieces,
        key=lambda piece: min(piece.end_ms, near.end_ms) - max(piece.start_ms, near.start_ms),
        default=None,
    )
    for piece in pieces:
        yield replace(
            interval,
            start_ms=piece.start_ms,
            end_ms=piece.end_ms,
            sound=piece.kind,
            speech=speech.speech_share(piece.start_ms, piece.end_ms),
            music=speech.music_share(piece.start_ms, piece.end_ms),
            candidate=near if piece is host else None,
        )
    if not pieces:
        yield interval


def _lasting(mask: NDArray[np.bool_], least: float) -> NDArray[np.bool_]:
    """Return the mask without true intervals shorter than ``least``."""
    lasting = mask.copy()
    for first, last in _pieces(mask.astype(np.int8)):
        if mask[first] and last - first < least:
            lasting[first:last] = False
    return lasting


def _pieces(values: NDArray[np.int8]) -> list[tuple[int, int]]:
    """Return maximal intervals of equal value as (first, past the last)."""
    if not len(values):
        return []
    changes = np.flatnonzero(np.diff(values)) + 1
    bounds = [0, *changes.tolist(), len(values)]
    return list(pairwise(bounds))


def _strongest(spans: NDArray[np.float64], start_ms: int, end_ms: int) -> int | None:
    """Return the number of the strongest alignment that lies mostly in an interval.

    ``spans`` has the start, end and bits of each.
    """
    if not len(spans):
        return None
    starts, ends, bits = spans.T
    within = np.minimum(ends, end_ms) - np.maximum(starts, start_ms)
    mostly = within > (ends - starts) / 2
    return int(np.argmax(np.where(mostly, bits, -np.inf))) if mostly.any() else None


def _candidate(match: SegmentMatch) -> RefusedAlignment:
    return RefusedAlignment(
        recording=match.recording,
        start_ms=match.start_ms,
        end_ms=match.end_ms,
        reference_start_ms=match.reference_start_ms,
        score=match.score,
        reason=(
            f"{match.aligned} landmarks align, {match.expected_by_chance:.0f} expected "
            f"by chance; {match.bits:.0f} bits of evidence are too few"
        ),
    )
