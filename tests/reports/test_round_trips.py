"""Any text in any column, written and read back with the recipients' programs.

A reader's limits beyond the guard are stated at its test.
"""

from __future__ import annotations

import csv
import io
import json
import random
import re
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imports.tables import open_table, rows_of
from reports.cells import Cell, ColumnType, ValueType, as_cell, cell_text, offset
from reports.choices import Format, Mode
from reports.layouts import SCHEMAS, Layout
from reports.rows import KeptRow
from reports.tables import Sheet, write_parquet, write_xlsx
from tests.reports.cells import read_cell, split_items

MODE = Mode.MATCH
FIELDS = SCHEMAS[MODE].fields
NASTY = "'=+-@\t\r\n\0|\\\",;＝＋－＠\u202e\u200f\ufeff🎵"
TEXT = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from(NASTY),
    ),
    max_size=40,
)
UTC_TIMES = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001 - as above
    timezones=st.just(UTC),
)
# A list with one empty text reads back as an empty list; our lists never contain one.
LISTS = st.lists(TEXT.filter(bool), max_size=3)
CELLS: dict[ValueType, st.SearchStrategy[Cell]] = {
    ValueType.TEXT: TEXT,
    ValueType.DATE: TEXT,
    ValueType.LIST: LISTS,
    ValueType.ENUM: st.sampled_from(["yes", "no", "embedded|acrcloud"]),
    ValueType.YES_NO: st.sampled_from(["yes", "no"]),
    ValueType.INTEGER: st.integers(-(10**12), 10**12).map(str),
    ValueType.DECIMAL: st.decimals(-9999, 9999, places=2).map(
        lambda value: f"{value:f}"
    ),
    ValueType.OFFSET: st.integers(0, 10**9).map(
        lambda ms: as_cell(ms, ValueType.OFFSET)
    ),
    ValueType.TIME: UTC_TIMES.map(lambda value: as_cell(value, ValueType.TIME)),
}
ROWS = st.lists(
    st.tuples(*(st.none() | CELLS[field.kind] for field in FIELDS)).map(list),
    min_size=1,
    max_size=2,
)
some = settings(max_examples=15, deadline=None)
# One text column is never empty, so that no reader takes a row for a blank line.
SAID = "match-report/4"


def as_kept(rows: Sequence[list[Cell]]) -> list[KeptRow]:
    """Return the rows as a run stores them."""
    return [([SAID, *row[1:]], []) for row in rows]


def told(row: Sequence[Cell]) -> list[Cell]:
    """Return a row as its text reads back: an empty text is unknown."""
    return [SAID, *(cell or None for cell in row[1:])]


def written(rows: Sequence[list[Cell]], name: Format = Format.CSV) -> bytes:
    return b"".join(Layout(format=name).pieces(as_kept(rows), {}))


def read_back(
    texts: Sequence[str], fields: Sequence[ColumnType] = FIELDS
) -> list[Cell]:
    """Return the values of text cells, with the guard removed."""
    return [
        read_cell(text, field.kind) for text, field in zip(texts, fields, strict=True)
    ]


@given(ROWS)
@some
def test_csv_module_reads_what_was_written(rows: list[list[Cell]]) -> None:
    text = written(rows).decode("utf-8-sig")

    _header, *found = csv.reader(io.StringIO(text, newline=""))

    assert [read_back(row) for row in found] == [told(row) for row in rows]


@given(ROWS)
@some
def test_our_importer_reads_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[Cell]]
) -> None:
    target = tmp_path_factory.mktemp("import") / "report.csv"
    target.write_bytes(written(rows))

    found = [row.cells for row in rows_of(open_table(target))]

    expected = [
        [
            cell if isinstance(cell, str) else cell_text(cell, ValueType.ENUM)
            for cell in ((part or "") for part in told(row))
        ]
        for row in rows
    ]
    assert [list(cells) for cells in found] == expected


@given(ROWS)
@some
def test_json_lines_are_read_without_any_rule(rows: list[list[Cell]]) -> None:
    lines = written(rows, Format.JSON_LINES).decode().split("\n")[:-1]

    found = [json.loads(line, parse_float=Decimal) for line in lines]

    assert [
        [
            _plain(value, field)
            for value, field in zip(row.values(), FIELDS, strict=True)
        ]
        for row in found
    ] == [told(row) for row in rows]


def _plain(value: object, field: ColumnType) -> Cell:
    if value is None or value == []:
        return None
    if isinstance(value, list):
        return [str(each) for each in value]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field.kind == ValueType.DECIMAL:
        return f"{Decimal(str(value)):.2f}"
    return str(value)


@given(ROWS)
@some
def test_pandas_reads_what_was_written(rows: list[list[Cell]]) -> None:
    """This uses the Python engine; the C engine ends a cell at a NUL."""
    table = pd.read_csv(
        io.BytesIO(written(rows)),
        dtype=str,
        keep_default_na=False,
        encoding="utf-8-sig",
        engine="python",
        skip_blank_lines=False,
    )

    assert [read_back(list(row)) for row in table.values] == [told(row) for row in rows]


@given(ROWS)
@some
def test_duckdb_reads_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[Cell]]
) -> None:
    target = tmp_path_factory.mktemp("duckdb") / "report.csv"
    target.write_bytes(written(rows))

    columns = ", ".join(f"'{field.name}': 'VARCHAR'" for field in FIELDS)
    read = duckdb.sql(
        f"SELECT * FROM read_csv('{target}', header = true, delim = ',', "  # noqa: S608 - our own name
        "quote = '\"', escape = '\"', new_line = '\\r\\n', auto_detect = false, "
        f"columns = {{{columns}}})"
    )
    assert read is not None
    found = read.fetchall()

    assert [read_back([text or "" for text in row]) for row in found] == [
        told(row) for row in rows
    ]


@given(ROWS)
@some
def test_parquet_is_read_with_its_types(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[Cell]]
) -> None:
    target = tmp_path_factory.mktemp("parquet") / "report.parquet"
    write_parquet(target, [cells for cells, _ in as_kept(rows)], FIELDS, SAID)

    by_arrow = [list(row.values()) for row in pq.read_table(target).to_pylist()]
    by_duckdb = [
        list(row.values())
        for row in duckdb.read_parquet(str(target)).to_arrow_table().to_pylist()
    ]

    expected = [told(row) for row in rows]
    assert [_as_cells(row) for row in by_arrow] == expected
    assert [_as_cells(row) for row in by_duckdb] == expected


def _as_cells(values: Sequence[object]) -> list[Cell]:
    return [
        as_cell(value, field.kind) or None  # type: ignore[arg-type]  # what the types allow
        for value, field in zip(values, FIELDS, strict=True)
    ]


@given(ROWS)
@some
def test_workbook_holds_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[Cell]]
) -> None:
    target = tmp_path_factory.mktemp("xlsx") / "report.xlsx"
    sheet = Sheet("matches", FIELDS, [cells for cells, _ in as_kept(rows)])
    write_xlsx(target, [sheet], {})

    page = openpyxl.load_workbook(target)["matches"]

    found = list(page.iter_rows(min_row=2, values_only=True))
    assert [
        [_of_sheet(value, field) for value, field in zip(row, FIELDS, strict=True)]
        for row in found
    ] == [told(row) for row in rows]


def _of_sheet(value: object, field: ColumnType) -> Cell:
    if value is None:
        return None
    if field.kind in (ValueType.INTEGER, ValueType.DECIMAL):
        assert isinstance(value, int | float)
        return str(value) if field.kind == ValueType.INTEGER else f"{value:.2f}"
    if isinstance(value, timedelta):
        return offset(round(value.total_seconds() * 1000))
    if isinstance(value, datetime):
        is_day = field.kind == ValueType.DATE
        return f"{value:%Y-%m-%d}" if is_day else f"{value:%Y-%m-%dT%H:%M:%S}Z"
    assert isinstance(value, str)
    # Spreadsheets write characters that XML cannot hold as _xHHHH_.
    text = re.sub(
        "_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found.group(1), 16)), value
    )
    return split_items(text) if field.kind == ValueType.LIST else text


@pytest.mark.parametrize("name", [Format.CSV, Format.JSON_LINES, Format.JSON])
def test_ten_thousand_characters_of_everything_survive(name: Format) -> None:
    text = ('=1+1 "quoted"\r\n\0🎵\u202egpj.exe' * 500)[:10_000]
    row: list[Cell] = [text if each.kind == ValueType.TEXT else None for each in FIELDS]

    content = written([row], name).decode("utf-8-sig")

    if name == Format.CSV:
        _header, found = csv.reader(io.StringIO(content, newline=""))
        assert read_back(found) == told(row)
    else:
        told_by = json.loads(content)
        kept = told_by["rows"][0] if name == Format.JSON else told_by
        assert kept["title"] == text


def test_ten_thousand_characters_survive_in_tables(tmp_path: Path) -> None:
    text = ('=1+1 "quoted"\n\0🎵\u202egpj.exe' * 500)[:10_000]
    fields = [field for field in FIELDS if field.name == "title"]

    write_parquet(tmp_path / "t.parquet", [[text]], fields, SAID)
    write_xlsx(tmp_path / "t.xlsx", [Sheet("s", fields, [[text]])], {})

    assert pq.read_table(tmp_path / "t.parquet")["title"].to_pylist() == [text]
    cell = openpyxl.load_workbook(tmp_path / "t.xlsx")["s"]["A2"]
    assert cell.data_type == "s"
    assert _of_sheet(cell.value, fields[0]) == text


# LibreOffice changes text cells: line ends become LF, other control characters vanish.
_LINE_ENDS = re.compile("\r\n|\n\r|\r")
_CONTROLS = re.compile("[\0-\x08\x0b-\x1f\x7f\ufffe\uffff]")


@pytest.mark.skipif(shutil.which("soffice") is None, reason="no LibreOffice here")
def test_libreoffice_opens_what_was_written(tmp_path: Path) -> None:
    rows = _nasty_rows(40)
    source = tmp_path / "report.csv"
    source.write_bytes(written(rows))
    every_column_as_text = "/".join(f"{place}/2" for place in range(1, len(FIELDS) + 1))
    into, out = (
        tmp_path / "out",
        "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,true,true",
    )
    subprocess.run(
        [
            *("soffice", "--headless", f"-env:UserInstallation=file://{tmp_path}/lo"),
            f"--infilter=CSV:44,34,76,1,{every_column_as_text},0,true,false",
            *("--convert-to", out, "--outdir", str(into), str(source)),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )

    text = (into / "report.csv").read_text(encoding="utf-8-sig")
    header, *found = csv.reader(io.StringIO(text, newline=""))

    assert header == [field.name for field in FIELDS]
    assert found == [
        [
            _as_libreoffice_keeps(cell_text(cell, field.kind))
            for cell, field in zip(told(row), FIELDS, strict=True)
        ]
        for row in rows
    ]


def _as_libreoffice_keeps(text: str) -> str:
    return _CONTROLS.sub("", _LINE_ENDS.sub("\n", text))


def _nasty_rows(count: int) -> list[list[Cell]]:
    """Return rows of random text, the same in each run."""
    chance = random.Random(7)  # noqa: S311 - no secret

    def text() -> str:
        pool = [
            *NASTY,
            *(chr(chance.choice([65, 233, 0x5D0, 0x4E2D])) for _ in range(9)),
        ]
        return "".join(chance.choices(pool, k=chance.randrange(12)))

    def cell(field: ColumnType) -> Cell:
        if field.kind == ValueType.LIST:
            return [text() or "x" for _ in range(chance.randrange(3))]
        if field.kind in (ValueType.TEXT, ValueType.DATE):
            return text()
        return {
            ValueType.ENUM: "yes",
            ValueType.YES_NO: "no",
            ValueType.INTEGER: str(chance.randrange(-9, 10**9)),
            ValueType.DECIMAL: f"{chance.randrange(-9999, 9999) / 100:.2f}",
            ValueType.OFFSET: as_cell(chance.randrange(10**9), ValueType.OFFSET),
            ValueType.TIME: "2026-05-02T10:11:12Z",
        }[field.kind]

    return [[cell(field) for field in FIELDS] for _ in range(count)]
