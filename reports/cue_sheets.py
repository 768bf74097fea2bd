"""The cue sheet of a file: every piece of music in its order, the unknown ones too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import Q

from accounts.reach import seen_buckets, working_for
from catalogue.models import Recording
from review import selectors as review_selectors
from review.choices import MatchState
from review.models import Match
from review.services import spans
from review.services.figures import UNDER_SPEECH_PCT
from scanning.choices import FileStatus
from scanning.models import Scan, ScannedFile, Segment
from scanning.selectors import current_scans

JOIN_MS = 3_000
"""Plays of one recording that are no further apart are one cue."""
UNKNOWN_MS = 5_000
"""Shorter sound without a match is not listed as unknown music."""

# A match in one of these states says that the recording is not what is heard.
_NOT_HEARD = (MatchState.REJECTED, MatchState.SUPPRESSED, MatchState.SUPERSEDED)
_SCANNED = (FileStatus.READY, FileStatus.NO_MATCH)


class Usage(StrEnum):
    """How the music is used; an estimate, from how much is spoken over it."""

    FEATURED = "featured"
    BACKGROUND = "background"


class NotScanned(Exception):
    """The file has no finished scan, so nothing can be said of its music."""


@dataclass(frozen=True, slots=True)
class Cue:
    """One piece of music; ``match`` is None where it is unknown.

    ``usage`` is None where speech was not judged.
    """

    number: int
    start_ms: int
    end_ms: int
    match: Match | None
    usage: Usage | None
    status: str

    @property
    def recording(self) -> Recording | None:
        """Return what is heard, where that is known."""
        return self.match.recording if self.match else None

    @property
    def length_ms(self) -> int:
        """Return how long it is heard."""
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True)
class CueSheet:
    """The cues of one file, in order."""

    file: ScannedFile
    cues: Sequence[Cue]

    @property
    def name(self) -> str:
        """Return the name of its files, without an ending."""
        return f"cue-sheet-{self.file.uid.hex[:12]}"

    @property
    def unknown(self) -> int:
        """Return how many cues have no recording."""
        return sum(cue.match is None for cue in self.cues)


@dataclass(frozen=True, slots=True)
class _Play:
    """A stretch of music before it gets its number."""

    start_ms: int
    end_ms: int
    match: Match | None
    speech_pct: float | None
    status: str


def cue_sheet(*, file: ScannedFile) -> CueSheet:
    """Return the cue sheet as the matches are now; raise ``NotScanned``."""
    if file.status not in _SCANNED:
        raise NotScanned(
            f"{file.name} is not scanned ({file.get_status_display().lower()}). A cue "
            "sheet needs a finished scan."
        )
    matches = review_selectors.with_segments(
        Match.objects.filter(scanned_file=file)
        .exclude(state__in=_NOT_HEARD)
        .select_related("recording")
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
                usage=_usage(play.speech_pct),
                status=play.status,
            )
            for number, play in enumerate(ordered, start=1)
        ],
    )


def _plays(match: Match) -> Iterator[_Play]:
    """Return the plays of a match, those close to each other joined."""
    joined: list[list[Segment]] = []
    end_ms = 0
    for segment in sorted(match.segments, key=lambda each: each.start_ms):
        if joined and segment.start_ms - end_ms <= JOIN_MS:
            joined[-1].append(segment)
        else:
            joined.append([segment])
        end_ms = max(end_ms, segment.end_ms)
    for run in joined:
        yield _Play(
            start_ms=run[0].start_ms,
            end_ms=max(segment.end_ms for segment in run),
            match=match,
            speech_pct=_mean_speech(run),
            status=match.state,
        )


def _mean_speech(run: Sequence[Segment]) -> float | None:
    known = [
        (float(segment.speech_pct), segment.end_ms - segment.start_ms)
        for segment in run
        if segment.speech_pct is not None
    ]
    length = sum(weight for _, weight in known)
    return sum(share * weight for share, weight in known) / length if length else None


def _unknown(file: ScannedFile, known: Iterable[_Play]) -> Iterator[_Play]:
    """Return sound without a recording that may be music, and what was not scanned."""
    taken = [(play.start_ms, play.end_ms) for play in known]
    for stretch in _stretches(current_scans(file)):
        speech = stretch.get("speech_pct")
        status = "not_scanned" if stretch["kind"] == "not_scanned" else "unknown"
        if stretch["kind"] == "silence" or (
            speech is not None and speech >= UNDER_SPEECH_PCT
        ):
            continue
        for start, end in spans.without(
            [(stretch["start_ms"], stretch["end_ms"])], taken
        ):
            if end - start >= UNKNOWN_MS:
                yield _Play(start, end, None, speech, status)
                taken.append((start, end))
    for match in _not_named(file):
        heard = [(segment.start_ms, segment.end_ms) for segment in match.segments]
        for start, end in spans.without(heard, taken):
            if end - start >= UNKNOWN_MS:
                yield _Play(start, end, None, None, "unknown")
                taken.append((start, end))


def _not_named(file: ScannedFile) -> list[Match]:
    """Return the matches that say only that something is heard there.

    Rejected ones, and those in buckets that whoever asks for the sheet may not see:
    left out, they would read as silence.
    """
    wanted = Q(state=MatchState.REJECTED)
    seen = seen_buckets()
    if seen is not None:
        wanted |= ~Q(recording__bucket__in=seen) & ~Q(state__in=_NOT_HEARD)
    with working_for(None):
        return review_selectors.with_segments(
            Match.objects.filter(wanted, scanned_file=file)
        )


def _stretches(scans: Sequence[Scan]) -> list[dict[str, Any]]:  # Any: JSON
    """Return what the first engine that tells of stretches says."""
    return next((scan.stretches for scan in scans if scan.stretches), [])


def _usage(speech_pct: float | None) -> Usage | None:
    if speech_pct is None:
        return None
    return Usage.BACKGROUND if speech_pct >= UNDER_SPEECH_PCT else Usage.FEATURED
