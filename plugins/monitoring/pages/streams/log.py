"""The log of plays: its rows, and the match or file that each leads to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from base.common.phrases import lowered
from base.common.reading import read_date
from catalogue.models import Recording
from plugins.monitoring.pages.streams.forms import LogFilterForm
from plugins.monitoring.pages.streams.presentation import Badge, ms_of, play_badge, zone_of
from plugins.monitoring.streams import selectors
from plugins.monitoring.streams.choices import AirplayState
from plugins.monitoring.streams.models import Airplay, Stream, StreamGap
from review.models import Match
from scanning.models import ScannedFile, Segment


@dataclass(frozen=True, slots=True)
class LogRow:
    """A play, or a gap between plays, as tables show it."""

    at_utc: str
    clock: str
    length_ms: int
    title: str
    artists: str = ""
    stream_name: str = ""
    day_url: str = ""
    look: Badge | None = None
    match_state: str = ""
    score: float | None = None
    sent: str = ""
    differs: bool = False
    url: str = ""
    key: str = ""
    is_gap: bool = False


def filtered_log(filters: LogFilterForm) -> QuerySet[Airplay]:
    """Return the plays that fit the filters, the newest first."""
    stream, station = filters.chosen("stream"), filters.chosen("station")
    streams = selectors.logged_streams()
    if station is not None:
        streams = streams.filter(station=station)
    if stream is not None:
        streams = streams.filter(pk=stream.pk)
    zone = log_zone(filters)
    since, until = filters.days
    state = filters.chosen("state")
    rows = selectors.log(
        streams=list(streams),
        from_at=datetime.combine(since, time(), tzinfo=zone) if since else None,
        until=datetime.combine(until + timedelta(days=1), time(), tzinfo=zone)
        if until and until < date.max
        else None,
        states=(AirplayState(state),) if state else (),
    )
    if recordings := filters.chosen("recording"):
        rows = rows.filter(recording__in=recordings)
    return rows.order_by("-starts_at", "-pk")


def log_zone(filters: LogFilterForm) -> tzinfo:
    """Return the zone of the filters' station, else the reader's.

    Plays of several stations are in one order only by one clock.
    """
    stream, station = filters.chosen("stream"), filters.chosen("station")
    place = stream.station if stream else station
    return zone_of(place) if place else timezone.get_current_timezone()


def log_rows(plays: Iterable[Airplay], zone: tzinfo) -> list[LogRow]:
    """Return the rows of one page of the log, by the clock of a zone."""
    page_plays = list(plays)
    targets = targets_of(page_plays)
    return [
        play_row(play, targets[play.pk], title_of(play), zone, with_day=True) for play in page_plays
    ]


def title_of(play: Airplay) -> str:
    """Return the title sent when a play of the log began; empty without one."""
    return play.title_text or ""  # type: ignore[attr-defined]  # an annotation


def play_row(
    play: Airplay, target: PlayTarget, sent: str, zone: tzinfo, *, with_day: bool
) -> LogRow:
    """Return the row of a play; its clock says the day only if a list has several."""
    stream, recording = play.stream, play.recording
    local = play.starts_at.astimezone(zone)
    aired = play.starts_at.astimezone(zone_of(stream.station))
    clock = f"{local:%H:%M:%S}"
    return LogRow(
        at_utc=_utc(play.starts_at),
        clock=f"{read_date(local.date(), 'short')} {clock}" if with_day else clock,
        length_ms=ms_of(play.ends_at - play.starts_at),
        title=recording.full_title,
        artists=recording.artist_names,
        stream_name=stream.name,
        day_url="" if stream.deleted_at else _day_url(stream, aired.date()),
        look=play_badge(play),
        match_state=target.state,
        score=play.score,
        sent=sent,
        differs=differs(sent, recording),
        url=target.url,
        key=play.uid,
    )


def gap_row(gap: StreamGap, zone: tzinfo) -> LogRow:
    """Return the row of a gap."""
    return LogRow(
        at_utc=_utc(gap.starts_at),
        clock=f"{gap.starts_at.astimezone(zone):%H:%M:%S}",
        length_ms=ms_of(gap.ends_at - gap.starts_at),
        title=lowered(gap.get_cause_display()),
        look=Badge(_("Gap"), "away", "badge--error"),
        is_gap=True,
    )


class PlayTarget(NamedTuple):
    """Where a play leads, and the state of its match; empty before it is settled."""

    url: str = ""
    state: str = ""


def targets_of(
    plays: Sequence[Airplay], files: Mapping[int, ScannedFile] | None = None
) -> dict[int, PlayTarget]:
    """Return the match of each settled play, else its place in the file of its hour.

    ``files`` are the files of unsettled plays, by play.
    """
    segments = Segment.objects.select_related("detection__scan__scanned_file").in_bulk(
        [play.segment_id for play in plays if play.segment_id]
    )
    # By evidence: after a merge, a match names another recording than its plays.
    links = Match.detections.through.objects.filter(
        detection__in={segment.detection_id for segment in segments.values()}
    )
    match_of = dict(links.values_list("detection", "match"))
    matches = Match.objects.in_bulk(set(match_of.values()))
    targets = {}
    for play in plays:
        segment = segments.get(play.segment_id or 0)
        file = segment.detection.scan.scanned_file if segment else None
        match = matches.get(match_of.get(segment.detection_id)) if segment else None
        if match is not None:
            targets[play.pk] = PlayTarget(match.review_url, match.state)
        elif file is not None and segment is not None:
            place = f"?from={segment.start_ms}&to={segment.end_ms}#ribbon"
            targets[play.pk] = PlayTarget(file_url(file) + place)
        elif files and play.pk in files:
            targets[play.pk] = PlayTarget(file_url(files[play.pk]))
        else:
            targets[play.pk] = PlayTarget()
    return targets


def file_url(file: ScannedFile) -> str:
    """Return the page of a file."""
    return reverse("portal:file_detail", args=[file.uid])


def _day_url(stream: Stream, on: date) -> str:
    return f"{reverse('portal:stream_day', args=[stream.uid])}?date={on.isoformat()}"


def differs(sent: str, recording: Recording) -> bool:
    """Tell whether a title names neither the recording nor one of its artists."""
    if not sent:
        return False
    names = (recording.title, *recording.artists)
    heard = _plain(sent)
    return not any(_plain(name) in heard for name in names if _plain(name))


def _plain(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text.casefold()).split())


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")
