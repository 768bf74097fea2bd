"""When and where a file was used: by broadcasts, else by what is known of the file.

Packages above keep the broadcasts of a file in ``ScannedFile.aired``, so that licences,
policies and rights read day and territory from the file alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from base.common.territories import read_territories
from base.common.zones import office_day
from scanning.models import ScannedFile
from scanning.tags import territories_of


class UseSource(models.TextChoices):
    """Where the day or the territories of a use come from."""

    BROADCAST = "broadcast", _("from the broadcast")
    FILE = "file", _("from the file")
    STATION = "station", _("from the station")
    CONTAINER = "container", _("from the container")
    ARRIVAL = "arrival", _("when it arrived")
    UNKNOWN = "unknown", _("unknown")


@dataclass(frozen=True, slots=True)
class FileAiring:
    """One time that a station had the file on the air, on a day of its local time.

    ``territory`` is empty if the station has none. Streams are heard, broadcasts entered.
    """

    day: date
    territory: str
    station: str
    is_broadcast: bool


@dataclass(frozen=True, slots=True)
class FileUse:
    """The days and territories of a use, and where each of them comes from.

    ``is_everywhere_known`` is False if the territory of some broadcast is unknown.
    """

    days: tuple[date, ...]
    day_source: UseSource
    territories: frozenset[str]
    territory_source: UseSource
    is_everywhere_known: bool
    stations: tuple[str, ...]

    @property
    def first_day(self) -> date:
        """Return the day of the first use."""
        return self.days[0]

    @property
    def last_day(self) -> date:
        """Return the day of the last use."""
        return self.days[-1]

    @property
    def places(self) -> str:
        """Return the names of the territories, in the order of their codes."""
        return read_territories(sorted(self.territories))


def airings_of(file: ScannedFile) -> list[FileAiring]:
    """Return when and where a file was on the air, as far as that is known."""
    return [
        FileAiring(**{**airing, "day": date.fromisoformat(airing["day"])}) for airing in file.aired
    ]


def stored_airings(airings: Iterable[FileAiring]) -> list[dict[str, Any]]:  # Any: JSON
    """Return airings as a file keeps them, in order of days."""
    rows = [{**asdict(airing), "day": airing.day.isoformat()} for airing in airings]
    return sorted(rows, key=lambda row: (row["day"], row["station"], row["territory"]))


def use_of(file: ScannedFile) -> FileUse:
    """Return when and where a file was used.

    A broadcast goes before the file's own details, these before the station of a stream
    and the container.
    """
    airings = airings_of(file)
    entered = [airing for airing in airings if airing.is_broadcast]
    aired = entered or airings
    days, day_source = _days(file, aired)
    territories, territory_source, is_known = _territories(file, aired)
    return FileUse(
        days=days,
        day_source=day_source,
        territories=territories,
        territory_source=territory_source,
        is_everywhere_known=is_known,
        stations=tuple(dict.fromkeys(airing.station for airing in aired)),
    )


def _days(file: ScannedFile, aired: Sequence[FileAiring]) -> tuple[tuple[date, ...], UseSource]:
    if aired:
        return tuple(sorted({airing.day for airing in aired})), _source_of(aired)
    if file.published_on:
        return (file.published_on,), UseSource.FILE
    return (office_day(file.created_at),), UseSource.ARRIVAL


def _territories(
    file: ScannedFile, aired: Sequence[FileAiring]
) -> tuple[frozenset[str], UseSource, bool]:
    """Return the territories, their source, and whether all of them are known."""
    where = frozenset(airing.territory for airing in aired if airing.territory)
    named = frozenset(territories_of(file.tags))
    source = UseSource.FILE
    if not named and file.container.territory:
        named, source = frozenset({file.container.territory}), UseSource.CONTAINER
    station = _source_of(aired)
    if where and (station == UseSource.BROADCAST or source != UseSource.FILE or not named):
        is_complete = all(airing.territory for airing in aired)
        return (where if is_complete else where | named, station, is_complete or bool(named))
    return named, source if named else UseSource.UNKNOWN, bool(named)


def _source_of(aired: Sequence[FileAiring]) -> UseSource:
    is_entered = any(airing.is_broadcast for airing in aired)
    return UseSource.BROADCAST if is_entered else UseSource.STATION
