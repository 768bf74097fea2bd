"""Reads a radio log for BMI, of fixed width, and checks its rules."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from datetime import date, datetime

from plugins.monitoring.tests.declarations.readers.plays import ReadPlay, ReadTotals, totals_of
from tests.readers import ReaderFault, RecordCells, decoded, split_lines

HEDR = (
    ("record", 4),
    ("kind of source", 3),
    ("station", 25),
    ("created", 14),
    ("date", 8),
    ("record type", 4),
)
FMDT = (
    ("record", 4),
    ("station", 40),
    ("type", 2),
    ("format", 25),
    ("month", 8),
    ("start", 16),
    ("number", 9),
    ("title", 40),
    ("artist", 40),
    ("composer", 40),
    ("length", 8),
    ("blank", 11),
    ("ISRC", 12),
    ("use", 2),
    ("end", 22),
)
TRLR = (("record", 4), ("records", 12))
TYPES = ("AM", "FM", "OT")
USES = ("F1", "B", "TT", "TO", "TC", "JP")


@dataclass(frozen=True, slots=True)
class LoggedPlay:
    """A FMDT; the start is that of the station's clock."""

    station: str
    type: str
    format: str
    starts_at: datetime
    title: str
    artist: str
    composer: str
    played_ms: int
    isrc: str
    use: str


@dataclass(frozen=True, slots=True)
class RadioLog:
    """A day of one station."""

    station: str
    created: datetime
    day: date
    rows: list[LoggedPlay]
    lines: int

    def plays(self) -> list[ReadPlay]:
        return [
            ReadPlay(
                station=row.station,
                recording="",
                title=row.title,
                artist=row.artist,
                isrc=row.isrc,
                count=1,
                starts_at=row.starts_at,
                played_ms=row.played_ms,
            )
            for row in self.rows
        ]

    def totals(self) -> ReadTotals:
        return totals_of(self.plays(), self.lines)


def parse_all(data: bytes, name: str) -> list[RadioLog]:
    """Return the logs of a ZIP in the order of their names, or the only one."""
    if not name.endswith(".zip"):
        return [parse(data, name)]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [parse(archive.read(name), name) for name in sorted(archive.namelist())]


def parse(data: bytes, name: str) -> RadioLog:
    lines = split_lines(decoded(data, "ascii"), "\r\n")
    if len(lines) < 2:
        raise ReaderFault(len(lines), "record", name, "has no header and trailer")
    head = _cut(1, HEDR, lines[0])
    head.one_of("record", ("HEDR",))
    head.one_of("kind of source", ("STA",))
    head.one_of("record type", ("FMDT",))
    head.need("record", "kind of source", "station", "created", "date", "record type")
    created = head.moment("created", "%Y%m%d%H%M%S")
    day = head.day("date", "%Y%m%d")
    if created is None or day is None:
        raise head.fault("created", "is mandatory")
    rows = [_play(number, line) for number, line in enumerate(lines[1:-1], start=2)]
    _check_trailer(len(lines), lines[-1])
    for number, row in enumerate(rows, start=2):
        if row.station[:25].rstrip() != head.text("station"):
            raise ReaderFault(number, "station", row.station, "is not the header's")
        if row.starts_at.date() != day:
            raise ReaderFault(number, "start", f"{row.starts_at}", "is not on the header's day")
    return RadioLog(head.text("station"), created, day, rows, len(lines))


def _cut(number: int, layout: tuple[tuple[str, int], ...], line: str) -> RecordCells:
    length = sum(size for _, size in layout)
    if len(line) != length:
        raise ReaderFault(number, "length", str(len(line)), f"is not {length}")
    values, at = [], 0
    for _, size in layout:
        values.append(line[at : at + size].rstrip())
        at += size
    cells = RecordCells(number, [name for name, _ in layout], values)
    for name, value in zip((name for name, _ in layout), values, strict=True):
        if value.startswith(" ") and value.strip():
            raise cells.fault(name, "does not begin at its place")
    return cells


def _play(number: int, line: str) -> LoggedPlay:
    cells = _cut(number, FMDT, line)
    cells.one_of("record", ("FMDT",))
    for name, _ in FMDT:
        if name not in ("blank", "end", "ISRC", "format", "composer"):
            cells.need(name)
    cells.one_of("number", ("000000001",))
    start = cells.moment("start", "%Y%m%d%H:%M:%S")
    month = cells.day("month", "%Y%m%d")
    if start is None or month != start.date().replace(day=1):
        raise cells.fault("month", "is not the month of the start")
    for name in ("blank", "end"):
        if cells.text(name):
            raise cells.fault(name, "is not blank")
    return LoggedPlay(
        station=cells.text("station"),
        type=cells.one_of("type", TYPES),
        format=cells.text("format"),
        starts_at=start,
        title=cells.text("title"),
        artist=cells.text("artist"),
        composer=cells.text("composer"),
        played_ms=cells.clock_ms("length") or 0,
        isrc=cells.checked("ISRC", "ISRC"),
        use=cells.one_of("use", USES),
    )


def _check_trailer(number: int, line: str) -> None:
    # The open exporter of this format counts all records, this one too.
    cells = _cut(number, TRLR, line)
    cells.one_of("record", ("TRLR",))
    if not re.fullmatch(r"\d{12}", cells.text("records")):
        raise cells.fault("records", "has not 12 digits")
    if int(cells.text("records")) != number:
        raise cells.fault("records", f"is not {number}")
