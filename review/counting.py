"""Counts the seconds of one match from its segments. Changes no rows.

What a file holds, match beside match, is its timeline: ``review.timeline``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from review import intervals
from review.edits import LIKE_A_TAPE_CENTS
from review.intervals import Interval
from scanning.engines.base import FoundSegment
from scanning.models import Segment

EDGE_MS = 250
"""Segment edges are inexact, so a shorter rest beside an exclusion does not count."""
MEETING_MS = 2_500
"""Segments that are at most this far apart may be one use at a drifting tempo.

An engine finds no segment in a shorter interval, so it cannot close the gap.
"""
DRIFT = Decimal("0.05")
"""Most that the tempo differs between two such segments."""
UNDER_SPEECH_PCT = 50
SURE_PCT = 90
"""Estimates of speech between this and its complement are called unsure.

On mixes with synthetic voices, 87 to 100 of 100 seconds are judged correctly; real voices
were not measured, and singing is sometimes taken for speech.
"""


class SegmentState(StrEnum):
    """Whether a segment counts."""

    COUNTED = "counted"
    EXCLUDED = "excluded"
    OVERLAPPED = "overlapped"


@dataclass(frozen=True, slots=True)
class CountedSegment:
    """One segment with its number from 1, and what it adds to the count of its match.

    ``parts`` are its counted intervals of the file, without those that an earlier
    segment counts. ``excluded`` are those that exclusions take from it.
    """

    number: int
    segment: Segment
    parts: Sequence[Interval]
    excluded: Sequence[Interval]

    @property
    def start_ms(self) -> int:
        """Return the segment's start in the file."""
        return self.segment.start_ms

    @property
    def end_ms(self) -> int:
        """Return the segment's end in the file."""
        return self.segment.end_ms

    @property
    def length_ms(self) -> int:
        """Return the segment's length in the file, counted or not."""
        return self.segment.end_ms - self.segment.start_ms

    @property
    def counted_ms(self) -> int:
        """Return what the segment adds to the match's counted time."""
        return intervals.length(self.parts)

    @property
    def under_speech(self) -> bool:
        """Return whether the engine estimates speech over most of the segment."""
        return is_mostly_speech(self.segment.speech_pct)

    @property
    def state(self) -> SegmentState:
        """Return whether the segment counts."""
        if self.parts:
            return SegmentState.COUNTED
        if self.excluded and intervals.length(self.excluded) >= self.length_ms:
            return SegmentState.EXCLUDED
        return SegmentState.OVERLAPPED


@dataclass(frozen=True, slots=True)
class Count:
    """The counted time of one match: intervals of the file, disjoint and in order.

    ``heard`` are those of all segments; ``counted`` and ``excluded`` divide them.
    ``reference`` are the counted intervals of the recording. ``longest_ms`` is the
    longest counted interval of one segment, or of several whose tempo drifts.
    """

    segments: Sequence[CountedSegment] = ()
    heard: Sequence[Interval] = ()
    counted: Sequence[Interval] = ()
    excluded: Sequence[Interval] = ()
    reference: Sequence[Interval] = ()
    longest_ms: int = 0

    @property
    def drifts(self) -> bool:
        """Return whether the tempo drifts in each use."""
        uses = uses_of([counted.segment for counted in self.segments])
        return all(len(use) > 1 for use in uses)

    @property
    def ms(self) -> int:
        """Return the counted time."""
        return intervals.length(self.counted)

    @property
    def excluded_ms(self) -> int:
        """Return the time that exclusions take."""
        return intervals.length(self.excluded)

    @property
    def speech_pct(self) -> float | None:
        """Return the estimated share of speech, weighted by length; None if unknown."""
        return mean_speech((counted.segment, counted.length_ms) for counted in self.segments)


def mean_speech(weighted: Iterable[tuple[Segment, int]]) -> float | None:
    """Return the share of speech in segments with their weights; None if unknown."""
    measured = [
        (float(segment.speech_pct), weight)
        for segment, weight in weighted
        if segment.speech_pct is not None
    ]
    length = sum(weight for _, weight in measured)
    return sum(pct * weight for pct, weight in measured) / length if length else None


NOTHING = Count()


Excluded = Mapping[int | None, Sequence[Interval]]
"""The intervals that do not count of the recording of each detection, by its key."""


def count_segments(segments: Iterable[Segment], excluded: Excluded) -> Count:
    """Return the count of a match with these segments.

    Detections of merged recordings may be among them, each with its own reference times.
    Where segments overlap, the time counts once, for the earlier segment.
    """
    ordered = sorted(segments, key=lambda segment: (segment.start_ms, segment.pk or 0))
    covered: list[Interval] = []
    rows, counted, reference = [], [], []
    for number, segment in enumerate(ordered, start=1):
        pieces = counted_pieces(segment, excluded.get(segment.detection_id, ()))
        sources = [source for source, _ in pieces]
        reference += [used for _, used in pieces]
        # Only what reaches beyond the segment's start can overlap later segments.
        covered = [interval for interval in covered if interval[1] > segment.start_ms]
        parts = intervals.without(sources, covered)
        covered = intervals.union([*covered, *sources])
        counted += parts
        taken = intervals.without([source_interval(segment)], sources)
        rows.append(CountedSegment(number, segment, parts, taken))
    heard = intervals.union(source_interval(segment) for segment in ordered)
    counted_source = intervals.union(counted)
    return Count(
        segments=rows,
        heard=heard,
        counted=counted_source,
        excluded=intervals.without(heard, counted_source),
        reference=intervals.union(reference),
        longest_ms=max((_longest_ms(use, excluded) for use in uses_of(ordered)), default=0),
    )


def _longest_ms(use: Sequence[Segment], excluded: Excluded) -> int:
    """Return the longest interval of one use that is left to count."""
    longest = together = last_end = before_end = 0
    for segment in use:
        own = excluded.get(segment.detection_id, ())
        for (start, end), _ in counted_pieces(segment, own):
            # What an exclusion cuts off ends the interval.
            if (start, last_end) != (segment.start_ms, before_end):
                together, last_end = 0, start
            together += max(0, end - max(start, last_end))
            longest, last_end = max(longest, together), max(last_end, end)
        before_end = segment.end_ms
    return longest


AnySegment = TypeVar("AnySegment", Segment, FoundSegment)


def uses_of(segments: Sequence[AnySegment]) -> list[list[AnySegment]]:
    """Divide segments in order of time into uses of the recording.

    A use is one segment, or several whose tempo drifts: alignments are straight, so an
    engine reports such a use as segments that meet.
    """
    uses: list[list[AnySegment]] = []
    for segment in segments:
        if uses and _drifts_on(uses[-1][-1], segment):
            uses[-1].append(segment)
        else:
            uses.append([segment])
    return uses


def _drifts_on(earlier: AnySegment, later: AnySegment) -> bool:
    gap = later.start_ms - earlier.end_ms
    if abs(gap) > MEETING_MS or not earlier.tempo_ratio or not later.tempo_ratio:
        return False
    expected = gap * (earlier.tempo_ratio + later.tempo_ratio) / 2
    skipped = later.reference_start_ms - earlier.reference_end_ms
    change = later.tempo_ratio / earlier.tempo_ratio
    higher = float((later.pitch_cents or 0) - (earlier.pitch_cents or 0))
    # The pitch stays, or changes with the tempo.
    off_pitch = min(abs(higher), abs(higher - 1200 * math.log2(change)))
    return (
        abs(skipped - expected) <= EDGE_MS
        and abs(change - 1) <= DRIFT
        and off_pitch <= LIKE_A_TAPE_CENTS
    )


def source_interval(segment: Segment) -> Interval:
    """Return the segment's interval in the scanned file."""
    return (segment.start_ms, segment.end_ms)


def reference_interval(segment: Segment) -> Interval:
    """Return the segment's interval in the recording."""
    return (segment.reference_start_ms, segment.reference_end_ms)


def counted_pieces(
    segment: Segment, excluded: Sequence[Interval]
) -> list[tuple[Interval, Interval]]:
    """Return the rest of one segment, as pairs of source and reference interval.

    A segment aligns source and reference linearly, so an interval of one maps to the
    other in proportion.
    """
    whole = reference_interval(segment)
    uncut = intervals.without([whole], excluded) if excluded else [whole]
    if uncut == [whole]:
        # Keep the engine's own source times if nothing is cut.
        return [(source_interval(segment), whole)]
    begins, ends = whole
    length = segment.end_ms - segment.start_ms
    pieces = []
    for piece in uncut:
        first, last = (
            segment.start_ms + (edge - begins) * length // (ends - begins) for edge in piece
        )
        if last - first >= EDGE_MS:
            pieces.append(((first, last), piece))
    return pieces


def is_mostly_speech(speech_pct: float | Decimal | None) -> bool:
    """Return whether an estimate says that most of an interval is speech."""
    return speech_pct is not None and speech_pct >= UNDER_SPEECH_PCT


def is_unsure(speech_pct: float | Decimal) -> bool:
    """Return whether an estimate of speech may well be wrong about an interval."""
    return 100 - SURE_PCT < speech_pct < SURE_PCT
