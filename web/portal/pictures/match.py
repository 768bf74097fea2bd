"""The evidence on both pages of a match: its ribbon, plot and segments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from review.counting import Count, CountedSegment
from review.models import Match
from review.timeline import Timeline, timeline
from scanning.models import Segment
from web.portal.pictures import plots, ribbon
from web.portal.pictures.file import fact_lanes
from web.portal.pictures.pair import CONTEXT_MS
from web.portal.pictures.waveform import DrawnWaveform

SEGMENTS_SHOWN = 40


@dataclass(frozen=True, slots=True)
class ShownSegment:
    """One segment as the table shows it."""

    counted: CountedSegment
    is_current: bool


def shown_segments(count: Count, current: int) -> list[ShownSegment]:
    """Mark the chosen one of a match's segments."""
    return [
        ShownSegment(counted_segment, counted_segment.number == current)
        for counted_segment in count.segments
    ]


def segment_page(shown: Sequence[ShownSegment], current: int) -> Page[ShownSegment]:
    """Return the part of the table that has the chosen segment."""
    return Paginator(shown, SEGMENTS_SHOWN).get_page((current - 1) // SEGMENTS_SHOWN + 1)


def chosen(text: str, count: int) -> int:
    """Return the segment number in ``text``, clamped to 1 … ``count``; 1 if invalid."""
    # Python refuses to read numbers of thousands of digits.
    is_number = text.isascii() and text.isdigit() and len(text) < 10
    number = int(text) if is_number else 1
    return min(max(number, 1), max(count, 1))


def file_of(match: Match) -> Timeline:
    """Return the timeline of a match's file; fill the segments of the match."""
    line = timeline(match.scanned_file)
    own = next(candidate for candidate in line.matches if candidate.pk == match.pk)
    match.segments, match.tally = own.segments, own.tally
    return line


def rivals_in(line: Timeline, match: Match) -> list[Match]:
    """Return the matches of other recordings in the file."""
    return [rival for rival in line.matches if rival.pk != match.pk]


def draw_ribbon(
    *,
    match: Match,
    count: Count,
    segment: Segment | None,
    line: Timeline,
    here: str,
    waveform: DrawnWaveform | None = None,
) -> ribbon.Ribbon | None:
    """Draw this match above all others of the file; ``here`` is this page's address."""
    if not match.scanned_file.length_ms:
        return None
    duration_ms = line.length_ms
    rivals = rivals_in(line, match)
    lanes = [
        ribbon.Lane(_("This match"), list(_draw_segments(match, count, here)), is_current=True)
    ]
    if rivals:
        name = ngettext("%(count)s other match", "%(count)s other matches", len(rivals)) % {
            "count": len(rivals)
        }
        drawn = [
            box for rival in rivals for box in _draw_segments(rival, rival.tally, rival.review_url)
        ]
        drawn.sort(key=lambda box: box.start_ms)
        lanes.append(ribbon.Lane(name, drawn, recordings=len(rivals)))
    return ribbon.ribbon(
        duration_ms=duration_ms,
        lanes=lanes,
        facts=fact_lanes(match.scanned_file, line),
        waveform=waveform,
        # What the aligned pair shows.
        frame=ribbon.DrawnInterval(
            max(segment.start_ms - CONTEXT_MS, 0), min(segment.end_ms + CONTEXT_MS, duration_ms)
        )
        if segment
        else None,
    )


def draw_plot(match: Match, count: Count, current: int) -> plots.AlignmentPlot | None:
    """Draw the alignment of the match with the chosen segment highlighted."""
    drawn = list(_draw_segments(match, count, ""))
    return plots.alignment_plot(segments=drawn, current=current)


def _draw_segments(match: Match, count: Count, address: str) -> Iterator[ribbon.DrawnSegment]:
    joint = "&" if "?" in address else "?"
    for counted_segment in count.segments:
        segment = counted_segment.segment
        yield ribbon.DrawnSegment(
            start_ms=segment.start_ms,
            end_ms=segment.end_ms,
            state=match.state,
            url=f"{address}{joint}segment={counted_segment.number}",
            reference_start_ms=segment.reference_start_ms,
            reference_end_ms=segment.reference_end_ms,
            score=None if segment.score is None else float(segment.score),
            excluded=counted_segment.excluded,
        )
