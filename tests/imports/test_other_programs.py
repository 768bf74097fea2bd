"""Tables as spreadsheets, macOS and other programs write them.

The workbooks in ``cases`` rebuild circumstances that people reported in public.
"""

from __future__ import annotations

import io
import unicodedata
import zipfile
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from base.common.charsets import CHARSETS, decode_text, guess_charset
from base.common.table_text import read_decimal, read_percent
from catalogue.models import Bucket, Recording
from imports.errors import TableRefused
from imports.recordings.audio import AudioSource, Folder
from imports.recordings.summary import ImportSummary
from imports.recordings.work import make_import
from imports.recordings.zip_audio import Archive
from imports.tables import open_table, rows_of
from imports.workbook_cells import cell_text
from scanning.services.link_batches import rows_of_csv
from tests.factories.catalogue import BucketFactory

CASES = Path(__file__).parent / "cases"
HEADER = "custom_id;title;artists;isrc;upc;owner_share_pct;release_date;audio\r\n"


def rows(path: Path, encoding: str = "utf-8") -> list[tuple[int, tuple[str, ...]]]:
    with open_table(path, encoding=encoding) as table:
        return [(row.line, row.cells) for row in rows_of(table)]


def table_file(folder: Path, content: str | bytes) -> Path:
    path = folder / "table.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def import_recordings(path: Path, bucket: Bucket, audio: AudioSource) -> ImportSummary:
    with (
        open_table(path) as table,
        make_import(bucket=bucket, table=table, audio=audio, user=None, dry=False) as task,
    ):
        return task.run(io.StringIO())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a file whose name is decomposed, as on macOS."""
    (tmp_path / unicodedata.normalize("NFD", "Étude.ogg")).write_bytes(b"sound")
    return tmp_path


# Workbooks


def test_strict_open_xml_is_read() -> None:
    assert rows(CASES / "b3_strict_open_xml.xlsx") == [(2, ("d1", "Dim", "A"))]


moment = datetime.fromisoformat
# What a cell holds, its format, and the text that somebody sees, without lost digits.
SHOWN: list[tuple[Any, str, str]] = [  # Any: each type of a cell
    (0.5, "0%", "50%"),
    (1 / 3, "0.00%", "33.3333333333333%"),
    (0.07, "0.0 %", "7%"),
    (50, "General", "50"),
    (33.33, "0.00", "33.33"),
    (1480.0, "#,##0", "1480"),
    (12.5, '"$"#,##0.00', "$ 12.50"),
    (12.5, "#,##0.00 [$€-407]", "12.50 €"),
    (-3, '#,##0.00" CHF"', "-3.00 CHF"),
    (75678164125, "000000000000", "075678164125"),
    (42, "0000", "0042"),
    (9000000420, '"T-"000\\.000\\.000\\-0', "T-900.000.042-0"),
    (123, '"LC"00000', "LC00123"),
    (183000, '0" ms"', "183000"),
    (moment("2026-11-03T07:15"), "yyyy-mm-dd h:mm:ss", "2026-11-03 07:15:00"),
    (moment("2026-11-03T07:15"), "dd/mm/yyyy hh:mm", "2026-11-03 07:15"),
    (moment("2026-11-03T07:14:59.999"), "d.m.yy h:mm", "2026-11-03 07:15"),
    (moment("2026-11-03T07:15"), "yyyy-mm-dd", "2026-11-03"),
    (moment("2026-11-03"), "m/d/yy h:mm", "2026-11-03 00:00"),
    (moment("2026-11-03"), "[$-407]d. mmmm yyyy", "2026-11-03"),
    (moment("2016-06-01"), "mmm-yy", "2016-06"),
    (moment("2016-01-01"), "yyyy", "2016"),
    (time(7, 15), "h:mm", "07:15"),
    (time(0, 3, 45), "mm:ss", "00:03:45"),
    (time(7, 15), "h:mm AM/PM", "07:15"),
    (timedelta(hours=25), "[h]:mm:ss", "25:00:00"),
    (timedelta(minutes=30), "[h]:mm", "0:30:00"),
    (time(0, 0), "h:mm:ss", "00:00:00"),
    (moment("2023-08-03T14:07:11.000"), "dd.mm.yyyy", "2023-08-03"),
    ("0012", "General", "0012"),
    ("One\r\nTwo", "General", "One\r\nTwo"),
    ("0.5", "0%", "0.5"),
]  # fmt: skip


def test_a_cell_means_what_its_format_says(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(["a", "b"])
    for number, (value, number_format, _text) in enumerate(SHOWN, start=2):
        sheet.cell(number, 1, value).number_format = number_format
    book.save(tmp_path / "t.xlsx")

    read = [cells[0] for _line, cells in rows(tmp_path / "t.xlsx")]

    assert read == [text for _value, _format, text in SHOWN]


@given(
    value=st.one_of(
        st.floats(), st.integers(), st.datetimes(), st.times(), st.timedeltas(), st.dates()
    ),
    number_format=st.text('0#?.,%yYmMdDhHsS[]"\\;-/_* @€$AMP+E', max_size=20),
)
def test_every_value_has_a_text_in_every_format(value: object, number_format: str) -> None:
    assert cell_text(value, number_format)


@given(st.decimals(0, 100, places=4))
def test_a_percent_cell_is_its_share(share: Decimal) -> None:
    assert read_percent(cell_text(float(share / 100), "0.00%")) == share


def test_a_coloured_cell_at_the_edge_is_no_column(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(["custom_id", "title"])
    sheet.append(["L1", "Night Drive"])
    sheet["XFD1"].number_format = "0%"
    book.save(tmp_path / "t.xlsx")

    assert rows(tmp_path / "t.xlsx") == [(2, ("L1", "Night Drive"))]


def test_an_archive_with_backslashes_is_read(tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(CASES / "b1_rights_percent_cells.xlsx") as given_book,
        zipfile.ZipFile(tmp_path / "t.xlsx", "w") as made,
    ):
        for info in given_book.infolist():
            name = zipfile.ZipInfo("x")
            name.filename = info.filename.replace("/", "\\")
            made.writestr(name, given_book.read(info))

    assert len(rows(tmp_path / "t.xlsx")) == 2


def test_other_archives_are_refused_in_a_plain_sentence(tmp_path: Path) -> None:
    ods = r"OpenDocument file \(\.ods\)\. Save the table as \.xlsx or CSV"
    for part, sentence in (
        ("content.xml", ods),
        ("xl/workbook.bin", r"binary workbook \(\.xlsb\)"),
        ("readme.txt", "No line names the columns"),
        ("[Content_Types].xml", "Open it in a spreadsheet program, save it there as"),
    ):
        with zipfile.ZipFile(tmp_path / "t.xlsx", "w") as made:
            made.writestr(part, "<a/>")

        with pytest.raises(TableRefused, match=sentence):
            rows(tmp_path / "t.xlsx")


# CSV


def test_line_ends_of_old_macs_are_read(tmp_path: Path) -> None:
    content = "sep=;\rtitle;artists\rOne;A\r"

    assert rows(table_file(tmp_path, content)) == [(3, ("One", "A"))]
    assert rows_of_csv(content.encode())[1] == ["One", "A"]


@pytest.mark.django_db
def test_cells_of_recordings_are_read_as_people_mean_them(folder: Path) -> None:
    """All of one table, whose rows are in the order of ``HEADER``."""
    lines = {
        # Invisible characters in codes do not count.
        "c1": "ZZ\u2011X01\u200b2600001;\ufeff2000000000015;;",
        # Shares have commas and percent signs.
        "m1": ";;33,33;2016",
        "m2": ";;50 %;2016",
        "m3": ";;12,5%;2016",
        # A spreadsheet dropped the zeros before a UPC.
        "u1": ";75678164125;;",
        "u2": ";8811111120;;",
        # A date with midnight is a date.
        "d1": ";;;2016-06-28 00:00:00",
        "bad": ";75678164126;;",
    }
    for number in range(len(lines)):
        (folder / f"{number}.ogg").write_bytes(b"sound %d" % number)
    content = "".join(
        f"{name};Title;A;{cells};{number}.ogg\r\n"
        for number, (name, cells) in enumerate(lines.items())
    )

    summary = import_recordings(
        table_file(folder, HEADER + content), BucketFactory.create(), Folder(folder)
    )

    fields = {row.custom_id: row for row in Recording.objects.all()}
    assert fields["c1"].isrc_normalised == "ZZX012600001"
    assert fields["c1"].upc == "2000000000015"
    assert [fields[name].user_defined["owner_share_pct"] for name in ("m1", "m2", "m3")] == [
        "33.33",
        "50",
        "12.5",
    ]
    assert [fields[name].upc for name in ("u1", "u2")] == ["075678164125", "008811111120"]
    assert fields["d1"].release_date == "2016-06-28"
    assert cell_text(date(2016, 6, 28), "General") == "2016-06-28"
    # Its check digit does not fit.
    assert fields["bad"].upc == ""
    assert [note["column"] for note in summary.warnings] == ["upc"]


def test_a_first_line_may_name_the_separator(tmp_path: Path) -> None:
    for first in ("sep=;", '"sep=;"', "SEP=;;;;;;;;"):
        content = f"\ufeff{first}\r\n{HEADER}k1;Sep;A;;;50;2016;\r\n"

        read = rows(table_file(tmp_path, content))

        assert read == [(3, ("k1", "Sep", "A", "", "", "50", "2016", ""))], first


def test_a_separator_that_the_header_would_not_show(tmp_path: Path) -> None:
    content = "sep=|\ntitle, long|artists, all\nOne, two|A\n"

    assert rows(table_file(tmp_path, content)) == [(3, ("One, two", "A"))]


@given(st.decimals(0, 10**6, places=2))
def test_commas_and_points_are_the_same_number(number: Decimal) -> None:
    text = f"{number:.2f}"

    assert read_decimal(text, most=10**6) == number
    assert read_decimal(text.replace(".", ","), most=10**6) == number


def test_a_comma_that_may_group_thousands_is_no_number() -> None:
    assert read_decimal("12,500", most=10**6) is None
    assert read_decimal("12,500", most=100) == Decimal("12.5")
    assert read_decimal("0,125", most=10**6) == Decimal("0.125")
    for text in ("", "1e3", "+1", "-1", "1.2.3", "1 %", "NaN", "١٢"):
        assert read_decimal(text, most=10**6) is None


def test_the_advice_names_the_encoding(tmp_path: Path) -> None:
    for text, charset in (
        ("Dawid Podsiadło;Małomiasteczkowy", "windows-1250"),
        ("Jiří Suchý;Dvořákův kůň", "windows-1250"),
        ("Françoise Hardy;Désenchantée", "windows-1252"),
        ("Motörhead;Männer sind Schweine", "windows-1252"),
        ("Кино;Группа крови", "windows-1251"),
        ("Μίκης Θεοδωράκης;Ζορμπάς", "windows-1253"),
        ("Кино;Группа крови", "koi8-r"),
    ):
        content = f"title;artists\nA;B\n{text}\n".encode(charset)
        table = table_file(tmp_path, content)

        with pytest.raises(TableRefused, match=rf"Line 3.*choose {CHARSETS[charset]}\."):
            rows(table)

        assert rows(table, encoding=charset)[1][1] == tuple(text.split(";"))


@given(st.binary(max_size=200))
def test_any_bytes_have_an_encoding(content: bytes) -> None:
    assert guess_charset(content) in CHARSETS
    assert isinstance(decode_text(content), str)


def test_tables_of_links_are_read_alike() -> None:
    content = "sep=;\r\nurl;programme\r\nhttps://a.example/1.mp3;Małomiasteczkowy\r\n"

    read = rows_of_csv(content.encode("windows-1250"))

    assert read[1] == ["https://a.example/1.mp3", "Małomiasteczkowy"]


# Names


@pytest.mark.django_db
def test_a_decomposed_name_in_a_folder_is_found(folder: Path) -> None:
    for name in ("Étude.ogg", "E\u0301tude.ogg"):
        line = f"custom_id,title,artists,audio\nn1,Étude,A,{name}\n"
        table, bucket = table_file(folder, line), BucketFactory.create()

        assert import_recordings(table, bucket, Folder(folder)).added == 1, name


def test_names_in_archives_of_other_systems_are_found() -> None:
    # macOS writes decomposed UTF-8 without the flag for it, Windows backslashes.
    decomposed = "E\u0301tude.ogg".encode()
    windows = zipfile.ZipInfo()
    windows.filename = "disc 1\\three.ogg"
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as made:
        made.writestr("x" * len(decomposed), b"one")
        made.writestr("Café.ogg", b"two")
        made.writestr(windows, b"three")
    content = memory.getvalue().replace(b"x" * len(decomposed), decomposed)

    archive = Archive(zipfile.ZipFile(io.BytesIO(content)))

    for name in ("Étude.ogg", "Cafe\u0301.ogg", "disc 1/three.ogg", "three.ogg"):
        assert archive.open(name) is not None
