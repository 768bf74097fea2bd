"""Read the table of a catalogue import: several kinds of CSV, or XLSX.

Rows are read one at a time, so that the largest import fits into little memory. A
confined child process unpacks and parses workbooks.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TextIO

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.charsets import CHARSETS, guess_charset
from common.confined import ReadingLimits, Unreadable, json_lines, read_confined
from common.csv_safety import unguard
from common.reading import read_number
from common.table_text import one_form, separator_of
from imports.errors import ImportRefused

MAX_ROWS = 200_000
MAX_BYTES = 100 * 1024**2
# Limits of an unpacked workbook. Its texts stay in the child's memory, its rows do not;
# parsing a million cells takes the child about 20 s.
MAX_UNPACKED_BYTES = 512 * 1024**2
MAX_TEXTS_BYTES = 64 * 1024**2
MAX_TEXTS = 2_000_000
MAX_SHEETS = 255
MAX_COLUMNS = 200
MAX_CELLS = 3_000_000
MAX_OUTPUT_BYTES = 256 * 1024**2
WORKBOOK_MEMORY_BYTES = 640 * 1024**2
WORKBOOK_CPU_S = 120
# The longest text that a cell of Excel may hold.
_MAX_CELL = 32_767
_MAX_LINE = 4_000_000
# Enough to recognise an encoding.
_MAX_SAMPLE = 2_000_000
# Enough for any header; avoids reading a file that is one long line.
_SNIFF_CHARS = 20_000
# Files that are not CSV: workbooks of Excel before 2007, and UTF-16 text.
_BEGINNINGS = {
    b"\xd0\xcf\x11\xe0": (
        _(
            "This workbook is password-protected or in the format before 2007 (.xls). "
            "Save it as .xlsx or CSV."
        )
    ),
    b"\xff\xfe": _("This is UTF-16 text. Save the file as CSV in UTF-8."),
    b"\xfe\xff": _("This is UTF-16 text. Save the file as CSV in UTF-8."),
}


class TableRefused(ImportRefused):
    """The file cannot be read as a table; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Table:
    """An open table: its header as given, and how it is written.

    ``file`` is the CSV file, or the rows that the child process made of a workbook.
    Closing the table closes the file.
    """

    file: IO[bytes]
    header: tuple[str, ...]
    separator: str
    encoding: str
    is_separator_named: bool = False
    """Whether a line above the header only names the separator."""

    def __enter__(self) -> Table:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as text, with its line in the file (the header is line 1)."""

    line: int
    cells: tuple[str, ...]


def open_table(
    path: Path,
    *,
    encoding: str = "utf-8",
    heartbeat: Callable[[], None] = lambda: None,
) -> Table:
    """Open a table and read its header; raise ``TableRefused`` if it is not a table.

    The content decides the format, not the name. ``heartbeat`` is called repeatedly
    while a workbook is read.
    """
    file = path.open("rb")
    try:
        check_beginning(file)
        if not zipfile.is_zipfile(file):
            return table_of(file, encoding=encoding)
        rows = workbook_rows(file, heartbeat)
    except BaseException:
        file.close()
        raise
    # The rows are in a file of their own now.
    file.close()
    return table_of(rows, encoding="xlsx")


def table_of(file: IO[bytes], *, encoding: str) -> Table:
    """Read the header of an open file: CSV, or ``xlsx`` for the rows of a workbook."""
    separator, name, is_named = "", encoding, False
    if encoding != "xlsx":
        _check_encoding(file, encoding)
        # Excel begins UTF-8 files with a byte order mark.
        name = "utf-8-sig" if encoding == "utf-8" else encoding
        with _as_text(file, name) as text:
            separator, is_named = separator_of(text.read(_SNIFF_CHARS))
    table = Table(file, (), separator, name, is_named)
    header = next(_all_rows(table), RawRow(1, ())).cells
    if len([column for column in header if column.strip()]) < 2:
        raise TableRefused(
            gettext(
                "The first line must name the columns, separated by "
                "commas, semicolons or tabs. It is: %(header)s"
            )
            % {"header": " ".join(header)[:120]}
        )
    return Table(file, header, separator, name, is_named)


def rows_of(table: Table) -> Iterator[RawRow]:
    """Yield every row below the header that has any content."""
    for row in itertools.islice(_all_rows(table), 1, None):
        if any(cell.strip() for cell in row.cells):
            yield row


def _all_rows(table: Table) -> Iterator[RawRow]:
    if table.encoding != "xlsx":
        yield from _csv_rows(table)
        return
    # A character takes up to six bytes in JSON.
    for line, cells in json_lines(table.file, max_bytes=6 * _MAX_LINE + 1_000):
        yield RawRow(line, tuple(cells))


def check_beginning(file: IO[bytes]) -> None:
    """Refuse an empty or too large file, and formats that the first bytes give away."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size == 0:
        raise TableRefused(gettext("The file is empty."))
    if size > MAX_BYTES:
        raise TableRefused(gettext("The file is larger than 100 MB. Split it."))
    beginning = file.read(4)
    for known, message in _BEGINNINGS.items():
        if beginning.startswith(known):
            raise TableRefused(message)


def _check_encoding(file: IO[bytes], encoding: str) -> None:
    """Decode the whole file once; raise ``TableRefused`` at the first bad byte."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line, done, raw = 1, 0, b" "
    file.seek(0)
    while raw:
        # A very long line is read in parts.
        raw = file.readline(_MAX_LINE)
        try:
            decoder.decode(raw, final=not raw)
        except UnicodeDecodeError as error:
            # The decoder kept the end of the previous part in front of this one.
            at = done + error.start + 1 - (len(error.object) - len(raw))
            guessed = guess_charset(raw + file.read(_MAX_SAMPLE))
            text = gettext(
                "Line %(line)s, byte %(at)s: 0x%(object)s is not %(encoding)s text. "
                "Save the file as UTF-8, or choose %(other)s."
            )
            if guessed == encoding:
                text = gettext(
                    "Line %(line)s, byte %(at)s: 0x%(object)s is not %(encoding)s text. "
                    "Save the file as UTF-8."
                )
            raise TableRefused(
                text
                % {
                    "line": line,
                    "at": at,
                    "object": f"{error.object[error.start]:02x}",
                    "encoding": CHARSETS[encoding],
                    "other": CHARSETS[guessed],
                }
            ) from error
        line, done = line + raw.endswith(b"\n"), done + len(raw)


@contextmanager
def _as_text(file: IO[bytes], encoding: str) -> Iterator[TextIO]:
    """Read a file from its beginning as text, and leave it open."""
    file.seek(0)
    # TextIOWrapper closes the file it wraps unless it is detached.
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    try:
        yield text
    finally:
        with suppress(ValueError):  # the file was closed meanwhile
            text.detach()


def _csv_rows(table: Table) -> Iterator[RawRow]:
    with _as_text(table.file, table.encoding) as text:
        lines = limited_lines(text, _MAX_LINE)
        above = len(list(itertools.islice(lines, int(table.is_separator_named))))
        reader = csv.reader(lines, delimiter=table.separator)
        begin = above + 1
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise TableRefused(
                    f"Line {above + reader.line_num}: {error}."
                ) from error
            texts = (one_form(unguard(cell))[:_MAX_CELL] for cell in cells)
            yield RawRow(begin, tuple(texts))
            # A quoted cell may contain line breaks, so a row may span lines.
            begin = above + reader.line_num + 1


def limited_lines(file: TextIO, limit: int) -> Iterator[str]:
    """Yield lines; refuse huge ones, since a line of many megabytes may hold millions
    of cells.
    """
    for number in itertools.count(1):
        line = file.readline(limit + 1)
        if len(line) > limit:
            raise TableRefused(
                gettext("Line %(number)s is longer than %(limit)s characters.")
                % {"number": number, "limit": read_number(limit)}
            )
        if not line:
            return
        yield line


def workbook_rows(file: IO[bytes], heartbeat: Callable[[], None]) -> IO[bytes]:
    """Have a child process read a workbook; return a file with one JSON row per line."""
    try:
        return read_confined(
            file,
            jobs="imports.workbook_jobs",
            request={
                "job": "rows",
                "workbook": {
                    "unpacked_bytes": MAX_UNPACKED_BYTES,
                    "texts_bytes": MAX_TEXTS_BYTES,
                    "texts": MAX_TEXTS,
                    "sheets": MAX_SHEETS,
                    "columns": MAX_COLUMNS,
                    "cells": MAX_CELLS,
                    "row_chars": _MAX_LINE,
                    "output_bytes": MAX_OUTPUT_BYTES,
                },
            },
            limits=ReadingLimits(
                WORKBOOK_MEMORY_BYTES, WORKBOOK_CPU_S, MAX_OUTPUT_BYTES
            ),
            heartbeat=heartbeat,
        )
    except Unreadable as error:
        raise TableRefused(str(error)) from error


def split_list(text: str) -> list[str]:
    r"""Split a list at ``|``; ``\|`` and ``\\`` stand for the characters themselves."""
    items, current, escaped = [], "", False
    for char in text:
        if escaped or char not in "\\|":
            current, escaped = current + char, False
        elif char == "\\":
            escaped = True
        else:
            items.append(current)
            current = ""
    return [item.strip() for item in [*items, current] if item.strip()]
