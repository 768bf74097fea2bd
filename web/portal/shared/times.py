"""Draws points in time for people."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Literal

from django.utils import timezone
from django.utils.html import avoid_wrapping, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import TIME_STRINGS, timesince
from django.utils.translation import get_language, gettext

from base.common.reading import read_date
from web.portal.shared.formats import UNKNOWN

_DAYS_OF_WEEK = 7
_DAYS_OF_TWO_MONTHS = 60


def when(at: datetime | Literal[""] | None) -> SafeString:
    """Draw a time in the reader's zone, shorter the nearer it is, with all on hover.

    Templates pass an empty text for what does not exist. This is no template itself,
    because lists have two times in each row.
    """
    if not at:
        return mark_safe(UNKNOWN)  # noqa: S308 - a constant
    local, today = timezone.localtime(at), timezone.localdate()
    return _drawn(local, today, get_language(), timezone.get_current_timezone_name())


# People look at the same rows again and again, and a page may have sixty times.
@lru_cache(maxsize=10_000)
def _drawn(local: datetime, today: date, _language: str | None, _zone: str) -> SafeString:
    utc = local.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{} · {} UTC">{}</time>',
        utc.isoformat(),
        read_date(local, "full"),
        f"{utc:%H:%M:%S}",
        _short(local, today),
    )


def lasting(since: datetime, until: datetime) -> str:
    """Write how much time lies between two moments, in its largest unit alone.

    Up to two months that is days, because "1 week" may be up to 13 of them.
    """
    days = (until - since).days
    if _DAYS_OF_WEEK <= days < _DAYS_OF_TWO_MONTHS:
        return avoid_wrapping(TIME_STRINGS["day"] % {"num": days})
    return timesince(since, until, depth=1)


def _short(at: datetime, today: date) -> str:
    if at.date() == today:
        return gettext("today %(clock)s") % {"clock": f"{at:%H:%M}"}
    if at.year == today.year:
        return read_date(at, "short moment")
    return read_date(at, "dated")
