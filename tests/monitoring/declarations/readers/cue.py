"""Reads a cue declaration, ``cue-declaration/1``, and checks its rules."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from tests.monitoring.declarations.readers.common import (
    ReaderFault,
    ReadPlay,
    ReadTotals,
    RecordCells,
    decoded,
    is_valid,
    totals_of,
)

COLUMNS = [
    "cue_no",
    "title",
    "version_title",
    "writers",
    "publishers",
    "performers",
    "label",
    "isrc",
    "iswc",
    "usage",
    "time_in",
    "time_out",
    "duration",
    "share_pct",
    "status",
    "match_id",
    "station",
    "broadcast_start",
    "series",
    "season",
    "episode",
    "episode_title",
    "run",
    "use",
    "origin",
    "writer_ipi",
    "publisher_ipi",
    "society",
]
_GUARDED = [
    "title",
    "version_title",
    "writers",
    "publishers",
    "performers",
    "label",
    "match_id",
    "station",
    "series",
    "season",
    "episode",
    "episode_title",
]
"""Columns of people's words, where one quote guards what looks like a formula."""
_FORMULA = "=+-@\t\r\n\0＝＋－＠"
USAGES = ("featured", "background")
RUNS = ("first", "repeat")
USES = (
    "Theme",
    "Background",
    "OnScreenMusic",
    "AudioLogo",
    "Bumper",
    "EssentialPart",
)
ORIGINS = (
    "LibraryMusic",
    "PreexistingMusic",
    "SpeciallyCommissionedMusic",
    "Unknown",
)


@dataclass(frozen=True, slots=True)
class ReadCue:
    """A cue; times are counted in ms from the start of the file."""

    number: int
    title: str
    version_title: str
    writers: tuple[str, ...]
    publishers: tuple[str, ...]
    performers: tuple[str, ...]
    label: str
    isrc: str
    iswc: str
    usage: str
    start_ms: int
    end_ms: int
    played_ms: int
    share: Decimal | None
    status: str
    match: str
    station: str
    broadcast_starts_at: datetime
    series: str
    season: str
    episode: str
    episode_title: str
    run: str
    use: str
    origin: str
    writer_ipis: tuple[str, ...]
    publisher_ipis: tuple[str, ...]
    societies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CueDeclaration:
    """A whole file."""

    rows: list[ReadCue]
    lines: int

    def plays(self) -> list[ReadPlay]:
        """Return a play per cue, at the start of its broadcast plus its time in."""
        return [
            ReadPlay(
                station=row.station,
                recording="",
                title=row.title,
                artist="|".join(row.performers),
                isrc=row.isrc,
                count=1,
                starts_at=row.broadcast_starts_at
                + timedelta(milliseconds=row.start_ms),
                played_ms=row.played_ms,
            )
            for row in self.rows
        ]

    def totals(self) -> ReadTotals:
        """Return the sums; lines count the header."""
        return totals_of(self.plays(), self.lines)


def parse(data: bytes, name: str) -> CueDeclaration:
    """Return the declaration, or raise the first fault; a byte order mark may lead."""
    if not name.endswith(".csv"):
        raise ReaderFault(0, "name", name, "is no .csv")
    text = decoded(data.removeprefix(b"\xef\xbb\xbf"), "utf-8")
    if re.search(r"(?<!\r)\n|\r(?!\n)", re.sub(r'"[^"]*"', "", text)):
        raise ReaderFault(0, "line end", "", "is not always CRLF")
    table = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    if not table or table[0] != COLUMNS:
        found = ",".join(table[0]) if table else ""
        raise ReaderFault(1, "header", found, "is not the header of 28 columns")
    rows = [_cue(number, values) for number, values in enumerate(table[1:], start=2)]
    previous: dict[tuple[str, datetime], ReadCue] = {}
    for number, row in enumerate(rows, start=2):
        key = (row.station, row.broadcast_starts_at)
        before = previous.get(key)
        if before and before.start_ms > row.start_ms:
            raise ReaderFault(number, "time_in", str(row.start_ms), "is out of order")
        if before and before.number >= row.number:
            raise ReaderFault(number, "cue_no", str(row.number), "does not rise")
        previous[key] = row
    return CueDeclaration(rows, len(table))


def _cue(line: int, values: list[str]) -> ReadCue:
    cells = RecordCells(line, COLUMNS, values)
    for name in _GUARDED:
        if cells.text(name)[:1] in _FORMULA and cells.text(name):
            raise cells.fault(name, "looks like a formula")
    cells.need("cue_no", "time_in", "time_out", "duration", "status")
    cells.need("station", "broadcast_start")
    start, end = _offset_ms(cells, "time_in"), _offset_ms(cells, "time_out")
    played = _offset_ms(cells, "duration")
    if end <= start:
        raise cells.fault("time_out", "is not after time_in")
    if not 0 < played <= end - start:
        raise cells.fault("duration", "is not the length of the cue")
    writers, publishers = _items(cells, "writers"), _items(cells, "publishers")
    return ReadCue(
        number=cells.count("cue_no") or 0,
        title=_plain(cells, "title"),
        version_title=_plain(cells, "version_title"),
        writers=writers,
        publishers=publishers,
        performers=_items(cells, "performers"),
        label=_plain(cells, "label"),
        isrc=cells.checked("isrc", "ISRC"),
        iswc=cells.checked("iswc", "ISWC"),
        usage=cells.one_of("usage", USAGES),
        start_ms=start,
        end_ms=end,
        played_ms=played,
        share=_share(cells),
        status=cells.text("status"),
        match=_plain(cells, "match_id"),
        station=_plain(cells, "station"),
        broadcast_starts_at=_start(cells),
        series=_plain(cells, "series"),
        season=_plain(cells, "season"),
        episode=_plain(cells, "episode"),
        episode_title=_plain(cells, "episode_title"),
        run=cells.one_of("run", RUNS),
        use=cells.one_of("use", USES),
        origin=cells.one_of("origin", ORIGINS),
        writer_ipis=_numbers(cells, "writer_ipi", "IPI", len(writers)),
        publisher_ipis=_numbers(cells, "publisher_ipi", "IPI", len(publishers)),
        societies=_numbers(cells, "society", "society", None),
    )


def _offset_ms(cells: RecordCells, name: str) -> int:
    form = r"\d\d+:[0-5]\d:[0-5]\d\.\d{3}"
    hours, minutes, seconds = cells.matching(name, form, "HH:MM:SS.mmm").split(":")
    whole, ms = seconds.split(".")
    return ((int(hours) * 60 + int(minutes)) * 60 + int(whole)) * 1000 + int(ms)


def _start(cells: RecordCells) -> datetime:
    form = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d"
    cells.matching("broadcast_start", form, "time with the station's offset")
    found = cells.moment("broadcast_start", "%Y-%m-%dT%H:%M:%S%z")
    if found is None:
        raise cells.fault("broadcast_start", "is mandatory")
    return found


def _share(cells: RecordCells) -> Decimal | None:
    share = cells.number("share_pct")
    if share is not None and not 0 <= share <= 100:
        raise cells.fault("share_pct", "is no percentage")
    return share


def _plain(cells: RecordCells, name: str) -> str:
    """Return a text without the quote that guards it."""
    value = cells.text(name)
    guarded = value.startswith("'") and value.lstrip("'")[:1] in _FORMULA
    return value[1:] if guarded and value.lstrip("'") else value


def _items(cells: RecordCells, name: str) -> tuple[str, ...]:
    """Return a list's items; a backslash stands before a bar or backslash inside."""
    value = _plain(cells, name)
    if not value:
        return ()
    if not re.fullmatch(r"(?:[^\\]|\\[\\|])*", value, re.DOTALL):
        raise cells.fault(name, "has a lone backslash")
    return tuple(_split(value))


def _split(value: str) -> list[str]:
    items, at = [""], 0
    while at < len(value):
        if value[at] == "|":
            items.append("")
        else:
            at += value[at] == "\\"
            items[-1] += value[at]
        at += 1
    return items


def _numbers(
    cells: RecordCells, name: str, kind: str, people: int | None
) -> tuple[str, ...]:
    """Return a list of numbers, empty ones too; one per person if their count is given."""
    items = _items(cells, name)
    if people is not None and items and len(items) != people:
        raise cells.fault(name, f"has not {people} items")
    for item in items:
        if item and not is_valid(kind, item):
            raise cells.fault(name, f"is no valid {kind}")
    return items
