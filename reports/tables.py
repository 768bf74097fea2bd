"""Writes rows as files for spreadsheets and data tools: XLSX and Parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path
from typing import Any

from reports.schemas import Field
from reports.values import Cell, Kind, join_items
from reports.writers import Rows

SHEET_ROWS = 1_048_575
"""Rows that a sheet holds below its header."""
CELL_CHARS = 32_767
"""What a cell of a sheet holds; a longer text ends in an ellipsis."""
_NUMBERS = frozenset({Kind.INTEGER, Kind.DECIMAL})
_MADE = datetime(2000, 1, 1)  # noqa: DTZ001 - stands in every file, so it is none
_ROW_GROUP = 2_000


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of a workbook; one that is too long goes on in further sheets."""

    name: str
    fields: Sequence[Field]
    rows: Rows


def write_xlsx(
    target: Path, sheets: Iterable[Sheet], manifest: Mapping[str, object]
) -> None:
    """Write a workbook; text stays text, whatever it looks like."""
    # Loaded where it is needed, like what writes Parquet below.
    import xlsxwriter

    workbook = xlsxwriter.Workbook(
        str(target),
        {
            "constant_memory": True,
            "tmpdir": str(target.parent),
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "use_zip64": True,
        },
    )
    workbook.set_properties({"created": _MADE, "comments": ""})
    bold = workbook.add_format({"bold": True})
    text = workbook.add_format({"num_format": "@"})
    for sheet in sheets:
        _write_sheets(workbook, sheet, bold, text)
    page = workbook.add_worksheet("manifest")
    page.set_column(0, 0, 24)
    page.set_column(1, 1, 80)
    for number, (name, value) in enumerate(_flat(manifest)):
        page.write_string(number, 0, name, bold)
        page.write_string(number, 1, _fitting(value), text)
    workbook.close()


def _write_sheets(workbook: Any, sheet: Sheet, bold: Any, text: Any) -> None:
    """Write one table; Any: the library carries no types."""
    rows = iter(sheet.rows)
    writers = [_xlsx_writer(field.kind) for field in sheet.fields]
    number = 0
    while True:
        number += 1
        first = next(rows, None)
        if first is None and number > 1:
            return
        page = workbook.add_worksheet(
            sheet.name if number == 1 else f"{sheet.name} {number}"
        )
        page.freeze_panes(1, 0)
        for column, field in enumerate(sheet.fields):
            page.set_column(column, column, _width(field))
        for column, field in enumerate(sheet.fields):
            page.write_string(0, column, field.name, bold)
        last = 0
        if first is not None:
            here = chain([first], islice(rows, SHEET_ROWS - 1))
            for last, row in enumerate(here, start=1):
                for column, (cell, write) in enumerate(zip(row, writers, strict=True)):
                    if cell:
                        write(page, last, column, cell, text)
        page.autofilter(0, 0, last, len(sheet.fields) - 1)


def _xlsx_writer(kind: Kind) -> Callable[[Any, int, int, Any, Any], None]:
    def write_number(page: Any, row: int, column: int, cell: Any, text: Any) -> None:
        page.write_number(row, column, float(cell))

    def write_text(page: Any, row: int, column: int, cell: Any, text: Any) -> None:
        plain = cell if isinstance(cell, str) else join_items(cell)
        page.write_string(row, column, _fitting(plain), text)

    return write_number if kind in _NUMBERS else write_text


def _fitting(text: str) -> str:
    """Cut what a cell cannot hold, counted as spreadsheets count: in UTF-16."""
    if len(text.encode("utf-16-le")) // 2 <= CELL_CHARS:
        return text
    kept = text.encode("utf-16-le")[: 2 * (CELL_CHARS - 1)]
    return f"{kept.decode('utf-16-le', 'ignore')}…"


def _width(field: Field) -> int:
    widest = {Kind.TEXT: 24, Kind.LIST: 28, Kind.TIME: 20}
    return max(widest.get(field.kind, 12), len(field.name) + 4)


def _flat(
    manifest: Mapping[str, object], prefix: str = ""
) -> Iterator[tuple[str, str]]:
    """Return the manifest as lines of a name and a text."""
    for name, value in manifest.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            yield f"{prefix}{name}", ", ".join(str(each) for each in value)
        else:
            yield f"{prefix}{name}", "" if value is None else str(value)


def write_parquet(
    target: Path, rows: Rows, fields: Sequence[Field], schema: str
) -> None:
    """Write typed columns; nothing about the moment is in the file."""
    # Loaded where it is needed: it takes as much memory as the rest of a report.
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {
        Kind.INTEGER: pa.int64(),
        Kind.DECIMAL: pa.decimal128(9, 2),
        Kind.TIME: pa.timestamp("ms", tz="UTC"),
        Kind.YES_NO: pa.bool_(),
        Kind.LIST: pa.list_(pa.string()),
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


def _parquet_value(cell: Cell, kind: Kind) -> object:
    if not isinstance(cell, str):
        return cell
    if not cell:
        return None
    convert = _PARQUET_FROM_TEXT.get(kind)
    return convert(cell) if convert is not None else cell


_PARQUET_FROM_TEXT: dict[Kind, Callable[[str], object]] = {
    Kind.INTEGER: int,
    Kind.DECIMAL: Decimal,
    Kind.YES_NO: lambda text: text == "yes",
    Kind.TIME: lambda text: datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(
        tzinfo=UTC
    ),
}
