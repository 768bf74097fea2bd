"""Where and when files and matches of streams were on the air, for report rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db.models import F, Min

from reports.rows import Aired
from review.models import Match
from scanning.choices import SourceType
from scanning.models import ScannedFile
from streams.models import Airplay, StreamHour


def aired_files(files: Iterable[ScannedFile]) -> dict[int, Aired]:
    """Return the hours of streams among some files; one query if there are any."""
    keys = [file.pk for file in files if file.source_type == SourceType.STREAM]
    if not keys:
        return {}
    hours = StreamHour.objects.filter(scanned_file__in=keys)
    rows = hours.values_list(
        "scanned_file", "stream__station__name", "stream__name", "starts_at"
    )
    return {file: Aired(station, stream, at) for file, station, stream, at in rows}


def aired_matches(
    matches: Iterable[Match], files: Mapping[int, ScannedFile]
) -> dict[int, Aired]:
    """Return where matches were heard on the air, and the begin of their first play."""
    hours = aired_files(files.values())
    if not hours:
        return {}
    plays = (
        Airplay.objects.filter(segment__detection__scan__scanned_file__in=list(hours))
        .order_by()
        .values_list(
            F("segment__detection__scan__scanned_file"), "recording", named=False
        )
        .annotate(first=Min("starts_at"))
    )
    begun = {(file, recording): first for file, recording, first in plays}
    aired = {}
    for match in matches:
        hour = hours.get(match.scanned_file_id)
        if hour is not None:
            place = match.scanned_file_id, match.recording_id
            aired[match.pk] = Aired(
                hour.station, hour.stream, begun.get(place, hour.at)
            )
    return aired
