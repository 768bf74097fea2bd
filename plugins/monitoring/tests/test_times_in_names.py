"""Times in the names of rows say their time zone."""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils import timezone

from catalogue.models import Recording
from plugins.monitoring.broadcasts.models import Audience, Broadcast
from plugins.monitoring.streams.choices import AlarmKind
from plugins.monitoring.streams.models import Airplay, Station, Stream, StreamAlarm

AT = datetime(2026, 11, 3, 6, 0, tzinfo=UTC)
STATION = Station(name="Harbour FM")


def test_names_with_a_time_say_the_zone_of_their_reader() -> None:
    broadcast = Broadcast(station=STATION, starts_at=AT)

    assert str(broadcast) == "Harbour FM, 3 Nov 2026 06:00 UTC"
    with timezone.override("Europe/Berlin"):
        assert str(broadcast) == "Harbour FM, 3 Nov 2026 07:00 CET"


def test_plays_and_alarms_name_what_they_are_about() -> None:
    play = Airplay(recording=Recording(title="Night Drive"), starts_at=AT)
    alarm = StreamAlarm(stream=Stream(name="Main"), kind=AlarmKind.AWAY, began_at=AT)

    assert str(play) == "Night Drive, 3 Nov 2026 06:00:00 UTC"
    assert str(alarm) == "Stream away, 3 Nov 2026 06:00:00 UTC"
    assert str(Audience(station=STATION, hour=AT)) == "Harbour FM, 3 Nov 2026 06:00 UTC"
