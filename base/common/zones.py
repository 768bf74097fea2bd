"""Time zones: those to choose from, and the day by which rules count."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from zoneinfo import available_timezones

from django.utils import timezone

UTC = "UTC"


# Reading the names opens a file for each of them.
_zones = cache(available_timezones)


def is_zone(name: str) -> bool:
    """Tell whether this is the name of an IANA time zone."""
    return name in _zones()


def zone_choices() -> list[tuple[str, str]]:
    """Return the time zones as the choices of a field.

    Names without a place are old ones, except UTC.
    """
    places = sorted(name for name in _zones() if "/" in name)
    return [(name, name) for name in (UTC, *places) if not name.startswith("Etc/")]


def office_day(moment: datetime | None = None) -> date:
    """Return the day of a moment, or today, in the installation's zone.

    Rules count days by it: whether a licence covers a use must not depend on the zone
    of the person who looks.
    """
    return timezone.localdate(moment, timezone.get_default_timezone())
