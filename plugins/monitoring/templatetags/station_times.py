"""Times as the clocks of stations show them."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils import timezone

from base.common.reading import read_date
from plugins.monitoring.broadcasts.models import Broadcast
from plugins.monitoring.streams.models import Station

register = template.Library()


@register.filter
def local_start(broadcast: Broadcast) -> str:
    """Return the start of a broadcast as the station's local time with its zone."""
    return _local(broadcast.starts_at, broadcast.time_zone)


@register.filter
def at_station(at: datetime, station: Station) -> str:
    """Return a moment as the station's local time with its zone, to the second."""
    return _local(at.replace(microsecond=0), station.time_zone)


def _local(at: datetime, time_zone: str) -> str:
    # Seconds are worth their place only where there are any.
    with timezone.override(time_zone):
        return read_date(at, "full" if at.second else "moment")
