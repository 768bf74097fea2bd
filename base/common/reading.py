"""Dates, times of sounds and numbers in the form of the reader's language."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

from django.utils import timezone
from django.utils.dateformat import format as formatted
from django.utils.formats import number_format
from django.utils.translation import gettext, pgettext_lazy

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

Form: TypeAlias = Literal[
    "weekday", "day", "short", "dated", "month", "short moment", "moment", "full"
]
"""How much of a date is shown, from ``Monday 23 November`` to its seconds."""

_FORMS = {
    "weekday": pgettext_lazy("date format", "l j F"),
    "day": pgettext_lazy("date format", "j F"),
    "short": pgettext_lazy("date format", "j M"),
    "dated": pgettext_lazy("date format", "j M Y"),
    "month": pgettext_lazy("date format", "F Y"),
    "short moment": pgettext_lazy("date format", "j M H:i"),
    "moment": pgettext_lazy("date format", "j M Y H:i T"),
    "full": pgettext_lazy("date format", "j M Y H:i:s T"),
}


_CLOCK = re.compile(
    r"(?:([0-9]{1,3}):(?=[0-5]?[0-9]:))?([0-9]{1,3}):([0-5]?[0-9])(?:[.,]([0-9]{1,3}))?"
)


def read_date(at: date, form: Form) -> str:
    """Write a date, or a time in the reader's zone: 23 November, in German 23. November."""
    local = timezone.localtime(at) if isinstance(at, datetime) else at
    return formatted(local, str(_FORMS[form]))


def read_release(text: str) -> str:
    """Write a stored day or month: 4 May 2018 or May 2018. Another text stays."""
    forms: dict[int, Form] = {len("2018-05-04"): "dated", len("2018-05"): "month"}
    form = forms.get(len(text))
    try:
        return read_date(date.fromisoformat(f"{text}-01"[:10]), form) if form else text
    except ValueError:
        return text


def read_week(at: date) -> str:
    """Write the number of the ISO week that a day is in: W48, in German KW 48."""
    return gettext("W%(week)s") % {"week": f"{at.isocalendar().week:02d}"}


def rounded(ms: int, unit_ms: int = 1000) -> int:
    """Round a time to whole units, half up: the one rule for all times of sounds."""
    return (ms + unit_ms // 2) // unit_ms * unit_ms


def rounded_length(intervals: Iterable[tuple[int, int]]) -> int:
    """Return the length of intervals whose ends a document prints in whole seconds.

    It is the sum of the differences of the printed ends, so that readers can check it.
    """
    return sum(rounded(end) - rounded(start) for start, end in intervals)


def read_clock(total_ms: int, *, digits: int = 0) -> str:
    """Write a time of a sound as m:ss or h:mm:ss, rounded to ``digits`` decimals."""
    sign = "−" if total_ms < 0 else ""
    seconds, ms = divmod(rounded(abs(total_ms), 10 ** (3 - digits)), 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
    fraction = f".{ms:03d}"[: digits + 1] if digits else ""
    return f"{sign}{text}{fraction}"


def parse_clock(text: str) -> int | None:
    """Read a time of a sound that people write as m:ss or h:mm:ss, with up to three decimals.

    Returns milliseconds; None for another text, such as one with 60 or more after a colon,
    of which nobody knows which part is wrong.
    """
    time = _CLOCK.fullmatch(text)
    if time is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in time.groups()[:3])
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + int((time[4] or "").ljust(3, "0"))


def read_interval(start_ms: int, end_ms: int, *, digits: int = 0) -> str:
    """Write an interval of a sound, with both times as ``read_clock`` writes them."""
    start, end = (read_clock(at, digits=digits) for at in (start_ms, end_ms))
    return f"{start} – {end}"


def read_number(value: float, *, decimals: int = 0) -> str:
    """Write a number with the decimal point and the grouping of the reader's language."""
    # number_format truncates, so round first.
    return number_format(f"{value:.{decimals}f}", decimal_pos=decimals, force_grouping=True)


def count_words(words: _StrPromise, count: int) -> str:
    """Fill ``ngettext_lazy(…, "count")`` in: %(shown)s is the count as people read it."""
    return words % {"count": count, "shown": read_number(count)}
