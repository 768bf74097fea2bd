"""The rule by which plays are counted: how segments of one recording become plays.

Segments close to each other are one play. So are segments on one line of time of the
recording, however long the speech between them. Overlapping segments count once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from review import intervals
from review.counting import Count, mean_speech, source_interval
from review.intervals import Interval
from scanning.models import Segment

ALIGNED_MS: Final = 350
"""Segments on one line of time of the recording are at most this far off it."""
JOIN_MS: Final = 3_000
"""Segments of one recording at most this far apart are one play."""


@dataclass(slots=True)
class Play:
    """One play of a recording in a file; times are milliseconds of the file.

    ``end_ms`` is the latest end of a segment.
    """

    segments: list[Segment] = field(default_factory=list)
    end_ms: int = 0

    @property
    def start_ms(self) -> int:
        """Return where the play begins."""
        return self.segments[0].start_ms

    @property
    def speech_pct(self) -> float | None:
        """Return the share of speech over the play; None if nobody looked for speech."""
        return mean_speech(
            (segment, segment.end_ms - segment.start_ms) for segment in self.segments
        )

    def add(self, segment: Segment) -> None:
        """Add a segment that begins no earlier than those before."""
        self.segments.append(segment)
        self.end_ms = max(self.end_ms, segment.end_ms)

    @property
    def sounding(self) -> list[Interval]:
        """Return when the play sounds, counted or not, in order and without overlaps."""
        return intervals.union(map(source_interval, self.segments))

    def counted(self, count: Count) -> list[Interval]:
        """Return the part of its match's counted time that the play has."""
        return intervals.without(self.sounding, count.excluded)

    def excluded(self, count: Count) -> list[Interval]:
        """Return the part of the play that does not count."""
        return intervals.without(self.sounding, count.counted)


def plays_of(segments: Iterable[Segment]) -> list[Play]:
    """Return the plays of one recording in one file, in order.

    No moment of the file is in two of them.
    """
    plays: list[Play] = []
    for segment in sorted(
        segments, key=lambda segment: (segment.start_ms, segment.end_ms, segment.pk or 0)
    ):
        play = _play_of(segment, plays)
        if play is None:
            play = Play()
            plays.append(play)
        play.add(segment)
    return plays


def _play_of(segment: Segment, plays: Sequence[Play]) -> Play | None:
    """Return the play that goes on with a segment, if any does."""
    # The latest end first: only that play can overlap, and no moment may count twice.
    latest = max(plays, key=lambda play: play.end_ms, default=None)
    if latest is not None and segment.start_ms - latest.end_ms <= JOIN_MS:
        return latest
    return next((play for play in reversed(plays) if _goes_on(play.segments[-1], segment)), None)


def _goes_on(earlier: Segment, later: Segment) -> bool:
    """Tell whether the recording went on unheard from a segment to a later one."""
    tempo = float(earlier.tempo_ratio or 1)
    expected = earlier.reference_start_ms + (later.start_ms - earlier.start_ms) * tempo
    return abs(expected - later.reference_start_ms) <= ALIGNED_MS
