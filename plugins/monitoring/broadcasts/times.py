"""Local times of stations: read, checked against the clock there, and written."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from review.programmes.errors import ProgrammeRefused

EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
MOST_MS: Final = 7 * 24 * 3_600_000
"""The longest broadcast, a week."""
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_LENGTH = re.compile(r"(\d{1,3}):([0-5]\d):([0-5]\d)(?:[.,](\d{1,3}))?", re.ASCII)
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])(?:-01)?", re.ASCII)
_START = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)


def moments(local: datetime, zone: str) -> tuple[datetime, ...]:
    """Return the moments at which the clocks of a zone show a local time, in UTC.

    There is none in the hour that the clocks skip, and there are two in the hour that
    they repeat. Years of which nobody has a broadcast have none.
    """
    if not _is_usual(local):
        return ()
    place = ZoneInfo(zone)
    instants = []
    for fold in (0, 1):
        moment = local.replace(tzinfo=place, fold=fold).astimezone(UTC)
        wall_time = moment.astimezone(place).replace(tzinfo=None)
        if wall_time == local.replace(fold=0) and moment not in instants:
            instants.append(moment)
    return tuple(sorted(instants))


def start_at(at: datetime, zone: str) -> datetime:
    """Return the moment of a start; one without an offset is a local time of the zone.

    Raises ``ProgrammeRefused`` for a local time that the clocks skip or show twice, and
    for an offset that the zone does not have then.
    """
    if not _is_usual(at):
        raise _refused(_("The start is before 1901 or after 2199. Check the year."))
    if at.tzinfo is not None:
        moment = at.astimezone(UTC)
        offset = moment.astimezone(ZoneInfo(zone)).utcoffset()
        if at.utcoffset() not in (offset, timedelta(0)):
            raise _refused(
                _(
                    "The time in %(zone)s was %(local)s, not %(start)s. Correct "
                    "the time, or leave out the offset."
                )
                % {
                    "start": at.isoformat(timespec="seconds"),
                    "zone": zone,
                    "local": local_text(moment, zone),
                }
            )
        return moment
    instants = moments(at, zone)
    if not instants:
        raise _refused(
            _(
                "The clocks in %(zone)s skipped %(start)s, because summer time "
                "began. Enter the time that they showed."
            )
            % {"zone": zone, "start": at.isoformat(" ", timespec="seconds")}
        )
    if len(instants) > 1:
        raise ProgrammeRefused(
            "doubled",
            _(
                "The clocks in %(zone)s showed %(start)s twice, because summer "
                "time ended. Write which one you mean: %(first)s or %(second)s."
            )
            % {
                "zone": zone,
                "start": at.isoformat(" ", timespec="seconds"),
                "first": local_text(instants[0], zone),
                "second": local_text(instants[1], zone),
            },
            field="starts_at",
        )
    return instants[0]


def read_start(text: str, zone: str) -> datetime:
    """Return the moment of a start as text, such as ``2026-11-03 07:00``.

    Raises ``ProgrammeRefused`` as ``start_at`` does, and for any other text.
    """
    return start_at(parsed_start(text), zone)


def parsed_start(text: str) -> datetime:
    """Return a start as written, with its offset if it has one.

    Raises ``ProgrammeRefused`` for text that is no date with a time.
    """
    start = text.strip()
    if _START.fullmatch(start):
        try:
            return datetime.fromisoformat(start)
        except ValueError:
            pass
    raise _refused(_("Write date and time as 2026-11-03 07:00."))


def local_text(moment: datetime, zone: str) -> str:
    """Return a moment as the local time of a zone with its offset."""
    return moment.astimezone(ZoneInfo(zone)).isoformat(" ", timespec="seconds")


def read_length(text: str) -> int:
    """Return a length such as ``0:30:00`` in milliseconds.

    Raises ``ProgrammeRefused`` for other text, for nothing and for more than a week.
    """
    match = _LENGTH.fullmatch(text.strip())
    if match is None:
        raise ProgrammeRefused(
            "invalid", _("Write hours, minutes and seconds, such as 0:30:00."), field="length"
        )
    hours, minutes, seconds = (int(part) for part in match.groups()[:3])
    fraction = (match[4] or "").ljust(3, "0")
    length = ((hours * 60 + minutes) * 60 + seconds) * 1000 + int(fraction)
    return checked_length(length)


def checked_length(length_ms: int) -> int:
    """Return a length in milliseconds; raises ``ProgrammeRefused`` if it is impossible."""
    if 0 < length_ms <= MOST_MS:
        return length_ms
    raise ProgrammeRefused(
        "invalid",
        _("A broadcast must end after it begins and may last at most a week."),
        field="length",
    )


def length_text(length_ms: int) -> str:
    """Return a length as ``read_length`` takes it."""
    seconds, milliseconds = divmod(length_ms, 1000)
    clock = f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{clock}.{milliseconds:03}" if milliseconds else clock


def hours_of_day(day: date, zone: str) -> list[datetime]:
    """Return when the hours of a day begin at a station, in UTC: 24, or 23 or 25."""
    at, end = _midnight(day, zone), _midnight(day + _DAY, zone)
    hours = []
    while at < end:
        hours.append(at)
        at += _HOUR
    return hours


def hour_of(moment: datetime, zone: str) -> datetime:
    """Return which of ``hours_of_day`` a moment is in."""
    begin = _midnight(moment.astimezone(ZoneInfo(zone)).date(), zone)
    return begin + (moment - begin) // _HOUR * _HOUR


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), tzinfo=ZoneInfo(zone)).astimezone(UTC)


def read_day(text: str) -> date:
    """Return a day such as ``2026-11-03``; raises ``ProgrammeRefused`` for other text."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        day = date.min
    if not EARLIEST.year < day.year < LATEST.year:
        raise ProgrammeRefused("invalid", _("Write the day as 2026-11-03."), field="day")
    return day


def read_month(text: str) -> date:
    """Return the first day of a month such as ``2026-11``.

    Raises ``ProgrammeRefused`` for other text.
    """
    match = _MONTH.fullmatch(text.strip())
    if match is None or not EARLIEST.year < int(match[1]) < LATEST.year:
        raise ProgrammeRefused("invalid", _("Write the month as 2026-11."), field="month")
    return date(int(match[1]), int(match[2]), 1)


def _is_usual(at: datetime) -> bool:
    return EARLIEST.year < at.year < LATEST.year


def _refused(text: str) -> ProgrammeRefused:
    return ProgrammeRefused("invalid", text, field="starts_at")
