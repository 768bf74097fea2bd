"""Join segments that go on after a silence: where a stream or a recorder was interrupted.

A decoder fills a gap of the container's clock with silence. Whether the sound of that
time is missing or only came late, the recording is used once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recognition.params import DEFAULT, Params
from recognition.types import SegmentMatch
from recognition.verify.calibration import e_value, score_of

# Edges of segments are inexact by their outermost landmarks, and beside silence by more.
EDGE_MS: Final = 250
SILENT_SHARE: Final = 0.75


def joined_over_pauses(
    segments: Sequence[SegmentMatch],
    silent: NDArray[np.bool_],
    *,
    hours: float,
    params: Params = DEFAULT,
) -> list[SegmentMatch]:
    """Return segments with those as one that a silence parts; ordered by start.

    ``silent`` is a mask by frame.
    """
    made: list[SegmentMatch] = []
    for segment in sorted(segments, key=lambda s: (s.recording, s.start_ms)):
        before = made[-1] if made else None
        if before is not None and _goes_on(before, segment, silent, params):
            made[-1] = _join_pair(before, segment, hours, params)
        else:
            made.append(segment)
    return sorted(made, key=lambda s: (s.start_ms, s.end_ms, s.recording))


def _goes_on(
    before: SegmentMatch, after: SegmentMatch, silent: NDArray[np.bool_], params: Params
) -> bool:
    pause_ms = after.start_ms - before.end_ms
    if (
        before.recording != after.recording
        or not 0 < pause_ms <= params.merge_frames * params.frame_ms
        or abs(after.tempo_ratio / before.tempo_ratio - 1) > params.bend_tempo
    ):
        return False
    change = 1200 * math.log2(after.tempo_ratio / before.tempo_ratio)
    higher = after.pitch_cents - before.pitch_cents
    skipped_ms = after.reference_start_ms - before.reference_end_ms
    first, last = (int(at / params.frame_ms) for at in (before.end_ms, after.start_ms))
    return (
        # The pitch stays, or changes with the tempo.
        min(abs(higher), abs(higher - change)) <= 1200 / params.bins_per_octave
        and -EDGE_MS <= skipped_ms <= pause_ms * after.tempo_ratio + EDGE_MS
        and bool(silent[first : last + 1].mean() >= SILENT_SHARE)
    )


def _join_pair(
    before: SegmentMatch, after: SegmentMatch, hours: float, params: Params
) -> SegmentMatch:
    """Return both as one, with the tempo, pitch and band of the longer."""
    longer = max(before, after, key=lambda match: match.end_ms - match.start_ms)
    bits = round(before.bits + after.bits, 2)
    expected = e_value(bits, hours, params)
    return replace(
        longer,
        start_ms=before.start_ms,
        end_ms=after.end_ms,
        reference_start_ms=before.reference_start_ms,
        reference_end_ms=after.reference_end_ms,
        score=score_of(expected),
        bits=bits,
        e_value=expected,
        aligned=before.aligned + after.aligned,
        expected_by_chance=round(before.expected_by_chance + after.expected_by_chance, 1),
    )
