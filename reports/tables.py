"""Writes rows for spreadsheets and data tools: XLSX and Parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path
from typing import Any

from base.common.table_text import join_list
from reports.cells import (
    Cell,
    ColumnType,
    Dialect,
    Rows,
    ValueType,
    csv_pieces,
    json_lines_pieces,
)
from reports.choices import Format

SHEET_ROWS = 1_048_575
"""Rows per sheet below its header."""
CELL_CHARS = 32_767
"""Characters per cell; longer text ends in an ellipsis."""
_NUMBERS = frozenset({ValueType.INTEGER, ValueType.DECIMAL})
_NUMBER_FORMATS = {
    ValueType.TIME: "yyyy-mm-dd hh:mm:ss",
    ValueType.DATE: "yyyy-mm-dd",
    ValueType.OFFSET: "[h]:mm:ss.000",
}
_FIRST_DAY = datetime(1900, 3, 1)  # noqa: DTZ001 - the first that spreadsheets count right
_MADE = datetime(2000, 1, 1)  # noqa: DTZ001 - a constant, for reproducible files
_WIDTHS = {ValueType.TEXT: 24, ValueType.LIST: 28, ValueType.TIME: 20}
"""Characters per column; other kinds of value have 12."""
_ROW_GROUP = 2_000


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of a workbook; long tables continue in further sheets."""

    name: str
    fields: Sequence[ColumnType]
    rows: Rows


@dataclass(frozen=True, slots=True)
class ListReport:
    """The report of a list: the name of its sheet, its schema and its columns."""

    sheet: str
    schema: str
    fields: Sequence[ColumnType]

    def pieces(self, rows: Rows, form: Format) -> Iterable[bytes]:
        """Return the rows as CSV or as JSON Lines."""
        if form == Format.CSV:
            return csv_pieces(rows, self.fields, Dialect())
        return json_lines_pieces(rows, self.fields)

    def write(self, target: Path, *, rows: Rows, form: Format) -> None:
        """Write the rows as XLSX or as Parquet."""
        if form == Format.XLSX:
            sheet = Sheet(self.sheet, self.fields, rows)
            write_xlsx(target, [sheet], {"schema": self.schema})
        else:
            write_parquet(target, rows, self.fields, self.schema)


def write_xlsx(target: Path, sheets: Iterable[Sheet], manifest: Mapping[str, object]) -> None:
    """Write a workbook; text stays text, whatever it looks like."""
    # Imported late, like pyarrow below: most processes need neither.
    import xlsxwriter

    workbook = xlsxwriter.Workbook(
        str(target),
        {
            # Rows go straight to disk, so sheets must be written in order.
            "constant_memory": True,
            "tmpdir": str(target.parent),
            # Text from people must never become a formula or a link.
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "use_zip64": True,
        },
    )
    workbook.set_properties({"created": _MADE, "comments": ""})
    bold = workbook.add_format({"bold": True})
    text = workbook.add_format({"num_format": "@"})
    formats = {
        kind: workbook.add_format({"num_format": shape}) for kind, shape in _NUMBER_FORMATS.items()
    }
    for sheet in sheets:
        _write_sheets(workbook, sheet, bold, text, formats)
    page = workbook.add_worksheet("manifest")
    page.set_column(0, 0, 24)
    page.set_column(1, 1, 80)
    for number, (name, value) in enumerate(_flat(manifest)):
        page.write_string(number, 0, name, bold)
        page.write_string(number, 1, _fitting(value), text)
    workbook.close()


def _write_sheets(
    workbook: Any, sheet: Sheet, bold: Any, text: Any, formats: Mapping[ValueType, Any]
) -> None:
    """Write one table. Any: the library is not typed."""
    rows = iter(sheet.rows)
    writers = [_xlsx_writer(field.kind, formats) for field in sheet.fields]
    number = 0
    while True:
        number += 1
        first = next(rows, None)
        if first is None and number > 1:
            return
        page = workbook.add_worksheet(sheet.name if number == 1 else f"{sheet.name} {number}")
        page.freeze_panes(1, 0)
        for column, field in enumerate(sheet.fields):
            width = max(_WIDTHS.get(field.kind, 12), len(field.name) + 4)
            page.set_column(column, column, width)
        for column, field in enumerate(sheet.fields):
            page.write_string(0, column, field.name, bold)
        last = 0
        if first is not None:
            here = chain([first], islice(rows, SHEET_ROWS - 1))
            for last, row in enumerate(here, start=1):
                for column, (cell, write) in enumerate(zip(row, writers, strict=True)):
                    if cell:
                        write(page, last, column, cell, text)
        # After the rows, because the range must be known.
        page.autofilter(0, 0, last, len(sheet.fields) - 1)


def _xlsx_writer(
    kind: ValueType, formats: Mapping[ValueType, Any]
) -> Callable[[Any, int, int, Any, Any], None]:
    def write_number(page: Any, row: int, column: int, cell: Any, text: Any) -> None:
        # Spreadsheets compute with doubles anyway.
        page.write_number(row, column, float(cell))

    def write_text(page: Any, row: int, column: int, cell: Any, text: Any) -> None:
        plain = cell if isinstance(cell, str) else join_list(cell)
        page.write_string(row, column, _fitting(plain), text)

    def write_time(page: Any, row: int, column: int, cell: Any, text: Any) -> None:
        moment = _moment(cell, kind)
        if moment is None:
            write_text(page, row, column, cell, text)
        else:
            page.write_datetime(row, column, moment, formats[kind])

    if kind in _NUMBERS:
        return write_number
    return write_time if kind in formats else write_text


def _moment(cell: str, kind: ValueType) -> datetime | timedelta | None:
    """Return a cell as a time or a length; None for a part of a date, or free text."""
    try:
        if kind == ValueType.OFFSET:
            hours, minutes, seconds = cell.split(":")
            return timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))
        moment = datetime.fromisoformat(cell).replace(tzinfo=None)
    except ValueError:
        return None
    whole = len("2026-01-01") if kind == ValueType.DATE else len(cell)
    return moment if len(cell) == whole and moment >= _FIRST_DAY else None


def _fitting(text: str) -> str:
    """Shorten text to a cell's limit, which counts UTF-16 code units."""
    if len(text.encode("utf-16-le")) // 2 <= CELL_CHARS:
        return text
    shortened = text.encode("utf-16-le")[: 2 * (CELL_CHARS - 1)]
    return f"{shortened.decode('utf-16-le', 'ignore')}…"


def _flat(manifest: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the manifest as pairs of dotted name and text."""
    for name, value in manifest.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            yield f"{prefix}{name}", ", ".join(str(entry) for entry in value)
        else:
            yield f"{prefix}{name}", "" if value is None else str(value)


def write_parquet(target: Path, rows: Rows, fields: Sequence[ColumnType], schema: str) -> None:
    """Write typed columns; the file contains no timestamp."""
    # Imported late: it takes as much memory as the rest of a report.
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {
        ValueType.INTEGER: pa.int64(),
        ValueType.DECIMAL: pa.decimal128(9, 2),
        ValueType.TIME: pa.timestamp("ms", tz="UTC"),
        ValueType.YES_NO: pa.bool_(),
        ValueType.LIST: pa.list_(pa.string()),
    }
    arrow = pa.schema(
        [pa.field(field.name, types.get(field.kind, pa.string())) for field in fields],
        metadata={"report_schema": schema},
    )
    remaining = iter(rows)
    with pq.ParquetWriter(target, arrow, compression="zstd") as writer:
        while chunk := list(islice(remaining, _ROW_GROUP)):
            columns = [
                pa.array(
                    [_parquet_value(row[place], field.kind) for row in chunk],
                    type=arrow.field(place).type,
                )
                for place, field in enumerate(fields)
            ]
            writer.write_batch(pa.record_batch(columns, schema=arrow))


def _parquet_value(cell: Cell, kind: ValueType) -> object:
    if not isinstance(cell, str):
        return cell
    if not cell:
        return None
    convert = _PARQUET_FROM_TEXT.get(kind)
    return convert(cell) if convert is not None else cell


_PARQUET_FROM_TEXT: dict[ValueType, Callable[[str], object]] = {
    ValueType.INTEGER: int,
    ValueType.DECIMAL: Decimal,
    ValueType.YES_NO: lambda text: text == "yes",
    ValueType.TIME: lambda text: datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC),
}
