"""Reads tables that programs save as .xls although they are text: HTML, Excel 2003 XML.

Read in the confined child (``imports.workbook_jobs``), so nothing here opens files. Of a
page, the table with the most cells counts: pages put tables around tables.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import BinaryIO, Final
from xml.parsers import expat

from imports.workbook_cells import cell_text
from recognition.errors import JobRefused

_BEGIN: Final = re.compile(rb"\A(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\s*<", re.DOTALL)
_PAGE: Final = re.compile(rb"<(?:html|table|!doctype html)[\s>]", re.IGNORECASE)
_SPREADSHEET: Final = b"urn:schemas-microsoft-com:office:spreadsheet"
_CHARSET: Final = re.compile(rb"charset\s*=\s*[\"']?([\w-]{2,40})", re.IGNORECASE)
_NAMESPACE: Final = f"{_SPREADSHEET.decode()} "
_CHUNK: Final = 64 * 1024
_SNIFF: Final = 4096
# The longest text that a cell of Excel may hold.
_MAX_CELL: Final = 32_767
_MAX_TEXT: Final = 64 * 1024**2
_PERCENT: Final = "0.00%"

Row = tuple[int, list[str]]


def is_markup(beginning: bytes) -> bool:
    """Return whether a file begins as a page with a table, or as Excel's XML."""
    plain = beginning.replace(b"\0", b"")
    return bool(_BEGIN.match(plain)) and (_SPREADSHEET in plain or bool(_PAGE.search(plain)))


def markup_rows(file: BinaryIO, *, columns: int, cells: int) -> Iterator[Row]:
    """Yield the number and the cells of each row; raise ``JobRefused``."""
    file.seek(0)
    beginning = file.read(_SNIFF)
    file.seek(0)
    limits = _Limits(columns, cells)
    if _SPREADSHEET in beginning.replace(b"\0", b""):
        yield from _SpreadsheetReader(limits).rows(file)
        return
    page = _PageReader(limits)
    for text in _decoded(file, beginning):
        page.feed(text)
    page.close()
    yield from page.rows()


@dataclass(slots=True)
class _Limits:
    """Counts cells and text against what a table may hold."""

    columns: int
    cells: int
    text_left: int = _MAX_TEXT

    def take(self, text: str) -> None:
        self.cells -= 1
        self.text_left -= len(text)
        if self.cells < 0 or self.text_left < 0:
            raise JobRefused("The table is too large. Split it.")


# HTML


def _decoded(file: BinaryIO, beginning: bytes) -> Iterator[str]:
    if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        name = "utf-16"
    elif beginning.startswith(codecs.BOM_UTF8):
        name = "utf-8-sig"
    else:
        declared = _CHARSET.search(beginning)
        name = declared[1].decode().lower() if declared else "utf-8"
        if name not in _KNOWN_CHARSETS:
            name = "utf-8"
    decoder = codecs.getincrementaldecoder(name)("replace")
    while chunk := file.read(_CHUNK):
        yield decoder.decode(chunk)
    yield decoder.decode(b"", final=True)


_KNOWN_CHARSETS: Final = frozenset(
    {
        *("utf-8", "utf-16", "us-ascii", "iso-8859-1", "iso-8859-15"),
        *("windows-1250", "windows-1251", "windows-1252", "windows-1253"),
        *("windows-1254", "koi8-r"),
    }
)
CODECS: Final = (*_KNOWN_CHARSETS, "utf-8-sig", "utf-16-le", "utf-16-be")


@dataclass(slots=True)
class _PageTable:
    """One table of a page; ``below`` are cells that reach into later rows, by column."""

    rows: list[list[str]] = field(default_factory=list)
    below: dict[int, tuple[int, str]] = field(default_factory=dict)
    cell: list[str] | None = None
    span: int = 1
    reach: int = 1


class _PageReader(HTMLParser):
    """Collects the cells of each table of a page."""

    def __init__(self, limits: _Limits) -> None:
        super().__init__(convert_charrefs=True)
        self._limits = limits
        self._open: list[_PageTable] = []
        self._tables: list[_PageTable] = []
        self._hidden = 0

    def rows(self) -> Iterator[Row]:
        """Yield the rows of the largest table."""
        if not self._tables:
            raise JobRefused(
                "This is a web page without a table, so the download has failed. "
                "Download the table again."
            )
        largest = max(self._tables, key=lambda table: sum(map(len, table.rows)))
        yield from enumerate(largest.rows, start=1)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a table, a row or a cell."""
        if tag in ("script", "style"):
            self._hidden += 1
        elif tag == "table":
            table = _PageTable()
            self._open.append(table)
            self._tables.append(table)
            if len(self._tables) > 1_000:
                raise JobRefused("The table is too large. Split it.")
        elif self._open and tag == "tr":
            self._end_cell()
            self._open[-1].rows.append([])
            self._fill()
        elif self._open and tag in ("td", "th"):
            self._end_cell()
            if not self._open[-1].rows:
                self._open[-1].rows.append([])
            attributes = dict(attrs)
            table = self._open[-1]
            table.cell = []
            table.span = _number(attributes.get("colspan"), self._limits.columns)
            table.reach = _number(attributes.get("rowspan"), 1_000)
        elif tag in ("br", "p", "div", "li"):
            self.handle_data("\n")

    def handle_endtag(self, tag: str) -> None:
        """End a cell or a table."""
        if tag in ("script", "style"):
            self._hidden = max(0, self._hidden - 1)
        elif self._open and tag in ("td", "th", "tr"):
            self._end_cell()
        elif self._open and tag == "table":
            self._end_cell()
            self._open.pop()

    def handle_data(self, data: str) -> None:
        """Add text to the open cell."""
        if self._open and self._open[-1].cell is not None and not self._hidden:
            self._open[-1].cell.append(data)

    def _end_cell(self) -> None:
        table = self._open[-1]
        if table.cell is None:
            return
        text = "".join(table.cell).replace("\N{NO-BREAK SPACE}", " ")
        # Pages break lines anywhere.
        text = " ".join(text.split())[:_MAX_CELL]
        table.cell = None
        row = table.rows[-1]
        for number in range(table.span):
            if table.reach > 1:
                table.below[len(row)] = (table.reach - 1, "" if number else text)
            self._add(row, "" if number else text)
        self._fill()

    def _fill(self) -> None:
        """Add the cells that reach down from rows above."""
        table = self._open[-1]
        row = table.rows[-1]
        while (held := table.below.get(len(row))) is not None:
            rows_left, text = held
            if rows_left == 1:
                del table.below[len(row)]
            else:
                table.below[len(row)] = (rows_left - 1, text)
            self._add(row, text)

    def _add(self, row: list[str], text: str) -> None:
        self._limits.take(text)
        if len(row) >= self._limits.columns:
            if text:
                raise JobRefused(f"A table may have at most {self._limits.columns} columns.")
            return
        row.append(text)


def _number(text: str | None, most: int) -> int:
    plain = (text or "").strip()
    if not (plain.isascii() and plain.isdigit() and len(plain) < 7):
        return 1
    return min(int(plain), most) or 1


# Excel 2003


@dataclass(slots=True)
class _SpreadsheetReader:
    """Reads the first sheet of ``SpreadsheetML``; document types are refused."""

    limits: _Limits
    _rows: list[Row] = field(default_factory=list)
    _row: list[str] | None = None
    _number: int = 0
    _sheets: int = 0
    _text: list[str] | None = None
    _kind: str = ""
    _style: str = ""
    _percents: set[str] = field(default_factory=set)
    _named: str = ""
    _across: int = 0

    def rows(self, file: BinaryIO) -> Iterator[Row]:
        """Yield the rows chunk by chunk."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._take
        parser.StartDoctypeDeclHandler = _refuse_document_type
        try:
            while chunk := file.read(_CHUNK):
                parser.Parse(chunk, False)
                yield from self._drain()
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise JobRefused(
                "The workbook cannot be read. Open it in a spreadsheet program, save it "
                f"there as .xlsx or CSV, and upload that file. ({error})"
            ) from error
        yield from self._drain()

    def _drain(self) -> list[Row]:
        done, self._rows = self._rows, []
        return done

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        element = name.removeprefix(_NAMESPACE)
        if element == "Style":
            self._named = attributes.get(f"{_NAMESPACE}ID", "")
        elif element == "NumberFormat":
            shape = attributes.get(f"{_NAMESPACE}Format", "")
            if "%" in shape or shape == "Percent":
                self._percents.add(self._named)
        elif element == "Worksheet":
            self._sheets += 1
        elif self._sheets != 1:
            return
        elif element == "Row":
            stated = _number(attributes.get(f"{_NAMESPACE}Index"), 1_048_576)
            self._number = max(stated, self._number + 1)
            self._row = []
        elif element == "Cell" and self._row is not None:
            stated = _number(attributes.get(f"{_NAMESPACE}Index"), self.limits.columns + 1)
            while len(self._row) < stated - 1:
                self._add("")
            self._style = attributes.get(f"{_NAMESPACE}StyleID", "")
            across = attributes.get(f"{_NAMESPACE}MergeAcross")
            self._across = _number(across, self.limits.columns) if across else 0
            self._text = None
        elif element == "Data" and self._row is not None:
            self._kind = attributes.get(f"{_NAMESPACE}Type", "String")
            self._text = []

    def _take(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def _end(self, name: str) -> None:
        element = name.removeprefix(_NAMESPACE)
        if self._sheets != 1 or self._row is None:
            return
        if element == "Data":
            self._add(self._value("".join(self._text or ())))
            self._text = None
            self._kind = "read"
        elif element == "Cell":
            if self._kind != "read":
                self._add("")
            for _number_across in range(self._across):
                self._add("")
            self._kind = ""
        elif element == "Row":
            self._rows.append((self._number, self._row))
            self._row = None

    def _value(self, text: str) -> str:
        plain = text.strip()[:_MAX_CELL]
        if self._kind == "Boolean":
            return "TRUE" if plain == "1" else "FALSE"
        if self._kind == "DateTime":
            day, _t, clock = plain.partition("T")
            return day if not clock.strip("0:.") else f"{day} {clock.partition('.')[0]}"
        if self._kind == "Number":
            try:
                shape = _PERCENT if self._style in self._percents else ""
                return cell_text(float(plain), shape)
            except ValueError:
                return plain
        return plain

    def _add(self, text: str) -> None:
        self.limits.take(text)
        if self._row is None:
            return
        if len(self._row) >= self.limits.columns:
            if text:
                raise JobRefused(f"A table may have at most {self.limits.columns} columns.")
            return
        self._row.append(text)


def _refuse_document_type(*_declared: object) -> None:
    raise JobRefused(
        "This XML declares a document type, which is refused. Save the table as .xlsx."
    )
