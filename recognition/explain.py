"""Why a segment is a match: its landmarks, one by one, for drawing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from recognition.alignment import Line, view_of
from recognition.errors import MissingLayer
from recognition.layers import check_params, scan_layer
from recognition.params import DEFAULT, Params
from recognition.types import Fingerprint, Landmarks, SegmentMatch
from recognition.verify import ALIGNED, OUTSIDE, Evidence, weigh


class Fate(StrEnum):
    """What became of a reference landmark in the query."""

    ALIGNED = "aligned"
    MASKED = "masked"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Pairing:
    """One reference landmark and its place in the query, found or only expected."""

    reference_ms: int
    query_ms: int
    frequency_hz: float
    fate: Fate
    bits: float


@dataclass(frozen=True, slots=True)
class Alignment:
    """The evidence of one segment.

    ``per_second`` counts the aligned landmarks of each second of the segment in the
    query, ``expected_per_second`` how many would align there by chance.
    """

    pairings: tuple[Pairing, ...]
    per_second: tuple[int, ...]
    expected_per_second: tuple[float, ...]


def explain(
    query: Fingerprint,
    reference: Landmarks,
    segment: SegmentMatch,
    params: Params = DEFAULT,
) -> Alignment:
    """The alignment object of a segment found in ``query``.

    A query without scan layer is explained by its reference layer.
    """
    if query.dense is None and query.reference is not None:
        check_params(query, params)
        landmarks, level_map = query.reference, None
    elif query.dense is None:
        raise MissingLayer("scan")
    else:
        landmarks, level_map = scan_layer(query, params)
    n_frames = round(query.duration_ms / params.frame_ms) + 1
    view = view_of(landmarks, level_map, n_frames)
    line = line_of(segment, params)
    places = (segment.reference_start_ms, segment.reference_end_ms + params.frame_ms)
    span = np.searchsorted(reference.frames, np.array(places) / params.frame_ms)
    first, last = int(span[0]), int(span[1])
    evidence = weigh(view, reference, (first, last), line, params=params)
    pairings = _pairings(reference, (first, last), line, evidence, params)
    seconds = [(p.query_ms - segment.start_ms) // 1000 for p in pairings]
    n_seconds = -(-(segment.end_ms - segment.start_ms) // 1000)
    inside = [min(max(0, second), n_seconds - 1) for second in seconds]
    hits = [p.fate is Fate.ALIGNED for p in pairings]
    counts = np.bincount(inside, weights=hits, minlength=n_seconds)
    chance = np.bincount(inside, minlength=n_seconds) * evidence.p0
    return Alignment(
        pairings=pairings,
        per_second=tuple(int(count) for count in counts),
        expected_per_second=tuple(round(float(count), 2) for count in chance),
    )


def line_of(segment: SegmentMatch, params: Params = DEFAULT) -> Line:
    """The line that a stored segment describes."""
    r_length = segment.reference_end_ms - segment.reference_start_ms
    slope = (segment.end_ms - segment.start_ms) / r_length if r_length else 1.0
    return Line(
        slope=slope,
        offset=(segment.start_ms - slope * segment.reference_start_ms)
        / params.frame_ms,
        shift=segment.pitch_cents * params.bins_per_octave / 1200,
    )


def _pairings(
    reference: Landmarks,
    span: tuple[int, int],
    line: Line,
    evidence: Evidence,
    params: Params,
) -> tuple[Pairing, ...]:
    pairings = []
    for i, state in enumerate(evidence.states):
        if state == OUTSIDE:
            continue
        missing = Fate.ABSENT if evidence.absent[i] else Fate.MASKED
        frame = int(reference.frames[span[0] + i])
        octaves = float(reference.bins[span[0] + i]) / params.bins_per_octave
        pairings.append(
            Pairing(
                reference_ms=round(frame * params.frame_ms),
                query_ms=round(line.query_frame(frame) * params.frame_ms),
                frequency_hz=round(params.f_min * 2**octaves, 1),
                fate=Fate.ALIGNED if state == ALIGNED else missing,
                bits=round(float(evidence.weights[i]), 2),
            )
        )
    return tuple(pairings)
