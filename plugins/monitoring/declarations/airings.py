"""When files were on the air: hours of streams by their clocks, files by broadcasts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Final
from zoneinfo import ZoneInfo

from django.db.models import Max

from base.common.batches import batched
from plugins.monitoring.broadcasts.models import Audience, Broadcast
from plugins.monitoring.broadcasts.selectors import hours_heard
from plugins.monitoring.broadcasts.times import hour_of
from plugins.monitoring.declarations.chunks import CHUNK
from plugins.monitoring.streams.clock import clock_from
from plugins.monitoring.streams.hour_layout import FileClock, pieces_of
from plugins.monitoring.streams.models import ClockAnchor, Station, StreamHour, StreamRun
from reports.file_rows import LONG_OF_FILE
from scanning.models import ScannedFile

_DAY: Final = timedelta(days=1)
# Anchors come once a minute; those further away cannot change a time in between.
_ANCHORS_AROUND: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Period:
    """The first and last day of a declaration, in each station's local time."""

    begins: date
    ends: date

    @property
    def from_at(self) -> datetime:
        """Return a moment before the first day begins anywhere."""
        return datetime.combine(self.begins, time(), tzinfo=UTC) - _DAY

    @property
    def until(self) -> datetime:
        """Return a moment after the last day has ended everywhere."""
        return datetime.combine(self.ends, time(), tzinfo=UTC) + 2 * _DAY

    def has(self, local: datetime) -> bool:
        """Tell whether a local time lies in the period."""
        return self.begins <= local.date() <= self.ends

    def months(self) -> list[date]:
        """Return the first days of the months it consists of; none if one is broken."""
        if self.begins.day != 1 or (self.ends + _DAY).day != 1:
            return []
        months = [self.begins]
        while (following := (months[-1] + timedelta(days=31)).replace(day=1)) <= self.ends:
            months.append(following)
        return months


@dataclass(frozen=True, slots=True)
class Airing:
    """One time that a file was on the air.

    ``key`` is the id of the broadcast, or of the hour's file. ``at`` turns milliseconds
    of the file into local time. ``length_ms`` is how much of the file was broadcast;
    None for all of it. ``by_hour`` are the station's listeners by hour.
    """

    key: str
    file: int
    starts_at: datetime
    length_ms: int | None
    at: Callable[[int], datetime]
    showing: str = ""
    listeners: int | None = None
    time_zone: str = "UTC"
    by_hour: Mapping[datetime, int] = field(default_factory=dict)
    is_scheduled: bool = False
    """Whether it is a broadcast that people entered; streams overlap what they hear."""

    def listeners_at(self, at: datetime) -> int | None:
        """Return how many listened: to the broadcast, or else in that hour."""
        if self.listeners is not None or not self.by_hour:
            return self.listeners
        return self.by_hour.get(hour_of(at, self.time_zone))


def airings_in(station: Station, period: Period) -> Iterator[list[Airing]]:
    """Yield a station's broadcasts around a period, in chunks, in order of time.

    Hours come before broadcasts. The number of queries is fixed per chunk.
    """
    by_hour = hours_heard(station, period.from_at, period.until)
    yield from _hours(station, period, by_hour)
    yield from _broadcasts(station, period, by_hour)


def local_time(at: datetime, zone: ZoneInfo) -> datetime:
    """Return a moment in a zone, to the millisecond, with its offset for good."""
    local = at.astimezone(zone)
    offset = local.utcoffset() or timedelta()
    return local.replace(microsecond=local.microsecond // 1000 * 1000, tzinfo=timezone(offset))


def _hours(
    station: Station, period: Period, by_hour: Mapping[datetime, int]
) -> Iterator[list[Airing]]:
    zone = ZoneInfo(station.time_zone)
    rows = StreamHour.objects.filter(
        stream__station=station,
        scanned_file__isnull=False,
        scanned_file__deleted_at__isnull=True,
        starts_at__lt=period.until,
        ends_at__gt=period.from_at,
    ).select_related("scanned_file")
    ordered = rows.order_by("starts_at", "pk").iterator(chunk_size=CHUNK)
    for hours in batched(ordered, CHUNK):
        clocks = _clocks(hours)
        yield [
            Airing(
                key=str(hour.scanned_file.uid) if hour.scanned_file else "",
                file=hour.scanned_file_id or 0,
                starts_at=local_time(hour.starts_at, zone),
                length_ms=None,
                at=_by_clock(clocks.get(hour.pk), hour.starts_at, zone),
                time_zone=station.time_zone,
                by_hour=by_hour,
            )
            for hour in hours
        ]


def _clocks(hours: Sequence[StreamHour]) -> dict[int, FileClock]:
    """Return the clocks of hours that have sound, by the hour's key; two queries."""
    pieces = {hour.pk: pieces_of(hour) for hour in hours}
    names = {piece.run for hour_pieces in pieces.values() for piece in hour_pieces}
    runs = {run.uid: run for run in StreamRun.objects.filter(uid__in=names)}
    anchors: dict[int, list[tuple[int, datetime]]] = defaultdict(list)
    rows = ClockAnchor.objects.filter(
        run__in=list(runs.values()),
        at__gte=min(hour.starts_at for hour in hours) - _ANCHORS_AROUND,
        at__lte=max(hour.ends_at for hour in hours) + _ANCHORS_AROUND,
    )
    for run, ms, at in rows.order_by("run_ms").values_list("run", "run_ms", "at"):
        anchors[run].append((ms, at))
    clocks = {uid: clock_from(run, anchors[run.pk]) for uid, run in runs.items()}
    return {
        key: FileClock(recorded, clocks, runs)
        for key, hour_pieces in pieces.items()
        if (recorded := tuple(piece for piece in hour_pieces if piece.run in runs))
    }


def _by_clock(
    clock: FileClock | None, starts_at: datetime, zone: ZoneInfo
) -> Callable[[int], datetime]:
    if clock is None:
        return _by_start(starts_at, zone)
    return lambda ms: local_time(clock.at(ms), zone)


def _by_start(starts_at: datetime, zone: ZoneInfo) -> Callable[[int], datetime]:
    # In UTC, because adding to a local time would ignore changes of the clock.
    begin = starts_at.astimezone(UTC)
    return lambda ms: local_time(begin + timedelta(milliseconds=ms), zone)


def _broadcasts(
    station: Station, period: Period, by_hour: Mapping[datetime, int]
) -> Iterator[list[Airing]]:
    of_station = Broadcast.objects.filter(station=station, scanned_file__deleted_at__isnull=True)
    # What began before the period may reach into it.
    longest = of_station.aggregate(ms=Max("scanned_file__length_ms"))["ms"] or 0
    rows = of_station.filter(
        starts_at__lt=period.until, starts_at__gt=period.from_at - timedelta(milliseconds=longest)
    )
    ordered = rows.order_by("starts_at", "pk").iterator(chunk_size=CHUNK)
    for broadcasts in batched(ordered, CHUNK):
        audiences = {
            audience.broadcast_id: audience
            for audience in Audience.objects.filter(broadcast__in=broadcasts)
        }
        airings = []
        for broadcast in broadcasts:
            zone = ZoneInfo(broadcast.time_zone)
            heard = audiences.get(broadcast.pk)
            airings.append(
                Airing(
                    key=broadcast.uid,
                    file=broadcast.scanned_file_id,
                    starts_at=local_time(broadcast.starts_at, zone),
                    length_ms=broadcast.length_ms,
                    at=_by_start(broadcast.starts_at, zone),
                    showing=broadcast.showing,
                    is_scheduled=True,
                    listeners=heard.listeners if heard else None,
                    time_zone=station.time_zone,
                    by_hour=by_hour,
                )
            )
        yield airings


def files_of(airings: Iterable[Airing]) -> dict[int, ScannedFile]:
    """Return the files of some airings, with their programme as an episode."""
    keys = {airing.file for airing in airings}
    rows = (
        ScannedFile.objects.filter(pk__in=keys)
        .select_related("episode", "container")
        .defer(*LONG_OF_FILE)
    )
    return {file.pk: file for file in rows}
