"""What a file declares, as readers of every format return it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ReadPlay:
    """A play as a file says it, or ``count`` plays of one recording.

    ``starts_at`` is local to the station. ``played_ms`` is how long it sounded. Both are
    ``None`` where the format has no such cell.
    """

    station: str
    recording: str
    title: str
    artist: str
    isrc: str
    count: int
    starts_at: datetime | None = None
    played_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ReadTotals:
    """Sums of a file; ``lines`` counts all lines or rows."""

    plays: int
    recordings: int
    lines: int
    played_ms: int | None = None


def totals_of(plays: Sequence[ReadPlay], lines: int) -> ReadTotals:
    recordings = {play.recording or (play.isrc, play.title, play.artist) for play in plays}
    lengths = [play.played_ms for play in plays if play.played_ms is not None]
    return ReadTotals(
        plays=sum(play.count for play in plays),
        recordings=len(recordings),
        lines=lines,
        played_ms=sum(lengths) if len(lengths) == len(plays) else None,
    )
