"""Tables and archives that were made to hurt: refused soon, and with a sentence."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from openpyxl import Workbook
from pytest_django import Settings

from catalogue import import_tables
from catalogue.import_tables import TableRefused, open_table, rows_of
from catalogue.importing import RowRefused
from portal.import_runs import Archive

SHEET = "xl/worksheets/sheet1.xml"
TEXTS = "xl/sharedStrings.xml"
_HEAD = '<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
_CELLS = '<c r="A{row}" t="inlineStr"><is><t>a</t></is></c><c r="B{row}" t="inlineStr"><is><t>b</t></is></c>'


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    """Return a small workbook as Excel writes it."""
    book = Workbook()
    for row in (["custom_id", "title"], ["L1", "Night Drive"]):
        book.active.append(row)  # type: ignore[union-attr]  # a new book has a sheet
    book.save(tmp_path / "table.xlsx")
    return tmp_path / "table.xlsx"


def changed(workbook: Path, parts: dict[str, str | bytes]) -> Path:
    """Return the workbook with parts of it replaced."""
    with zipfile.ZipFile(workbook) as whole:
        held = {name: whole.read(name) for name in whole.namelist()}
    other = workbook.with_name("changed.xlsx")
    with zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in (held | parts).items():
            made.writestr(name, content)
    return other


def read(path: Path) -> list[tuple[str, ...]]:
    """Read a table to its end."""
    return [row.cells for row in rows_of(open_table(path))]


def sheet(rows: str) -> str:
    """Return a sheet of raw rows."""
    return f"{_HEAD}<sheetData>{rows}</sheetData></worksheet>"


def row(number: int) -> str:
    """Return a row with two cells."""
    return f'<row r="{number}">{_CELLS.format(row=number)}</row>'


def test_a_workbook_is_read_as_it_is(workbook: Path) -> None:
    assert read(workbook) == [("L1", "Night Drive")]
    assert read(changed(workbook, {SHEET: sheet(row(1) + row(3))})) == [("a", "b")]


def test_what_unpacks_without_end_is_refused_before_it_is(
    workbook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_tables, "MAX_UNPACKED_BYTES", 5_000_000)
    bomb = changed(workbook, {"xl/media/image1.png": bytes(50_000_000)})
    tracemalloc.start()

    with pytest.raises(TableRefused, match="too large once unpacked"):
        read(bomb)

    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
    assert bomb.stat().st_size < 100_000


def test_texts_without_end_are_refused(
    workbook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_tables, "MAX_TEXTS_BYTES", 1_000_000)
    texts = f"<sst>{'<si><t>x</t></si>' * 100_000}</sst>"

    with pytest.raises(TableRefused, match="too much text"):
        read(changed(workbook, {TEXTS: texts}))


@pytest.mark.parametrize(
    ("part", "content"),
    [
        (SHEET, "<!DOCTYPE a [<!ENTITY b 'x'><!ENTITY c '&b;&b;'>]><a>&c;</a>"),
        (SHEET, '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'),
        (SHEET, "<worksheet><sheetData><row"),
        (SHEET, sheet('<row r="1"><c r="A1" t="s"><v>999999999</v></c></row>')),
        (SHEET, sheet('<row r="x"><c r="!!"><v>1</v></c></row>')),
        ("xl/workbook.xml", "<workbook/>"),
        ("xl/workbook.xml", b"\x00\xff"),
        ("[Content_Types].xml", "<Types/>"),
    ],
)
def test_what_somebody_tampered_with_is_refused(
    workbook: Path, part: str, content: str | bytes
) -> None:
    with pytest.raises(TableRefused):
        read(changed(workbook, {part: content}))


def test_rows_and_columns_that_are_only_claimed_cost_nothing(workbook: Path) -> None:
    far = sheet(row(1) + row(2) + row(9_999_999_999))
    wide = sheet(row(1) + row(2).replace("B2", "XFD2"))
    vast = sheet(row(1)).replace("<sheetData>", '<dimension ref="A1:XFD1"/><sheetData>')

    assert read(changed(workbook, {SHEET: far})) == [("a", "b")]
    assert read(changed(workbook, {SHEET: wide})) == [("a",)]
    with pytest.raises(TableRefused, match="200 columns"):
        read(changed(workbook, {SHEET: vast}))


def test_a_line_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_tables, "_MAX_LINE", 1_000)
    table = tmp_path / "table.csv"
    table.write_text("custom_id,title\nL1," + "," * 5_000, encoding="utf-8")

    with pytest.raises(TableRefused, match="Line 2 is longer"):
        read(table)


def zipped(**contents: bytes) -> zipfile.ZipFile:
    """Return an archive that is open."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in contents.items():
            made.writestr(name.replace("__", "/").replace("UP", ".."), content)
    return zipfile.ZipFile(held)


def test_names_in_an_archive_are_no_paths() -> None:
    archive = Archive(zipped(UP__UP__etc__passwd=b"audio", __absolute=b"other"))

    climbing, absolute = archive.open("../../etc/passwd"), archive.open("/absolute")

    assert climbing is not None
    assert climbing.name == "passwd"
    assert climbing.read() == b"audio"
    assert absolute is not None
    assert absolute.name == "absolute"
    assert archive.open("/etc/passwd") is None


def test_a_file_that_unpacks_to_more_than_may_come_is_left(
    settings: Settings,
) -> None:
    settings.ACRPORTAL_MAX_FILE_BYTES = 1_000

    assert Archive(zipped(bomb=bytes(5_000_000))).open("bomb") is None


def test_a_file_that_says_less_than_it_holds_is_refused() -> None:
    honest = zipped(a=b"x" * 100_000).fp
    assert honest is not None
    lying = honest.read() if honest.seek(0) == 0 else b""
    size = (100_000).to_bytes(4, "little")
    archive = zipfile.ZipFile(
        io.BytesIO(lying.replace(size, (10).to_bytes(4, "little")))
    )

    with pytest.raises(RowRefused, match="cannot be read from the ZIP"):
        Archive(archive).open("a")


def test_a_damaged_file_costs_its_row_alone() -> None:
    whole = zipped(a=escape("x<" * 1_000).encode()).fp
    assert whole is not None
    whole.seek(0)
    content = bytearray(whole.read())
    content[40] ^= 0xFF

    with pytest.raises(RowRefused, match="cannot be read from the ZIP"):
        Archive(zipfile.ZipFile(io.BytesIO(content))).open("a")
