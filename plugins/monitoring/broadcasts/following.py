"""Lets the matches of a file follow when and where stations broadcast it."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from django.db import transaction

from base.accounts.models import User
from base.accounts.reach import working_for
from base.audit.services import SYSTEM
from base.jobs.context import JobContext
from base.jobs.services import submit
from plugins.monitoring.broadcasts.jobs import FOLLOW_STATION
from plugins.monitoring.broadcasts.models import Broadcast
from plugins.monitoring.streams.models import Station, StreamHour
from plugins.monitoring.streams.selectors import airing_of
from review.services import grounds
from scanning.models import ScannedFile
from scanning.services.filing import set_airings
from scanning.uses import FileAiring


@transaction.atomic
def follow_file(scanned_file: ScannedFile, user: User | None) -> None:
    """Store when and where a file is on the air, and evaluate its matches again."""
    # Licences and policies act on all matches, whoever enters a broadcast.
    with working_for(None):
        before = ScannedFile.objects.select_related("container").get(pk=scanned_file.pk)
        airings = find_airings(before)
        if set_airings(scanned_file=before, airings=airings, user=user):
            grounds.follow_file(scanned_file=before, before=before, actor=user or SYSTEM)


def find_airings(scanned_file: ScannedFile) -> list[FileAiring]:
    """Return the broadcasts of a file, and the stream that heard it."""
    rows = Broadcast._base_manager.filter(scanned_file=scanned_file)
    hours = StreamHour._base_manager.filter(scanned_file=scanned_file)
    return [
        *(
            FileAiring(_day_of(row), row.station.territory, row.station.name, True)
            for row in rows.select_related("station")
        ),
        *(
            airing_of(hour.stream.station, hour.starts_at)
            for hour in hours.select_related("stream__station")
        ),
    ]


def _day_of(row: Broadcast) -> date:
    return row.starts_at.astimezone(ZoneInfo(row.time_zone)).date()


def note_station(*, station: Station, **_signal: object) -> None:
    """Ask for the work that a station's new territory means for its files."""
    submit(FOLLOW_STATION, station)


def run(context: JobContext) -> None:
    """Follow the files of a station; a job that was stopped begins again."""
    station: Station = context.subject
    with working_for(None):
        keys = {
            *Broadcast.objects.filter(station=station).values_list("scanned_file", flat=True),
            *StreamHour.objects.filter(
                stream__station=station, scanned_file__isnull=False
            ).values_list("scanned_file", flat=True),
        }
        for done, key in enumerate(sorted(keys)):
            file = ScannedFile.objects.present().filter(pk=key).first()
            if file is not None:
                follow_file(file, None)
            context.report(done / len(keys))
