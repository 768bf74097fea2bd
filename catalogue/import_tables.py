"""Reads the table of a catalogue import: CSV of several kinds, or XLSX.

Rows come one by one, so that the largest import allowed fits in little memory.
"""

from __future__ import annotations

import codecs
import csv
import itertools
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TextIO

from common.csv_safety import unguard

MAX_ROWS = 200_000
MAX_BYTES = 100 * 1024**2
ENCODINGS = ("utf-8", "windows-1252")
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}
# What a workbook may unpack to: its texts are held in memory, its rows are not.
MAX_UNPACKED_BYTES = 1024**3
MAX_TEXTS_BYTES = 128 * 1024**2
MAX_COLUMNS = 200
_SHEET_ROWS = 1_048_576
_TEXTS = "xl/sharedstrings.xml"
# What reading a workbook that somebody tampered with ends in.
_UNREADABLE = (
    *(ArithmeticError, AttributeError, EOFError, LookupError, OSError, RuntimeError),
    *(SyntaxError, TypeError, ValueError, zipfile.BadZipFile, zlib.error),
)
_MAX_CELL = 32_767
_MAX_LINE = 4_000_000
_SNIFF_CHARS = 20_000


class TableRefused(Exception):
    """The file cannot be read as a table; the text names the place."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table that was opened: its header as given, and how it is written."""

    path: Path
    header: tuple[str, ...]
    separator: str
    encoding: str


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as text, with its line in the file (the header is line 1)."""

    line: int
    cells: tuple[str, ...]


def open_table(path: Path, *, encoding: str = "utf-8") -> Table:
    """Read the header; raise ``TableRefused`` for what is no table."""
    size = path.stat().st_size
    if size == 0:
        raise TableRefused("The file is empty.")
    if size > MAX_BYTES:
        raise TableRefused("The file is larger than 100 MB. Split it.")
    if zipfile.is_zipfile(path):
        header = next(_xlsx_rows(path), RawRow(1, ())).cells
        return _checked(Table(path, header, "", "xlsx"))
    _check_encoding(path, encoding)
    name = "utf-8-sig" if encoding == "utf-8" else encoding
    separator = _separator(path, name)
    table = Table(path, (), separator, name)
    header = next(_csv_rows(table), RawRow(1, ())).cells
    return _checked(Table(path, header, separator, name))


def rows_of(table: Table) -> Iterator[RawRow]:
    """Yield every row below the header that holds anything."""
    rows = _xlsx_rows(table.path) if table.encoding == "xlsx" else _csv_rows(table)
    for row in itertools.islice(rows, 1, None):
        if any(cell.strip() for cell in row.cells):
            yield row


def _checked(table: Table) -> Table:
    if len([name for name in table.header if name.strip()]) < 2:
        raise TableRefused(
            "The first line must name the columns, separated by comma, semicolon or "
            f"tab. It reads: {' '.join(table.header)[:120]}"
        )
    return table


def _check_encoding(path: Path, encoding: str) -> None:
    """Decode everything once; name the first byte that does not fit."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line, done = 1, 0
    with path.open("rb") as file:
        for raw in file:
            try:
                decoder.decode(raw)
            except UnicodeDecodeError as error:
                other = next(name for name in ENCODINGS if name != encoding)
                raise TableRefused(
                    f"Line {line}, byte {done + error.start + 1}: "
                    f"0x{raw[error.start]:02x} is no {encoding} text. Save the file as "
                    f"UTF-8, or choose {other}."
                ) from error
            line, done = line + 1, done + len(raw)


def _separator(path: Path, encoding: str) -> str:
    """Return the separator that the header holds most of."""
    with path.open(encoding=encoding, newline="") as file:
        header = file.read(_SNIFF_CHARS).split("\n", 1)[0]
    return max(SEPARATORS, key=header.count)


def _csv_rows(table: Table) -> Iterator[RawRow]:
    with table.path.open(encoding=table.encoding, newline="") as file:
        reader = csv.reader(_lines(file), delimiter=table.separator)
        begin = 1
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise TableRefused(f"Line {reader.line_num}: {error}.") from error
            yield RawRow(begin, tuple(unguard(cell)[:_MAX_CELL] for cell in cells))
            begin = reader.line_num + 1


def _lines(file: TextIO) -> Iterator[str]:
    """Yield lines; a line of many megabytes would be as many cells in memory."""
    for number in itertools.count(1):
        line = file.readline(_MAX_LINE + 1)
        if len(line) > _MAX_LINE:
            raise TableRefused(f"Line {number} is longer than {_MAX_LINE:,} letters.")
        if not line:
            return
        yield line


def _xlsx_rows(path: Path) -> Iterator[RawRow]:
    # Loaded where it is needed: pages read no workbooks.
    from openpyxl import load_workbook

    try:
        _refuse_bomb(path)
        book = load_workbook(path, read_only=True, data_only=True)
        with closing(book):
            sheet = book.worksheets[0]
            if (sheet.max_column or 0) > MAX_COLUMNS:
                raise TableRefused(f"A table may have {MAX_COLUMNS} columns.")
            # The limits keep a workbook from claiming rows and columns without end.
            rows = sheet.iter_rows(
                max_row=_SHEET_ROWS, max_col=MAX_COLUMNS, values_only=True
            )
            for line, values in enumerate(rows, start=1):
                yield RawRow(line, tuple(_text(value) for value in _trimmed(values)))
    except _UNREADABLE as error:
        raise TableRefused(f"The workbook cannot be read: {error}.") from error


def _refuse_bomb(path: Path) -> None:
    """Refuse what unpacks to more than it may; no more than it says is ever read."""
    with zipfile.ZipFile(path) as archive:
        sizes = {info.filename.lower(): info.file_size for info in archive.infolist()}
    if sum(sizes.values()) > MAX_UNPACKED_BYTES:
        raise TableRefused("The workbook is too large once unpacked. Split it.")
    if sizes.get(_TEXTS, 0) > MAX_TEXTS_BYTES:
        raise TableRefused("The workbook holds too much text. Split it.")


def _trimmed(values: tuple[object, ...]) -> tuple[object, ...]:
    """Return a row without the empty cells at its end."""
    end = len(values)
    while end and values[end - 1] is None:
        end -= 1
    return values[:end]


def _text(value: object) -> str:
    """Return a cell as it would stand in a CSV file."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return unguard(str(value))[:_MAX_CELL]
