"""Where and when files and matches of streams were on the air, for report rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Min

from plugins.monitoring.streams.models import Airplay, StreamHour
from reports.cells import ColumnType, ValueType
from reports.choices import Mode
from reports.extras import Around, Extra, Values
from review.models import Match
from scanning.choices import SourceType
from scanning.models import ScannedFile


@dataclass(frozen=True, slots=True)
class _Aired:
    """Where a file or a match was on the air, and when it began, in UTC."""

    station: str
    stream: str
    at: datetime

    @property
    def values(self) -> Values:
        """Return the values of its columns."""
        return {"station": self.station, "stream": self.stream, "aired_at": self.at}


def _of_files(files: Iterable[ScannedFile]) -> dict[int, Values]:
    return {key: aired.values for key, aired in _hours(files).items()}


def _hours(files: Iterable[ScannedFile]) -> dict[int, _Aired]:
    """Return the hours of streams among some files; one query if there are any."""
    keys = [file.pk for file in files if file.source_type == SourceType.STREAM]
    if not keys:
        return {}
    hours = StreamHour.objects.filter(scanned_file__in=keys)
    rows = hours.values_list("scanned_file", "stream__station__name", "stream__name", "starts_at")
    return {file: _Aired(station, stream, at) for file, station, stream, at in rows}


def _of_matches(matches: Iterable[Match], around: Around) -> dict[int, Values]:
    """Return where matches were heard on the air, and the begin of their first play."""
    hours = _hours(around.files.values())
    if not hours:
        return {}
    plays = (
        Airplay.objects.filter(segment__detection__scan__scanned_file__in=list(hours))
        .order_by()
        .values_list(F("segment__detection__scan__scanned_file"), "recording", named=False)
        .annotate(first=Min("starts_at"))
    )
    begun = {(file, recording): first for file, recording, first in plays}
    aired = {}
    for match in matches:
        hour = hours.get(match.scanned_file_id)
        if hour is not None:
            place = match.scanned_file_id, match.recording_id
            start = begun.get(place, hour.at)
            aired[match.pk] = _Aired(hour.station, hour.stream, start).values
    return aired


AIRED = Extra(
    after="notes",
    about_file=True,
    columns=(
        ColumnType("station", ValueType.TEXT),
        ColumnType("stream", ValueType.TEXT),
        ColumnType("aired_at", ValueType.TIME),
    ),
    modes=frozenset({Mode.MATCH}),
    of_files=_of_files,
    of_matches=_of_matches,
)
