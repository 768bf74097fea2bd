"""Read the table of an import: several kinds of CSV, workbooks, tables of web pages.

Rows are read one at a time, so that the largest import fits into little memory. A
confined child process unpacks and parses workbooks.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import IO, TextIO

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.common.confined import ReadingLimits, Unreadable, json_lines, read_confined
from base.common.csv_safety import unguard
from base.common.reading import read_number
from base.common.table_text import SEPARATORS, one_form, separator_of
from imports.errors import TableRefused
from imports.markup_tables import is_markup
from imports.table_encoding import RECOGNISED, encoding_of
from imports.table_layout import (
    RawRow,
    filled,
    header_among,
    header_rank,
    is_header_again,
    is_total,
)
from imports.unpacking import is_archive, unpacked

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
# Enough for any header; avoids reading a file that is one long line.
_SNIFF_CHARS = 20_000
# The header is looked for in so many rows.
_SNIFF_ROWS = 40
# Enough to know a format by its beginning.
SNIFF_BYTES = 4096
SHEET = "sheet"
"""The encoding of rows that the child process made of a workbook."""
# Files that are no tables: workbooks of Excel before 2007, and documents.
_BEGINNINGS = {
    b"\xd0\xcf\x11\xe0": (
        _(
            "This workbook is password-protected or in the format before 2007 (.xls). "
            "Save it as .xlsx or CSV."
        )
    ),
    b"%PDF": _("This is a PDF. Ask for the table as .xlsx or CSV."),
}


@dataclass(frozen=True, slots=True)
class Table:
    """An open table: its header as given, and how it is written.

    ``file`` is the CSV file, or the rows that the child process made of a workbook.
    Closing the table closes the file. ``above`` are the rows above the header, such as
    a title, and ``skipped`` are totals below it, by their lines: nobody reads them.
    """

    file: IO[bytes]
    header: tuple[str, ...]
    separator: str
    encoding: str
    header_line: int = 1
    is_separator_named: bool = False
    """Whether a line above the header only names the separator."""
    above: tuple[RawRow, ...] = ()
    skipped: dict[int, RawRow] = field(default_factory=dict)

    def __enter__(self) -> Table:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


def open_table(
    path: Path,
    *,
    names: Container[str] = (),
    encoding: str = RECOGNISED,
    header_line: int | None = None,
    max_bytes: int = MAX_BYTES,
    heartbeat: Callable[[], None] = lambda: None,
) -> Table:
    """Open a table and read its header; raise ``TableRefused`` if it is not a table.

    The content decides the format, not the name; an archive may hold one table.
    ``names`` are those of the columns that the caller knows, as ``imports.names`` has
    them: they show which row is the header, unless a person chose ``header_line``.
    ``heartbeat`` is called repeatedly while a workbook is read.
    """
    return table_in(
        unpacked(path.open("rb"), max_bytes=max_bytes),
        names=names,
        encoding=encoding,
        header_line=header_line,
        max_bytes=max_bytes,
        heartbeat=heartbeat,
    )


def table_in(
    file: IO[bytes],
    *,
    names: Container[str] = (),
    encoding: str = RECOGNISED,
    header_line: int | None = None,
    max_bytes: int = MAX_BYTES,
    heartbeat: Callable[[], None] = lambda: None,
) -> Table:
    """Open the table in an unpacked file, as ``open_table`` does; it owns the file."""
    try:
        check_beginning(file, max_bytes=max_bytes)
        if not is_sheet(file):
            return table_of(file, encoding=encoding, names=names, header_line=header_line)
        rows = sheet_rows(file, heartbeat)
    except BaseException:
        file.close()
        raise
    # The rows are in a file of their own now.
    file.close()
    return table_of(rows, encoding=SHEET, names=names, header_line=header_line)


def table_of(
    file: IO[bytes], *, encoding: str, names: Container[str] = (), header_line: int | None = None
) -> Table:
    """Read the header of an open file: CSV, or ``SHEET`` for the rows of a workbook."""
    if encoding == SHEET:
        written = [Table(file, (), "", SHEET)]
    else:
        written = _ways_to_read(file, encoding_of(file, encoding))
    readings = [(table, list(islice(_all_rows(table), _SNIFF_ROWS))) for table in written]
    table, header, above = max(
        ((table, *header_among(rows, names, header_line)) for table, rows in readings),
        key=lambda reading: header_rank(reading[1], names),
    )
    if len(filled(header)) < 2:
        raise TableRefused(
            gettext(
                "No line names the columns of a table, separated by commas, semicolons "
                "or tabs. The first line is: %(header)s"
            )
            % {"header": " ".join(readings[0][1][0].cells)[:120] if readings[0][1] else ""}
        )
    return replace(table, header=header.cells, header_line=header.line, above=above)


def _ways_to_read(file: IO[bytes], encoding: str) -> list[Table]:
    """Return a table for each separator that the file may have, the commonest first."""
    with _as_text(file, encoding) as text:
        separator, is_named = separator_of(text.read(_SNIFF_CHARS))
    if is_named:
        return [Table(file, (), separator, encoding, is_separator_named=True)]
    return [Table(file, (), separator, encoding) for separator in (*SEPARATORS, "|")]


def rows_of(table: Table) -> Iterator[RawRow]:
    """Yield every row below the header that has any content and is no total."""
    for row in _all_rows(table):
        if row.line <= table.header_line or not filled(row):
            continue
        if is_header_again(row, table.header) or is_total(row):
            table.skipped[row.line] = row
        else:
            yield row


def is_sheet(file: IO[bytes]) -> bool:
    """Return whether the child must read the file: a workbook, or a page with a table."""
    if is_archive(file):
        return True
    file.seek(0)
    return is_markup(file.read(SNIFF_BYTES))


def _all_rows(table: Table) -> Iterator[RawRow]:
    if table.encoding != SHEET:
        yield from _csv_rows(table)
        return
    # A character takes up to six bytes in JSON.
    for line, cells in json_lines(table.file, max_bytes=6 * _MAX_LINE + 1_000):
        yield RawRow(line, tuple(cells))


def check_beginning(file: IO[bytes], *, max_bytes: int = MAX_BYTES) -> None:
    """Refuse an empty or too large file, and formats that the first bytes give away."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size == 0:
        raise TableRefused(gettext("The file is empty."))
    if size > max_bytes:
        raise TableRefused(
            gettext("The file is larger than %(limit)s MB. Split it.")
            % {"limit": max_bytes // 1024**2}
        )
    beginning = file.read(4)
    file.seek(0)
    for signature, message in _BEGINNINGS.items():
        if beginning.startswith(signature):
            raise TableRefused(message)


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
                raise TableRefused(f"Line {above + reader.line_num}: {error}.") from error
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


def sheet_rows(file: IO[bytes], heartbeat: Callable[[], None]) -> IO[bytes]:
    """Have a child read a workbook or web page; return a file with a JSON row per line."""
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
            limits=ReadingLimits(WORKBOOK_MEMORY_BYTES, WORKBOOK_CPU_S, MAX_OUTPUT_BYTES),
            heartbeat=heartbeat,
        )
    except Unreadable as error:
        raise TableRefused(str(error)) from error
