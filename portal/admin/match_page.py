"""Puts together what the admin page of one match shows as evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from accounts.models import User
from accounts.roles import Action
from portal import pictures, playback, plots
from portal.file_page import load_waveform
from review import selectors
from review.errors import MatchLocked
from review.filters import MatchFilter
from review.models import Match
from review.services.decisions import possible_verbs
from review.services.transitions import refuse_foreign_lock
from scanning.choices import ScanStatus
from scanning.models import Scan, Segment

CONTEXT_MS = 5_000
_STRETCH_LANES = {
    "no_match": "No match",
    "silence": "Silence",
    "not_scanned": "Not scanned",
}


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two sounds around the chosen play."""

    title: str
    audio_url: str
    start_ms: int
    end_ms: int
    wave: pictures.WavePaths | None
    ticks: tuple[pictures.Tick, ...]


@dataclass(frozen=True, slots=True)
class Play:
    """One segment as the table shows it."""

    number: int
    segment: Segment
    is_current: bool

    @property
    def length_ms(self) -> int:
        """Return how long it is in the source."""
        return self.segment.end_ms - self.segment.start_ms


def evidence(*, match: Match, user: User, chosen: str) -> dict[str, object]:
    """Return the context of the page; ``chosen`` is the number of a segment."""
    segments = selectors.match_segments(match)
    current = _chosen(chosen, len(segments))
    play = segments[current - 1] if segments else None
    return {
        "match": match,
        "verbs": possible_verbs(match=match, user=user),
        "can_decide": user.has_perm(Action.DECIDE),
        "lock_message": _lock_message(match, user),
        "ribbon": _ribbon(match, segments, play),
        "plays": [
            Play(number, segment, number == current)
            for number, segment in enumerate(segments, start=1)
        ],
        "current": current,
        "source": _source(match, play) if play else None,
        "reference": _reference(match, play) if play else None,
        "plot": _plot(match, segments, current),
        "detections": selectors.detections_of(match),
        "earlier": selectors.earlier_decisions(match),
        "events": selectors.events_of(match),
    }


def _lock_message(match: Match, user: User) -> str:
    try:
        refuse_foreign_lock(match=match, user=user)
    except MatchLocked as locked:
        return locked.message
    return ""


def _chosen(text: str, count: int) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 1
    return min(max(number, 1), max(count, 1))


def _ribbon(
    match: Match, segments: Sequence[Segment], play: Segment | None
) -> pictures.Ribbon | None:
    """Draw this match above all others of the file."""
    duration_ms = match.scanned_file.duration_ms
    if not duration_ms:
        return None
    others = [
        other
        for other in selectors.with_segments(
            selectors.matches(filters=MatchFilter(file=str(match.scanned_file.uid)))
        )
        if other.pk != match.pk
    ]
    lanes = [
        pictures.Lane("This match", list(_drawn(match, segments)), is_current=True)
    ]
    if others:
        name = f"{len(others)} other match" + ("es" if len(others) > 1 else "")
        drawn = [box for other in others for box in _drawn(other, other.segments)]
        lanes.append(pictures.Lane(name, sorted(drawn, key=lambda box: box.start_ms)))
    return pictures.ribbon(
        duration_ms=duration_ms,
        lanes=lanes,
        facts=_facts(match),
        waveform=load_waveform(match.scanned_file),
        frame=pictures.Span(play.start_ms, play.end_ms) if play else None,
    )


def _drawn(match: Match, segments: Sequence[Segment]) -> Iterator[pictures.Segment]:
    for number, segment in enumerate(segments, start=1):
        yield pictures.Segment(
            start_ms=segment.start_ms,
            end_ms=segment.end_ms,
            state=match.state,
            url=f"{match.review_url}?segment={number}",
            reference_start_ms=segment.reference_start_ms,
            reference_end_ms=segment.reference_end_ms,
            score=None if segment.score is None else float(segment.score),
        )


def _facts(match: Match) -> list[pictures.FactLane]:
    """Return what the newest scan says of the stretches without a match."""
    scan = (
        Scan.objects.filter(
            scanned_file_id=match.scanned_file_id, status=ScanStatus.SUCCEEDED
        )
        .order_by("-pk")
        .first()
    )
    stretches = scan.stretches if scan else []
    return [
        pictures.FactLane(
            name,
            kind,
            [
                pictures.Span(stretch["start_ms"], stretch["end_ms"])
                for stretch in stretches
                if stretch["kind"] == kind
            ],
        )
        for kind, name in _STRETCH_LANES.items()
    ]


def _source(match: Match, play: Segment) -> Side:
    file = match.scanned_file
    return _side(
        title=file.name,
        audio_url=playback.audio_url(file),
        span=(play.start_ms, play.end_ms),
        duration_ms=file.duration_ms,
        waveform=load_waveform(file),
    )


def _reference(match: Match, play: Segment) -> Side:
    recording = match.recording
    return _side(
        title=recording.title,
        audio_url=playback.audio_url(recording),
        span=(play.reference_start_ms, play.reference_end_ms),
        duration_ms=recording.duration_ms,
        waveform=load_waveform(recording),
    )


def _side(
    *,
    title: str,
    audio_url: str,
    span: tuple[int, int],
    duration_ms: int,
    waveform: pictures.Waveform | None,
) -> Side:
    start, end = span
    window = pictures.Window(
        max(start - CONTEXT_MS, 0), min(end + CONTEXT_MS, max(duration_ms, end))
    )
    return Side(
        title=title,
        audio_url=audio_url,
        start_ms=start,
        end_ms=end,
        wave=pictures.wave_paths(waveform, window=window, duration_ms=duration_ms),
        ticks=pictures.ruler(window),
    )


def _plot(
    match: Match, segments: Sequence[Segment], current: int
) -> plots.AlignmentPlot | None:
    return plots.alignment_plot(segments=list(_drawn(match, segments)), current=current)
