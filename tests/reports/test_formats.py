"""Every format, mode and dialect of a report, and the rows that a run stores."""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest
from openpyxl.utils import get_column_letter

from base.accounts.reach import working_for
from base.accounts.roles import Role
from base.common.storage import FileOnDisk
from catalogue.models import Exclusion
from reports import files, layouts, services, tables
from reports.cells import ColumnType, ValueType
from reports.choices import FilesWithout, Format, Mode, Separator
from reports.layouts import Layout, UnknownColumn, schema_of
from reports.manifest import csvw, manifest
from reports.models import ReportRun
from reports.stored_rows import kept_rows
from review.choices import MatchState, QueueReason
from review.models import Match
from scanning.choices import FileStatus
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.scanning import ScanFactory, ScannedFileFactory, make_detection
from tests.reports.reading import content, file_of, rows, run_of
from tests.security.world import Desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def match() -> Match:
    """Return a match of two segments, with a second file without a match."""
    quiet = ScannedFileFactory.create(name="quiet.wav", status=FileStatus.NO_MATCH)
    ScanFactory.create(scanned_file=quiet, no_match_reason="silence")
    return make_match(
        (10_000, 30_000, 0, 20_000),
        (70_000, 90_000, 5_000, 25_000),
        speech=(0.81, 0.9),
        scan__scanned_file__name="programme.wav",
        scan__scanned_file__published_at=datetime(2026, 5, 1, 9, tzinfo=UTC),
        recording=RecordingFactory.create(title="=1+1", artists=["A", "B|C"]),
    )


def in_format(name: Format, mode: Mode = Mode.MATCH) -> bytes:
    return content(Layout(format=name, mode=mode))


def test_json_and_parquet_hold_types_and_what_the_file_is(match: Match) -> None:
    first, second = map(json.loads, in_format(Format.JSON_LINES).splitlines())
    assert list(first) == [field.name for field in schema_of(Mode.MATCH).fields]
    assert (first["title"], first["artists"]) == ("=1+1", ["A", "B|C"])
    assert (first["match_score"], first["segment_count"]) == (87.5, 2)
    assert (first["found_late"], first["licence_id"]) == (False, None)
    assert first["segments"][1].startswith("00:01:10.000-")
    assert (second["match_found"], second["title"], second["matched_ms"]) == ("no", None, 0)

    body = json.loads(in_format(Format.JSON))
    assert body["manifest"]["schema"] == "match-report/5"
    assert body["manifest"]["rows"] == {
        "total": 2,
        "match_found": {"no": 1, "yes": 1},
        "review_state": {"pending": 1},
        "segments": 3,
    }
    assert [row["match_found"] for row in body["rows"]] == ["yes", "no"]
    by_segment = json.loads(in_format(Format.JSON, Mode.SEGMENT))
    assert by_segment["manifest"]["rows"]["total"] == len(by_segment["rows"]) == 3

    table = pq.read_table(io.BytesIO(in_format(Format.PARQUET)))
    first = table.to_pylist()[0]
    assert first["match_score"] == Decimal("87.50")
    assert first["artists"] == ["A", "B|C"]
    assert first["source_published_at"] == datetime(2026, 5, 1, 9, tzinfo=UTC)
    assert (first["found_late"], first["licence_id"]) == (False, None)
    assert table.schema.metadata[b"report_schema"] == b"match-report/5"


def test_workbook_holds_matches_segments_and_manifest_as_text(
    match: Match, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = openpyxl.load_workbook(io.BytesIO(in_format(Format.XLSX)))

    assert book.sheetnames == ["matches", "segments", "manifest"]
    header, first, second = book["matches"].iter_rows()
    of = dict(zip([cell.value for cell in header], first, strict=True))
    assert (of["title"].value, of["title"].data_type) == ("=1+1", "s")
    assert (of["artists"].value, of["segment_count"].value) == (r"A|B\|C", 2)
    assert of["source_published_at"].value == datetime(2026, 5, 1, 9)  # noqa: DTZ001 - of UTC
    assert book["matches"].freeze_panes == "A2"
    last = get_column_letter(len(header))
    assert book["matches"].auto_filter.ref == f"A1:{last}3"
    assert [row[13].value for row in book["segments"].iter_rows(min_row=2)] == [1, 2, None]
    assert ("schema", "match-report/5") in list(book["manifest"].iter_rows(values_only=True))
    assert not any(cell.data_type == "f" for sheet in book for row in sheet for cell in row)
    assert second[2].value == "no"

    # A long sheet goes on in another.
    monkeypatch.setattr(tables, "SHEET_ROWS", 1)
    book = openpyxl.load_workbook(io.BytesIO(in_format(Format.XLSX)))
    assert book.sheetnames[:2] == ["matches", "matches 2"]
    assert [book[name]["J2"].value for name in book.sheetnames[:2]] == [
        "programme.wav",
        "quiet.wav",
    ]


def test_text_that_a_cell_cannot_hold_is_cut_with_a_mark(tmp_path: Path) -> None:
    fields = schema_of(Mode.MATCH).fields[1:2]
    sheet = tables.Sheet("s", fields, [["🎵" * 20_000], ["x" * 32_767]])

    tables.write_xlsx(tmp_path / "cut.xlsx", [sheet], {})

    cut, whole = (
        str(row[0])
        for row in openpyxl.load_workbook(tmp_path / "cut.xlsx")["s"].iter_rows(
            min_row=2, values_only=True
        )
    )
    assert cut == "🎵" * 16_383 + "…"
    assert whole == "x" * 32_767


def test_same_state_gives_the_same_bytes_until_a_decision(match: Match) -> None:
    layouts = [Layout(format=name, mode=mode) for name in Format for mode in Mode]
    before = [run_of(layout) for layout in layouts]

    for layout, run in zip(layouts, before, strict=True):
        assert content(layout) == file_of(run), layout
    deciding.confirm(match=match, user=make_user(Role.REVIEWER), version=1)

    for layout, run in zip(layouts, before, strict=True):
        if layout.mode != Mode.MATCH and layout.format != Format.CSV:
            continue
        after = run_of(layout)
        assert after.sha256 != run.sha256, layout
        assert (after.as_of_event or 0) > (run.as_of_event or 0)
    decided = rows(content())[0]
    assert (decided["review_state"], decided["review_reason"]) == ("confirmed", "")


def test_segment_mode_has_a_row_per_segment_and_one_for_a_file_without(match: Match) -> None:
    first, second, quiet = rows(content(Layout(mode=Mode.SEGMENT)))

    assert list(first) == [column.name for column in schema_of(Mode.SEGMENT).fields]
    assert first["report_schema"] == "match-segment/4"
    assert (first["segment_index"], second["segment_index"]) == ("1", "2")
    assert second["source_start"] == "00:01:10.000"
    assert (second["length_ms"], second["segment_score"]) == ("20000", "87.5")
    assert (second["speed_pct"], second["pitch_cents"]) == ("0.00", "0")
    assert (second["under_speech"], second["segment_state"]) == ("yes", "counted")
    assert (quiet["match_found"], quiet["segment_index"]) == ("no", "")

    # Columns are chosen without being reordered.
    chosen = Layout(columns=("title", "match_id"), byte_order_mark=False)
    assert content(chosen).splitlines()[0] == b"match_id,title"
    with pytest.raises(UnknownColumn, match="has no column tilte"):
        Layout(columns=("tilte",))

    # Files without a match can be left out.
    ScannedFileFactory.create(name="broken.wav", status=FileStatus.ERROR)
    for expected, seen in (
        (FilesWithout.ALL, ["error", "yes", "no"]),
        (FilesWithout.FINISHED, ["yes", "no"]),
        (FilesWithout.NONE, ["yes"]),
    ):
        of_files = rows(content(Layout(files_without=expected)))
        assert [row["match_found"] for row in of_files] == seen

    # Other recordings at the same place are named.
    other_recording = RecordingFactory.create(title="Night: Drive")
    make_detection(
        (15_000, 25_000, 0, 10_000),
        scan=match.scan,
        recording=other_recording,
        score=Decimal("71.0"),
    )
    make_detection((200_000, 210_000, 0, 10_000), scan=match.scan)
    row = rows(content(Layout(files_without=FilesWithout.NONE)))[0]
    assert row["other_candidates"] == f"{other_recording.uid}:71.0:Night: Drive"


def test_segments_say_what_they_count_for() -> None:
    match = make_match(
        (10_000, 30_000, 0, 20_000),
        (12_000, 28_000, 40_000, 56_000),
        (70_000, 90_000, 60_000, 80_000),
    )
    exclusion = Exclusion.objects.create(
        recording=match.recording, start_ms=60_000, end_ms=80_000, approved=True
    )

    report_rows = rows(content(Layout(mode=Mode.SEGMENT)))

    assert [row["segment_state"] for row in report_rows] == ["counted", "overlapped", "excluded"]
    assert [row["exclusion_id"] for row in report_rows] == ["", "", exclusion.uid]


def test_file_summary_has_counts_coverage_and_the_worst_reason(match: Match) -> None:
    make_detection((60_000, 80_000, 0, 20_000), scan=match.scan)
    Match.objects.filter(pk=match.pk).update(state="confirmed", queue_reason="under_speech")

    first, quiet = rows(content(Layout(mode=Mode.FILE)))

    assert (first["match_count"], first["confirmed_count"]) == ("1", "1")
    assert (first["matched_ms"], first["source_coverage_pct"]) == ("40000", "6.67")
    assert first["unmatched_minutes"] == "9.33"
    assert (quiet["match_count"], quiet["unmatched_minutes"]) == ("0", "10.00")
    assert quiet["worst_queue_reason"] == "no_match:silence"


def test_any_reason_of_its_own_is_worse_than_none() -> None:
    match = make_match(match={"queue_reason": QueueReason.DEFAULT})
    other_match = make_match(scan=match.scan)

    for reason in set(QueueReason) - {QueueReason.DEFAULT}:
        Match.objects.filter(pk=other_match.pk).update(queue_reason=reason)
        (written,) = rows(content(Layout(mode=Mode.FILE)))
        assert written["worst_queue_reason"] == reason


def test_kept_rows_are_written_again_whatever_has_changed_since(match: Match) -> None:
    user = make_user(Role.REVIEWER)
    run = run_of()
    before = file_of(run)
    deciding.confirm(match=match, user=user, version=1)
    type(match.recording).objects.update(title="Renamed")

    same = services.write_again(run=run, layout=Layout(), user=user)
    other_run = services.write_again(
        run=run, layout=Layout(separator=Separator.TAB, byte_order_mark=False), user=user
    )
    by_segment = services.write_again(
        run=run, layout=Layout(mode=Mode.SEGMENT, format=Format.XLSX), user=user
    )

    assert file_of(same) == before
    assert (same.sha256, same.as_of_event) == (run.sha256, run.as_of_event)
    assert file_of(other_run).startswith(b"report_schema\tmatch_id")
    book = openpyxl.load_workbook(io.BytesIO(file_of(by_segment)))
    assert book["segments"]["J2"].value == "=1+1"


def test_kept_rows_stay_right_when_columns_are_added(
    match: Match, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = {mode: run_of(Layout(mode=mode)) for mode in Mode}
    # Rows per file cannot be written per match.
    with pytest.raises(services.ReportStopped, match="Run a new report"):
        services.write_again(run=runs[Mode.FILE], layout=Layout(), user="system")

    added = ColumnType("added", ValueType.TEXT)
    schemas = {mode: schema_of(mode) for mode in Mode}
    for kind in (Mode.MATCH, Mode.FILE):
        old = schemas[kind]
        fields = (*old.fields[:3], added, *old.fields[3:])
        schemas[kind] = replace(old, fields=fields)
    monkeypatch.setattr(layouts, "schema_of", schemas.__getitem__)
    monkeypatch.setattr(layouts, "_match_fields", lambda: schemas[Mode.MATCH].fields)
    monkeypatch.setattr(layouts, "_PART_FIELDS", (added, *layouts._PART_FIELDS))

    for mode, run in runs.items():
        before = rows(file_of(run))
        again = services.write_again(run=run, layout=Layout(mode=mode), user="system")
        report_rows = rows(file_of(again))
        assert [row.pop("added", "") for row in report_rows] == [""] * len(before)
        assert report_rows == before, mode


def test_kept_rows_without_names_lack_the_last_columns(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_bytes(gzip.compress(b'[["match-report/1","m_1"],[["1"]]]\n'))

    with FileOnDisk(path, "rows") as file:
        ((cells, segments),) = kept_rows(file, Mode.MATCH)

    count = len(schema_of(Mode.MATCH).fields) - 2
    assert cells == ["match-report/1", "m_1", *[None] * count]
    assert segments == [["1", *[None] * 17]]


def test_manifest_and_types_beside_csv_tell_what_the_file_is(match: Match) -> None:
    run = run_of(Layout(filters={"q": "programme"}, separator=Separator.SEMICOLON))

    fields = manifest(run)
    assert (fields["schema"], fields["filter"]) == ("match-report/5", {"q": "programme"})
    assert fields["engines"] == ["embedded 1+idx1"]
    assert fields["files"] == [
        {"name": "match-report.csv", "size_bytes": len(file_of(run)), "sha256": run.sha256}
    ]
    assert isinstance(fields["dialect"], dict)
    assert fields["dialect"]["separator"] == ";"
    assert fields["generated_by"] == "system"

    run = run_of(Layout(columns=("match_score", "found_late", "first_start")))
    columns = json.loads(json.dumps(csvw(run)))["tableSchema"]["columns"]
    assert [column["name"] for column in columns] == ["match_score", "first_start", "found_late"]
    assert columns[0]["datatype"] == "decimal"
    assert columns[2]["datatype"] == {"base": "boolean", "format": "yes|no"}


def test_what_is_kept_stays_and_a_check_finds_a_changed_and_a_missing_file(match: Match) -> None:
    run = run_of(Layout(format=Format.XLSX))
    match.delete()
    assert len(list(kept_rows(run.rows, Mode.MATCH))) == 2
    assert rows(content())[0]["match_found"] != "yes"
    assert [check.is_whole for check in files.check_run(run=run)] == [True, True]

    Path(run.file.path).write_bytes(b"changed")
    Path(run.rows.path).unlink()

    file, check = files.check_run(run=ReportRun.objects.get(pk=run.pk))
    assert "it was written as" in file.fault
    assert check.fault == "The file is missing."


def test_a_limited_persons_report_is_written_again_with_the_same_bytes(db: None) -> None:
    desk = Desk(1)
    for state in (MatchState.CONFIRMED, MatchState.IN_REVIEW, MatchState.CLEARED):
        make_match(
            recording=RecordingFactory.create(bucket=desk.bucket),
            scan=ScanFactory.create(scanned_file__container=desk.container),
            state=state,
        )
    layout = Layout(format=Format.JSON)
    with working_for(desk.user):
        run = services.build_report(layout=layout, user=desk.user)

    # PostgreSQL keeps the keys of JSON in another order than they were written.
    stored = ReportRun.objects.get(pk=run.pk)
    again = services.write_again(run=stored, layout=layout, user="system", now=True)

    assert again.sha256 == run.sha256
