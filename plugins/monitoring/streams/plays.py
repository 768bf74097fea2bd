"""Links plays to the matches of settled hours, and withdraws unconfirmed plays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from base.accounts.reach import working_for
from plugins.monitoring.streams import notices
from plugins.monitoring.streams.choices import AirplayState
from plugins.monitoring.streams.claims import alignment_ms, is_same_play
from plugins.monitoring.streams.hour_layout import FileClock, file_clock
from plugins.monitoring.streams.models import Airplay, StreamHour
from reports.plays import ALIGNED_MS
from review.choices import DECIDED_STATES
from review.models import Match
from scanning.engines.base import FoundSegment
from scanning.models import Scan, Segment
from scanning.selectors import current_scans


@dataclass(frozen=True, slots=True)
class _Play:
    """The segments of one recording on one alignment, in order."""

    recording_id: int
    segments: tuple[Segment, ...]

    @property
    def first(self) -> Segment:
        return self.segments[0]

    @property
    def end_ms(self) -> int:
        return max(segment.end_ms for segment in self.segments)

    @property
    def score(self) -> float:
        return max(float(segment.score or 0) for segment in self.segments)


def settle_plays(*, scan: Scan, **_signal: object) -> None:
    """Link the plays of an hour to a scan's segments; called where a scan finished.

    A full scan withdraws the plays that it did not confirm. Plays that the live search
    missed are added.
    """
    with working_for(None), transaction.atomic():
        hour = StreamHour.objects.filter(scanned_file=scan.scanned_file_id).first()
        is_late = scan.retro_search_id is not None
        if hour is None or not (is_late or scan in current_scans(scan.scanned_file)):
            return
        clock = file_clock(hour)
        settled = [_settle(hour, play, clock).pk for play in _plays_of(scan)]
        if not is_late:
            _withdraw_others(hour, settled)


def _plays_of(scan: Scan) -> list[_Play]:
    """Return the plays that a scan found, as loud as the container's floor asks.

    They have a match: of copies of one sound in the same interval only one counts.
    """
    floor = scan.scanned_file.container.score_floor
    rows = (
        Segment.objects.filter(detection__scan=scan, detection__matches__isnull=False)
        .filter(Q(detection__score=None) | Q(detection__score__gte=floor))
        .select_related("detection")
        .order_by("start_ms", "pk")
    )
    grouped: dict[int, list[list[Segment]]] = {}
    for segment in rows:
        plays = grouped.setdefault(segment.detection.recording_id, [])
        for play in plays:
            if _are_aligned(play[-1], segment):
                play.append(segment)
                break
        else:
            plays.append([segment])
    return [_Play(recording, tuple(play)) for recording, plays in grouped.items() for play in plays]


def _are_aligned(first: Segment, second: Segment) -> bool:
    """Tell whether the line of a segment meets that of a later one."""
    tempo = float(first.tempo_ratio or 1)
    expected = first.reference_start_ms + (second.start_ms - first.start_ms) * tempo
    return abs(expected - second.reference_start_ms) <= ALIGNED_MS


def found_segment(segment: Segment) -> FoundSegment:
    """Return a stored segment as an engine finds one."""
    return FoundSegment(
        start_ms=segment.start_ms,
        end_ms=segment.end_ms,
        reference_start_ms=segment.reference_start_ms,
        reference_end_ms=segment.reference_end_ms,
        tempo_ratio=segment.tempo_ratio,
    )


def _settle(hour: StreamHour, play: _Play, clock: FileClock) -> Airplay:
    """Give a play its segment; return its row."""
    first = found_segment(play.first)
    run, start_ms = clock.run_at(first.start_ms)
    columns: dict[str, Any] = {  # Any: columns of the row
        "run": run,
        "state": AirplayState.SETTLED,
        "starts_at": clock.at(first.start_ms),
        "ends_at": clock.at(play.end_ms),
        "start_ms": start_ms,
        "end_ms": start_ms + play.end_ms - first.start_ms,
        "offset_ms": round(start_ms + alignment_ms(first) - first.start_ms),
        "tempo_ratio": float(first.tempo_ratio or 1),
        "pitch_cents": float(play.first.pitch_cents or 0),
        "score": play.score,
        "segment": play.first,
    }
    airplay = _find_airplay(hour, play, first, clock, columns["starts_at"], columns["ends_at"])
    if airplay is None:
        made = Airplay.objects.create(
            stream_id=hour.stream_id, recording_id=play.recording_id, **columns
        )
        notices.tell_found(made)
        notices.play_settled.send(sender=Airplay, airplay=made)
        return made
    is_news = airplay.segment_id is None
    if first.start_ms == 0 and airplay.starts_at < columns["starts_at"]:
        # It was heard live before this hour began, and the hour before missed it.
        for name in ("run", "starts_at", "start_ms", "offset_ms"):
            columns[name] = getattr(airplay, name)
    for name, value in columns.items():
        setattr(airplay, name, value)
    airplay.save(update_fields=list(columns))
    if is_news:
        notices.play_settled.send(sender=Airplay, airplay=airplay)
    return airplay


def _find_airplay(
    hour: StreamHour,
    play: _Play,
    first: FoundSegment,
    clock: FileClock,
    start: datetime,
    end: datetime,
) -> Airplay | None:
    """Return the row of a play that was heard before, live or in an earlier scan."""
    rows = (
        Airplay.objects.filter(
            stream=hour.stream_id, recording=play.recording_id, starts_at__lt=end, ends_at__gt=start
        )
        .filter(Q(segment=None) | Q(segment__detection__scan__scanned_file=hour.scanned_file_id))
        .order_by("pk")
    )
    # The play may have drifted before it was heard live.
    whole = replace(first, end_ms=play.end_ms)
    same = (row for row in rows if is_same_play(row, whole, clock, by_overlap=True))
    return next(same, None)


def _withdraw_others(hour: StreamHour, settled: Sequence[int]) -> None:
    """Withdraw the ended plays of an hour that its scan did not confirm."""
    rows = Airplay.objects.filter(
        stream=hour.stream_id,
        starts_at__gte=hour.starts_at,
        starts_at__lt=hour.ends_at,
        state__in=[AirplayState.ENDED, AirplayState.SETTLED],
    ).exclude(pk__in=settled)
    own = Q(segment=None) | Q(segment__detection__scan__scanned_file=hour.scanned_file_id)
    keys = list(rows.filter(own).values_list("pk", flat=True))
    Airplay.objects.filter(pk__in=keys).update(state=AirplayState.WITHDRAWN, segment=None)


def note_decisions(*, matches: Iterable[Match], **_signal: object) -> None:
    """Tell receivers that matches of plays were decided."""
    decided = [match for match in matches if match.state in DECIDED_STATES]
    if not decided:
        return
    with working_for(None):
        by_place = {(match.scanned_file_id, match.recording_id): match for match in decided}
        plays = (
            Airplay.objects.filter(
                segment__detection__scan__scanned_file__in={file for file, _ in by_place},
                recording__in={recording for _, recording in by_place},
            )
            .exclude(stream__alarm_url="")
            .annotate(file_id=F("segment__detection__scan__scanned_file"))
            .select_related("stream__station", "recording")
        )
        for play in plays:
            match = by_place.get((play.file_id, play.recording_id))
            if match is not None:
                notices.tell_decided(play, match)
