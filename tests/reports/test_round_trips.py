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
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imports.tables import open_table, rows_of
from reports.cells import Cell, ColumnType, ValueType, as_cell, cell_text, offset
from reports.choices import Format, Mode
from reports.layouts import Layout, schema_of
from reports.rows import KeptRow
from reports.tables import Sheet, write_parquet, write_xlsx
from tests.reports.cells import read_cell, split_items

MODE = Mode.MATCH
FIELDS = schema_of(MODE).fields
NASTY = "'=+-@\t\r\n\0|\\\",;＝＋－＠\u202e\u200f\ufeff🎵"
TEXT = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from(NASTY)), max_size=40
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
    ValueType.DECIMAL: st.decimals(-9999, 9999, places=2).map(lambda value: f"{value:f}"),
    ValueType.OFFSET: st.integers(0, 10**9).map(lambda ms: as_cell(ms, ValueType.OFFSET)),
    ValueType.TIME: UTC_TIMES.map(lambda value: as_cell(value, ValueType.TIME)),
}
ROWS = st.lists(
    st.tuples(*(st.none() | CELLS[field.kind] for field in FIELDS)).map(list),
    min_size=1,
    max_size=2,
)
# One text column is never empty, so that no reader takes a row for a blank line.
SAID = "match-report/5"


def as_kept(rows: Sequence[list[Cell]]) -> list[KeptRow]:
    """Return the rows as a run stores them."""
    return [([SAID, *row[1:]], []) for row in rows]


def as_read(row: Sequence[Cell]) -> list[Cell]:
    """Return a row as its text reads back: an empty text is unknown."""
    return [SAID, *(cell or None for cell in row[1:])]


def written(rows: Sequence[list[Cell]], name: Format = Format.CSV) -> bytes:
    return b"".join(Layout(format=name).pieces(as_kept(rows), {}))


def read_back(texts: Sequence[str], fields: Sequence[ColumnType] = FIELDS) -> list[Cell]:
    """Return the values of text cells, with the guard removed."""
    return [read_cell(text, field.kind) for text, field in zip(texts, fields, strict=True)]


# Making a row of all columns takes longer than reading it, so that all readers share it.
@pytest.mark.soak
@given(ROWS)
@settings(max_examples=25, deadline=None)
def test_every_reader_reads_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[Cell]]
) -> None:
    expected = [as_read(row) for row in rows]
    content = written(rows)
    folder = tmp_path_factory.mktemp("written")
    target = folder / "report.csv"
    target.write_bytes(content)

    text = io.StringIO(content.decode("utf-8-sig"), newline="")
    _header, *lines = csv.reader(text)
    assert [read_back(row) for row in lines] == expected
    assert _read_by_our_importer(target) == [
        [cell_text(cell or "", ValueType.ENUM) for cell in row] for row in expected
    ]
    assert _read_by_pandas(content) == expected
    assert _read_by_duckdb(target) == expected
    assert _read_json_lines(written(rows, Format.JSON_LINES)) == expected

    cells = [cells for cells, _ in as_kept(rows)]
    write_parquet(folder / "report.parquet", cells, FIELDS, SAID)
    by_arrow, by_duckdb = _read_parquet(folder / "report.parquet")
    assert by_arrow == expected
    assert by_duckdb == expected

    write_xlsx(folder / "report.xlsx", [Sheet("matches", FIELDS, cells)], {})
    page = openpyxl.load_workbook(folder / "report.xlsx")["matches"]
    assert [
        [_of_sheet(value, field) for value, field in zip(row, FIELDS, strict=True)]
        for row in page.iter_rows(min_row=2, values_only=True)
    ] == expected


def _read_by_our_importer(target: Path) -> list[list[str]]:
    with open_table(target) as table:
        return [list(row.cells) for row in rows_of(table)]


def _read_by_pandas(content: bytes) -> list[list[Cell]]:
    """Read with the Python engine; the C engine ends a cell at a NUL."""
    # Takes long to load, and all processes collect all tests.
    import pandas as pd

    table = pd.read_csv(
        io.BytesIO(content),
        dtype=str,
        keep_default_na=False,
        encoding="utf-8-sig",
        engine="python",
        skip_blank_lines=False,
    )
    return [read_back(list(row)) for row in table.values]


def _read_by_duckdb(target: Path) -> list[list[Cell]]:
    columns = ", ".join(f"'{field.name}': 'VARCHAR'" for field in FIELDS)
    read = duckdb.sql(
        f"SELECT * FROM read_csv('{target}', header = true, delim = ',', "  # noqa: S608 - our own name
        "quote = '\"', escape = '\"', new_line = '\\r\\n', auto_detect = false, "
        f"columns = {{{columns}}})"
    )
    assert read is not None
    return [read_back([text or "" for text in row]) for row in read.fetchall()]


def _read_json_lines(content: bytes) -> list[list[Cell]]:
    objects = [json.loads(line, parse_float=Decimal) for line in content.decode().split("\n")[:-1]]
    return [
        [_plain(value, field) for value, field in zip(row.values(), FIELDS, strict=True)]
        for row in objects
    ]


def _plain(value: object, field: ColumnType) -> Cell:
    if value is None or value == []:
        return None
    if isinstance(value, list):
        return [str(item) for item in value]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field.kind == ValueType.DECIMAL:
        return f"{Decimal(str(value)):.2f}"
    return str(value)


def _read_parquet(target: Path) -> tuple[list[list[Cell]], list[list[Cell]]]:
    """Return the rows as Arrow and as DuckDB read them, with their types."""
    tables = pq.read_table(target), duckdb.read_parquet(str(target)).to_arrow_table()
    by_arrow, by_duckdb = (
        [
            [
                as_cell(value, field.kind) or None
                for value, field in zip(row.values(), FIELDS, strict=True)
            ]
            for row in table.to_pylist()
        ]
        for table in tables
    )
    return by_arrow, by_duckdb


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
    text = re.sub("_x([0-9A-Fa-f]{4})_", lambda match: chr(int(match.group(1), 16)), value)
    return split_items(text) if field.kind == ValueType.LIST else text


def test_ten_thousand_characters_of_everything_survive(tmp_path: Path) -> None:
    text = ('=1+1 "quoted"\r\n\0🎵\u202egpj.exe' * 500)[:10_000]
    row: list[Cell] = [text if column.kind == ValueType.TEXT else None for column in FIELDS]

    _header, line = csv.reader(io.StringIO(written([row]).decode("utf-8-sig"), newline=""))
    assert read_back(line) == as_read(row)
    assert json.loads(written([row], Format.JSON_LINES))["title"] == text
    assert json.loads(written([row], Format.JSON))["rows"][0]["title"] == text

    # A workbook has LF alone.
    text = text.replace("\r", "")
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
    into, out = (tmp_path / "out", "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,true,true")
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
    header, *lines = csv.reader(io.StringIO(text, newline=""))

    assert header == [field.name for field in FIELDS]
    assert lines == [
        [
            _as_libreoffice_keeps(cell_text(cell, field.kind))
            for cell, field in zip(as_read(row), FIELDS, strict=True)
        ]
        for row in rows
    ]


def _as_libreoffice_keeps(text: str) -> str:
    return _CONTROLS.sub("", _LINE_ENDS.sub("\n", text))


def _nasty_rows(count: int) -> list[list[Cell]]:
    """Return rows of random text, the same in each run."""
    chance = random.Random(7)  # noqa: S311 - no secret

    def text() -> str:
        pool = [*NASTY, *(chr(chance.choice([65, 233, 0x5D0, 0x4E2D])) for _ in range(9))]
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
