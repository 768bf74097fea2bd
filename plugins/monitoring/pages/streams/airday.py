"""View-model of a day of a stream: one row per hour of the station's clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from web.portal.pictures.ribbon import Box, Tick, box
from web.portal.pictures.waveform import Window

_MINUTES = (0, 10, 20, 30, 40, 50)
_PHONE_EVERY = 2


@dataclass(frozen=True, slots=True)
class DayMark:
    """What lasts from one time to another; ``state`` chooses how it is drawn.

    States are those of matches, ``play_open`` and ``play_ended``,
    ``gap``, ``not-scanned`` and ``searched``. ``key`` names a play.
    """

    starts_at: datetime
    ends_at: datetime
    state: str
    label: str
    url: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class DayTitle:
    """A title from the server; ``differs`` if the found recording has another name."""

    at: datetime
    text: str
    differs: bool = False


@dataclass(frozen=True, slots=True)
class HourMarks:
    """Everything of one hour; marks may reach beyond it."""

    starts_at: datetime
    ends_at: datetime
    label: str
    summary: str
    url: str
    plays: Sequence[DayMark] = ()
    gaps: Sequence[DayMark] = ()
    titles: Sequence[DayTitle] = ()
    searched: Sequence[DayMark] = ()


@dataclass(frozen=True, slots=True)
class DrawnTitle:
    """A tick for a title."""

    x: str
    text: str
    differs: bool


@dataclass(frozen=True, slots=True)
class HourRow:
    """An hour ready for the template."""

    label: str
    summary: str
    url: str
    starts_at: datetime
    boxes: tuple[Box, ...]
    gaps: tuple[Box, ...]
    titles: tuple[DrawnTitle, ...]
    searched: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class AirDay:
    """Everything that the template of a day draws."""

    ticks: tuple[Tick, ...]
    rows: tuple[HourRow, ...]


def air_day(hours: Sequence[HourMarks]) -> AirDay:
    """Draw the hours of a day in their order; 23 or 25 where clocks change."""
    ticks = tuple(
        Tick(
            f"{100 * minute / 60:.3f}%",
            f":{minute:02d}",
            "" if minute else "first",
            fine=number % _PHONE_EVERY > 0,
        )
        for number, minute in enumerate(_MINUTES)
    )
    return AirDay(ticks, tuple(_row(hour) for hour in hours))


def _row(hour: HourMarks) -> HourRow:
    whole = Window(0, max(_ms(hour.ends_at - hour.starts_at), 1))
    return HourRow(
        hour.label,
        hour.summary,
        hour.url,
        hour.starts_at,
        tuple(_box(mark, hour, whole) for mark in hour.plays),
        tuple(_box(mark, hour, whole) for mark in hour.gaps),
        tuple(
            DrawnTitle(
                f"{whole.percent(_ms(title.at - hour.starts_at)):.3f}%", title.text, title.differs
            )
            for title in hour.titles
        ),
        tuple(_box(mark, hour, whole) for mark in hour.searched),
    )


def _box(mark: DayMark, hour: HourMarks, whole: Window) -> Box:
    """Return the part of a mark that lies in its hour."""
    start = max(_ms(mark.starts_at - hour.starts_at), 0)
    end = min(_ms(mark.ends_at - hour.starts_at), whole.end_ms)
    link = (mark.url, mark.key)
    return box(start, end, whole, state=mark.state, label=mark.label, link=link)


def _ms(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)
