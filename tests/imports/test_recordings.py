"""Importing recordings from tables: checked first, repeatable, with located faults."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from openpyxl import Workbook

from base.accounts.models import User
from base.accounts.roles import Role
from base.common.table_text import split_list
from catalogue.models import Bucket, Recording
from imports.column_check import propose
from imports.errors import TableRefused
from imports.mapping import Columns, guess, named_columns
from imports.models import CatalogueImport, ImportStatus
from imports.reading_rules import ReadingRules
from imports.recordings.audio import Folder
from imports.recordings.summary import ImportSummary, Verdict
from imports.recordings.targets import RECORDING_TARGETS
from imports.recordings.work import make_import
from imports.tables import Table, open_table, rows_of
from tests import audio
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.fixtures import Catalogue, MakeClient, Worker

pytestmark = pytest.mark.django_db

HEADER = "custom_id,title,artists,audio,isrc,upc,iswc"
ROW = "L1,Night Drive,A. Example|B. Sample,a.wav,ZZ-X01-26-00001,2000000000015,"
Run = Callable[..., ImportSummary]


@pytest.fixture
def bucket() -> Bucket:
    return BucketFactory.create()


@pytest.fixture
def run(bucket: Bucket, tmp_path: Path) -> Run:
    """Return a function that imports lines of CSV from a folder with audio."""
    folder = tmp_path / "audio"
    folder.mkdir()
    (folder / "a.wav").write_bytes(b"first audio")
    (folder / "b.wav").write_bytes(b"second audio")

    def run_import(
        *lines: str, dry: bool = False, keep: bool = False, user: User | None = None
    ) -> ImportSummary:
        table = tmp_path / "table.csv"
        table.write_text("\n".join(lines), encoding="utf-8")
        return run_table(bucket, table, folder, dry=dry, keep=keep, user=user)

    return run_import


def mapped(table: Table, *, keep: bool) -> tuple[Columns, ReadingRules]:
    named = named_columns(table.header, RECORDING_TARGETS)
    columns = guess(named, keep_unknown=keep)
    return columns, propose(columns, rows_of(table), {})


def run_table(
    bucket: Bucket,
    table: Path,
    folder: Path,
    *,
    dry: bool = False,
    keep: bool = False,
    user: User | None = None,
) -> ImportSummary:
    verdicts: dict[int, Verdict] = {}
    bad_rows = io.StringIO()
    with (
        open_table(table) as opened,
        make_import(
            bucket=bucket,
            table=opened,
            audio=Folder(folder),
            user=user,
            dry=dry,
            mapped=mapped(opened, keep=keep),
        ) as task,
    ):
        task.on_verdict = lambda line, verdict: verdicts.__setitem__(line, verdict)
        summary = task.run(bad_rows)
    summary.verdicts = verdicts  # type: ignore[attr-defined]  # for the tests
    summary.bad = list(csv.reader(io.StringIO(bad_rows.getvalue())))  # type: ignore[attr-defined]  # for the tests
    return summary


def counts(summary: ImportSummary) -> tuple[int, int, int, int]:
    return summary.added, summary.updated, summary.unchanged, summary.refused


def test_a_row_becomes_a_recording_that_later_tables_change(run: Run) -> None:
    wide, row = HEADER + ",label", ROW + ",Example Records"
    assert counts(run(wide, row, dry=True)) == (1, 0, 0, 0)
    assert not Recording.objects.exists()

    assert counts(run(wide, row)) == (1, 0, 0, 0)
    recording = Recording.objects.get()
    assert recording.artists == ["A. Example", "B. Sample"]
    assert recording.isrc_normalised == "ZZX012600001"
    assert recording.upc == "2000000000015"
    assert recording.audio_name == "a.wav"

    # Columns that a table lacks keep their values.
    assert counts(run(HEADER, ROW)) == (0, 0, 1, 0)
    changed = run(HEADER, ROW.replace("Night Drive", "Day Drive"))
    assert counts(changed) == (0, 1, 0, 0)
    assert changed.changes[0]["before"] == {"title": "Night Drive"}
    assert changed.changes[0]["after"] == {"title": "Day Drive"}
    recording.refresh_from_db()
    assert (recording.title, recording.label) == ("Day Drive", "Example Records")

    Recording.objects.update(status="ready")
    other_text = ROW.replace("Night Drive", "Day Drive").replace("a.wav", "b.wav")
    assert counts(run(HEADER, other_text)) == (0, 1, 0, 0)
    assert Recording.objects.get().audio_name == "b.wav"


# Bad rows, the column of the fault, and part of its rule.
BAD_ROWS = [
    (",T,A,a.wav,,,", "custom_id", "required"),
    ("B1,,A,b.wav,,,", "title", "required"),
    ("B2,T,,b.wav,,,", "artists", "required"),
    ("B3,T,A,,,,", "audio", "needs audio"),
    ("B4,T,A,missing.wav,,,", "audio", "No file with this name"),
    ("B5,T,A,../table.csv,,,", "audio", "No file with this name"),
    ("B6,T,A,ftp://h.example/a.mp3,,,", "audio", "not allowed"),
    # The very file of another recording, and the id of the first row.
    ("B9,T,A,a.wav,,,", "audio", "already"),
    (ROW, "custom_id", "Line 2 already has this id"),
]


def test_bad_rows_are_named_by_line_column_and_rule(run: Run) -> None:
    summary = run(HEADER, ROW, *(row for row, _, _ in BAD_ROWS))

    assert counts(summary) == (1, 0, 0, len(BAD_ROWS))
    assert len(summary.faults) == len(BAD_ROWS)
    bad: list[list[str]] = summary.bad[1:]  # type: ignore[attr-defined]  # added above
    for line, (fault, (row, column, rule), cells) in enumerate(
        zip(summary.faults, BAD_ROWS, bad, strict=True), start=3
    ):
        assert (fault["line"], fault["column"]) == (line, column), row
        assert rule in fault["rule"]
        assert rule in cells[-1]
    assert Recording.objects.count() == 1


def test_the_reason_stands_below_its_name_whatever_a_row_holds(run: Run) -> None:
    summary = run(HEADER, "L1,T,A", "L1,T,A,,,,,more,cells")

    header, *rows = summary.bad  # type: ignore[attr-defined]  # added above
    assert len(rows) == 2
    for bad in rows:
        assert "needs audio" in bad[header.index("error")]
        assert bad[:4] == ["L1", "T", "A", ""]


def test_a_table_without_shares_keeps_those_that_were_told(run: Run) -> None:
    run(HEADER + ",owner_share_pct,tags", ROW + ",50,old")

    summary = run(HEADER + ",territories,tags", ROW + ",GB,new")

    assert counts(summary) == (0, 1, 0, 0)
    assert Recording.objects.get().user_defined == {
        "owner_share_pct": "50",
        "territories": ["GB"],
        "tags": ["new"],
    }


def test_a_code_that_names_no_territory_is_left_out(run: Run) -> None:
    rows = [f"{ROW},GB|UK", f"{ROW.replace('L1', 'L2').replace('a.wav', 'b.wav')},GB|XX"]

    summary = run(HEADER + ",territories", *rows)

    assert counts(summary) == (2, 0, 0, 0)
    assert "UK → GB" in summary.warnings[0]["rule"]
    assert "is not a territory" in summary.warnings[1]["rule"]
    recordings = Recording.objects.order_by("custom_id").values_list("user_defined", flat=True)
    assert [*recordings] == [{"territories": ["GB"]}, {}]


def test_doubtful_isrcs_warn_and_are_kept(run: Run, bucket: Bucket) -> None:
    for isrc, status in (("ZZX012600001", "ready"), ("ZZX012600002", "retired")):
        RecordingFactory.create(
            bucket=bucket, isrc_normalised=isrc, custom_id=f"X-{status}", status=status
        )
    retired = "L2,T,A,b.wav,ZZX012600002,,"
    link = "L3,'=1+1,A,https://h.example/a.mp3,nonsense,,"

    summary = run(HEADER, ROW, retired, link)

    assert [(warning["line"], warning["column"]) for warning in summary.warnings] == [
        *((2, "isrc"), (4, "isrc"))
    ]
    assert "X-ready" in summary.warnings[0]["rule"]
    recording = bucket.recordings.get(custom_id="L3")
    assert (recording.isrc, recording.isrc_normalised) == ("nonsense", "")
    # The apostrophe guards a formula, and the link is fetched later.
    assert recording.title == "=1+1"
    assert recording.source_url == "https://h.example/a.mp3"


def test_names_of_columns_are_read_kindly(run: Run) -> None:
    summary = run("Custom ID;TITLE;Artists;File;Mood", "L1;T;A;a.wav;blue", keep=True)

    assert counts(summary) == (1, 0, 0, 0)
    assert summary.unknown_columns == ["Mood"]
    assert Recording.objects.get().user_defined == {"Mood": "blue"}


def test_a_recording_named_by_its_id_is_compared_as_audio_is(
    catalogue: Catalogue, run: Run, bucket: Bucket, tmp_path: Path
) -> None:
    row = f"L1,T,A,{catalogue.first.uid},,,"

    elsewhere = run(HEADER, row)
    again = run(HEADER, row)
    here = run_table(catalogue.bucket, tmp_path / "table.csv", tmp_path)

    assert counts(elsewhere) == (1, 0, 0, 0)
    assert counts(again) == (0, 0, 1, 0)
    assert bucket.recordings.get().fingerprint
    assert counts(here) == (0, 0, 0, 1)
    assert "already" in here.faults[0]["rule"]


def test_what_is_no_table_is_refused_with_the_place(bucket: Bucket, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    for content, says in (
        (b"", "empty"),
        (b"nothing here", "No line names the columns"),
        (b"custom_id,title\nL1,T\n", "lacks the column artists"),
        (b"%PDF-1.4 custom_id,title,artists", "PDF"),
        (b"PK\x03\x04not a zip", "No line names"),
    ):
        table.write_bytes(content)

        with pytest.raises(TableRefused, match=says):
            run_table(bucket, table, tmp_path)


def test_a_workbook_is_read(bucket: Bucket, tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["custom_id", "title", "artists", "audio", "upc"])
    sheet.append([17, "T", "A", "a.wav", 2000000000015])
    book.save(tmp_path / "table.xlsx")
    (tmp_path / "a.wav").write_bytes(b"audio")

    summary = run_table(bucket, tmp_path / "table.xlsx", tmp_path)

    assert counts(summary) == (1, 0, 0, 0)
    recording = Recording.objects.get()
    assert (recording.custom_id, recording.upc) == ("17", "2000000000015")


def test_lists() -> None:
    items = {"a|b": ["a", "b"], r"a\|b|c\\": ["a|b", "c\\"], "": [], " | ": []}
    assert {text: split_list(text) for text in items} == items


def test_the_command_ends_with_1_when_rows_were_refused(bucket: Bucket, tmp_path: Path) -> None:
    table, errors = tmp_path / "table.csv", tmp_path / "table.csv.errors.csv"
    table.write_text(f"{HEADER}\nL1,T,A,,,,\nL2,T,A,tune.mp4x,,,\n")
    output = io.StringIO()

    for options, says in (
        ({"bucket": "unknown"}, "There are"),
        ({"bucket": str(bucket.pk), "username": "mira"}, "no user mira"),
    ):
        with pytest.raises(CommandError, match=says):
            call_command("import_recordings", str(table), **options)
    for path, says in (
        (tmp_path, "it is a folder; name a file"),
        (tmp_path / "missing.csv", "there is no such file or folder"),
    ):
        with pytest.raises(CommandError, match=f"{path}: {says}"):
            call_command("import_recordings", str(path), bucket=str(bucket.pk))
    assert not errors.exists()
    with pytest.raises(SystemExit) as ended:
        call_command("import_recordings", str(table), bucket=str(bucket.pk), stdout=output)

    assert ended.value.code == 1
    empty, wrong = output.getvalue().splitlines()[:2]
    assert empty.endswith("The value is empty.")
    assert wrong.endswith("The value is “tune.mp4x”.")
    assert "“tune.mp4x”" in errors.read_text("utf-8-sig")
    assert not bucket.recordings.exists()


def archive(**files: bytes) -> SimpleUploadedFile:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        for name, data in files.items():
            made.writestr(f"audio/{name}", data)
    return SimpleUploadedFile("audio.zip", content.getvalue())


@pytest.mark.django_db(transaction=True)
def test_the_page_checks_first_and_imports_when_told(
    signed_in: MakeClient, run_worker: Worker
) -> None:
    bucket = BucketFactory.create()
    client = signed_in(Role.MANAGER)
    tune = audio.wav_bytes(audio.tune(3, 8))
    assert signed_in(Role.REVIEWER).get("/catalogue/import/").status_code == 403
    assert client.get("/catalogue/import/").status_code == 200

    tables: list[tuple[str, dict[str, SimpleUploadedFile]]] = [
        (f"{HEADER}\n{ROW}\nL2,T,A,,,,", {"archive": archive(**{"a.wav": tune})}),
        ("custom_id,title,artists\nA-1,One,Anna\n", {}),
    ]
    for table, files in tables:
        client.post(
            "/catalogue/import/",
            {
                "bucket": bucket.pk,
                "table": SimpleUploadedFile("t.csv", table.encode()),
                "encoding": "utf-8",
                **files,
            },
        )
    run_worker()
    import_, faulty = CatalogueImport.objects.order_by("pk")
    page = client.get(f"/catalogue/import/{import_.uid}/").content.decode()
    nothing = client.get(f"/catalogue/import/{faulty.uid}/").content.decode()
    before = Recording.objects.count()
    client.post(f"/catalogue/import/{import_.uid}/start/")
    run_worker()
    import_.refresh_from_db()
    rows = client.get(f"/catalogue/import/{import_.uid}/rows.csv")

    assert (before, Recording.objects.count()) == (0, 1)
    assert "needs audio" in page
    # A table of faults alone is not offered.
    assert "Nothing in this file can be imported." in nothing
    assert f"/catalogue/import/{faulty.uid}/start/" not in nothing
    assert import_.status == ImportStatus.DONE
    assert import_.summary["added"] == 1
    assert b"needs audio" in b"".join(rows.streaming_content)  # type: ignore[attr-defined]  # a file's
