"""The segment list on the page of a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from catalogue.models import Recording
from review.models import Match
from review.services.figures import UNDER_SPEECH_PCT


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """One segment as the list shows it."""

    pk: int
    recording: Recording
    start_ms: int
    end_ms: int
    reference_start_ms: int
    reference_end_ms: int
    tempo_ratio: Decimal | None
    pitch_cents: Decimal | None
    score: Decimal | None
    under_speech: bool

    @property
    def length_ms(self) -> int:
        """Return the segment's length in the source."""
        return self.end_ms - self.start_ms


def segment_rows(matches: Iterable[Match]) -> list[SegmentRow]:
    """Return the segments of all matches in the order of the file."""
    rows = [
        SegmentRow(
            pk=segment.pk,
            recording=match.recording,
            start_ms=segment.start_ms,
            end_ms=segment.end_ms,
            reference_start_ms=segment.reference_start_ms,
            reference_end_ms=segment.reference_end_ms,
            tempo_ratio=segment.tempo_ratio,
            pitch_cents=segment.pitch_cents,
            score=segment.score,
            under_speech=(segment.speech_pct or 0) >= UNDER_SPEECH_PCT,
        )
        for match in matches
        for segment in match.segments
    ]
    return sorted(rows, key=lambda row: (row.start_ms, row.pk))
