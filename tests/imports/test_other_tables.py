"""Tables as other programs and people write them: all that can be read is kept."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from openpyxl import Workbook

from base.accounts.roles import Role
from base.accounts.tokens import create_token
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from catalogue.models import Bucket, Recording
from imports import services
from imports.models import CatalogueImport, ImportStatus
from imports.recordings.kind import RECORDINGS
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db

LINK = "https://files.example/a.mp3"
PLAIN = f"Id;Title;Artist;Link\nL1;Größe;A. Example;{LINK}\n"
HTML = (
    "<html><head><meta charset='{charset}'></head><body><table border=1>"
    "<tr><td colspan=4>Catalogue of X, as of 1.11.2026</td></tr>"
    "<tr><th>Id</th><th>Title</th><th>Artist</th><th>Link</th></tr>"
    f"<tr><td>L1</td><td>Gr&ouml;&szlig;e</td><td>A.<br>Example</td><td>{LINK}</td></tr>"
    "</table></body></html>"
)
SPREADSHEET = (
    '<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n'
    '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"'
    ' xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">'
    '<Styles><Style ss:ID="s1"><NumberFormat ss:Format="Percent"/></Style></Styles>'
    '<Worksheet ss:Name="A"><Table>'
    "<Row>{names}</Row>"
    '<Row ss:Index="4"><Cell><Data ss:Type="Number">17</Data></Cell>'
    '<Cell><Data ss:Type="String">Größe</Data></Cell>'
    '<Cell><Data ss:Type="String">A. Example</Data></Cell>'
    f'<Cell><Data ss:Type="String">{LINK}</Data></Cell>'
    '<Cell ss:StyleID="s1"><Data ss:Type="Number">0.5</Data></Cell>'
    '<Cell ss:Index="7"><Data ss:Type="DateTime">2026-06-28T00:00:00.000</Data></Cell>'
    "</Row></Table></Worksheet></Workbook>"
)


@pytest.fixture
def bucket() -> Bucket:
    return BucketFactory.create()


def check(
    bucket: Bucket, content: str | bytes, name: str = "table.csv", encoding: str = ""
) -> CatalogueImport:
    raw = content.encode() if isinstance(content, str) else content
    import_ = services.keep_upload(
        RECORDINGS,
        bucket=bucket,
        table=SimpleUploadedFile(name, raw),
        archive=None,
        encoding=encoding,
        user=make_user(Role.MANAGER),
    )
    return worked(import_)


def worked(import_: CatalogueImport) -> CatalogueImport:
    while run_next(Pool.WORK):
        pass
    import_.refresh_from_db()
    return import_


def imported(bucket: Bucket, content: str | bytes, **named: str) -> list[Recording]:
    import_ = check(bucket, content, **named)
    assert (import_.status, import_.message) == (ImportStatus.CHECKED, "")
    assert import_.made_by is not None
    assert services.start(import_=import_, user=import_.made_by)
    worked(import_)
    return list(bucket.recordings.order_by("custom_id"))


def archived(**files: str | bytes) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    return memory.getvalue()


def named_row(*names: str) -> str:
    return "".join(f'<Cell><Data ss:Type="String">{name}</Data></Cell>' for name in names)


SHEET = SPREADSHEET.replace(
    "{names}", named_row("Id", "Title", "Artist", "Link", "Share", "", "Released")
)


@pytest.mark.parametrize(
    ("content", "custom_id"),
    [
        pytest.param(PLAIN.encode("utf-8"), "L1", id="UTF-8"),
        pytest.param(PLAIN.encode("utf-8-sig"), "L1", id="UTF-8 with a mark"),
        pytest.param(PLAIN.encode("utf-16"), "L1", id="UTF-16"),
        pytest.param(b"\xfe\xff" + PLAIN.encode("utf-16-be"), "L1", id="UTF-16 BE"),
        pytest.param(PLAIN.encode("utf-16-le"), "L1", id="UTF-16 without a mark"),
        pytest.param(PLAIN.encode("cp1252"), "L1", id="Windows-1252"),
        pytest.param(PLAIN.encode("mac-roman"), "L1", id="Mac Roman"),
        pytest.param(PLAIN.replace(";", "\t").encode("utf-16"), "L1", id="Excel's text"),
        pytest.param(PLAIN.replace(";", "|").encode(), "L1", id="bars"),
        pytest.param(PLAIN.replace("\n", "\r").encode(), "L1", id="old Mac lines"),
        pytest.param(f"sep=;\r\n{PLAIN}".encode(), "L1", id="separator named"),
        pytest.param(f"\n;;;\n{PLAIN}".encode(), "L1", id="empty rows first"),
        pytest.param(f"Catalogue of X, as of 1.11.2026\n\n{PLAIN}".encode(), "L1", id="title"),
        pytest.param(f"Who;;Sound;\n{PLAIN}".encode(), "L1", id="merged cells above the header"),
        pytest.param(gzip.compress(PLAIN.encode()), "L1", id="gzip"),
        pytest.param(archived(t__csv=PLAIN, __MACOSX="x"), "L1", id="ZIP"),
        pytest.param(HTML.format(charset="utf-8").encode(), "L1", id="HTML as .xls"),
        pytest.param(
            b"\xff\xfe" + HTML.format(charset="utf-16").encode("utf-16-le"),
            "L1",
            id="HTML in UTF-16",
        ),
        pytest.param(SHEET.encode(), "17", id="Excel 2003 XML"),
    ],
)
def test_the_same_table_is_read_however_it_is_written(
    bucket: Bucket, content: bytes, custom_id: str
) -> None:
    (recording,) = imported(bucket, content)

    assert (recording.custom_id, recording.title) == (custom_id, "Größe")
    assert recording.artists == ["A. Example"]
    assert recording.source_url == LINK


def test_cells_of_excels_xml_are_read_by_type_and_place(bucket: Bucket) -> None:
    (recording,) = imported(bucket, SHEET)

    assert recording.user_defined == {"owner_share_pct": "50"}
    assert recording.release_date == "2026-06-28"


def test_what_cannot_be_read_says_what_to_do(bucket: Bucket) -> None:
    messages = {
        name: check(bucket, content, name).message
        for name, content in (
            ("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)),
            ("two.zip", archived(a__csv=PLAIN, b__csv=PLAIN)),
            ("list.pdf", b"%PDF-1.7\n" + bytes(100)),
            ("page.xls", b"<!DOCTYPE html><html><body>Please sign in</body></html>"),
            ("half.gz", gzip.compress(PLAIN.encode())[:-9]),
            ("entity.xls", SHEET.replace("<Workbook", "<!DOCTYPE a [<!ENTITY b 'c'>]><Workbook")),
            ("book.ods", archived(content__xml="<x/>", mimetype="ods")),
        )
    }

    for name, says in (
        ("old.xls", "Save it as .xlsx"),
        ("two.zip", "a.csv, b.csv"),
        ("list.pdf", "This is a PDF"),
        ("page.xls", "web page without a table"),
        ("half.gz", "archive is damaged"),
        ("entity.xls", "document type"),
        ("book.ods", "OpenDocument"),
    ):
        assert says in messages[name], messages[name]


def test_rows_are_kept_and_what_cannot_be_read_is_left_out_with_a_warning(bucket: Bucket) -> None:
    columns = "id;title;artists;file;upc;territories;released;dauer ms;anteil;writers"
    rows = [
        f"L1;T;A;{LINK}?1;123;DE, AT, CH;28.6.2016;3:05;50 %;A",
        f"L2;T;A;{LINK}?2;1,23E+12;DE/AT/CH;somewhen;1:75:30;a lot;B",
        f"L3;T;A;{LINK}?3;40000000013;Deutschland, Suisse, UK;06/28/2016;185000.0;33,3;C",
        f"L4;T;A;{LINK}?4;;World ex US;2016;;100;#N/A",
        f"L5;T;A;{LINK}?5;;Atlantis;;;0,5;",
        "Summe;;;;;;;;3.283,5;",
    ]
    # A total is no recording, and is not refused as one.
    import_ = check(bucket, "\n".join([columns, *rows]))
    fields = {row.custom_id: row for row in imported(bucket, "\n".join([columns, *rows]))}

    assert (import_.summary["rows"], import_.summary["refused"]) == (5, 0)
    assert import_.summary["reading"]["skipped"] == [{"line": 7, "text": "Summe 3.283,5"}]
    assert {(note["line"], note["column"]) for note in import_.summary["warnings"]} == {
        *((2, "upc"), (3, "upc"), (3, "release_date"), (3, "duration_ms")),
        *((3, "owner_share_pct"), (4, "territories"), (5, "territories")),
        *((5, "writers"), (6, "territories"), (6, "owner_share_pct")),
    }
    assert "rounded" in next(
        note["rule"] for note in import_.summary["warnings"] if note["line"] == 3
    )
    assert fields["L1"].user_defined == {"owner_share_pct": "50", "territories": ["DE", "AT", "CH"]}
    assert (fields["L1"].release_date, fields["L1"].upc) == ("2016-06-28", "")
    assert fields["L2"].user_defined == {"territories": ["DE", "AT", "CH"]}
    assert fields["L3"].user_defined["territories"] == ["DE", "CH", "GB"]
    # A zero that a spreadsheet dropped.
    assert fields["L3"].upc == "040000000013"
    assert fields["L3"].release_date == "2016-06-28"
    assert "territories" not in fields["L4"].user_defined
    assert fields["L5"].user_defined == {"owner_share_pct": "0.5"}


def test_shares_names_and_days_are_proposed_and_a_person_may_choose_otherwise(
    bucket: Bucket, signed_in: MakeClient
) -> None:
    content = (
        "Catalogue of X, as of 1.11.2026\n"
        "id,title,artist,file,owner_share_pct,released,Mood,Mood\n"
        f'L1,T,A; B,{LINK}?1,"0,5",04/05/2016,x,y\n'
        f"L2,T,A feat. B,{LINK}?2,1,04/28/2016,,\n"
        f'L3,T,"Tyler, The Creator",{LINK}?3,"0,25",05/04/2016,,\n'
    )
    import_ = check(bucket, content)
    client = signed_in(Role.MANAGER)
    page = client.get(reverse(RECORDINGS.detail_page, args=[import_.uid])).content.decode()
    form = client.get(reverse(RECORDINGS.detail_page, args=[import_.uid])).context["mapping_form"]

    assert import_.rules == {
        "header_line": 2,
        "shares": "fraction",
        "names": "marks",
        "days": "month_first",
    }
    assert import_.summary["reading"]["not_read"] == ["Mood", "Mood"]
    for sentence in (
        "Line 1 is not read: Catalogue of X as of 1.11.2026",
        "Line 2 names the columns.",
        "2 columns are not read: Mood, Mood",
        "Shares: Fractions: 0.5 is one half",
        "Several names in a cell: Separated by |, ; or feat.",
    ):
        assert sentence in page

    values = {form.html_name: form.value() or "" for form in form}
    saved = client.post(
        reverse(RECORDINGS.columns_page, args=[import_.uid]),
        values | {"version": 0, "names": "bars", "days": "day_first"},
    )
    assert saved.status_code == 302
    worked(import_)
    assert import_.rules["names"] == "bars"
    assert services.start(import_=import_, user=make_user(Role.MANAGER), mapping_version=1)
    worked(import_)

    first, second, third = bucket.recordings.order_by("custom_id")
    assert (first.artists, second.artists) == (["A; B"], ["A feat. B"])
    assert third.artists == ["Tyler, The Creator"]
    assert first.user_defined == {"owner_share_pct": "50"}
    assert second.user_defined == {"owner_share_pct": "100"}
    assert (first.release_date, third.release_date) == ("2016-05-04", "2016-04-05")
    # The second says by itself that its month stands first.
    assert second.release_date == "2016-04-28"


def test_a_person_may_name_another_header(bucket: Bucket, signed_in: MakeClient) -> None:
    content = f"id,title,artist,file\nOwn id,Song,Who,Where\nL1,T,A,{LINK}\n"
    import_ = check(bucket, content)
    client = signed_in(Role.MANAGER)
    address = reverse(RECORDINGS.detail_page, args=[import_.uid])
    form = client.get(address).context["mapping_form"]
    values = {form.html_name: form.value() or "" for form in form}

    client.post(
        reverse(RECORDINGS.columns_page, args=[import_.uid]),
        values | {"version": 0, "header_line": 2},
    )
    worked(import_)

    assert import_.rules["header_line"] == 2
    assert [column["name"] for column in import_.columns] == [*("Own id", "Song", "Who", "Where")]
    assert import_.status == ImportStatus.UNMAPPED


def test_the_command_and_the_api_say_what_the_page_says(
    bucket: Bucket, tmp_path: Path, client: Client
) -> None:
    table = tmp_path / "table.csv"
    table.write_bytes(
        (
            "Catalogue of X\n\nid;title;artist;link;Share;Mood;;Title\n"
            f"L1;T;A; B;{LINK};0,5;blue;extra;again\n"
        )
        .replace("A; B", '"A; B"')
        .encode("utf-16")
    )
    output = io.StringIO()
    call_command(
        "import_recordings", str(table), bucket=str(bucket.pk), dry_run=True, stdout=output
    )
    as_json = io.StringIO()
    call_command(
        "import_recordings",
        str(table),
        bucket=str(bucket.pk),
        dry_run=True,
        format="json",
        stdout=as_json,
    )
    manager = make_user(Role.MANAGER)
    secret = create_token(owner=manager, name="a", scopes=["all"]).secret
    sent = client.post(
        "/api/portal/v1/imports/recordings/",
        {"bucket": bucket.pk, "table": SimpleUploadedFile("table.csv", table.read_bytes())},
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert sent.status_code == 202, sent.content
    refused = client.post(
        "/api/portal/v1/imports/recordings/",
        {
            "bucket": bucket.pk,
            "encoding": "morse",
            "table": SimpleUploadedFile("table.csv", table.read_bytes()),
        },
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert "utf-8, " in refused.json()["errors"]["encoding"][1]
    worked(CatalogueImport.objects.get())
    answer = client.get(
        f"/api/portal/v1/imports/recordings/{sent.json()['uid']}/",
        headers={"Authorization": f"Bearer {secret}"},
    ).json()

    lines = output.getvalue().splitlines()
    assert "3 columns are not read: Mood, column 7, Title" in lines
    assert "The text is read as UTF-16." in lines
    for note in answer["notes"]:
        assert note in lines
    reading = json.loads(as_json.getvalue())["reading"]
    assert reading == answer["summary"]["reading"]
    assert reading["rules"]["shares"] == "fraction"

    call_command(
        "import_recordings",
        str(table),
        bucket=str(bucket.pk),
        shares="percent",
        names="bars",
        stdout=io.StringIO(),
    )
    recording = bucket.recordings.get()
    assert recording.artists == ["A; B"]
    assert recording.user_defined == {"owner_share_pct": "0.5"}


def test_cells_of_a_workbook_are_what_it_shows(bucket: Bucket) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Catalogue of X, as of 1.11.2026"])
    sheet.merge_cells("A1:F1")
    sheet.append([])
    sheet.append(["id", "title", "artist", "link", "EAN", "isrc"])
    sheet.append(["L1", True, 1999, LINK, 1230000000000, "zz-x01-26-00001"])
    sheet.append(["Total", None, None, None, 1, None])
    memory = io.BytesIO()
    book.save(memory)

    (recording,) = imported(bucket, memory.getvalue(), name="table.xlsx")

    assert (recording.title, recording.artists) == ("TRUE", ["1999"])
    assert recording.isrc_normalised == "ZZX012600001"
