"""Current plays, alarms, and the results of a try-out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal

from django.db.models import Max

from base.accounts.models import User
from catalogue.models import Recording
from plugins.monitoring.pages.streams.presentation import (
    Badge,
    ms_of,
    plain_address,
    sound_of,
    stream_badge,
    zone_of,
)
from plugins.monitoring.streams import selectors
from plugins.monitoring.streams.choices import HEARING, GapCause, StreamState
from plugins.monitoring.streams.models import (
    Airplay,
    Stream,
    StreamAlarm,
    StreamGap,
    StreamRun,
    StreamTitle,
)
from plugins.monitoring.streams.services import TryOutResult, may_change

# Titles older than this say nothing about what plays now.
_FRESH_TITLE = timedelta(minutes=20)


@dataclass(frozen=True, slots=True)
class NowPlay:
    """The recording that plays."""

    title: str
    artists: str
    elapsed_ms: int


@dataclass(frozen=True, slots=True)
class NowRow:
    """A stream, its current play and its problems."""

    stream: Stream
    look: Badge
    since: datetime | None
    play: NowPlay | None
    says: str
    title: str
    about: str
    is_heard: bool
    gap_ms: int
    alarms: Sequence[StreamAlarm]


def now_rows(streams: Sequence[Stream], now: datetime) -> list[NowRow]:
    """Return the streams as they are now; queries do not depend on their number."""
    plays: dict[int, Airplay] = {}
    for play in selectors.now_playing():
        plays.setdefault(play.stream_id, play)
    rows = StreamTitle.objects.filter(stream__in=streams, at__gt=now - _FRESH_TITLE).order_by(
        "at", "pk"
    )
    titles = dict(rows.values_list("stream_id", "text"))
    open_runs = StreamRun.objects.filter(stream__in=streams, ends_at=None)
    runs = {run.stream_id: sound_of(run.codec, run.sample_rate) for run in open_runs}
    gaps = _gaps_today(streams, now)
    alarms: dict[int, list[StreamAlarm]] = {}
    for alarm in selectors.open_alarms():
        alarms.setdefault(alarm.stream_id, []).append(alarm)
    return [
        NowRow(
            stream=stream,
            look=stream_badge(stream),
            since=stream.state_at,
            play=_now_play(plays.get(stream.pk), now),
            says=stream.cause if stream.enabled and stream.state != StreamState.LISTENING else "",
            title=titles.get(stream.pk, ""),
            about=_about(stream, runs.get(stream.pk, "")),
            is_heard=stream.enabled and stream.state == StreamState.LISTENING,
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
    return NowPlay(recording.full_title, recording.artist_names, ms_of(elapsed))


def _about(stream: Stream, sound: str) -> str:
    """Return station, place and sound, but a name only once."""
    station = stream.station
    name = station.name if station.name != stream.name else ""
    return " · ".join(part for part in (name, station.place, sound) if part)


def _gaps_today(streams: Sequence[Stream], now: datetime) -> dict[int, int]:
    """Return the gaps since midnight at each station, in ms."""
    # No midnight lies further back.
    rows = StreamGap.objects.filter(
        stream__in=streams, ends_at__gt=now - timedelta(days=1)
    ).exclude(cause=GapCause.SILENT)
    midnights = {
        stream.pk: datetime.combine(
            now.astimezone(zone_of(stream.station)).date(), time(), tzinfo=zone_of(stream.station)
        )
        for stream in streams
    }
    spans = [(gap.stream_id, gap.starts_at, gap.ends_at) for gap in rows]
    # A gap is stored when it ends; the open ones began with the end of the last run.
    unheard = [stream.pk for stream in streams if stream.state not in HEARING]
    runs = StreamRun.objects.filter(stream__in=unheard, ends_at__isnull=False)
    begun = dict(runs.order_by().values_list("stream").annotate(end=Max("ends_at")))
    for key, _start, end in spans:
        if key in begun:
            begun[key] = max(begun[key], end)
    spans += [(key, start, now) for key, start in begun.items()]
    sums: dict[int, int] = {}
    for key, start, end in spans:
        length = min(end, now) - max(start, midnights[key])
        if length > timedelta(0):
            sums[key] = sums.get(key, 0) + ms_of(length)
    return sums


@dataclass(frozen=True, slots=True)
class ShownAlarm:
    """An alarm; the recording only if the person may see it."""

    alarm: StreamAlarm
    recording: Recording | None
    may_change: bool


def shown_alarms(alarms: Sequence[StreamAlarm], user: User) -> list[ShownAlarm]:
    """Return alarms with the recordings that the person may see."""
    keys = [alarm.airplay.recording_id for alarm in alarms if alarm.airplay]
    seen = Recording.objects.in_bulk(keys)
    return [
        ShownAlarm(
            alarm,
            seen.get(alarm.airplay.recording_id) if alarm.airplay else None,
            may_change(alarm.stream, user),
        )
        for alarm in alarms
    ]


@dataclass(frozen=True, slots=True)
class ShownTrial:
    """What a try-out heard, or why it heard nothing."""

    url: str
    sound: str
    bitrate: str
    titles: Sequence[str]
    recordings: Sequence[tuple[Recording, Decimal | None]]
    cause: str


def shown_trial(heard: TryOutResult) -> ShownTrial:
    """Return a try-out as the page tells it."""
    trial = heard.trial
    bitrate = f"{round(trial.bitrate / 1000)} kbit/s" if trial.bitrate else ""
    return ShownTrial(
        url=plain_address(trial.url),
        sound=sound_of(trial.codec, trial.sample_rate),
        bitrate=bitrate,
        titles=trial.titles,
        recordings=[(recording, match.score) for recording, match in heard.recordings],
        cause=trial.cause,
    )
