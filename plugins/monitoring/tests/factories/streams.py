"""Stations, streams and a day of one: runs, plays, gaps and titles."""

# factory_boy's declarations carry no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from factory.declarations import LazyFunction, Sequence, SubFactory
from factory.django import DjangoModelFactory

from plugins.monitoring.streams.choices import (
    AirplayState,
    AlarmKind,
    GapCause,
    RunEdge,
    StreamState,
)
from plugins.monitoring.streams.models import (
    Airplay,
    Station,
    Stream,
    StreamAlarm,
    StreamGap,
    StreamHour,
    StreamRun,
    StreamTitle,
)
from tests.factories.catalogue import RecordingFactory
from tests.factories.scanning import ContainerFactory

DAY = datetime(2026, 5, 2, tzinfo=UTC)
"""Midnight in the zone of the stations made here."""


class StationFactory(DjangoModelFactory[Station]):
    """A station whose days are those of UTC."""

    class Meta:
        model = Station

    name = Sequence(lambda number: f"Station {number}")
    place = "Zürich"
    territory = "CH"


class StreamFactory(DjangoModelFactory[Stream]):
    """A stream that is heard."""

    class Meta:
        model = Stream

    station = SubFactory(StationFactory)
    container = SubFactory(ContainerFactory)
    name = Sequence(lambda number: f"Stream {number}")
    urls = LazyFunction(lambda: ["https://radio.example/live"])
    state = StreamState.LISTENING
    state_at = DAY
    current_url = "https://radio.example/live"


class StreamRunFactory(DjangoModelFactory[StreamRun]):
    """A run that began at midnight and goes on."""

    class Meta:
        model = StreamRun

    stream = SubFactory(StreamFactory)
    starts_at = DAY
    codec = "mp3"
    sample_rate = 44_100
    channels = 2
    start_cause = RunEdge.STARTED


class StreamHourFactory(DjangoModelFactory[StreamHour]):
    """The first hour of the day, which no scan has seen yet."""

    class Meta:
        model = StreamHour

    stream = SubFactory(StreamFactory)
    starts_at = DAY
    ends_at = DAY + timedelta(hours=1)


class StreamGapFactory(DjangoModelFactory[StreamGap]):
    """Two minutes without a connection."""

    class Meta:
        model = StreamGap

    stream = SubFactory(StreamFactory)
    starts_at = DAY + timedelta(hours=7)
    ends_at = DAY + timedelta(hours=7, minutes=2)
    cause = GapCause.CONNECTION
    is_exact = True


class StreamTitleFactory(DjangoModelFactory[StreamTitle]):
    """A title that the server sent as the day began."""

    class Meta:
        model = StreamTitle

    stream = SubFactory(StreamFactory)
    at = DAY
    text = "The Ferrymen - Blue Lantern"


class StreamAlarmFactory(DjangoModelFactory[StreamAlarm]):
    """A stream that is away."""

    class Meta:
        model = StreamAlarm

    stream = SubFactory(StreamFactory)
    kind = AlarmKind.AWAY
    began_at = DAY + timedelta(hours=7, minutes=1)


class AirplayFactory(DjangoModelFactory[Airplay]):
    """Three minutes of a recording; see ``make_airplay``."""

    class Meta:
        model = Airplay

    run = SubFactory(StreamRunFactory)
    recording = SubFactory(RecordingFactory)
    state = AirplayState.ENDED
    score = 96.0


def make_airplay(
    stream: Stream, *, minute: float = 0, seconds: float = 180, **columns: object
) -> Airplay:
    """Return a play in the stream's run, which began at midnight of ``DAY``."""
    run = stream.runs.first() or StreamRunFactory.create(stream=stream)
    start_ms, length_ms = round(minute * 60_000), round(seconds * 1000)
    starts_at = DAY + timedelta(milliseconds=start_ms)
    airplay: Airplay = AirplayFactory.create(
        stream=stream,
        run=run,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(milliseconds=length_ms),
        start_ms=start_ms,
        end_ms=start_ms + length_ms,
        offset_ms=start_ms,
        **columns,
    )
    return airplay
