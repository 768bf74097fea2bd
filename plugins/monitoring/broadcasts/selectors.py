"""Reading broadcasts and figures of stations.

Rows of deleted files do not count. Rows of files are within the viewer's access limits.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet

from plugins.monitoring.broadcasts.models import Audience, Broadcast, Revenue
from plugins.monitoring.streams.models import Station
from scanning.models import ScannedFile


def list_broadcasts() -> QuerySet[Broadcast]:
    """Return the broadcasts of present files with their stations and audiences."""
    return Broadcast.objects.filter(scanned_file__deleted_at__isnull=True).select_related(
        "station", "audience", "scanned_file"
    )


def broadcasts_of(scanned_file: ScannedFile) -> QuerySet[Broadcast]:
    """Return the broadcasts of a file in order of time."""
    return list_broadcasts().filter(scanned_file=scanned_file)


def audiences_of(station: Station) -> QuerySet[Audience]:
    """Return the audiences of a station's months, the newest first."""
    return Audience.objects.filter(station=station, month__isnull=False).order_by("-month")


def hours_heard(station: Station, begin: datetime, end: datetime) -> dict[datetime, int]:
    """Return how many heard a station in the hours from one to another, both included."""
    rows = Audience.objects.filter(station=station, hour__range=(begin, end))
    figures = rows.order_by("hour").values_list("hour", "listeners")
    return {hour: heard for hour, heard in figures if hour and heard is not None}


def revenues_of(station: Station) -> QuerySet[Revenue]:
    """Return the revenue of a station's months, the newest first; for managers only."""
    return Revenue.objects.filter(station=station).order_by("-month", "rights_type")


def stations_named(name: str) -> QuerySet[Station]:
    """Return the stations with this name, call sign, id or custom ID."""
    return Station.objects.filter(
        Q(name__iexact=name) | Q(call_sign__iexact=name) | Q(custom_id=name) | Q(uid=name)
    )
