"""Read the rows of an XLSX workbook in a child process; see ``base.common.confined``.

The child may not open files, so ``warm`` loads everything that reading needs.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import re
import socket
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, BinaryIO, Final

from openpyxl import Workbook
from openpyxl.reader.excel import ExcelReader
from openpyxl.utils import get_column_letter

from base.common.confined import keep_texts_english
from base.common.csv_safety import unguard
from base.common.table_text import one_form
from imports.markup_tables import CODECS as MARKUP_CODECS
from imports.markup_tables import markup_rows
from imports.workbook_archive import WorkbookArchive
from imports.workbook_cells import cell_text
from recognition.errors import JobRefused
from recognition.isolation import wire
from recognition.isolation.child import Job
from recognition.isolation.wire import MessageKind
from recognition.limits import DecodeLimits

# Exceptions that a manipulated workbook can raise while it is read.
_UNREADABLE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)
_MAX_CELL = 32_767
_SHEET_ROWS = 1_048_576
_REPORT_EVERY = 5_000
_SCAN_BYTES = 1 << 20
# The tags of cells, shared texts and formulas, with an optional namespace prefix.
_TAG = re.compile(rb"<(?:\w+:)?(c|si|f)[ >/]")
# How Excel writes line ends and tabs of a text; openpyxl leaves them so.
_ESCAPED = re.compile("_x(000[9ADad])_")
# Longer than any tag that is counted, with its prefix.
_LONGEST_TAG = 64


@dataclass(frozen=True, slots=True)
class WorkbookLimits:
    """How large a workbook may be when unpacked."""

    unpacked_bytes: int
    texts_bytes: int
    texts: int
    sheets: int
    columns: int
    cells: int
    row_chars: int
    output_bytes: int


def rows(
    talk: socket.socket, request: dict[str, Any], _limits: DecodeLimits, fds: list[int]
) -> None:
    """Write the rows of the workbook ``fds[0]`` to ``fds[1]``, one JSON text per line.

    A row is its number in the sheet and its cells as text. Raises ``JobRefused``.
    """

    def report() -> None:
        wire.send(talk, MessageKind.PROGRESS, wire.DOUBLE.pack(0.0))

    limits = WorkbookLimits(**request["workbook"])
    with os.fdopen(fds[0], "rb") as file, os.fdopen(fds[1], "wb") as output:
        try:
            for number, line in enumerate(_lines(file, limits, report)):
                output.write(line)
                if number % _REPORT_EVERY == 0:
                    report()
        except _UNREADABLE as error:
            raise JobRefused(
                "The workbook cannot be read. Open it in a spreadsheet program, save it "
                f"there as .xlsx or CSV, and upload that file. ({error})"
            ) from error


_PAGE: Final = b"<html><table><tr><td>&auml;</td></tr></table></html>"
_SPREADSHEET: Final = (
    b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" '
    b'xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet><Table><Row>'
    b'<Cell><Data ss:Type="Number">1</Data></Cell></Row></Table></Worksheet></Workbook>'
)


def warm() -> None:
    """Read a small workbook once, so that everything reading needs is loaded."""
    keep_texts_english()
    # Python loads codecs on first use, from files that the child may not open.
    for name in ("cp437", "latin_1", "ascii", *MARKUP_CODECS):
        codecs.lookup(name)
    book = Workbook()
    sheet = book.active
    if sheet is None:
        raise RuntimeError("A new workbook has no sheet.")
    sheet.append(["text", 1.5, date(2026, 1, 2), datetime(2026, 1, 2, 3, 4), True])  # noqa: DTZ001 - a workbook has no time zones
    memory = io.BytesIO()
    book.save(memory)
    limits = WorkbookLimits(
        unpacked_bytes=1 << 20,
        texts_bytes=1 << 20,
        texts=10,
        sheets=1,
        columns=10,
        cells=10,
        row_chars=1000,
        output_bytes=1000,
    )
    _check_parts(memory, limits, lambda: None)
    list(_rows(memory, limits, has_formulas=True))
    for sample in (_PAGE, _SPREADSHEET):
        list(_lines(io.BytesIO(sample), limits, lambda: None))


JOBS: Final[dict[str, Job]] = {"rows": rows}


def _check_parts(file: BinaryIO, limits: WorkbookLimits, report: Callable[[], None]) -> bool:
    """Refuse a workbook that is too large to parse; return whether it has formulas.

    Counting tags takes a tenth of the time of parsing. Never unpacks more of a part
    than the archive declares.
    """
    formulas = texts = 0
    with WorkbookArchive(file) as archive:
        parts = archive.infolist()
        _refuse_other_kinds(archive)
        if sum(info.file_size for info in parts) > limits.unpacked_bytes:
            raise JobRefused("The workbook is too large once unpacked. Split it.")
        for info in parts:
            if not info.filename.lower().endswith(".xml"):
                continue
            cells = done = 0
            for counted in _count_tags(archive, info):
                report()
                cells += counted[b"c"]
                texts += counted[b"si"]
                formulas += counted[b"f"]
                if cells > limits.cells:
                    raise _too_many_cells(limits)
                done += _SCAN_BYTES
                if texts > limits.texts or (cells == 0 and done > limits.texts_bytes):
                    raise _too_much_text()
    return formulas > 0


def _refuse_other_kinds(archive: zipfile.ZipFile) -> None:
    """Refuse archives that hold something else than an .xlsx workbook."""
    names = set(archive.namelist())
    if "xl/workbook.bin" in names:
        kind = "This is a binary workbook (.xlsb)."
    elif "content.xml" in names:
        kind = "This is an OpenDocument file (.ods)."
    elif "[Content_Types].xml" not in names:
        kind = "This ZIP archive is not a workbook."
    else:
        return
    raise JobRefused(f"{kind} Save the table as .xlsx or CSV.")


def _too_much_text() -> JobRefused:
    return JobRefused("The workbook contains too much text. Split it.")


def _too_many_cells(limits: WorkbookLimits) -> JobRefused:
    return JobRefused(f"A sheet has more than {limits.cells:,} cells. Split it.")


def _count_tags(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[Counter[bytes]]:
    """Yield how often each tag occurs in a part, chunk by chunk."""
    cut_tag = b""
    with archive.open(info) as part:
        while chunk := part.read(_SCAN_BYTES):
            text = cut_tag + chunk
            # A tag cut at the end of a chunk is counted with the next chunk.
            cut = text.rfind(b"<", -_LONGEST_TAG)
            text, cut_tag = (text, b"") if cut < 0 else (text[:cut], text[cut:])
            yield Counter(tag[1] for tag in _TAG.finditer(text))


def _lines(file: BinaryIO, limits: WorkbookLimits, report: Callable[[], None]) -> Iterator[bytes]:
    written = 0
    for number, texts in _texts(file, limits, report):
        # Empty cells at the end of a row are left out.
        while texts and not texts[-1]:
            texts.pop()
        if not texts:
            continue
        if sum(map(len, texts)) > limits.row_chars:
            raise JobRefused(f"Row {number} contains too much text.")
        line = json.dumps([number, texts], ensure_ascii=False).encode() + b"\n"
        written += len(line)
        if written > limits.output_bytes:
            raise _too_much_text()
        yield line


def _texts(
    file: BinaryIO, limits: WorkbookLimits, report: Callable[[], None]
) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the texts of each row of a workbook or a page."""
    if not zipfile.is_zipfile(file):
        markup = markup_rows(file, columns=limits.columns, cells=limits.cells)
        for number, cells in markup:
            yield number, [one_form(unguard(cell)) for cell in cells]
        return
    has_formulas = _check_parts(file, limits, report)
    for number, row in _rows(file, limits, has_formulas=has_formulas):
        yield number, [_text(cell) for cell in row]


_Row = Sequence[Any]  # Any: cells of openpyxl, empty ones too


def _rows(
    file: BinaryIO, limits: WorkbookLimits, *, has_formulas: bool
) -> Iterator[tuple[int, _Row]]:
    """Yield the cells of the first sheet's rows, numbered from 1."""
    book = _open_workbook(file, data_only=True)
    with closing(book):
        if len(book.sheetnames) > limits.sheets:
            raise JobRefused(f"A workbook may have at most {limits.sheets} sheets.")
        rows = _number_rows(book.worksheets[0], limits)
        if not has_formulas:
            yield from rows
            return
        # A second reader, since openpyxl returns either formulas or their stored
        # values.
        formulas = _open_workbook(file, data_only=False)
        with closing(formulas):
            both = zip(rows, _number_rows(formulas.worksheets[0], limits), strict=False)
            for (number, cells), (_, written) in both:
                _refuse_uncomputed(number, cells, written)
                yield number, cells


def _open_workbook(file: BinaryIO, *, data_only: bool) -> Workbook:
    """Open a workbook as ``openpyxl.load_workbook`` does, from our archive."""
    reader = ExcelReader(file, read_only=True, data_only=data_only, keep_links=False)
    reader.archive = WorkbookArchive(file)
    reader.valid_files = reader.archive.namelist()
    reader.read()
    return reader.wb


def _number_rows(
    sheet: Any,  # Any: a worksheet
    limits: WorkbookLimits,
) -> Iterator[tuple[int, _Row]]:
    # The size that the sheet states counts cells with a colour and no value.
    sheet.reset_dimensions()
    # The limit stops a workbook that claims endless rows.
    rows: Iterable[_Row] = sheet.iter_rows(max_row=_SHEET_ROWS)
    cells = 0
    for number, row in enumerate(rows, start=1):
        cells_read, beyond = row[: limits.columns], row[limits.columns :]
        if any(cell.value is not None for cell in beyond):
            raise JobRefused(f"A table may have at most {limits.columns} columns.")
        # openpyxl fills a row up to its last cell, which takes as long as real cells.
        cells += len(beyond) + sum(1 for cell in cells_read if cell.value is not None)
        if cells > limits.cells:
            raise _too_many_cells(limits)
        yield number, cells_read


def _refuse_uncomputed(number: int, cells: _Row, written: _Row) -> None:
    """Refuse a formula without a stored value, which would be read as an empty cell."""
    for column, cell in enumerate(written):
        has_value = column < len(cells) and cells[column].value is not None
        if cell.data_type == "f" and not has_value:
            raise JobRefused(
                f"Cell {get_column_letter(column + 1)}{number} contains a formula whose "
                "value is not stored. Open the workbook in a spreadsheet program, save "
                "it there, and upload it again."
            )


def _text(cell: Any) -> str:  # Any: a cell of openpyxl
    """Return a cell as it would appear in a CSV file."""
    if cell.value is None:
        return ""
    try:
        number_format = cell.number_format
    except LookupError:  # a style that the workbook does not define
        number_format = ""
    text = _ESCAPED.sub(lambda code: chr(int(code[1], 16)), cell_text(cell.value, number_format))
    return one_form(unguard(text))[:_MAX_CELL]
