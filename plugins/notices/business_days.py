"""Business days in the United States, for the days of 17 USC 512(g)(2)(C).

The statute does not say what a business day is. Here it is a day that is no Saturday, no
Sunday and no holiday of federal offices: 5 USC 6103(a) names those, 6103(b) moves a
holiday on a Saturday to the Friday before, and Executive Order 11582, section 3, one on a
Sunday to the Monday after. Inauguration day is a holiday around Washington only and
counts as a business day, as do holidays of states.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# 17 USC 512(g)(2)(C): the platform restores "not less than 10, nor more than 14,
# business days following receipt of the counter notice".
_RESTORE_FROM: Final = 10
_RESTORE_UNTIL: Final = 14
_DAY: Final = timedelta(days=1)
_MONDAY, _THURSDAY, _SATURDAY, _SUNDAY = 0, 3, 5, 6
_JUNETEENTH_SINCE: Final = 2021
"""Public Law 117-17, in force since 17 June 2021."""


@dataclass(frozen=True, slots=True)
class Holiday:
    """A holiday of federal offices, on the day on which they are closed for it."""

    day: date
    name: str | Promise


@dataclass(frozen=True, slots=True)
class RestoreDays:
    """From when to when a platform restores; ``holidays`` were left out in counting."""

    begin: date
    end: date
    holidays: tuple[Holiday, ...]


def restore_days(received: date) -> RestoreDays:
    """Return the 10th to the 14th business day after a counter-notice."""
    days: list[date] = []
    left_out: list[Holiday] = []
    at = received
    while len(days) < _RESTORE_UNTIL:
        at += _DAY
        if at.weekday() in (_SATURDAY, _SUNDAY):
            continue
        holiday = federal_holiday(at)
        if holiday:
            left_out.append(holiday)
        else:
            days.append(at)
    return RestoreDays(days[_RESTORE_FROM - 1], days[-1], tuple(left_out))


def federal_holiday(day: date) -> Holiday | None:
    """Return the holiday for which federal offices are closed on a day."""
    # New Year on a Saturday is observed in the year before.
    years = (day.year, day.year + 1)
    holidays = (holiday for year in years for holiday in _holidays(year))
    return next((holiday for holiday in holidays if holiday.day == day), None)


def _holidays(year: int) -> Iterator[Holiday]:
    yield Holiday(_observed(date(year, 1, 1)), _("New Year's Day"))
    yield Holiday(_nth(year, 1, _MONDAY, 3), _("Martin Luther King's birthday"))
    yield Holiday(_nth(year, 2, _MONDAY, 3), _("Washington's birthday"))
    yield Holiday(_nth(year, 6, _MONDAY, 1) - 7 * _DAY, _("Memorial Day"))
    if year >= _JUNETEENTH_SINCE:
        yield Holiday(_observed(date(year, 6, 19)), _("Juneteenth"))
    yield Holiday(_observed(date(year, 7, 4)), _("Independence Day"))
    yield Holiday(_nth(year, 9, _MONDAY, 1), _("Labor Day"))
    yield Holiday(_nth(year, 10, _MONDAY, 2), _("Columbus Day"))
    yield Holiday(_observed(date(year, 11, 11)), _("Veterans Day"))
    yield Holiday(_nth(year, 11, _THURSDAY, 4), _("Thanksgiving Day"))
    yield Holiday(_observed(date(year, 12, 25)), _("Christmas Day"))


def _nth(year: int, month: int, weekday: int, number: int) -> date:
    first = date(year, month, 1)
    return first + (((weekday - first.weekday()) % 7) + 7 * (number - 1)) * _DAY


def _observed(day: date) -> date:
    """Return the day on which offices are closed for a holiday with a fixed date."""
    if day.weekday() == _SATURDAY:
        return day - _DAY
    return day + _DAY if day.weekday() == _SUNDAY else day
