"""The evidence on both pages of a match: its ribbon, plot and segments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.pictures import plots, ribbon
from portal.pictures.file import fact_lanes, matches_of
from portal.pictures.pair import CONTEXT_MS
from portal.pictures.waveform import DrawnWaveform
from review.models import Match
from review.services.figures import UNDER_SPEECH_PCT
from scanning.choices import ScanStatus
from scanning.models import Scan, Segment


@dataclass(frozen=True, slots=True)
class ShownSegment:
    """One segment as the table shows it."""

    number: int
    segment: Segment
    is_current: bool

    @property
    def length_ms(self) -> int:
        """Return the segment's length in the source."""
        return self.segment.end_ms - self.segment.start_ms

    @property
    def under_speech(self) -> bool:
        """Tell whether most of the segment lies under speech."""
        return (self.segment.speech_pct or 0) >= UNDER_SPEECH_PCT


def shown_segments(segments: Sequence[Segment], current: int) -> list[ShownSegment]:
    """Number the segments from 1 and mark the chosen one."""
    return [
        ShownSegment(number, segment, number == current)
        for number, segment in enumerate(segments, start=1)
    ]


def chosen(text: str, count: int) -> int:
    """Return the segment number in ``text``, clamped to 1 … ``count``; 1 if invalid."""
    # Python refuses to read numbers of thousands of digits.
    is_number = text.isascii() and text.isdigit() and len(text) < 10
    number = int(text) if is_number else 1
    return min(max(number, 1), max(count, 1))


def others_in_file(match: Match) -> list[Match]:
    """Return the other live matches of the file, each with its segments."""
    return [each for each in matches_of(match.scanned_file) if each.pk != match.pk]


def draw_ribbon(
    *,
    match: Match,
    segments: Sequence[Segment],
    segment: Segment | None,
    others: Sequence[Match],
    here: str,
    waveform: DrawnWaveform | None = None,
) -> ribbon.Ribbon | None:
    """Draw this match above all others of the file; ``here`` is this page's address."""
    duration_ms = match.scanned_file.duration_ms
    if not duration_ms:
        return None
    lanes = [
        ribbon.Lane(
            _("This match"), list(_drawn(match, segments, here)), is_current=True
        )
    ]
    if others:
        name = ngettext(
            "%(count)s other match", "%(count)s other matches", len(others)
        ) % {"count": len(others)}
        drawn = [
            box
            for other in others
            for box in _drawn(other, other.segments, other.review_url)
        ]
        lanes.append(ribbon.Lane(name, sorted(drawn, key=lambda box: box.start_ms)))
    return ribbon.ribbon(
        duration_ms=duration_ms,
        lanes=lanes,
        facts=_facts(
            match,
            [*segments, *(segment for other in others for segment in other.segments)],
        ),
        waveform=waveform,
        frame=_frame(segment, duration_ms) if segment else None,
    )


def _frame(segment: Segment, duration_ms: int) -> ribbon.DrawnInterval:
    """Return the interval of the file that the aligned pair shows."""
    return ribbon.DrawnInterval(
        max(segment.start_ms - CONTEXT_MS, 0),
        min(segment.end_ms + CONTEXT_MS, duration_ms),
    )


def draw_plot(
    match: Match, segments: Sequence[Segment], current: int
) -> plots.AlignmentPlot | None:
    """Draw the alignment of the match with the chosen segment highlighted."""
    drawn = list(_drawn(match, segments, ""))
    return plots.alignment_plot(segments=drawn, current=current)


def _drawn(
    match: Match, segments: Sequence[Segment], address: str
) -> Iterator[ribbon.DrawnSegment]:
    joint = "&" if "?" in address else "?"
    for number, segment in enumerate(segments, start=1):
        yield ribbon.DrawnSegment(
            start_ms=segment.start_ms,
            end_ms=segment.end_ms,
            state=match.state,
            url=f"{address}{joint}segment={number}",
            reference_start_ms=segment.reference_start_ms,
            reference_end_ms=segment.reference_end_ms,
            score=None if segment.score is None else float(segment.score),
        )


def _facts(match: Match, segments: Sequence[Segment]) -> list[ribbon.FactLane]:
    """Return the newest full scan's lanes of unmatched intervals and speech."""
    scan = (
        Scan.objects.full()
        .filter(scanned_file_id=match.scanned_file_id, status=ScanStatus.SUCCEEDED)
        .order_by("-pk")
        .first()
    )
    return fact_lanes(scan, segments)
