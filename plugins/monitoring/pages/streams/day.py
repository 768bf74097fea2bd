"""A day of a stream: its figures, its picture, and the log of one hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from base.common.phrases import lowered
from base.common.reading import read_clock
from plugins.monitoring.pages.streams.airday import AirDay, DayMark, DayTitle, HourMarks, air_day
from plugins.monitoring.pages.streams.log import (
    LogRow,
    PlayTarget,
    differs,
    file_url,
    gap_row,
    play_row,
    targets_of,
    title_of,
)
from plugins.monitoring.pages.streams.presentation import ms_of, zone_of
from plugins.monitoring.streams import selectors
from plugins.monitoring.streams.choices import AirplayState
from plugins.monitoring.streams.models import Airplay, Stream, StreamGap
from plugins.monitoring.streams.selectors import DayHour, HourState
from web.portal.shared import formats
from web.portal.shared.appearance import pattern_fill, review_look


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
    states: Sequence[tuple[str, str | Promise, str]]


def day_page(stream: Stream, on: date, hour: int | None, now: datetime) -> DayPage:
    """Return a day of a stream; without ``hour`` its log is that of the last one heard."""
    zone = zone_of(stream.station)
    view = selectors.day(stream, on, now=now)
    files = {
        play.pk: day_hour.files[0]
        for day_hour in view.hours
        for play in day_hour.plays
        if day_hour.files
    }
    plays = {play.pk: play for day_hour in view.hours for play in day_hour.plays}
    targets = targets_of(list(plays.values()), files)
    sent = selectors.log(
        streams=[stream], from_at=view.hours[0].starts_at, until=view.hours[-1].ends_at
    )
    titles = dict.fromkeys(plays, "")
    titles |= {play.pk: title_of(play) for play in sent}
    marks = [_marks(day_hour, zone, targets, titles) for day_hour in view.hours]
    chosen = _chosen_hour(view.hours, hour)
    picked_hour = view.hours[chosen]
    begin = max(view.hours[0].starts_at, selectors.began_at(stream))
    end = min(view.hours[-1].ends_at, now)
    past = max(ms_of(end - begin), 0)
    cover = selectors.coverage(stream, begin, max(end, begin))
    rows = [
        *((play.starts_at, play_row(play, targets[play.pk], titles[play.pk], zone, with_day=False))
          for play in picked_hour.plays),
        *((gap.starts_at, gap_row(gap, zone))
          for gap in picked_hour.gaps + picked_hour.silences),
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
        gaps=len({gap.pk for day_hour in view.hours for gap in day_hour.gaps}),
        plays=len(plays),
        titles=sum(len(day_hour.titles) for day_hour in view.hours),
        hour=chosen,
        hour_label=_span_label(picked_hour, zone),
        hour_url=file_url(picked_hour.files[0]) if picked_hour.files else "",
        rows=[row for _at, row in rows],
        states=[(state, _state_label(state), pattern_fill(state)) for state in sorted(present)],
    )


def _live_state(play: Airplay) -> str:
    """Return how a play without a match is drawn."""
    return (
        AirplayState.PLAYING if play.state == AirplayState.PLAYING else AirplayState.ENDED
    ).value


def _state_label(state: str) -> str | Promise:
    if state == AirplayState.PLAYING:
        return _("Playing now")
    if state == AirplayState.ENDED:
        return _("Heard live, without a match yet")
    return review_look(state).label


def _chosen_hour(hours: Sequence[DayHour], requested_hour: int | None) -> int:
    if requested_hour is not None and 0 <= requested_hour < len(hours):
        return requested_hour
    begun = [number for number, day_hour in enumerate(hours) if day_hour.state != HourState.FUTURE]
    heard = [number for number in begun if hours[number].plays or hours[number].gaps]
    return (heard or begun or [0])[-1]


def _marks(
    hour: DayHour, zone: ZoneInfo, targets: Mapping[int, PlayTarget], titles: Mapping[int, str]
) -> HourMarks:
    plays = [
        DayMark(
            play.starts_at,
            play.ends_at,
            targets[play.pk].state or _live_state(play),
            _play_label(play, zone, targets[play.pk]),
            targets[play.pk].url,
            play.uid,
        )
        for play in hour.plays
    ]
    gaps = [
        DayMark(gap.starts_at, gap.ends_at, state, _gap_label(gap, zone))
        for state, some in (("gap", hour.gaps), ("not-scanned", hour.silences))
        for gap in some
    ]
    differing = {titles[play.pk] for play in hour.plays if differs(titles[play.pk], play.recording)}
    ticks = [DayTitle(title.at, title.text, title.text in differing) for title in hour.titles]
    label = f"{hour.starts_at.astimezone(zone):%H:%M}"
    summary = _("%(time)s: %(plays)s plays, %(gaps)s gaps") % {
        "time": label,
        "plays": len(plays),
        "gaps": len(hour.gaps),
    }
    url = file_url(hour.files[0]) if hour.files else ""
    searched = [DayMark(start, end, "searched", "") for start, end in hour.searched]
    return HourMarks(
        hour.starts_at, hour.ends_at, label, summary, url, plays, gaps, ticks, searched
    )


def _span_label(hour: DayHour, zone: ZoneInfo) -> str:
    return f"{hour.starts_at.astimezone(zone):%H:%M}–{hour.ends_at.astimezone(zone):%H:%M}"


def _play_label(play: Airplay, zone: ZoneInfo, target: PlayTarget) -> str:
    parts = [
        play.recording.full_title,
        play.recording.artist_names,
        f"{play.starts_at.astimezone(zone):%H:%M:%S}",
        read_clock(ms_of(play.ends_at - play.starts_at)),
        lowered(_state_label(target.state or _live_state(play))),
    ]
    return ", ".join(str(part) for part in parts if part)


def _gap_label(gap: StreamGap, zone: ZoneInfo) -> str:
    cause = gap.get_cause_display()
    start = f"{gap.starts_at.astimezone(zone):%H:%M:%S}"
    length = formats.length(ms_of(gap.ends_at - gap.starts_at))
    return f"{cause}, {start}, {length}"
