"""Cut a host into pieces that are played apart, at the ends of the measured runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from recognition.params import DEFAULT, Params
from recognition.recurring.families import Side
from recognition.recurring.join import MIN_MS
from recognition.verify.alignment import Alignment
from recognition.verify.segments import ScoringRun

# Ends this close mark one cut: as many as ``_MANY`` and a share of the runs that cross
# it, or a pair closer still that few runs cross. Scattered ends are those of partial
# plays.
_NEAR_MS: Final = 800
_MANY: Final = 3
_CUT_SHARE: Final = 0.4
_PAIR_MS: Final = 500
_FEW: Final = 3
# Runs that all end or begin within so much of a point leave nothing that joins its sides.
_LOOSE_MS: Final = 2_000
_SMALL_MS: Final = 5_000
_SMALL_SHARE: Final = 0.1
_JOINING_SHARE: Final = 0.4


@dataclass(frozen=True, slots=True)
class Part:
    """Where a piece, or a part of it, sounds in a file.

    ``side`` is the interval of the file, ``start`` and ``end`` that of the host, all in
    frames; ``alignment`` maps frames of the host's file to frames of the file.
    """

    side: Side
    start: float
    end: float
    alignment: Alignment
    bits: float


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a host from ``start`` to ``end``, in frames, and where it sounds."""

    start: float
    end: float
    parts: tuple[Part, ...]

    @property
    def length(self) -> float:
        """Length in frames of the host."""
        return self.end - self.start


def pieces(
    host: Side, runs: Sequence[tuple[int, ScoringRun]], params: Params = DEFAULT
) -> list[Piece]:
    """Cut what ``measured`` found of a host into pieces with at least two parts."""
    parts = _drifting([_part(file, run, params) for file, run in runs], params)
    copies = [part for part in parts if not _is_host(part, host)]
    if not copies:
        return []
    # The host itself says nothing of where the sound begins and ends.
    start = max(host.start, min(part.start for part in copies))
    end = min(host.end, max(part.end for part in copies))
    near = _NEAR_MS / params.frame_ms
    ends = [
        place
        for part in copies
        for place in (part.start, part.end)
        if start + near < place < end - near
    ]
    cuts = _cuts(sorted(ends), parts, params)
    cuts += [
        point
        for point in _loose(start, end, copies, params)
        if all(abs(point - cut) > 2 * near for cut in cuts)
    ]
    spans = [*pairwise([start, *sorted(cuts), end])]
    spans = _without_small(spans, parts, params)
    least = MIN_MS / params.frame_ms
    made = []
    for span in spans:
        inside = [_clipped(part, span, params) for part in parts]
        held = tuple(part for part in inside if part.end - part.start >= least)
        if len(held) > 1:
            made.append(Piece(*span, held))
    return made


def _part(file: int, run: ScoringRun, params: Params) -> Part:
    """Return a run with the sound beyond its outermost landmarks."""
    edge = params.edge_ms / params.frame_ms
    (start, end), (first, last) = run.query_span, run.reference_span
    before, after = min(edge, start, first), edge
    side = Side(file, start - before, end + after)
    slope = run.alignment.slope
    return Part(side, first - before / slope, last + after / slope, run.alignment, run.bits)


def _drifting(parts: Iterable[Part], params: Params) -> list[Part]:
    """Return the parts, those as one that go on at another tempo."""
    made: list[Part] = []
    for part in sorted(parts, key=lambda part: (part.side.file, part.side.start)):
        if made and _goes_on(made[-1], part, params):
            before = made.pop()
            side = replace(before.side, end=part.side.end)
            slope = side.length / (part.end - before.start)
            offset = side.start - slope * before.start
            shift = np.average(
                [before.alignment.shift, part.alignment.shift],
                weights=[before.side.length, part.side.length],
            )
            along = Alignment(slope, offset, float(shift))
            part = Part(side, before.start, part.end, along, before.bits + part.bits)
        made.append(part)
    return made


def _goes_on(before: Part, part: Part, params: Params) -> bool:
    """Return whether a part begins where one before it ends, in file and host."""
    near = _PAIR_MS / params.frame_ms
    return (
        before.side.file == part.side.file
        and abs(part.side.start - before.side.end) <= near
        and abs(part.start - before.end) <= near
    )


def _is_host(part: Part, host: Side) -> bool:
    middle = (part.start + part.end) / 2
    return part.side.file == host.file and abs(part.alignment.query_frame(middle) - middle) < 1


def _cuts(ends: Sequence[float], parts: Sequence[Part], params: Params) -> list[float]:
    """Return where ends meet, the most of them first, at least twice their reach apart."""
    near = _NEAR_MS / params.frame_ms
    remaining, cuts = list(ends), []
    while remaining:
        groups = [[end for end in remaining if abs(end - place) <= near] for place in remaining]
        group = max(groups, key=len)
        middle = group[len(group) // 2]
        if len(group) < 2:
            break
        crossing = sum(part.start < middle - near and part.end > middle + near for part in parts)
        many = len(group) >= _MANY and len(group) >= _CUT_SHARE * crossing
        close = (group[-1] - group[0]) * params.frame_ms <= _PAIR_MS
        if many or (len(group) == 2 and close and crossing <= _FEW):
            cuts.append(middle)
        remaining = [end for end in remaining if abs(end - middle) > near]
    return cuts


def _loose(start: float, end: float, copies: Iterable[Part], params: Params) -> list[float]:
    """Return the points that no run crosses far enough to join both sides."""
    reach = _LOOSE_MS / params.frame_ms
    spans = sorted((part.start + reach, part.end - reach) for part in copies)
    points, last = [], spans[0][1]
    for first, until in spans[1:]:
        if first > last and start < (first + last) / 2 < end:
            points.append((first + last) / 2)
        last = max(last, until)
    return points


def _without_small(
    spans: list[tuple[float, float]], parts: Sequence[Part], params: Params
) -> list[tuple[float, float]]:
    """Join small pieces that are never played alone to a neighbour, or drop them."""
    whole = sum(end - start for start, end in spans)
    small = max(_SMALL_MS / params.frame_ms, _SMALL_SHARE * whole)
    least = 1000 / params.frame_ms
    merged = list(spans)
    for span in sorted(spans, key=lambda span: (span[1] - span[0], span)):
        if len(merged) == 1 or span[1] - span[0] >= small or span not in merged:
            continue
        at = merged.index(span)
        if _is_alone(span, parts, least):
            continue
        beside = [merged[k] for k in (at - 1, at + 1) if 0 <= k < len(merged)]
        beside = [
            neighbour for neighbour in beside if neighbour[1] == span[0] or neighbour[0] == span[1]
        ]
        merged.remove(span)
        nearest = max(beside, key=lambda neighbour: _likeness(span, neighbour, parts), default=None)
        if nearest is not None and _joint_share(span, nearest, parts) >= _JOINING_SHARE:
            first, last = min(span[0], nearest[0]), max(span[1], nearest[1])
            merged[merged.index(nearest)] = first, last
    return merged


def _covers(part: Part, span: tuple[float, float]) -> bool:
    shared = min(part.end, span[1]) - max(part.start, span[0])
    return shared > (span[1] - span[0]) / 2


def _is_alone(span: tuple[float, float], parts: Iterable[Part], least: float) -> bool:
    """Return whether the piece is ever played without what lies beside it."""
    return any(
        _covers(part, span) and part.start > span[0] - least and part.end < span[1] + least
        for part in parts
    )


def _joint_share(
    span: tuple[float, float], beside: tuple[float, float], parts: Iterable[Part]
) -> float:
    """Return which share of a neighbour's plays hold the piece too."""
    holding = [part for part in parts if _covers(part, beside)]
    return sum(_covers(part, span) for part in holding) / max(1, len(holding))


def _likeness(
    span: tuple[float, float], beside: tuple[float, float], parts: Iterable[Part]
) -> float:
    """Return how many of the plays of either piece hold both, as a share."""
    held = [(_covers(part, span), _covers(part, beside)) for part in parts]
    return sum(a and b for a, b in held) / max(1, sum(a or b for a, b in held))


def _clipped(part: Part, span: tuple[float, float], params: Params) -> Part:
    """Return the part of an occurrence that lies inside a piece."""
    start, end = max(part.start, span[0]), min(part.end, span[1])
    if (start, end) == (part.start, part.end):
        return part
    side = Side(
        part.side.file,
        part.side.start if start == part.start else part.alignment.query_frame(start),
        part.side.end if end == part.end else part.alignment.query_frame(end),
    )
    share = max(0.0, end - start) / (part.end - part.start)
    return Part(side, start, end, part.alignment, part.bits * share)
