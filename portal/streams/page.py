"""What the pages of streams show: now playing, the log, a day, alarms, a try-out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.roles import Action
from catalogue.models import Recording
from common.reading import read_date
from common.words import lowered
from portal.pictures.airday import AirDay, DayMark, DayTitle, HourMarks, air_day
from portal.shared import formats
from portal.shared.looks import review_look
from portal.streams.forms import LogFilterForm
from review.choices import MatchState
from review.models import Match
from scanning.models import ScannedFile, Segment
from streams import selectors
from streams.choices import AirplayState, StreamState
from streams.models import (
    Airplay,
    Station,
    Stream,
    StreamAlarm,
    StreamGap,
    StreamRun,
    StreamTitle,
)
from streams.selectors import DayHour, HourState
from streams.services import Heard


class Look(NamedTuple):
    """The label, icon and CSS class of a badge."""

    label: str | Promise
    icon: str
    css: str


_STREAM_LOOKS = {
    StreamState.WAITING: ("clock", "badge--waiting"),
    StreamState.CONNECTING: ("refresh", "badge--processing"),
    StreamState.LISTENING: ("check", "badge--state-confirmed"),
    StreamState.SILENT: ("triangle", "badge--state-pending"),
    StreamState.AWAY: ("away", "badge--error"),
    StreamState.PAUSED: ("pause", "badge--outline"),
}
_PLAY_LOOKS = {
    AirplayState.PLAYING: ("play", "badge--state-confirmed"),
    AirplayState.ENDED: ("clock", "badge--outline"),
    AirplayState.SETTLED: ("check", "badge--ready"),
    AirplayState.WITHDRAWN: ("cross", "badge--state-rejected"),
}
# Titles older than this say nothing about what plays now.
_FRESH_TITLE = timedelta(minutes=20)


def stream_look(stream: Stream) -> Look:
    """Return the badge of a stream."""
    state = StreamState(stream.state) if stream.enabled else StreamState.PAUSED
    return Look(state.label, *_STREAM_LOOKS[state])


def play_look(play: Airplay) -> Look:
    """Return the badge of a play that no match decides yet."""
    state = AirplayState(play.state)
    return Look(state.label, *_PLAY_LOOKS[state])


def may_change(stream: Stream, user: User) -> bool:
    """Tell whether a user may change a stream: its maker, or who may delete files."""
    is_maker = stream.created_by_id == user.pk and user.has_perm(Action.UPLOAD)
    return is_maker or user.has_perm(Action.DELETE)


def zone_of(station: Station) -> ZoneInfo:
    """Return the zone in which the days of a station begin."""
    return ZoneInfo(station.time_zone)


def plain_address(url: str) -> str:
    """Return an address without its user, password and query, which may be keys."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    query = "…" if parts.query else ""
    return urlunsplit((parts.scheme, host, parts.path, query, ""))


# --- Now playing ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NowPlay:
    """The recording that plays."""

    title: str
    artists: str
    elapsed_ms: int


@dataclass(frozen=True, slots=True)
class NowRow:
    """A stream, what it plays and what is wrong with it."""

    stream: Stream
    look: Look
    since: datetime | None
    play: NowPlay | None
    says: str
    title: str
    format: str
    gap_ms: int
    alarms: Sequence[StreamAlarm]


def now_rows(streams: Sequence[Stream], now: datetime) -> list[NowRow]:
    """Return the streams as they are now; queries do not depend on their number."""
    plays: dict[int, Airplay] = {}
    for play in selectors.now_playing():
        plays.setdefault(play.stream_id, play)
    titles = _newest_titles(streams, now)
    runs = _open_runs(streams)
    gaps = _gaps_today(streams, now)
    alarms: dict[int, list[StreamAlarm]] = {}
    for alarm in selectors.open_alarms():
        alarms.setdefault(alarm.stream_id, []).append(alarm)
    return [
        NowRow(
            stream=stream,
            look=stream_look(stream),
            since=stream.state_at,
            play=_now_play(plays.get(stream.pk), now),
            says=_says(stream),
            title=titles.get(stream.pk, ""),
            format=runs.get(stream.pk, ""),
            gap_ms=gaps.get(stream.pk, 0),
            alarms=alarms.get(stream.pk, []),
        )
        for stream in streams
    ]


def _now_play(play: Airplay | None, now: datetime) -> NowPlay | None:
    if play is None:
        return None
    recording = play.recording
    elapsed = max(now - play.starts_at, timedelta(0))
    return NowPlay(recording.title, recording.artist_names, _ms(elapsed))


def _says(stream: Stream) -> str:
    """Return why nothing can be heard; empty if something can."""
    if stream.state == StreamState.LISTENING and stream.enabled:
        return ""
    return stream.cause if stream.enabled else ""


def _newest_titles(streams: Sequence[Stream], now: datetime) -> dict[int, str]:
    rows = StreamTitle.objects.filter(
        stream__in=streams, at__gt=now - _FRESH_TITLE
    ).order_by("at", "pk")
    return dict(rows.values_list("stream_id", "text"))


def _open_runs(streams: Sequence[Stream]) -> dict[int, str]:
    """Return the sound of the runs that go on: MP3, 44.1 kHz."""
    runs = StreamRun.objects.filter(stream__in=streams, ends_at=None)
    return {run.stream_id: sound_of(run.codec, run.sample_rate) for run in runs}


def sound_of(codec: str, sample_rate: int) -> str:
    """Return codec and sample rate as people read them."""
    rate = f"{sample_rate / 1000:g} kHz" if sample_rate else ""
    return ", ".join(part for part in (formats.codec(codec) if codec else "", rate) if part)


def _gaps_today(streams: Sequence[Stream], now: datetime) -> dict[int, int]:
    """Return the gaps since midnight at each station, in ms."""
    # No clock is more than a day away from another one.
    rows = StreamGap.objects.filter(
        stream__in=streams, ends_at__gt=now - timedelta(days=2)
    ).exclude(pk__in=())
    midnights = {
        stream.pk: datetime.combine(
            now.astimezone(zone_of(stream.station)).date(),
            time(),
            tzinfo=zone_of(stream.station),
        )
        for stream in streams
    }
    sums: dict[int, int] = {}
    for gap in selectors.not_searched(rows):
        length = min(gap.ends_at, now) - max(gap.starts_at, midnights[gap.stream_id])
        if length > timedelta(0):
            sums[gap.stream_id] = sums.get(gap.stream_id, 0) + _ms(length)
    return sums


# --- The log -------------------------------------------------------------------------


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
    look: Look | None = None
    match_state: str = ""
    score: float | None = None
    sent: str = ""
    differs: bool = False
    url: str = ""
    is_gap: bool = False


def filtered_log(filters: LogFilterForm) -> QuerySet[Airplay]:
    """Return the plays that fit the filters, the newest first.

    Days are those of the station where the filters name one, else the reader's.
    """
    stream, station = filters.chosen("stream"), filters.chosen("station")
    streams = selectors.list_streams()
    if station is not None:
        streams = streams.filter(station=station)
    if stream is not None:
        streams = streams.filter(pk=stream.pk)
    place = stream.station if stream else station
    zone = zone_of(place) if place else timezone.get_current_timezone()
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


def log_rows(plays: Iterable[Airplay], *, with_day: bool = True) -> list[LogRow]:
    """Return the rows of one page of the log; clocks are those of the stations."""
    shown = list(plays)
    targets = _targets(shown)
    return [
        _log_row(play, targets[play.pk], play.title_text or "", with_day)  # type: ignore[attr-defined]  # an annotation
        for play in shown
    ]


def _log_row(play: Airplay, target: _Target, sent: str, with_day: bool) -> LogRow:
    stream, recording = play.stream, play.recording
    local = play.starts_at.astimezone(zone_of(stream.station))
    clock = f"{local:%H:%M:%S}"
    return LogRow(
        at_utc=_utc(play.starts_at),
        clock=f"{read_date(local.date(), 'short')} {clock}" if with_day else clock,
        length_ms=_ms(play.ends_at - play.starts_at),
        title=recording.title,
        artists=recording.artist_names,
        stream_name=stream.name,
        day_url=_day_url(stream, local.date()),
        look=play_look(play),
        match_state=target.state,
        score=play.score,
        sent=sent,
        differs=_differs(sent, recording),
        url=target.url,
    )


def _gap_row(gap: StreamGap, zone: ZoneInfo) -> LogRow:
    return LogRow(
        at_utc=_utc(gap.starts_at),
        clock=f"{gap.starts_at.astimezone(zone):%H:%M:%S}",
        length_ms=_ms(gap.ends_at - gap.starts_at),
        title=lowered(gap.get_cause_display()),
        look=Look(_("Gap"), "away", "badge--error"),
        is_gap=True,
    )


class _Target(NamedTuple):
    """Where a play leads, and the state of its match; empty before it is settled."""

    url: str = ""
    state: str = ""


def _targets(
    plays: Sequence[Airplay], files: Mapping[int, ScannedFile] | None = None
) -> dict[int, _Target]:
    """Return the match of each settled play, else its place in the file of its hour.

    ``files`` are the files of unsettled plays, by play.
    """
    segments = Segment.objects.select_related("detection__scan__scanned_file").in_bulk(
        [play.segment_id for play in plays if play.segment_id]
    )
    matches = {
        (match.scanned_file_id, match.recording_id): match
        for match in Match.objects.filter(
            scanned_file__in={
                one.detection.scan.scanned_file_id for one in segments.values()
            },
            recording__in={play.recording_id for play in plays},
        ).exclude(state=MatchState.SUPERSEDED)
    }
    found = {}
    for play in plays:
        segment = segments.get(play.segment_id or 0)
        file = segment.detection.scan.scanned_file if segment else None
        match = matches.get((file.pk, play.recording_id)) if file else None
        if match is not None:
            found[play.pk] = _Target(match.review_url, match.state)
        elif file is not None and segment is not None:
            place = f"?from={segment.start_ms}&to={segment.end_ms}#ribbon"
            found[play.pk] = _Target(_file_url(file) + place)
        elif files and play.pk in files:
            found[play.pk] = _Target(_file_url(files[play.pk]))
        else:
            found[play.pk] = _Target()
    return found


def _file_url(file: ScannedFile) -> str:
    return reverse("portal:file_detail", args=[file.uid])


def _day_url(stream: Stream, on: date) -> str:
    return f"{reverse('portal:stream_day', args=[stream.uid])}?date={on.isoformat()}"


def _differs(sent: str, recording: Recording) -> bool:
    """Tell whether a title names neither the recording nor one of its artists."""
    if not sent:
        return False
    names = (recording.title, *recording.artists)
    heard = _plain(sent)
    return not any(_plain(name) in heard for name in names if _plain(name))


def _plain(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text.casefold()).split())


# --- A day ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DayPage:
    """A day of a stream: figures, picture, and the log of one hour."""

    day: date
    previous: date
    next: date | None
    picture: AirDay
    searched_ms: int
    gap_ms: int
    left_ms: int
    past_ms: int
    gaps: int
    plays: int
    titles: int
    hour: int
    hour_label: str
    hour_url: str
    rows: Sequence[LogRow]
    states: Sequence[tuple[str, str | Promise]]


def day_page(stream: Stream, on: date, hour: int | None, now: datetime) -> DayPage:
    """Return a day of a stream; without ``hour`` its log is that of the last one heard."""
    zone = zone_of(stream.station)
    view = selectors.day(stream, on, now=now)
    files = {
        play.pk: each.files[0]
        for each in view.hours
        for play in each.plays
        if each.files
    }
    plays = {play.pk: play for each in view.hours for play in each.plays}
    targets = _targets(list(plays.values()), files)
    titles = _titles_of(plays.values(), view.hours)
    marks = [_marks(each, zone, targets, titles) for each in view.hours]
    chosen = _chosen_hour(view.hours, hour)
    picked = view.hours[chosen]
    begin, end = view.hours[0].starts_at, min(view.hours[-1].ends_at, now)
    past = max(_ms(end - begin), 0)
    cover = selectors.coverage(stream, begin, max(end, begin))
    rows = [
        *((play.starts_at, _log_row(play, targets[play.pk], titles[play.pk], False))
          for play in picked.plays),
        *((gap.starts_at, _gap_row(gap, zone)) for gap in picked.gaps + picked.silences),
    ]  # fmt: skip
    rows.sort(key=lambda pair: pair[0])
    present = {target.state or _live_state(plays[pk]) for pk, target in targets.items()}
    tomorrow = on + timedelta(days=1)
    return DayPage(
        day=on,
        previous=on - timedelta(days=1),
        next=tomorrow if tomorrow <= now.astimezone(zone).date() else None,
        picture=air_day(marks),
        searched_ms=cover.searched_ms,
        gap_ms=cover.gap_ms,
        left_ms=cover.unaccounted_ms,
        past_ms=past,
        gaps=len({gap.pk for each in view.hours for gap in each.gaps}),
        plays=len(plays),
        titles=sum(len(each.titles) for each in view.hours),
        hour=chosen,
        hour_label=_span_label(picked, zone),
        hour_url=_file_url(picked.files[0]) if picked.files else "",
        rows=[row for _at, row in rows],
        states=[(state, _state_label(state)) for state in sorted(present)],
    )


def _titles_of(plays: Iterable[Airplay], hours: Sequence[DayHour]) -> dict[int, str]:
    """Return what the server said last, up to a minute after each play began."""
    sent = sorted(
        (title.at, title.text) for each in hours for title in each.titles
    )
    found = {}
    for play in plays:
        latest = play.starts_at + selectors.TITLE_BEFORE
        before = [text for at, text in sent if at < latest]
        found[play.pk] = before[-1] if before else ""
    return found


def _live_state(play: Airplay) -> str:
    """Return how a play without a match is drawn."""
    return (
        AirplayState.PLAYING
        if play.state == AirplayState.PLAYING
        else AirplayState.ENDED
    ).value


def _state_label(state: str) -> str | Promise:
    if state == AirplayState.PLAYING:
        return _("Playing now")
    if state == AirplayState.ENDED:
        return _("Heard live, without a match yet")
    return review_look(state).label


def _chosen_hour(hours: Sequence[DayHour], asked: int | None) -> int:
    if asked is not None and 0 <= asked < len(hours):
        return asked
    begun = [
        number for number, each in enumerate(hours) if each.state != HourState.FUTURE
    ]
    heard = [number for number in begun if hours[number].plays or hours[number].gaps]
    return (heard or begun or [0])[-1]


def _marks(
    hour: DayHour,
    zone: ZoneInfo,
    targets: Mapping[int, _Target],
    titles: Mapping[int, str],
) -> HourMarks:
    plays = [
        DayMark(
            play.starts_at,
            play.ends_at,
            targets[play.pk].state or _live_state(play),
            _play_label(play, zone, targets[play.pk]),
            targets[play.pk].url,
        )
        for play in hour.plays
    ]
    gaps = [
        DayMark(gap.starts_at, gap.ends_at, state, _gap_label(gap, zone))
        for state, some in (("gap", hour.gaps), ("not-scanned", hour.silences))
        for gap in some
    ]
    ticks = [DayTitle(title.at, title.text) for title in hour.titles]
    differing = {
        titles[play.pk] for play in hour.plays if _differs(titles[play.pk], play.recording)
    }
    ticks = [
        DayTitle(title.at, title.text, title.text in differing) for title in hour.titles
    ]
    label = f"{hour.starts_at.astimezone(zone):%H:%M}"
    summary = _("%(time)s: %(plays)s plays, %(gaps)s gaps") % {
        "time": label,
        "plays": len(plays),
        "gaps": len(hour.gaps),
    }
    url = _file_url(hour.files[0]) if hour.files else ""
    return HourMarks(
        hour.starts_at, hour.ends_at, label, summary, url, plays, gaps, ticks
    )


def _span_label(hour: DayHour, zone: ZoneInfo) -> str:
    return (
        f"{hour.starts_at.astimezone(zone):%H:%M}–{hour.ends_at.astimezone(zone):%H:%M}"
    )


def _play_label(play: Airplay, zone: ZoneInfo, target: _Target) -> str:
    parts = [
        play.recording.title,
        play.recording.artist_names,
        f"{play.starts_at.astimezone(zone):%H:%M:%S}",
        formats.clock(_ms(play.ends_at - play.starts_at)),
        lowered(_state_label(target.state or _live_state(play))),
    ]
    return ", ".join(str(part) for part in parts if part)


def _gap_label(gap: StreamGap, zone: ZoneInfo) -> str:
    cause = gap.get_cause_display()
    start = f"{gap.starts_at.astimezone(zone):%H:%M:%S}"
    length = formats.clock(_ms(gap.ends_at - gap.starts_at))
    return f"{cause}, {start}, {length}"


# --- Alarms and the try-out ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ShownAlarm:
    """An alarm; the recording only if the person may see it."""

    alarm: StreamAlarm
    recording: Recording | None


def shown_alarms(alarms: Sequence[StreamAlarm]) -> list[ShownAlarm]:
    """Return alarms with the recordings that the person may see."""
    wanted = [each.airplay.recording_id for each in alarms if each.airplay]
    seen = Recording.objects.in_bulk(wanted)
    return [
        ShownAlarm(each, seen.get(each.airplay.recording_id) if each.airplay else None)
        for each in alarms
    ]


@dataclass(frozen=True, slots=True)
class ShownTrial:
    """What a try-out heard, or why it heard nothing."""

    url: str
    sound: str
    bitrate: str
    titles: Sequence[str]
    found: Sequence[tuple[Recording, float]]
    cause: str


def shown_trial(heard: Heard) -> ShownTrial:
    """Return a try-out as the page tells it."""
    trial = heard.trial
    bitrate = f"{round(trial.bitrate / 1000)} kbit/s" if trial.bitrate else ""
    return ShownTrial(
        url=plain_address(trial.url),
        sound=sound_of(trial.codec, trial.sample_rate),
        bitrate=bitrate,
        titles=trial.titles,
        found=[(recording, found.score) for recording, found in heard.found],
        cause=trial.cause,
    )


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def _ms(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)
