"""Finds what belongs into a declaration but was not known when it was written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Exists, Max, OuterRef, Q

from plugins.monitoring.broadcasts.models import Broadcast
from plugins.monitoring.declarations.gathering import DECLARED
from plugins.monitoring.declarations.models import Declaration
from plugins.monitoring.streams.models import Station, StreamHour
from review.models import Match, MatchAlias
from statements.models import Statement

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Addition:
    """A match that a correction would declare; ``starts_at`` is its first play."""

    match: Match
    station: Station
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class _OnAir:
    """One time that a file was on the air, without the drift of a stream's clock."""

    station: Station
    starts_at: datetime
    length_ms: int | None = None
    is_new: bool = False
    """Whether the broadcast was entered after the declaration was written."""

    def first_play(self, match: Match) -> datetime | None:
        """Return when the match began first; None if the broadcast ended before."""
        if self.length_ms is not None and match.first_start_ms >= self.length_ms:
            return None
        return self.starts_at + timedelta(milliseconds=match.first_start_ms)


def additions(declaration: Declaration, statement: Statement) -> Iterator[Addition]:
    """Yield the matches that were confirmed, or whose broadcast was entered, later.

    A match counts with its first play. Matches that the declaration names are left to its
    list of changed plays, unless their file has another broadcast now.
    """
    since = declaration.as_of_at or declaration.created_at
    on_air: dict[int, list[_OnAir]] = defaultdict(list)
    entered: set[int] = set()
    days: dict[int, tuple[datetime, datetime]] = {}
    for station in declaration.stations:
        begin, end = days[station.pk] = _days(declaration, station)
        hours = StreamHour.objects.filter(
            stream__station=station,
            scanned_file__isnull=False,
            starts_at__lt=end,
            ends_at__gt=begin,
        )
        for file, starts_at in hours.values_list("scanned_file", "starts_at"):
            on_air[file].append(_OnAir(station, starts_at))
        for broadcast in _broadcasts(station, begin, end):
            is_new = broadcast.created_at > since
            aired = _OnAir(station, broadcast.starts_at, broadcast.length_ms, is_new)
            on_air[broadcast.scanned_file_id].append(aired)
            if is_new:
                entered.add(broadcast.scanned_file_id)
    declared = statement.facts.all()
    is_named = Exists(declared.filter(match=OuterRef("uid")))
    was_joined = MatchAlias._base_manager.filter(
        Exists(declared.filter(match=OuterRef("uid"))), match=OuterRef("pk")
    )
    matches = (
        Match.objects.filter(
            Q(decided_at__gt=since) | Q(scanned_file__in=entered),
            scanned_file__in=on_air,
            scanned_file__deleted_at__isnull=True,
            state__in=DECLARED,
        )
        .annotate(is_declared=is_named | Exists(was_joined))
        .exclude(~Q(scanned_file__in=entered), is_declared=True)
        .select_related("recording", "scanned_file")
        .order_by("decided_at", "pk")
    )
    for match in matches.iterator():
        for aired in on_air[match.scanned_file_id]:
            if match.is_declared and not aired.is_new:
                continue
            at = aired.first_play(match)
            begin, end = days[aired.station.pk]
            if at is not None and begin <= at < end:
                yield Addition(match, aired.station, at)
                break


def _days(declaration: Declaration, station: Station) -> tuple[datetime, datetime]:
    """Return when the declared days began and ended at a station."""
    zone = ZoneInfo(station.time_zone)
    return (
        datetime.combine(declaration.begins, time(), tzinfo=zone),
        datetime.combine(declaration.ends + _DAY, time(), tzinfo=zone),
    )


def _broadcasts(station: Station, begin: datetime, end: datetime) -> Iterator[Broadcast]:
    rows = Broadcast.objects.filter(station=station)
    # What began before the first day may reach into it.
    longest = rows.aggregate(ms=Max("scanned_file__length_ms"))["ms"] or 0
    yield from rows.filter(
        starts_at__gt=begin - timedelta(milliseconds=longest), starts_at__lt=end
    ).iterator()
