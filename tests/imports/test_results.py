"""Results from ACRCloud become files, scans, detections and matches."""

from __future__ import annotations

import gzip
import json
import resource
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError
from django.urls import reverse
from openpyxl import Workbook

from base.accounts.roles import Role
from base.common.confined import ReadingLimits
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from imports import services
from imports.models import ImportStatus, ResultImport
from imports.results import reading
from imports.results.found import FoundFile, ResultFault, ResultsRefused
from imports.results.importer import ResultImporter, ResultSummary
from imports.results.kind import RESULTS
from imports.results.reading import read
from review.models import Match
from scanning.choices import FileStatus, ScanStatus
from scanning.models import Scan, ScannedFile
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.scanning import ContainerFactory
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db

TOOL_HEADER = (
    "filename,status_code,start_time_ms,end_time_ms,duration_ms,played_duration_ms,"
    "title,score,similar_results,artists_names,isrc,upc,spotify_id,youtube_id,"
    "deezer_id,release_date,label,acrid,sample_begin_time_offset_ms,"
    "sample_end_time_offset_ms,db_begin_time_offset_ms,db_end_time_offset_ms\r\n"
)


def tool_row(
    at: str, title: str = "", *, name: str = "show.wav", code: str = "0", isrc: str = ""
) -> str:
    result_text = (
        f"180000,10000,{title},92,,A. Example|##|B. Sample,{isrc},,,,,2020,Example,"
        "acr0001,0,10000,30000,40000"
        if title
        else ",10000,,0,,,,,,,,,,,,,,"
    )
    return f"{name},{code},{at},,{result_text}\r\n"


def api_file(**changes: Any) -> dict[str, Any]:
    return {
        "id": "fd0cbc13-bb69-41ed-abbb-1ed6f25c3b02",
        "name": "show.mp3",
        "duration": 222,
        "uri": "audio:show.mp3",
        "state": 1,
        "results": {
            "music": [
                {
                    "offset": 10,
                    "played_duration": 20,
                    "result": {
                        "title": "Night Drive",
                        "artists": [{"name": "A. Example"}],
                        "acrid": "e8b02eab3fd1d2745f460fb608b7b5c1",
                        "score": 88,
                        "duration_ms": 180000,
                        "external_ids": {"isrc": "ZZX012600001"},
                    },
                }
            ]
        },
        "updated_at": "2021-04-23T02:58:04.000000Z",
        **changes,
    }


def written(tmp_path: Path, content: str | object, name: str = "") -> Path:
    text = content if isinstance(content, str) else json.dumps(content)
    path = tmp_path / (name or ("dump.json" if text[:1] in "[{" else "report.csv"))
    path.write_text(text, encoding="utf-8-sig", newline="")
    return path


def imported(path: Path, *, dry: bool = False, container: Any = None) -> ResultSummary:
    task = ResultImporter(
        container=container or ContainerFactory.create(),
        user=None,
        source=path.name,
        dry=dry,
        heartbeat=lambda: None,
    )
    return task.run(read(path, name=path.name))


def test_a_dump_of_the_api_becomes_files_with_matches(tmp_path: Path) -> None:
    silent = api_file(id="0b0b-1", name="silence.mp3", state=-1, results=None)
    broken = api_file(id="0b0b-2", name="broken.mp3", state=-2, results=None)
    path = written(tmp_path, {"data": [api_file(), silent, broken]})
    container = ContainerFactory.create()

    planned = imported(path, dry=True, container=container)
    assert not ScannedFile.objects.exists()
    summary = imported(path, container=container)

    match = Match.objects.get()
    file = match.scanned_file
    assert planned == summary
    assert (summary.files, summary.added, summary.refused) == (3, 3, 0)
    assert (summary.recordings, summary.without_match) == (1, 1)
    assert file.name == "show.mp3"
    assert file.remote_id == "fd0cbc13-bb69-41ed-abbb-1ed6f25c3b02"
    assert file.tags == ["imported"]
    assert file.length_ms == 222_000
    assert match.scan.engine == "acrcloud"
    assert match.scan.engine_version == "acrcloud, imported"
    assert "2021-04-23" in match.scan.warnings[0]
    assert (match.first_start_ms, match.last_end_ms) == (10_000, 30_000)
    assert match.recording.isrc_normalised == "ZZX012600001"
    states = dict(ScannedFile.objects.values_list("name", "status"))
    assert states["silence.mp3"] == FileStatus.NO_MATCH
    assert states["broken.mp3"] == FileStatus.ERROR

    assert imported(path, container=container).unchanged == 3
    assert ScannedFile.objects.count() == Scan.objects.count() == 3
    elsewhere = imported(path)
    assert elsewhere.refused == 3
    assert "in the container" in elsewhere.faults[0]["message"]

    # Another result is another scan of the same file.
    nothing = written(tmp_path, {"data": [api_file(state=-1, results=None)]})
    assert imported(nothing, container=container).rescanned == 1
    file.refresh_from_db()
    assert file.scans.filter(status=ScanStatus.SUCCEEDED).count() == 2
    assert file.status == FileStatus.NO_MATCH
    assert Match.objects.get().lost


def test_the_samples_of_the_api_can_be_read(tmp_path: Path) -> None:
    line = json.dumps({"data": [api_file()]})
    pages = written(tmp_path, f"{line}\n{line}\n", "pages.jsonl")

    faults = list(read(pages, name="pages.jsonl"))

    assert [fault.name for fault in faults if isinstance(fault, FoundFile)] == [
        "show.mp3",
        "show.mp3",
    ]


def test_a_report_of_the_scan_tool_becomes_one_file_with_its_gaps(tmp_path: Path) -> None:
    ours = RecordingFactory.create(isrc_normalised="ZZX012600001")
    rows = (
        tool_row("00:00:00", "Night Drive", isrc="ZZX012600001")
        + tool_row("00:00:10", "Night Drive", isrc="ZZX012600001")
        + tool_row("00:00:20", code="1001")
        + tool_row("00:00:30", code="3000")
        # Times go on past midnight.
        + tool_row("23:59:50", "Other", name="night.wav")
        + tool_row("00:00:00", "Other", name="night.wav")
        + tool_row("00:00:00", code="3001", name="unscanned.wav")
    )
    path = written(tmp_path, TOOL_HEADER + rows)
    container = ContainerFactory.create()

    summary = imported(path, container=container)

    match = Match.objects.get(recording=ours)
    assert summary.added == 3
    assert match.scanned_file.name == "show.wav"
    assert (match.first_start_ms, match.last_end_ms) == (0, 20_000)
    segment = match.scan.detections.get().segments.order_by("position")[0]
    assert segment.reference_start_ms == 30_000
    assert [interval["kind"] for interval in match.scan.unmatched] == ["no_match", "not_scanned"]
    night = Match.objects.exclude(pk=match.pk).get()
    assert night.recording.artists == ["A. Example", "B. Sample"]
    assert night.last_end_ms == 24 * 3_600_000 + 10_000
    # Of what was not scanned, nobody knows that nothing matched.
    assert ScannedFile.objects.get(name="unscanned.wav").status == FileStatus.ERROR
    assert imported(path, container=container).unchanged == 3


def test_the_earlier_tool_names_the_file_in_its_reports_name(tmp_path: Path) -> None:
    header = (
        "time,title,artists,album,acrid,play offset(ms),label,isrc,dezzer,spotify,"
        "itunes,youtube,custom_files_title,audio_id\r\n"
    )
    row = "00:01:00,Night Drive,A. Example,Roads,acr0001,70000,Example,,,,,,,\r\n"
    path = written(tmp_path, header + row, "result-show.wav.csv")

    imported(path)

    match = Match.objects.get()
    assert match.scanned_file.name == "show.wav"
    assert (match.first_start_ms, match.last_end_ms) == (60_000, 70_000)


def test_bad_rows_are_named_with_line_and_column_and_the_rest_goes_on(tmp_path: Path) -> None:
    rows = (
        tool_row("late", "Night Drive")
        + tool_row("", "Night Drive")
        + tool_row("00:00:20", "Night Drive")
    )

    summary = imported(written(tmp_path, TOOL_HEADER + rows))

    assert [(fault["line"], fault["column"]) for fault in summary.faults] == [
        (2, "start_time_ms"),
        (3, "start_time_ms"),
    ]
    assert Match.objects.get().first_start_ms == 20_000


def test_rows_that_lack_columns_stop_nothing(tmp_path: Path) -> None:
    whole = {"filename": "a.wav", "start_time_ms": "0", "title": "T", "acrid": "acr1"}
    timeless = {"filename": "b.wav", "title": "T", "acrid": "acr1"}
    ours = {**whole, "filename": "c.wav", "custom_files_title": "Ours"}

    summary = imported(written(tmp_path, [whole, timeless, ours]))

    assert [fault["column"] for fault in summary.faults] == ["start_time_ms"]
    assert Match.objects.filter(scanned_file__name="a.wav").exists()
    assert Match.objects.filter(scanned_file__name="c.wav").exists()


def test_files_of_a_dump_that_say_too_little_are_named(tmp_path: Path) -> None:
    lacking = ({"name": ""}, {"state": None}, {"state": 0}, {"results": None})
    path = written(tmp_path, {"data": [api_file(**changes) for changes in lacking]})

    faults = list(read(path, name=path.name))

    assert [(fault.line, fault.column) for fault in faults if isinstance(fault, ResultFault)] == [
        (1, "name"),
        (2, "state"),
        (3, "state"),
        (4, "results"),
    ]


def test_what_is_no_report_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    for content in (
        "",
        "one,two\r\n1,2\r\n",
        "{ not json",
        "[1, 2]",
        '{"data": "nothing"}',
        "\x00\x01\x02",
    ):
        path.write_text(content, encoding="utf-8")

        with pytest.raises(ResultsRefused):
            list(read(path, name=path.name))


def test_a_large_dump_is_read_apart_and_costs_no_memory(tmp_path: Path) -> None:
    # Read here, they would take 14 MB and more.
    entries = ",".join(["{}"] * 200_000)
    line = json.dumps({"data": [api_file()]})
    path = tmp_path / "dump.json"
    path.write_text(f'[{line}, {{"data": [{entries}]}}]')
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    faults = read(path, name=path.name)
    first, second = next(faults), next(faults)

    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert isinstance(first, FoundFile)
    assert (first.name, isinstance(second, ResultFault)) == ("show.mp3", True)
    assert grown_kb < 7_000


def test_what_needs_more_than_its_limits_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = ReadingLimits(memory_bytes=32 * 1024**2, cpu_s=30, output_bytes=10**6)
    monkeypatch.setattr(reading, "_LIMITS", limits)
    path = tmp_path / "dump.json"
    path.write_text(f"[{','.join(['{}'] * 2_000_000)}]")

    with pytest.raises(ResultsRefused, match="too much time or memory"):
        read(path, name=path.name)


def test_a_workbook_of_the_tool_is_read(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["filename", "start_time_ms", "title", "acrid", "status_code"])
    sheet.append(["show.mp3", 10_000, "Night Drive", "a" * 32, 0])
    book.save(tmp_path / "report")

    (fault,) = read(tmp_path / "report", name="report.xlsx")

    assert isinstance(fault, FoundFile)
    assert (fault.name, fault.duration_ms) == ("show.mp3", 20_000)


def test_a_dry_run_counts_what_the_import_then_counts(tmp_path: Path) -> None:
    other_api_file = api_file(state=-1, results=None)
    nameless = api_file(id="", name="tape.mp3")
    dump = {"data": [api_file(), api_file(), other_api_file, nameless, nameless]}
    path = written(tmp_path, dump)
    container = ContainerFactory.create()

    planned = imported(path, dry=True, container=container)
    done = imported(path, container=container)

    assert planned == done
    assert (done.added, done.rescanned, done.unchanged) == (2, 1, 2)


def test_letters_that_no_database_keeps_are_replaced(tmp_path: Path) -> None:
    text = json.dumps({"data": [api_file(name="a\ud800b")]})
    text = text.replace('"title": "', '"title": "\\u0000')
    path = written(tmp_path, text)

    assert imported(path).added == 1
    assert ScannedFile.objects.get().name == "a?b"


def test_the_command_imports_and_tells(tmp_path: Path) -> None:
    container = ContainerFactory.create()
    path = written(tmp_path, {"data": [api_file(), api_file(id="2", state=0)]})
    output, complained = StringIO(), StringIO()

    call_command(
        "import_results", str(path), container=container.pk, stdout=output, stderr=complained
    )

    assert "1 new" in output.getvalue()
    assert "Line 2, column state" in complained.getvalue()
    assert Match.objects.count() == 1
    with pytest.raises(CommandError, match="no container"):
        call_command("import_results", str(path), container=0)


def test_the_page_checks_first_and_imports_when_told(tmp_path: Path, signed_in: MakeClient) -> None:
    container = ContainerFactory.create()
    client = signed_in(Role.REVIEWER)
    content = json.dumps({"data": [api_file()]}).encode()
    form = client.get(reverse("portal:result_import"))
    client.post(
        reverse("portal:result_import"),
        {"container": container.pk, "file": SimpleUploadedFile("dump.json", content)},
    )
    import_ = ResultImport.objects.get()
    run_next(Pool.WORK)
    detail = reverse("portal:result_import_detail", args=[import_.uid])

    checked = client.get(detail).content.decode()
    nothing_yet = not ScannedFile.objects.exists()
    # Results have no mapping of columns, whatever version somebody sends.
    start = reverse("portal:result_import_start", args=[import_.uid])
    client.post(start, {"version": 7})
    run_next(Pool.WORK)

    import_.refresh_from_db()
    assert form.status_code == 200
    assert "Import these files" in checked
    assert nothing_yet
    assert import_.status == ImportStatus.DONE
    assert Match.objects.count() == 1
    assert client.get(detail).status_code == 200

    # Nothing of it can be scanned until somebody attaches its sound.
    address = f"/files/{ScannedFile.objects.get().uid}/"
    refused = client.post(f"{address}rescan/", follow=True).content.decode()
    assert "Attach the audio on its page." in refused
    assert f'action="{address}rescan/"' not in refused
    assert "Night Drive" in refused
    client.post(f"{address}attach/", {"file": SimpleUploadedFile("a.wav", b"RIFF")})
    assert ScannedFile.objects.get().status == FileStatus.WAITING
    assert signed_in(Role.VIEWER).get(reverse("portal:result_import")).status_code == 403


def test_an_import_goes_on_where_a_killed_worker_left_it() -> None:
    content = json.dumps({"data": [api_file(), api_file(id="2", name="two.mp3")]})
    import_ = services.keep_upload(
        RESULTS,
        container=ContainerFactory.create(),
        file=SimpleUploadedFile("dump.json", content.encode()),
        user=(user := make_user(Role.REVIEWER)),
    )
    run_next(Pool.WORK)
    first = json.dumps({"data": [api_file()]})
    services.start(import_=import_, user=user)
    ResultImporter(
        container=import_.container,
        user=None,
        source="dump.json",
        dry=False,
        heartbeat=lambda: None,
    ).run(fault for fault in read(written(Path(import_.file.path).parent, first), name="dump.json"))

    run_next(Pool.WORK)

    import_.refresh_from_db()
    assert import_.status == ImportStatus.DONE
    assert (import_.summary["added"], import_.summary["unchanged"]) == (1, 1)
    assert ScannedFile.objects.count() == 2


def test_a_packed_table_below_a_title_is_read(tmp_path: Path) -> None:
    path = tmp_path / "result.csv.gz"
    table = f"Scan of 1.11.2026\r\n\r\n{TOOL_HEADER}{tool_row('00:00:10', 'Song')}"
    path.write_bytes(gzip.compress(table.replace(",", ";").encode("utf-16")))

    (fault,) = read(path, name=path.name)

    assert isinstance(fault, FoundFile)
    assert fault.name == "show.wav"


def test_only_another_scan_is_told_as_one() -> None:
    importer = ResultImporter(
        container=ContainerFactory.create(),
        user=None,
        source="dump.json",
        dry=False,
        heartbeat=lambda: None,
    )
    impossible = FoundFile(line=1, name="A", state=1, results={}, remote_id="r1", duration_ms=-1)

    with pytest.raises(IntegrityError, match="scanned_file_sizes_not_negative"):
        importer.run([impossible])
