"""Files keep the days and territories of their broadcasts, declared plays their broadcast."""

from collections import defaultdict
from typing import Any
from zoneinfo import ZoneInfo

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def keep_airings(apps: StateApps, _editor: BaseDatabaseSchemaEditor | None) -> None:
    """Write into each file when and where stations broadcast it, as ``following`` does."""
    airings: dict[int, list[dict[str, Any]]] = defaultdict(list)
    broadcasts = apps.get_model("broadcasts", "Broadcast")._base_manager
    for row in broadcasts.select_related("station").iterator():
        airings[row.scanned_file_id].append(
            _airing(row.station, row.starts_at, row.time_zone, is_broadcast=True)
        )
    hours = apps.get_model("streams", "StreamHour")._base_manager
    heard = hours.filter(scanned_file__isnull=False).select_related("stream__station")
    for hour in heard.iterator():
        station = hour.stream.station
        airings[hour.scanned_file_id].append(
            _airing(station, hour.starts_at, station.time_zone, is_broadcast=False)
        )
    files = apps.get_model("scanning", "ScannedFile")._base_manager
    for key, rows in airings.items():
        rows.sort(key=lambda each: (each["day"], each["station"], each["territory"]))
        files.filter(pk=key).update(aired=rows)


def name_broadcasts(apps: StateApps, _editor: BaseDatabaseSchemaEditor | None) -> None:
    """Write into declared plays which broadcast they were in; its id begins theirs."""
    plays = apps.get_model("reports", "DeclaredPlay")._base_manager
    keys: dict[str, list[int]] = defaultdict(list)
    for key, play in plays.filter(broadcast="").values_list("pk", "play").iterator():
        keys[play.partition("-")[0]].append(key)
    broadcasts = apps.get_model("broadcasts", "Broadcast")._base_manager
    for uid, starts_at in broadcasts.values_list("uid", "starts_at").iterator():
        named = keys.get(uid, [])
        for first in range(0, len(named), 500):
            some = plays.filter(pk__in=named[first : first + 500])
            some.update(broadcast=uid, broadcast_at=starts_at)


def _airing(
    station: Any,  # Any: a row of a historical model
    starts_at: Any,
    zone: str,
    *,
    is_broadcast: bool,
) -> dict[str, Any]:
    return {
        "day": starts_at.astimezone(ZoneInfo(zone)).date().isoformat(),
        "territory": station.territory,
        "station": station.name,
        "is_broadcast": is_broadcast,
    }


class Migration(migrations.Migration):
    dependencies = [
        ("broadcasts", "0001_version_1"),
        ("reports", "0005_broadcast_of_a_play"),
        ("scanning", "0005_day_and_territory"),
        ("streams", "0003_title_charset"),
    ]

    operations = [
        migrations.RunPython(keep_airings, migrations.RunPython.noop),
        migrations.RunPython(name_broadcasts, migrations.RunPython.noop),
    ]
