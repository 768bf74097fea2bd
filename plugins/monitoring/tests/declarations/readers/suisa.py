"""Reads a monthly report of music for SUISA, CSV or XLSX, and checks its rules."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from xml.etree import ElementTree

from plugins.monitoring.tests.declarations.readers.plays import ReadPlay, ReadTotals, totals_of
from tests.readers import ReaderFault, RecordCells, decoded, folded_name

COLUMNS = (
    "Sender",
    "Titel des Musikwerks",
    "Name des Komponisten",
    "Interpret(en)",
    "Sendedatum",
    "Sendedauer",
    "Sendezeit",
    "ISRC",
    "Label",
    "Identifikationsnummer",
    "Eigenaufnahmen",
    "EAN / GTIN",
    "Albumtitel / Titel des Tonträgers",
    "Aufnahmedatum",
    "Aufnahmeland",
    "Erstveröffentlichungsdatum",
    "Katalog-Nummer / CD ID",
    "Werkverzeichnisangaben",
    "Bestellnummer",
    "Veröffentlichungsland",
    "Liveaufnahme",
)
_SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@dataclass(frozen=True, slots=True)
class SuisaPlay:
    """A line; times are those of the station's clock."""

    station: str
    title: str
    artists: str
    starts_at: datetime
    played_ms: int
    isrc: str
    own_id: str
    own_recording: bool


@dataclass(frozen=True, slots=True)
class SuisaReport:
    """A month of one station."""

    rows: list[SuisaPlay]
    lines: int

    def plays(self) -> list[ReadPlay]:
        return [
            ReadPlay(
                station=row.station,
                recording=row.own_id,
                title=row.title,
                artist=row.artists,
                isrc=row.isrc,
                count=1,
                starts_at=row.starts_at,
                played_ms=row.played_ms,
            )
            for row in self.rows
        ]

    def totals(self) -> ReadTotals:
        return totals_of(self.plays(), self.lines)


def parse(data: bytes, name: str) -> SuisaReport:
    match = re.fullmatch(r"([^/]+)_(\d{4})_(0[1-9]|1[0-2])\.(csv|xlsx)", name)
    if match is None:
        raise ReaderFault(0, "name", name, "is no station_YYYY_MM.csv or .xlsx")
    table = _sheet(data) if match[4] == "xlsx" else _table(data)
    if not table or tuple(table[0]) != COLUMNS:
        wrong = ",".join(table[0]) if table else ""
        raise ReaderFault(1, "header", wrong, "is not the header of 21 columns")
    rows = [_play(number, values) for number, values in enumerate(table[1:], start=2)]
    for number, row in enumerate(rows, start=2):
        if folded_name(row.station) != folded_name(match[1]):
            raise ReaderFault(number, "Sender", row.station, "is not in the name")
        if f"{row.starts_at:%Y_%m}" != f"{match[2]}_{match[3]}":
            day = f"{row.starts_at:%Y-%m-%d}"
            raise ReaderFault(number, "Sendedatum", day, "is not in the month")
    return SuisaReport(rows, len(table))


def _table(data: bytes) -> list[list[str]]:
    text = decoded(data, "utf-8")
    if re.search(r"(?<!\r)\n|\r(?!\n)", re.sub(r'"[^"]*"', "", text)):
        raise ReaderFault(0, "line end", "", "is not always CRLF")
    if text and not text.endswith("\r\n"):
        raise ReaderFault(text.count("\n") + 1, "line end", text[-10:], "is missing")
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def _sheet(data: bytes) -> list[list[str]]:
    """Return the cells of the first sheet as texts; a formula is a fault."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        shared = []
        if "xl/sharedStrings.xml" in archive.namelist():
            root = ElementTree.fromstring(archive.read("xl/sharedStrings.xml"))  # noqa: S314 - our own file
            shared = [_texts(element) for element in root.iter(f"{_SHEET}si")]
        sheet = ElementTree.fromstring(archive.read("xl/worksheets/sheet1.xml"))  # noqa: S314 - our own file
    rows = []
    for number, row in enumerate(sheet.iter(f"{_SHEET}row"), start=1):
        values = [""] * len(COLUMNS)
        for cell in row.iter(f"{_SHEET}c"):
            if cell.find(f"{_SHEET}f") is not None:
                raise ReaderFault(number, cell.get("r", ""), "", "is a formula")
            at = _column(cell.get("r", ""))
            if at >= len(values):
                raise ReaderFault(number, cell.get("r", ""), "", "is a 22nd column")
            values[at] = _value(cell, shared)
        rows.append(values)
    return rows


def _column(reference: str) -> int:
    letters = re.match("[A-Z]+", reference)
    number = 0
    for letter in letters.group() if letters else "A":
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _value(cell: ElementTree.Element, shared: list[str]) -> str:
    if cell.get("t") == "inlineStr":
        return _texts(cell)
    value = cell.findtext(f"{_SHEET}v", "")
    return shared[int(value)] if cell.get("t") == "s" else value


def _texts(element: ElementTree.Element) -> str:
    return "".join(element.text or "" for element in element.iter(f"{_SHEET}t"))


def _play(number: int, values: Iterable[str]) -> SuisaPlay:
    cells = RecordCells(number, COLUMNS, list(values))
    cells.need(*COLUMNS[:11])
    day = cells.day("Sendedatum", "%Y-%m-%d")
    time = cells.moment("Sendezeit", "%H:%M:%S")
    played = cells.clock_ms("Sendedauer")
    if day is None or time is None or not played:
        raise cells.fault("Sendedauer", "is no length of a play")
    if cells.text("Aufnahmedatum"):
        form = "%Y-%m-%d" if "-" in cells.text("Aufnahmedatum") else "%Y%m%d"
        cells.day("Aufnahmedatum", form)
    cells.day("Erstveröffentlichungsdatum", "%Y%m%d")
    cells.checked("EAN / GTIN", "UPC")
    cells.one_of("Liveaufnahme", ("ja", "nein"))
    return SuisaPlay(
        station=cells.text("Sender"),
        title=cells.text("Titel des Musikwerks"),
        artists=cells.text("Interpret(en)"),
        starts_at=datetime.combine(day, time.time()),
        played_ms=played,
        isrc=cells.checked("ISRC", "ISRC"),
        own_id=cells.text("Identifikationsnummer"),
        own_recording=cells.one_of("Eigenaufnahmen", ("ja", "nein")) == "ja",
    )
