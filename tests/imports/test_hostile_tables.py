"""Hostile tables and archives are refused early, with a clear message."""

from __future__ import annotations

import io
import resource
import tracemalloc
import zipfile
from datetime import date, datetime
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from openpyxl import Workbook
from pytest_django import Settings

from imports import tables as import_tables
from imports import unpacking
from imports.errors import ImportRefused, RowFault, TableRefused
from imports.recordings.zip_audio import Archive, open_archive
from imports.tables import open_table, rows_of

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
    """Return the workbook with some of its files replaced."""
    with zipfile.ZipFile(workbook) as whole:
        held = {name: whole.read(name) for name in whole.namelist()}
    other_path = workbook.with_name("changed.xlsx")
    with zipfile.ZipFile(other_path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in (held | parts).items():
            made.writestr(name, content)
    return other_path


def read(path: Path) -> list[tuple[str, ...]]:
    return [row.cells for row in rows_of(open_table(path))]


def sheet(rows: str) -> str:
    return f"{_HEAD}<sheetData>{rows}</sheetData></worksheet>"


def row(number: int) -> str:
    return f'<row r="{number}">{_CELLS.format(row=number)}</row>'


def test_a_workbook_is_read_as_it_is_whatever_its_name(workbook: Path) -> None:
    other_path = changed(workbook, {SHEET: sheet(row(1) + row(3))})

    assert read(workbook.rename(workbook.with_name("table"))) == [("L1", "Night Drive")]
    assert read(other_path) == [("a", "b")]


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


def test_texts_without_end_are_refused(workbook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_tables, "MAX_TEXTS_BYTES", 1_000_000)
    texts = f"<sst>{'<si><t>x</t></si>' * 100_000}</sst>"

    with pytest.raises(TableRefused, match="too much text"):
        read(changed(workbook, {TEXTS: texts}))


TAMPERED: list[tuple[str, str | bytes]] = [
    (SHEET, "<!DOCTYPE a [<!ENTITY b 'x'><!ENTITY c '&b;&b;'>]><a>&c;</a>"),
    (SHEET, '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'),
    (SHEET, "<worksheet><sheetData><row"),
    (SHEET, sheet('<row r="1"><c r="A1" t="s"><v>999999999</v></c></row>')),
    (SHEET, sheet('<row r="x"><c r="!!"><v>1</v></c></row>')),
    ("xl/workbook.xml", "<workbook/>"),
    ("xl/workbook.xml", b"\x00\xff"),
    ("[Content_Types].xml", "<Types/>"),
]


def test_what_somebody_tampered_with_is_refused(workbook: Path) -> None:
    for part, content in TAMPERED:
        with pytest.raises(TableRefused):
            read(changed(workbook, {part: content}))


def test_rows_and_columns_that_are_only_claimed_cost_nothing(workbook: Path) -> None:
    far = sheet(row(1) + row(2) + row(9_999_999_999))
    wide = sheet(row(1) + row(2).replace("B2", "XFD2"))
    vast = sheet(row(1)).replace("<sheetData>", '<dimension ref="A1:XFD1"/><sheetData>')

    assert read(changed(workbook, {SHEET: far})) == [("a", "b")]
    assert read(changed(workbook, {SHEET: vast})) == []
    with pytest.raises(TableRefused, match="200 columns"):
        read(changed(workbook, {SHEET: wide}))


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_tables, "_MAX_LINE", 1_000)
    table = tmp_path / "table.csv"
    table.write_text("custom_id,title\nL1," + "," * 5_000, encoding="utf-8")

    with pytest.raises(TableRefused, match="Line 2 is longer"):
        read(table)


def zipped(**contents: bytes) -> zipfile.ZipFile:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in contents.items():
            made.writestr(name.replace("__", "/").replace("UP", ".."), content)
    return zipfile.ZipFile(held)


def test_names_in_an_archive_are_no_paths_and_large_files_are_left(settings: Settings) -> None:
    files = {"bomb": bytes(5_000_000), "UP__UP__etc__passwd": b"audio"}
    archive = Archive(zipped(**files, __absolute=b"other"))

    climbing, absolute = archive.open("../../etc/passwd"), archive.open("/absolute")
    settings.ACRPORTAL_MAX_FILE_BYTES = 1_000
    too_large = archive.open("bomb")

    assert climbing is not None
    assert (climbing.name, climbing.read()) == ("passwd", b"audio")
    assert absolute is not None
    assert absolute.name == "absolute"
    assert archive.open("/etc/passwd") is None
    assert too_large is None


def test_a_lying_or_damaged_file_costs_its_row_alone() -> None:
    honest = zipped(a=b"x" * 100_000).fp
    whole = zipped(a=escape("x<" * 1_000).encode()).fp
    assert isinstance(honest, io.BytesIO)
    assert isinstance(whole, io.BytesIO)
    size = (100_000).to_bytes(4, "little")
    damaged = bytearray(whole.getvalue())
    damaged[40] ^= 0xFF

    for content in (honest.getvalue().replace(size, (10).to_bytes(4, "little")), damaged):
        with pytest.raises(RowFault, match="cannot be read from the ZIP"):
            Archive(zipfile.ZipFile(io.BytesIO(content))).open("a")


def test_a_bomb_costs_the_parent_no_memory(workbook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_tables, "WORKBOOK_MEMORY_BYTES", 64 * 1024**2)
    wide = "<r>" + "<x/>" * 6_000_000 + "</r>"
    styles = changed(workbook, {"xl/styles.xml": wide})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(TableRefused):
        read(styles)

    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert styles.stat().st_size < 200_000
    assert grown_kb < 50_000


def test_more_cells_than_allowed_are_refused_before_they_are_parsed(
    workbook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_tables, "MAX_CELLS", 10_000)
    rows = "".join(f"<row>{'<c/>' * 20}</row>" for _ in range(1_000))

    with pytest.raises(TableRefused, match="more than 10,000 cells"):
        read(changed(workbook, {SHEET: sheet(rows)}))


def test_a_child_that_takes_too_long_is_ended(
    workbook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_tables, "WORKBOOK_CPU_S", 1)
    rows = "".join(row(1).replace(' r="1"', "") for _ in range(400_000))

    with pytest.raises(TableRefused, match="too much time or memory to read"):
        read(changed(workbook, {SHEET: sheet(rows)}))


def test_other_kinds_of_files_are_refused_with_what_to_do(tmp_path: Path) -> None:
    table = tmp_path / "table"
    for content, says in (
        (b"\xd0\xcf\x11\xe0old", "before 2007"),
        (b"\xff\xfec\0u\0s", "not UTF-16 text"),
        (b"%PDF-1.7", "PDF"),
    ):
        table.write_bytes(content)

        with pytest.raises(TableRefused, match=says):
            read(table)


def test_cells_are_read_as_a_person_sees_them(tmp_path: Path) -> None:
    book = Workbook()
    moment = datetime(2026, 1, 2, 3, 4)  # noqa: DTZ001 - workbooks know no zones
    rows: list[list[object]] = [
        ["custom_id", "title", "released", "moment", "share"],
        [17, "plain", date(2026, 1, 2), moment, 12.5],
        [None] * 5,
        ["L2", "merged", "", 2000000000015, 50.0],
    ]
    for cells in rows:
        book.active.append(cells)  # type: ignore[union-attr]  # a new book has a sheet
    book.active.merge_cells("B4:C4")  # type: ignore[union-attr]
    book.save(tmp_path / "table.xlsx")

    assert read(tmp_path / "table.xlsx") == [
        ("17", "plain", "2026-01-02", "2026-01-02 03:04:00", "12.5"),
        ("L2", "merged", "", "2000000000015", "50"),
    ]


def test_a_formula_without_a_value_is_no_empty_cell(tmp_path: Path) -> None:
    book = Workbook()
    for cells in (["custom_id", "title"], ["L1", '=CONCATENATE("a","b")']):
        book.active.append(cells)  # type: ignore[union-attr]  # a new book has a sheet
    book.save(tmp_path / "table.xlsx")

    with pytest.raises(TableRefused, match="Cell B2 contains a formula"):
        read(tmp_path / "table.xlsx")


def test_a_zip_of_very_many_files_is_refused_before_it_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "_MAX_ENTRIES", 100)
    few, many = tmp_path / "few.zip", tmp_path / "many.zip"
    for path, number in ((few, 100), (many, 101)):
        with zipfile.ZipFile(path, "w") as made:
            made.comment = b"packed by hand"
            for key in range(number):
                made.writestr(f"{key}.wav", b"audio")

    with open_archive(few) as archive:
        assert archive.open("7.wav") is not None
    with pytest.raises(ImportRefused, match="more than 100 files"), open_archive(many):
        pass
