"""What reports and cue sheets say of broadcasts: who broadcast a file, and when first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final
from zoneinfo import ZoneInfo

from plugins.monitoring.broadcasts.models import Broadcast
from plugins.monitoring.broadcasts.selectors import broadcasts_of, list_broadcasts
from reports.cells import ColumnType, ValueType
from reports.extras import Extra, ReadyMade, Values
from scanning.models import ScannedFile


def _of_files(files: Iterable[ScannedFile]) -> dict[int, Values]:
    """Return the stations of the broadcasts, each once, and the first start."""
    by_file: dict[int, list[Broadcast]] = defaultdict(list)
    rows = list_broadcasts().select_related(None).select_related("station")
    for row in rows.filter(scanned_file__in=[file.pk for file in files]):
        by_file[row.scanned_file_id].append(row)
    return {
        key: {
            "channels": list(dict.fromkeys(row.station.name for row in rows)),
            "first_broadcast_at": min(row.starts_at for row in rows),
        }
        for key, rows in by_file.items()
    }


def first_broadcast(file: ScannedFile) -> str:
    """Return when and by whom a file was first broadcast, in English; empty if never."""
    row = broadcasts_of(file).first()
    if row is None:
        return ""
    at = row.starts_at.astimezone(ZoneInfo(row.time_zone))
    return f"broadcast by {row.station} on {at.day} {at:%B %Y at %H:%M} {row.time_zone}"


BROADCAST: Final = Extra(
    after="tags",
    columns=(
        ColumnType("channels", ValueType.LIST),
        ColumnType("first_broadcast_at", ValueType.TIME),
    ),
    ready_made={
        ReadyMade.CLAIMS: ("channels",),
        ReadyMade.MUSIC: ("channels", "first_broadcast_at"),
        ReadyMade.FILES: ("channels",),
    },
    about_file=True,
    of_files=_of_files,
)
