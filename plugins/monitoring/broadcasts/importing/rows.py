"""Reads rows of schedules and audiences, and says all that is wrong with a row.

A schedule has a line per broadcast of a file; columns about the episode describe the
file. A table of audiences has a line per month of a station, or per broadcast.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Final, TypeVar

from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from base.common.table_text import read_day, read_decimal, without_clock
from imports.errors import ImportRefused
from imports.names import compared
from imports.reading_rules import ReadingRules, RuledColumns
from imports.table_layout import RawRow
from imports.tables import Table
from plugins.monitoring.broadcasts.choices import Showing
from plugins.monitoring.broadcasts.models import Audience, Broadcast
from plugins.monitoring.broadcasts.selectors import list_broadcasts, stations_named
from plugins.monitoring.broadcasts.times import hour_of, read_length, read_month, read_start
from plugins.monitoring.streams.models import Station
from review.programmes.errors import ProgrammeRefused
from review.programmes.values import Values
from scanning import selectors
from scanning.models import ScannedFile

SCHEDULE: Final = "schedule"
AUDIENCE: Final = "audience"
FILE_COLUMNS: Final = ("file_id", "file_name", "custom_id")
EPISODE_COLUMNS: Final = {
    "series": "series",
    "also_known_as": "also_known_as",
    "season": "season",
    "episode": "number",
    "episode_title": "title",
    "production_company": "production_company",
    "isan": "isan",
}
"""Columns about the episode, with the columns of ``Episode``."""
SCHEDULE_COLUMNS: Final = (
    *FILE_COLUMNS,
    *("station", "starts_at", "length", "showing"),
    *EPISODE_COLUMNS,
)
FIGURES: Final = Audience.VALUES
AUDIENCE_COLUMNS: Final = ("station", "month", "hour", "starts_at", *FIGURES)
_ALIASES: Final = {"file": "file_id", "run": "showing", "number": "episode"}
_BY_NAME: Final = {
    compared(name): _ALIASES.get(name, name)
    for name in (*SCHEDULE_COLUMNS, *AUDIENCE_COLUMNS, *_ALIASES)
}
KNOWN_NAMES: Final = frozenset(_BY_NAME)
RULED: Final = RuledColumns(days=frozenset({"starts_at", "hour"}))
_SHOWINGS: Final = {
    **dict.fromkeys(("first", "first run", "first_run"), Showing.FIRST),
    **dict.fromkeys(("repeat", "repeat run", "repeat_run", "rerun"), Showing.REPEAT),
}
_CLOCK: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})((?::[0-9]{2})?) ?((?:[AaPp]\.?[Mm]\.?)?)")
_GROUPS: Final = re.compile(
    r"(?<=[0-9])[\s'’](?=[0-9]{3}(?![0-9]))|(?<=[0-9])[.,](?=[0-9]{3}(?:[.,\s][0-9]{3})*\Z)"
)
_POINT: Final = re.compile(r"([0-9]{1,15})[.,]0{1,6}")
_WHOLE: Final = re.compile(r"\d{1,15}", re.ASCII)
_MOST_CELL: Final = 1000

Read = TypeVar("Read")
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class CellFault:
    """What is wrong with one cell, and what would be right."""

    column: str
    value: str
    rule: str


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """A file, the values of its broadcast if the row has one, and those of its episode."""

    scanned_file: ScannedFile
    station: Station | None
    broadcast: Values
    episode: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AudienceRow:
    """Figures of a month, an hour, or a broadcast; only known ones are named."""

    station: Station
    month: date | None
    hour: datetime | None
    broadcast: Broadcast | None
    figures: Mapping[str, int | Decimal]


@dataclass(frozen=True, slots=True)
class TableLayout:
    """Which table this is, and where each of its columns stands."""

    table: str
    positions: Mapping[str, int]
    unknown: tuple[str, ...]
    rules: ReadingRules = field(default_factory=ReadingRules)


def layout_of(table: Table) -> TableLayout:
    """Return the layout of a table; raise ``ImportRefused`` if it is neither."""
    named: dict[str, int] = {}
    for position, heading in enumerate(table.header):
        name = _BY_NAME.get(compared(heading), heading.strip())
        # A second column of a name is not read.
        key = name if name not in named else f"{name} ({position + 1})"
        named[key] = position
    if named.keys() & set(FIGURES):
        return _layout(AUDIENCE, AUDIENCE_COLUMNS, named, ("station",))
    if named.keys() & set(FILE_COLUMNS):
        return _layout(SCHEDULE, SCHEDULE_COLUMNS, named, ())
    raise ImportRefused(
        _(
            "This is neither a schedule nor a table of audiences. A schedule has columns "
            "such as file_name, station, starts_at; a table of audiences station, month, "
            "listeners. The first line is: %(header)s"
        )
        % {"header": ", ".join(table.header)[:200]}
    )


def _layout(
    table: str, columns: tuple[str, ...], named: Mapping[str, int], needed: tuple[str, ...]
) -> TableLayout:
    for name in needed:
        if name not in named:
            raise ImportRefused(_("The column %(name)s is missing.") % {"name": name})
    positions = {name: named[name] for name in columns if name in named}
    unknown = tuple(name for name in named if name and name not in positions)
    return TableLayout(table, positions, unknown)


@dataclass(slots=True)
class _Cells:
    """The cells of a row by column, and their faults."""

    texts: dict[str, str]
    faults: list[CellFault] = field(default_factory=list)

    def __getitem__(self, name: str) -> str:
        return self.texts.get(name, "")

    def refuse(self, name: str, rule: str) -> None:
        """Note a fault of a column."""
        self.faults.append(CellFault(name, self[name][:200], rule))

    def read(self, name: str, how: Callable[[str], Read]) -> Read | None:
        """Return the value of a cell; None for an empty or wrong one."""
        if not self[name]:
            return None
        try:
            return how(self[name])
        except ProgrammeRefused as refused:
            self.refuse(name, str(refused))
            return None

    def only(self, name: str, rows: QuerySet[Row], *, several: str, none: str) -> Row | None:
        """Return the only row that a cell names, or note that it names another number."""
        candidates = list(rows[:2])
        if len(candidates) == 1:
            return candidates[0]
        self.refuse(name, several if candidates else none)
        return None

    def require(self, name: str) -> bool:
        """Note a fault unless the cell has text."""
        if not self[name]:
            self.refuse(name, _("A value is required."))
        return bool(self[name])


def texts_of(layout: TableLayout, row: RawRow) -> dict[str, str]:
    """Return a row's texts by our columns."""
    return {
        name: row.cells[position].strip()
        for name, position in layout.positions.items()
        if position < len(row.cells)
    }


def _cells(layout: TableLayout, row: RawRow) -> _Cells:
    texts = texts_of(layout, row)
    for name in RULED.days & texts.keys():
        texts[name] = _usual_moment(texts[name], layout.rules.days)
    cells = _Cells(texts)
    for name, text in texts.items():
        if "\0" in text or len(text) > _MOST_CELL:
            cells.refuse(
                name,
                _(
                    "The text is longer than %(most)d characters or contains a "
                    "character that cannot be stored."
                )
                % {"most": _MOST_CELL},
            )
    return cells


def schedule_row(layout: TableLayout, row: RawRow) -> tuple[ScheduleRow | None, list[CellFault]]:
    """Return the values of a schedule's line, or all of its faults."""
    cells = _cells(layout, row)
    file = None if cells.faults else _file(cells)
    station = starts_at = length = None
    showing = ""
    timed = [name for name in ("starts_at", "length", "showing") if cells[name]]
    if cells["station"] or timed:
        station = _station(cells)
        if cells.require("starts_at") and station is not None:
            zone = station.time_zone
            starts_at = cells.read("starts_at", lambda text: read_start(text, zone))
        length = cells.read("length", read_length)
        showing = cells.read("showing", _showing) or ""
    episode = {name: cells[column] for column, name in EPISODE_COLUMNS.items() if cells[column]}
    if not episode and station is None and not cells.faults:
        cells.refuse("station", _("The row names neither a broadcast nor an episode."))
    if cells.faults or file is None:
        return None, cells.faults
    values = {"starts_at": starts_at, "length_ms": length, "showing": showing} if starts_at else {}
    return ScheduleRow(file, station, values, episode), []


def audience_row(layout: TableLayout, row: RawRow) -> tuple[AudienceRow | None, list[CellFault]]:
    """Return the values of an audience's line, or all of its faults."""
    cells = _cells(layout, row)
    station = None if cells.faults else _station(cells)
    month = cells.read("month", lambda text: read_month((read_day(text) or text)[:7]))
    broadcast = None
    hour = None
    if sum(bool(cells[name]) for name in ("month", "hour", "starts_at")) != 1:
        cells.refuse("month", _("Give a month, an hour, or the time of a broadcast in starts_at."))
    elif cells["hour"] and station is not None:
        hour = _hour(cells, station)
    elif cells["starts_at"] and station is not None:
        broadcast = _broadcast(cells, station)
    figures: dict[str, int | Decimal] = {}
    for name in FIGURES:
        figure = cells.read(name, _hours) if name == "tuning_hours" else cells.read(name, _whole)
        if figure is not None:
            figures[name] = figure
    if not any(cells[name] for name in FIGURES):
        cells.refuse("listeners", _("The row has no figures. Enter at least one."))
    for name in FIGURES[1:]:
        if cells["hour"] and cells[name]:
            cells.refuse(name, _("An hour can only have listeners. Clear this cell."))
    if cells.faults or station is None:
        return None, cells.faults
    return AudienceRow(station, month, hour, broadcast, figures), []


def _file(cells: _Cells) -> ScannedFile | None:
    """Return the file that a row names by its id, its name or our own id."""
    name = next((name for name in FILE_COLUMNS if cells[name]), "")
    if not name:
        cells.refuse("file_name", _("Identify the file by file_id, file_name or custom_id."))
        return None
    text, rows = cells[name], selectors.files()
    if name == "file_id":
        try:
            rows = rows.filter(uid=uuid.UUID(text))
        except ValueError:
            rows = rows.none()
    else:
        rows = rows.filter(**{"name" if name == "file_name" else "external_id": text})
    return cells.only(
        name,
        rows,
        several=_("Several files have this value. Enter the id of the file instead."),
        none=_("No file that you can see has this value."),
    )


def _station(cells: _Cells) -> Station | None:
    if not cells.require("station"):
        return None
    return cells.only(
        "station",
        stations_named(cells["station"]),
        several=_("Several stations match this. Write the station's id."),
        none=_("This station does not exist. Add it first."),
    )


def _hour(cells: _Cells, station: Station) -> datetime | None:
    zone = station.time_zone
    at: datetime | None = cells.read("hour", lambda text: read_start(text, zone))
    if at is not None and at != hour_of(at, zone):
        cells.refuse("hour", _("An hour begins when the station's clock shows :00."))
    return at


def _broadcast(cells: _Cells, station: Station) -> Broadcast | None:
    at: datetime | None = cells.read("starts_at", lambda text: read_start(text, station.time_zone))
    if at is None:
        return None
    return cells.only(
        "starts_at",
        list_broadcasts().filter(station=station, starts_at=at),
        several=_("Several files were broadcast at this time. Enter the figures on their pages."),
        none=_("This station has no broadcast that begins at this time."),
    )


def _showing(text: str) -> str:
    showing = _SHOWINGS.get(text.lower())
    if showing is None:
        raise ProgrammeRefused("invalid", _("Write first or repeat."))
    return showing.value


def _usual_moment(text: str, order: str) -> str:
    """Return date and time as 2026-11-03 07:00, if other programs wrote them otherwise."""
    day = without_clock(text)
    clock = _CLOCK.fullmatch(text[len(day) :].strip().removeprefix("T"))
    read = read_day(day, order)
    if clock is None or read is None:
        return text
    hour = int(clock[1])
    if half := clock[4].lower()[:1]:
        hour = hour % 12 + (12 if half == "p" else 0)
    return f"{read} {hour:02}:{clock[2]}{clock[3]}"


def _whole(text: str) -> int:
    # Programs group thousands, and write whole numbers with a point.
    text = _GROUPS.sub("", text)
    if match := _POINT.fullmatch(text):
        text = match[1]
    if not _WHOLE.fullmatch(text):
        raise ProgrammeRefused("invalid", _("Write a whole number such as 1480."))
    return int(text)


def _hours(text: str) -> Decimal:
    hours = read_decimal(text, most=10**14 - 1)
    if hours is None:
        raise ProgrammeRefused("invalid", _("Write hours as 1480.5."))
    return hours.quantize(Decimal("0.01"))
