"""Cue sheets: all music in a file in order, including unknown music."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

from django.db.models import Q
from django.utils.text import slugify
from django.utils.translation import gettext as _

from accounts.reach import seen_buckets, working_for
from catalogue.models import Recording
from common.words import lowered
from reports.plays import plays_of
from review import selectors as review_selectors
from review.choices import MatchState, RejectCode
from review.models import Match
from review.services import intervals
from review.services.figures import UNDER_SPEECH_PCT
from scanning.choices import FileStatus
from scanning.models import ScannedFile
from scanning.selectors import current_scans

UNKNOWN_MS = 5_000
"""Shorter unmatched intervals are not listed as unknown music."""

_REJECTED = Q(state=MatchState.REJECTED)
# Of the reasons to reject, only this one says that the recording itself is heard.
_STILL_HEARD = Q(decision_reason=RejectCode.PUBLIC_DOMAIN)
_HEARD = ~Q(
    state__in=(MatchState.REJECTED, MatchState.SUPPRESSED, MatchState.SUPERSEDED)
) | (_REJECTED & _STILL_HEARD)
_SCANNED = (FileStatus.READY, FileStatus.NO_MATCH)


class Usage(StrEnum):
    """How the music is used, estimated from the speech over it."""

    FEATURED = "featured"
    BACKGROUND = "background"


class NotScanned(Exception):
    """The file has no finished scan, so its music is unknown."""


@dataclass(frozen=True, slots=True)
class Cue:
    """One piece of music; ``match`` is None for unknown music.

    ``usage`` is None if speech was not analysed.
    """

    number: int
    start_ms: int
    end_ms: int
    match: Match | None
    usage: Usage | None
    status: str

    @property
    def recording(self) -> Recording | None:
        """Return the recording, if known."""
        return self.match.recording if self.match else None

    @property
    def length_ms(self) -> int:
        """Return the length in milliseconds."""
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True)
class CueSheet:
    """The cues of a file, in order."""

    file: ScannedFile
    cues: Sequence[Cue]

    @property
    def name(self) -> str:
        """Return the base name of its files."""
        programme = slugify(self.file.programme or PurePosixPath(self.file.name).stem)
        return f"cue-sheet-{programme[:80].strip('-') or self.file.uid.hex[:12]}"

    @property
    def unknown(self) -> int:
        """Return the number of cues without a recording."""
        return sum(cue.match is None for cue in self.cues)


@dataclass(frozen=True, slots=True)
class _Play:
    """One piece of music before it is numbered."""

    start_ms: int
    end_ms: int
    match: Match | None
    speech_pct: float | None
    status: str


def cue_sheet(*, file: ScannedFile) -> CueSheet:
    """Return the cue sheet for the current matches; raise ``NotScanned``."""
    if file.status not in _SCANNED:
        raise NotScanned(
            _("%(name)s is not scanned (%(state)s). A cue sheet needs a finished scan.")
            % {"name": file.name, "state": lowered(file.get_status_display())}
        )
    matches = review_selectors.with_segments(
        Match.objects.filter(_HEARD, scanned_file=file).select_related("recording")
    )
    known = [play for match in matches for play in _plays(match)]
    unknown = list(_unknown(file, known))
    ordered = sorted(
        [*known, *unknown],
        key=lambda play: (
            play.start_ms,
            play.end_ms,
            play.match.uid if play.match else "",
        ),
    )
    return CueSheet(
        file,
        [
            Cue(
                number=number,
                start_ms=play.start_ms,
                end_ms=play.end_ms,
                match=play.match,
                usage=usage_of(play.speech_pct),
                status=play.status,
            )
            for number, play in enumerate(ordered, start=1)
        ],
    )


def _plays(match: Match) -> Iterator[_Play]:
    """Yield the plays of a match."""
    for play in plays_of(match.segments):
        yield _Play(
            start_ms=play.start_ms,
            end_ms=play.end_ms,
            match=match,
            speech_pct=play.speech_pct,
            status=match.state,
        )


def _unknown(file: ScannedFile, known: Iterable[_Play]) -> Iterator[_Play]:
    """Yield unmatched intervals that may be music, and intervals not scanned."""
    taken = [(play.start_ms, play.end_ms) for play in known]
    # Of the first engine that reports any.
    reported = (scan.unmatched for scan in current_scans(file) if scan.unmatched)
    for left in unmatched_music(next(reported, []), taken):
        yield _Play(left.start_ms, left.end_ms, None, left.speech_pct, left.status)
        taken.append((left.start_ms, left.end_ms))
    for match in _not_named(file):
        heard = [(segment.start_ms, segment.end_ms) for segment in match.segments]
        # What named matches cover is on the sheet already.
        for start, end in intervals.without(heard, taken):
            if end - start >= UNKNOWN_MS:
                yield _Play(start, end, None, None, "unknown")
                taken.append((start, end))


@dataclass(frozen=True, slots=True)
class UnmatchedMusic:
    """An interval of a file that may be music, or that was not scanned."""

    start_ms: int
    end_ms: int
    speech_pct: float | None
    status: str


def unmatched_music(
    reported: Iterable[Mapping[str, Any]], taken: Sequence[intervals.Interval]
) -> Iterator[UnmatchedMusic]:  # Any: JSON of a scan
    """Yield unmatched intervals of a scan that may be music and have no other match."""
    for interval in reported:
        speech = interval.get("speech_pct")
        status = "not_scanned" if interval["kind"] == "not_scanned" else "unknown"
        # Speech without music does not belong on a cue sheet.
        if interval["kind"] == "silence" or (
            speech is not None and speech >= UNDER_SPEECH_PCT
        ):
            continue
        for start, end in intervals.without(
            [(interval["start_ms"], interval["end_ms"])], taken
        ):
            if end - start >= UNKNOWN_MS:
                yield UnmatchedMusic(start, end, speech, status)


def _not_named(file: ScannedFile) -> list[Match]:
    """Return the matches whose recording the sheet must not name.

    Those are rejected matches whose recording is not the one heard, and matches in
    buckets hidden from the viewer. If they were left out, their intervals would count
    as silence.
    """
    wanted = _REJECTED & ~_STILL_HEARD
    seen = seen_buckets()
    if seen is not None:
        # A hidden match still fills its interval, or the sheet would deny the music.
        wanted |= ~Q(recording__bucket__in=seen) & _HEARD
    with working_for(None):
        return review_selectors.with_segments(
            Match.objects.filter(wanted, scanned_file=file)
        )


def usage_of(speech_pct: float | None) -> Usage | None:
    """Return how music is used, from the share of speech over it."""
    if speech_pct is None:
        return None
    return Usage.BACKGROUND if speech_pct >= UNDER_SPEECH_PCT else Usage.FEATURED
