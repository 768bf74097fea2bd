"""Reads a report of use for SoundExchange, with header or bare, and checks its rules."""

from __future__ import annotations

import calendar
import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from plugins.monitoring.tests.declarations.readers.plays import ReadPlay, ReadTotals, totals_of
from tests.readers import ReaderFault, RecordCells, decoded, folded_name, split_lines

COLUMNS = (
    "NAME_OF_SERVICE",
    "TRANSMISSION_CATEGORY",
    "FEATURED_ARTIST",
    "SOUND_RECORDING_TITLE",
    "ISRC",
    "ALBUM_TITLE",
    "MARKETING_LABEL",
    "ACTUAL_TOTAL_PERFORMANCES",
)
TUNING = ("AGGREGATE_TUNING_HOURS", "CHANNEL_OR_PROGRAM_NAME", "PLAY_FREQUENCY")
"""What some services give instead of performances."""
_LAYOUTS = (COLUMNS, COLUMNS + TUNING, COLUMNS[:-1] + TUNING)
_NUMBERS = frozenset({COLUMNS[-1], TUNING[0], TUNING[2]})
CATEGORIES = ("A", "B", "C", "H", "I", "J", "K")
_COUNTED = frozenset("ABC")
"""Categories of services that count performances unless they pay the minimum fee."""
HEADER = (
    "service",
    "contact",
    "street",
    "city, state, zip",
    "phone",
    "e-mail",
    "start",
    "end",
    "generated",
    "row count",
    "text indicator",
    "delimiter",
    "blank",
    "column names",
)


@dataclass(frozen=True, slots=True)
class UseRow:
    """A row: a recording in one category."""

    service: str
    category: str
    artist: str
    title: str
    isrc: str
    album: str
    label: str
    performances: int | None
    tuning_hours: str
    channel: str
    frequency: int | None


@dataclass(frozen=True, slots=True)
class UseReport:
    """A whole report; ``header`` is empty in a bare one."""

    begins: date
    ends: date
    header: dict[str, str]
    rows: list[UseRow]
    lines: int

    def plays(self) -> list[ReadPlay]:
        """Return a row each; the count is performances, or how often it was played."""
        return [
            ReadPlay(
                station=row.service,
                recording="",
                title=row.title,
                artist=row.artist,
                isrc=row.isrc,
                count=row.performances or row.frequency or 0,
            )
            for row in self.rows
        ]

    def totals(self) -> ReadTotals:
        return totals_of(self.plays(), self.lines)


def parse(data: bytes, name: str) -> UseReport:
    data = _unpacked(data, name)
    lines = split_lines(decoded(data, "ascii"), "\r\n")
    begins, ends, service = _period(name)
    header: dict[str, str] = {}
    names, sign, delimiter, first = None, "^", "|", 0
    if lines and not lines[0].startswith("^"):
        header = _header(lines, begins, ends)
        sign, delimiter = header["text indicator"], header["delimiter"]
        names, first = _columns(header["column names"], sign, delimiter), len(HEADER)
    rows = [
        _row(number, _fields(number, line, sign, delimiter), names)
        for number, line in enumerate(lines[first:], start=first + 1)
    ]
    _check_rows(rows, first, begins, ends, header.get("service"))
    for number, row in enumerate(rows, start=first + 1):
        if folded_name(row.service) != service:
            raise ReaderFault(number, COLUMNS[0], row.service, "is not in the name")
    return UseReport(begins, ends, header, rows, len(lines))


def _unpacked(data: bytes, name: str) -> bytes:
    if not name.endswith(".zip"):
        return data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        member = name.removesuffix(".zip") + ".txt"
        if archive.namelist() != [member]:
            raise ReaderFault(0, "zip", str(archive.namelist()), f"is not {member}")
        return archive.read(member)


def _period(name: str) -> tuple[date, date, str]:
    match = re.fullmatch(r"([^/ ]+?)(\d{8})-(\d{8})\.(txt|zip)", name)
    if match is None:
        raise ReaderFault(0, "name", name, "is no service with YYYYMMDD-YYYYMMDD.txt")
    name_cells = RecordCells(0, ("name", "start", "end"), (name, *match.group(2, 3)))
    begins, ends = (name_cells.day(name, "%Y%m%d") for name in ("start", "end"))
    if begins is None or ends is None:
        raise ReaderFault(0, "name", name, "has no such day")
    last = calendar.monthrange(begins.year, begins.month)[1]
    month = begins.day == 1 and ends == begins.replace(day=last)
    if not month and (ends - begins).days != 6:
        raise ReaderFault(0, "name", name, "is neither a month nor seven days")
    return begins, ends, folded_name(match[1])


def _header(lines: Sequence[str], begins: date, ends: date) -> dict[str, str]:
    if len(lines) < len(HEADER):
        raise ReaderFault(len(lines), "header", lines[0], "has fewer than 14 rows")
    header = dict(zip(HEADER, lines, strict=False))
    cells = [RecordCells(n, [cell], [header[cell]]) for n, cell in enumerate(HEADER, 1)]
    for number, name in enumerate(HEADER[:9], start=1):
        cells[number - 1].need(name)
        limit = 255 if number <= 6 else 8
        if len(header[name]) > limit:
            raise ReaderFault(number, name, header[name], f"is over {limit} characters")
    for at, expected in ((6, begins), (7, ends), (8, None)):
        day = cells[at].day(HEADER[at], "%Y%m%d")
        if expected and day != expected:
            raise cells[at].fault(HEADER[at], "is not in the name")
    _check_marks(cells, len(lines) - len(HEADER))
    return header


def _check_marks(cells: Sequence[RecordCells], rows: int) -> None:
    """Check the rows of the header that say how to read the others."""
    if cells[9].count("row count") != rows:
        raise cells[9].fault("row count", f"is not {rows}")
    for at in (10, 11):
        if len(cells[at].text(HEADER[at])) != 1:
            raise cells[at].fault(HEADER[at], "is no single character")
    if cells[10].text("text indicator") == cells[11].text("delimiter"):
        raise cells[11].fault("delimiter", "is the text indicator too")
    if cells[12].text("blank").strip():
        raise cells[12].fault("blank", "is not blank")


def _columns(line: str, sign: str, delimiter: str) -> tuple[str, ...]:
    names = tuple(name.strip(sign) for name in line.split(delimiter))
    if names not in _LAYOUTS:
        raise ReaderFault(14, "column names", line, "are not those of the report")
    return names


def _fields(number: int, line: str, sign: str, delimiter: str) -> list[tuple[str, bool]]:
    """Return fields and whether they were marked as text."""
    rows = []
    for part in line.split(delimiter):
        marked = len(part) >= 2 and part[0] == part[-1] == sign
        value = part[1:-1] if marked else part
        if sign in value:
            raise ReaderFault(number, "text indicator", part, "occurs in data")
        rows.append((value, marked))
    return rows


def _row(number: int, fields: list[tuple[str, bool]], names: tuple[str, ...] | None) -> UseRow:
    by_length = {len(layout): layout for layout in _LAYOUTS}
    layout = names or by_length.get(len(fields), COLUMNS)
    cells = RecordCells(number, layout, [value for value, _ in fields])
    for name, (value, marked) in zip(layout, fields, strict=True):
        if value and marked == (name in _NUMBERS):
            raise cells.fault(name, "has a text indicator" if marked else "has none")
        if value != value.strip():
            raise cells.fault(name, "has a blank at its end")
    cells.need(*COLUMNS[:4])
    cells.one_of(COLUMNS[1], CATEGORIES)
    if not cells.checked("ISRC", "ISRC"):
        cells.need("ALBUM_TITLE", "MARKETING_LABEL")
    optional = {name: cells.text(name) if name in layout else "" for name in TUNING}
    return UseRow(
        service=cells.text(COLUMNS[0]),
        category=cells.text(COLUMNS[1]),
        artist=cells.text(COLUMNS[2]),
        title=cells.text(COLUMNS[3]),
        isrc=cells.text(COLUMNS[4]),
        album=cells.text(COLUMNS[5]),
        label=cells.text(COLUMNS[6]),
        performances=cells.count(COLUMNS[7]) if COLUMNS[7] in layout else None,
        tuning_hours=optional[TUNING[0]],
        channel=optional[TUNING[1]],
        frequency=cells.count(TUNING[2]) if optional[TUNING[2]] else None,
    )


def _check_rows(
    rows: list[UseRow], first: int, begins: date, ends: date, service: str | None
) -> None:
    seven_days = (ends - begins).days == 6
    for number, row in enumerate(rows, start=first + 1):
        if service is not None and row.service != service:
            raise ReaderFault(number, COLUMNS[0], row.service, "is not in the header")
        if row.performances is not None:
            continue
        if row.category in _COUNTED and not seven_days:
            raise ReaderFault(number, COLUMNS[7], "", "is mandatory")
        for name, value in zip(TUNING, (row.tuning_hours, row.channel, row.frequency), strict=True):
            if value in ("", None):
                raise ReaderFault(number, name, "", "is mandatory without performances")
        if not re.fullmatch(r"\d+(\.\d+)?", row.tuning_hours):
            raise ReaderFault(number, TUNING[0], row.tuning_hours, "is no number")
