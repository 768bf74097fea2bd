"""Computes a match's figures from its segments. Changes no rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from review import intervals
from review.bands import band_of_all
from review.choices import Relation
from review.counting import (
    Excluded,
    count_segments,
    counted_pieces,
    reference_interval,
    source_interval,
    speech_over,
)
from review.edits import Edit, edit_of, edit_of_all
from review.timeline.division import share
from scanning.choices import Section
from scanning.engines.base import most_bits
from scanning.models import Detection, Segment

# The share of both file and recording that identical audio covers.
IDENTICAL_SHARE = 0.97
# A loop repeats at most this much of the recording at least this often.
LOOP_MS = 20_000
LOOP_TIMES = 4
SAME_RECORDING_SHARE = 0.60

_HUNDREDTH = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Figures:
    """The numbers and flags of a match that follow from its segments."""

    relation: Relation
    score: Decimal | None
    score_scale: str
    bits: Decimal
    segment_count: int
    matched_ms: int
    longest_ms: int
    source_coverage_pct: Decimal
    reference_coverage_pct: Decimal | None
    first_start_ms: int
    last_end_ms: int
    speed_pct: Decimal | None
    pitch_cents: int | None
    edit: str
    low_hz: int | None
    high_hz: int | None
    under_speech: bool | None
    excluded_ms: int
    wholly_excluded: bool


def work_out(
    *,
    detections: Sequence[Detection],
    segments: Sequence[Segment],
    source_ms: int,
    reference_ms: int,
    excluded: Mapping[int, Sequence[intervals.Interval]],
) -> Figures:
    """Return the figures of a match.

    ``detections`` are its evidence, ``segments`` all their segments, at least one. A
    duration of 0 is unknown. ``excluded`` are the intervals that do not count, by
    recording.
    """
    of_detections = excluded_of(detections, excluded)
    count = count_segments(segments, of_detections)
    speed = _mean(segments, lambda segment: segment.tempo_ratio)
    pitch = _mean(segments, lambda segment: segment.pitch_cents)
    speech = speech_over(segments)
    low, high = band_of_all((segment.low_hz, segment.high_hz) for segment in segments)
    score, score_scale = best_score(detections)
    return Figures(
        relation=relation_of(detections, segments, of_detections, source_ms, reference_ms),
        score=score,
        score_scale=score_scale,
        bits=most_bits(segments),
        segment_count=len(segments),
        matched_ms=count.ms,
        longest_ms=count.longest_ms,
        source_coverage_pct=share(count.ms, source_ms) or Decimal("0.00"),
        reference_coverage_pct=share(intervals.length(count.reference), reference_ms),
        first_start_ms=count.heard[0][0],
        last_end_ms=count.heard[-1][1],
        speed_pct=None if speed is None else ((speed - 1) * 100).quantize(_HUNDREDTH),
        pitch_cents=None if pitch is None else round(pitch),
        edit=edit_of_all(
            ((segment.tempo_ratio, segment.pitch_cents) for segment in segments),
            drifts=count.drifts,
        )
        or "",
        low_hz=low,
        high_hz=high,
        under_speech=None if speech is None else speech.is_over,
        excluded_ms=count.excluded_ms,
        wholly_excluded=not count.counted,
    )


def excluded_of(
    detections: Iterable[Detection], excluded: Mapping[int, Sequence[intervals.Interval]]
) -> Excluded:
    """Return the intervals that do not count by detection; they come by recording."""
    return {detection.pk: excluded.get(detection.recording_id, ()) for detection in detections}


def relation_of(
    detections: Sequence[Detection],
    segments: Sequence[Segment],
    excluded: Excluded,
    source_ms: int,
    reference_ms: int,
) -> Relation:
    """Return the first relation that fits, in the order of ``Relation``'s rules.

    What exclusions take does not speak, unless they take everything.
    """
    if all(detection.section == Section.COVER_SONGS for detection in detections):
        return Relation.SIMILAR_WORK
    counted = [
        (segment, *piece)
        for segment in segments
        for piece in counted_pieces(segment, excluded.get(segment.detection_id, ()))
    ] or [(segment, source_interval(segment), reference_interval(segment)) for segment in segments]
    if any(_is_altered(segment) for segment, _source, _reference in counted):
        return Relation.ALTERED
    pairs = [(source, reference) for _segment, source, reference in counted]
    if any(_covers_both(pair, source_ms, reference_ms) for pair in pairs):
        return Relation.IDENTICAL_AUDIO
    references = [reference for _source, reference in pairs]
    used_ms = intervals.length(references)
    # A jingle that plays again and again is no loop.
    is_whole = reference_ms and used_ms >= SAME_RECORDING_SHARE * reference_ms
    if used_ms <= LOOP_MS and intervals.deepest(references) >= LOOP_TIMES and not is_whole:
        return Relation.LOOP
    in_order = intervals.longest_chain(pairs)
    if reference_ms and in_order >= SAME_RECORDING_SHARE * reference_ms:
        return Relation.SAME_RECORDING
    return Relation.EXCERPT


def _is_altered(segment: Segment) -> bool:
    edit = edit_of(segment.tempo_ratio, segment.pitch_cents)
    return edit is not None and edit is not Edit.NONE


def _covers_both(
    pair: tuple[intervals.Interval, intervals.Interval], source_ms: int, reference_ms: int
) -> bool:
    if not source_ms or not reference_ms:
        return False
    heard, used = (end - start for start, end in pair)
    return heard >= IDENTICAL_SHARE * source_ms and used >= IDENTICAL_SHARE * reference_ms


def best_score(detections: Sequence[Detection]) -> tuple[Decimal | None, str]:
    """Return the best score with its scale; scores of different scales never mix."""
    scores: dict[str, Decimal] = {}
    for detection in detections:
        if detection.score is not None:
            best = scores.get(detection.score_scale, detection.score)
            scores[detection.score_scale] = max(best, detection.score)
    # The first scale wins, because scores of two scales cannot be compared.
    for scale, score in scores.items():
        return score, scale
    return None, detections[0].score_scale


def _mean(
    segments: Sequence[Segment], value_of: Callable[[Segment], Decimal | None]
) -> Decimal | None:
    """Return the mean of the known values, weighted by source duration."""
    total, weight = Decimal(0), 0
    for segment in segments:
        value = value_of(segment)
        if value is not None:
            length = segment.end_ms - segment.start_ms
            total += value * length
            weight += length
    return total / weight if weight else None
