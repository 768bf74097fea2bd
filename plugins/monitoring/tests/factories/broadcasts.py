"""Broadcasts and episodes of files."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from plugins.monitoring.broadcasts.models import Broadcast
from plugins.monitoring.broadcasts.services import add_broadcast
from plugins.monitoring.streams.models import Station
from plugins.monitoring.tests.factories.streams import StationFactory
from scanning.models import ScannedFile

NOVEMBER = datetime(2026, 11, 3, 6, tzinfo=UTC)


def make_broadcast(
    scanned_file: ScannedFile,
    station: Station | None = None,
    starts_at: datetime = NOVEMBER,
    **values: Any,
) -> Broadcast:  # Any: other values of a broadcast
    """Return a broadcast of the file by a station in Zürich, at 7 o'clock there."""
    return add_broadcast(
        scanned_file=scanned_file,
        station=station or StationFactory.create(time_zone="Europe/Zurich"),
        values={"starts_at": starts_at, **values},
        user=None,
    )
