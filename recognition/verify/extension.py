"""Turn a lead into a run: verify it in its window, extend it, and fit its alignment."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recognition import interrupts
from recognition.jit import compiled, compiled_part
from recognition.params import Params
from recognition.types import Landmarks
from recognition.verify.alignment import Alignment, Lead, QueryView, fit_alignment
from recognition.verify.evidence import Weighed, evidence, weighed
from recognition.verify.lookup import (
    ABSENT,
    ALIGNED,
    MISSING,
    OUTSIDE,
    Lookup,
    Span,
    aligned_counts,
    found_along,
    found_wider,
    lookup_of,
)
from recognition.verify.segments import ScoringRun, best_segment, edge_of, missing_bits, trimmed

_FITS = 6  # enough: each fit lets a run at another tempo grow to about twice its length
# With fewer landmarks, a span says too little to estimate gains and chance.
_FEWEST_LANDMARKS = 8
# how far an alignment may differ and still count as unaltered: as a ratio, in bins
_SAME_TEMPO, _SAME_PITCH = 0.005, 0.3
# 1.5 s: a run that ends this close to the edge of its span is extended beyond it
_NEAR_FRAMES = 94
# Landmarks weighed at a stretch, in about 0.2 s: a run through hours takes minutes.
_AT_A_STRETCH = 1 << 20
_PITCHES = 257  # as many as a landmark's bin, a byte with a fraction, rounds to

Tally = tuple[int, int, float, float, int, int, int, int, float]
"""The fields of a run from ``first`` to ``p0``, with landmarks numbered from the span."""


def follow(
    view: QueryView, reference: Landmarks, lead: Lead, params: Params, *, beyond: float = 0.0
) -> ScoringRun | None:
    """Return the best run along a lead, verified in its window and then extended.

    Of the ``nearby`` offsets, those along which the most landmarks align are weighed,
    and the one with most evidence is followed. Only a run of at
    least ``candidate_bits`` is extended; then the alignment is fitted and the run extended
    again until that gains nothing. Returns None if its evidence in the window is not
    ``beyond`` that of a known run (see ``raw_in``).

    A warped lead has only roughly the right tempo and pitch, so its alignment is fitted
    before it is weighed. An alignment at another tempo or pitch than the recording's costs
    bits, because it was chosen among many; one that is known from elsewhere in the
    file, few.
    """
    interrupts.look()
    if not len(reference.frames):
        return None
    alignment = lead.alignment
    span = _span(reference, alignment, lead.window)
    if lead.warped:
        alignment = fit_alignment(view, reference, span, alignment)
    nearby = _promising(view, reference, span, alignment, lead.nearby, params)
    run = _run_in(view, lead.recording, reference, span, alignment, params, nearby)
    if run is not None and run.raw <= beyond:
        return None
    if run is None or run.bits < params.candidate_bits:
        return None if lead.warped else run
    within = lead.within or (0, view.n_frames)
    run = _extend_run(view, run, span, within, params)
    for _ in range(_FITS):
        span = (run.first, run.last + 1)
        alignment = fit_alignment(view, reference, span, run.alignment, lead.alignment.slope)
        fitted = replace(run, alignment=alignment)
        wider = _inside(within, fitted, _wider(run, params))
        again = _extend_run(view, fitted, wider, within, params)
        if again.raw <= run.raw:
            break
        run = again
    # Other tempi give chance more ways to fit, so such an alignment must pay for them.
    paid = replace(run, bits=run.bits - _bill(run.alignment, params))
    if lead.warped:
        return paid
    price = 0.0 if same_warp(lead.alignment, Alignment(1.0, 0.0, 0.0)) else params.followed_bits
    # It strays if it was fitted to another tempo or pitch than the lead's.
    if same_warp(run.alignment, lead.alignment):
        return replace(run, bits=run.bits - price)
    straight = _straight(view, run, lead.alignment, within, params)
    straight = replace(straight, bits=straight.bits - price)
    return max(straight, paid, key=lambda run: run.bits)


def whole_run(
    view: QueryView, run: ScoringRun, within: tuple[int, int], params: Params
) -> ScoringRun:
    """Extend a run that was found to where its recording begins and stops.

    It stays ``within`` these query frames. What other runs of the recording claim is not
    its own: it would replace them, also where they go on beyond its end.

    The bits of the run stay as they are. They limit the evidence of each half second;
    under reverberation the missing landmarks then cost more than the aligned ones bring,
    and the run would end too early. Proving that a recording goes on takes less than
    proving that it is there, so here all evidence counts, across longer gaps.
    """
    alignment = run.alignment
    for _ in range(_FITS):
        fitted = replace(run, alignment=alignment)
        span = run.first, run.last + 1
        again = _extend_run(view, fitted, span, within, params, in_full=True)
        if again.raw <= run.raw or again.last - again.first < run.last - run.first:
            break
        run = replace(again, bits=run.bits)
        span = run.first, run.last + 1
        alignment = fit_alignment(view, run.reference, span, run.alignment)
    return run


def same_warp(first: Alignment, second: Alignment) -> bool:
    """Return whether two alignments have the same tempo and pitch."""
    return (
        abs(first.slope / second.slope - 1) <= _SAME_TEMPO
        and abs(first.shift - second.shift) <= _SAME_PITCH
    )


def _bill(alignment: Alignment, params: Params) -> float:
    """Return the bits that an alignment which was chosen among others must pay."""
    near = abs(1 / alignment.slope - 1) <= params.near_tempo
    near = near and abs(alignment.shift) <= params.near_bins
    return params.warp_bits if near else params.wide_bits


def raw_in(view: QueryView, run: ScoringRun, window: tuple[int, int], params: Params) -> float:
    """Return the ``raw`` bits of a run's alignment in a window of query frames."""
    span = _span(run.reference, run.alignment, window)
    best = _run_in(view, run.recording, run.reference, span, run.alignment, params)
    return 0.0 if best is None else best.raw


def _promising(
    view: QueryView,
    reference: Landmarks,
    span: tuple[int, int],
    alignment: Alignment,
    nearby: Sequence[float],
    params: Params,
) -> Sequence[float]:
    """Return the offsets around an alignment along which the most landmarks align.

    Counting is far cheaper than weighing.
    """
    if len(nearby) <= params.nearby_weighed:
        return nearby
    counts = aligned_counts(view, reference, span, alignment, nearby, params)
    best = np.argsort(-counts, kind="stable")[: params.nearby_weighed]
    return [nearby[number] for number in np.sort(best)]


def _straight(
    view: QueryView, run: ScoringRun, along: Alignment, within: tuple[int, int], params: Params
) -> ScoringRun:
    """Return what remains of a run at the tempo and pitch of the alignment ``along``."""
    middle = sum(run.reference_span) / 2
    offset = run.alignment.query_frame(middle) - along.slope * middle
    alignment = Alignment(along.slope, offset, along.shift)
    span = (run.first, run.last + 1)
    return _extend_run(view, replace(run, alignment=alignment), span, within, params)


def whole_window(
    view: QueryView, reference: Landmarks, lead: Lead, params: Params
) -> ScoringRun | None:
    """Return the run over a lead's whole window, with all evidence against it.

    Where noise masks almost every landmark, no run grows far, but the window as a whole
    may still hold enough evidence. Tries all ``nearby`` offsets and returns the best.
    """
    if not len(reference.frames):
        return None
    span = _span(reference, lead.alignment, lead.window)
    if span[1] - span[0] < _FEWEST_LANDMARKS:
        return None
    best, tally = _best_whole(
        lookup_of(view, reference, span, lead.alignment, params),
        np.array(lead.nearby, dtype=np.float64),
    )
    alignment = replace(lead.alignment, offset=lead.alignment.offset + lead.nearby[best])
    return _run(lead.recording, reference, span[0], alignment, tally)


def _span(reference: Landmarks, alignment: Alignment, window: tuple[int, int]) -> tuple[int, int]:
    """Return the numbers of the reference landmarks that fall into a query window."""
    beyond = int(reference.frames[-1]) + 1
    places = [min(max(0, math.ceil(alignment.reference_frame(frame))), beyond) for frame in window]
    # searchsorted would convert the whole array for values of another type.
    low, high = np.searchsorted(reference.frames, np.array(places, dtype=np.int32))
    return int(low), int(high)


def _wider(run: ScoringRun, params: Params) -> tuple[int, int]:
    frames = run.reference.frames
    start, end = run.reference_span
    around = [start - params.extend_frames, end + params.extend_frames]
    low, high = np.searchsorted(frames, np.array(around, dtype=np.int32))
    return int(low), int(high)


def _extend_run(
    view: QueryView,
    run: ScoringRun,
    span: tuple[int, int],
    within: tuple[int, int],
    params: Params,
    *,
    in_full: bool = False,
) -> ScoringRun:
    """Widen the span on each side while the run touches its border.

    With ``in_full``, for a run that is certain, all evidence counts; see ``whole_run``.
    """
    x_drop = params.found_drop if in_full else params.x_drop
    whole = 0, len(run.reference.frames)
    lookup = lookup_of(view, run.reference, whole, run.alignment, params)
    borders = _span(run.reference, run.alignment, within)
    extended, core, is_done = run, (run.first, run.last + 1), False
    while not is_done:
        interrupts.look()
        tally, span, is_done = _widened(
            lookup,
            span,
            core,
            borders,
            (params.extend_frames, _AT_A_STRETCH),
            ((x_drop, params.candidate_bits), edge_of(params), in_full),
        )
        if tally[2] > 0:
            extended = _run(run.recording, run.reference, 0, run.alignment, tally)
            core = extended.first, extended.last + 1
    return extended


def _inside(within: tuple[int, int], run: ScoringRun, span: tuple[int, int]) -> tuple[int, int]:
    """Limit a span to the landmarks that fall inside ``within``, in query frames."""
    low, high = _span(run.reference, run.alignment, within)
    return max(span[0], low), min(span[1], high)


def _run_in(
    view: QueryView,
    recording: int,
    reference: Landmarks,
    span: tuple[int, int],
    alignment: Alignment,
    params: Params,
    nearby: Sequence[float] = (0.0,),
) -> ScoringRun | None:
    """Return the best run inside a span, or None, along an alignment or offsets ``nearby``.

    Weighs twice: gains and chance are estimated from the whole span first, then from
    the run itself.
    """
    if span[1] - span[0] < _FEWEST_LANDMARKS:
        return None
    best, tally = _best_nearby(
        lookup_of(view, reference, span, alignment, params),
        np.array(nearby, dtype=np.float64),
        (params.x_drop, params.candidate_bits),
        edge_of(params),
    )
    if tally[2] <= 0:
        return None
    if nearby[best]:
        alignment = replace(alignment, offset=alignment.offset + nearby[best])
    return _run(recording, reference, span[0], alignment, tally)


def _run(
    recording: int, reference: Landmarks, begin: int, alignment: Alignment, tally: Tally
) -> ScoringRun:
    first, last, bits, raw, aligned, judged, absent, pitches, p0 = tally
    return ScoringRun(
        recording=recording,
        reference=reference,
        alignment=alignment,
        first=begin + first,
        last=begin + last,
        bits=bits,
        raw=raw,
        aligned=aligned,
        judged=judged,
        absent=absent,
        pitches=pitches,
        p0=p0,
    )


Limits = tuple[float, float]
"""``x_drop`` and ``candidate_bits``."""
Edge = tuple[float, float, float]


@compiled
def _best_nearby(
    lookup: Lookup, nearby: NDArray[np.float64], limits: Limits, edge: Edge
) -> tuple[int, Tally]:
    """Return the number of the offset with the best run, and that run."""
    query, reference, (slope, offset, shift), constants, tables = lookup
    best, tally = 0, (0, 0, 0.0, 0.0, 0, 0, 0, 0, 0.0)
    for number in range(len(nearby)):
        alignment = slope, offset + nearby[number], shift
        run = _best_run((query, reference, alignment, constants, tables), limits, edge)
        if run[2] > tally[2]:
            best, tally = number, run
    return best, tally


@compiled_part
def _best_run(lookup: Lookup, limits: Limits, edge: Edge) -> Tally:
    """Return the best run of an alignment.

    Gains and chance are estimated from all landmarks, then from the best run itself.
    """
    findings = found_along(lookup)
    # A plain 0 is a type of its own, for which Numba would compile all this again.
    inner = np.int64(0), len(lookup[1][0])
    result = weighed(lookup, findings, inner)
    first, last, bits = best_segment(result[3], limits[0])
    if bits > 0 and last - first >= _FEWEST_LANDMARKS:
        result = weighed(lookup, findings, (first, last + 1))
        first, last, bits = best_segment(result[3], limits[0])
    return _find_ends(lookup, result, (first, last, bits), limits, edge)


@compiled_part
def _find_ends(
    lookup: Lookup, result: Weighed, segment: tuple[int, int, float], limits: Limits, edge: Edge
) -> Tally:
    """Return a run with its true ends."""
    frames, bins, _ = lookup[1]
    states, _, _, weights, raw, p0 = result
    first, last, bits = segment
    if bits >= limits[1]:  # weaker runs are dropped anyway
        first, last = trimmed(frames, states == ALIGNED, raw, (first, last), edge)
        bits = np.float64(0)
        for i in range(first, last + 1):
            bits += weights[i]
    return _tally(bins, states, raw, (first, last), (bits, p0))


@compiled
def _widened(
    lookup: Lookup,
    span: tuple[int, int],
    core: tuple[int, int],
    within: tuple[int, int],
    steps: tuple[int, int],
    rules: tuple[Limits, Edge, bool],
) -> tuple[Tally, tuple[int, int], bool]:
    """Return the best run near a known one, in a span that widens while it touches the
    border; one without bits if there is none.

    ``lookup`` has the whole recording, whose landmarks ``core``, ``span`` and
    ``within`` number. ``core`` is the known run, ``span`` the first span, ``within``
    what none may leave, and ``steps`` the frames by which it widens and the
    landmarks to weigh at a stretch. ``rules`` ends with whether evidence counts in full.
    Also returns the next span, and whether there is none: long work ends in between.
    """
    step, at_a_stretch = steps
    limits, edge, in_full = rules
    query, (frames, bins, levels), alignment, constants, tables = lookup
    best = (0, 0, 0.0, 0.0, 0, 0, 0, 0, 0.0)
    low, high = span
    begin, end = low, low  # the landmarks looked up so far
    weighed_so_far = 0
    findings = found_along(
        (query, (frames[:0], bins[:0], levels[:0]), alignment, constants, tables)
    )
    while True:
        inner = max(core[0], low) - low, min(core[1], high) - low
        # A fitted alignment may move the core out of the span.
        if high - low < _FEWEST_LANDMARKS or inner[0] >= inner[1]:
            return best, (low, high), True
        if weighed_so_far > at_a_stretch:
            return best, (low, high), False
        weighed_so_far += high - low
        part = frames[low:high], bins[low:high], levels[low:high]
        here = query, part, alignment, constants, tables
        # What is known is looked up only once: songs are many steps long.
        findings = found_wider(here, findings, begin - low)
        begin, end = low, high
        states, gaps, gains, weights, every, chance = weighed(here, findings, inner)
        counted = weights
        if in_full:
            counted = _in_full(states, every, inner, edge[1])
        result = states, gaps, gains, counted, every, chance
        segment = best_segment(counted, limits[0])
        first, last, bits, raw, aligned, judged, absent, pitches, p0 = _find_ends(
            here, result, segment, limits, edge
        )
        if bits <= 0:
            return best, (low, high), True
        first, last = low + first, low + last
        best = first, last, bits, raw, aligned, judged, absent, pitches, p0
        core = first, last + 1
        if low > 0 and frames[first] - frames[low] < _NEAR_FRAMES:
            low = int(np.searchsorted(frames, np.int32(frames[low] - step)))
        if high < len(frames) and frames[high - 1] - frames[last] < _NEAR_FRAMES:
            high = int(np.searchsorted(frames, np.int32(frames[high - 1] + step)))
        low, high = min(begin, max(low, within[0])), max(end, min(high, within[1]))
        if low == begin and high == end:
            return best, (low, high), True


@compiled_part
def _in_full(
    states: NDArray[np.int8], raw: NDArray[np.float32], inner: Span, weight: float
) -> NDArray[np.float32]:
    """Return all evidence; see ``missing_bits`` for what is missing."""
    missing = missing_bits(states == ALIGNED, inner, weight)
    counted = raw.copy()
    for i in range(len(raw)):
        if states[i] == MISSING:
            counted[i] = min(raw[i], missing)
    return counted


@compiled
def _best_whole(lookup: Lookup, nearby: NDArray[np.float64]) -> tuple[int, Tally]:
    """Return which of the offsets ``nearby`` has most evidence over the whole span."""
    query, reference, (slope, offset, shift), constants, tables = lookup
    # As in ``_best_run``, not a plain 0.
    first, last = np.int64(0), len(reference[0]) - 1
    best = -1
    tally = (0, 0, 0.0, 0.0, 0, 0, 0, 0, 0.0)
    for number in range(len(nearby)):
        alignment = slope, offset + nearby[number], shift
        moved = query, reference, alignment, constants, tables
        states, _, _, weights, raw, p0 = evidence(moved, (first, last + 1))
        bits = np.float64(0)
        for weight in weights:
            bits += weight
        if best < 0 or bits > tally[2]:
            best = number
            tally = _tally(reference[1], states, raw, (first, last), (bits, p0))
    return best, tally


@compiled_part
def _tally(
    bins: NDArray[np.float32],
    states: NDArray[np.int8],
    raw: NDArray[np.float32],
    segment: Span,
    result: tuple[float, float],
) -> Tally:
    first, last = segment
    total = np.float64(0)
    aligned, judged, absent, pitches = 0, 0, 0, 0
    heard = np.zeros(_PITCHES, dtype=np.bool_)
    for i in range(first, last + 1):
        total += raw[i]
        judged += states[i] != OUTSIDE
        absent += states[i] == ABSENT
        if states[i] == ALIGNED:
            aligned += 1
            pitch = int(np.rint(bins[i]))
            pitches += not heard[pitch]
            heard[pitch] = True
    bits, p0 = result
    return int(first), last, bits, total, aligned, judged, absent, pitches, p0
