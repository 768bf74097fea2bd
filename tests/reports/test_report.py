"""The match report: rows, order, bytes, and the cost of reading."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pytest_django import Settings

from base.accounts.roles import Role
from base.accounts.tokens import create_token
from base.audit.models import Event
from base.common.csv_safety import unguard
from reports import files, selectors, services
from reports.choices import FilesWithout, Format, Mode, Separator
from reports.extras import extras
from reports.layouts import Layout
from reports.models import ReportTemplate
from reports.rows import match_columns
from review.choices import MatchState
from review.filters import MatchFilter
from review.models import Match
from review.services.folding import fold_scan
from scanning.choices import FileStatus, ScanStatus
from scanning.models import Scan
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.scanning import (
    ContainerFactory,
    ScanFactory,
    ScannedFileFactory,
    make_detection,
)
from tests.reports.reading import content, rows

pytestmark = pytest.mark.django_db

GOLDEN = Path(__file__).parent / "golden_match_report.csv"
# Plug-ins test their own columns.
_ADDED = {
    column.name
    for extra in extras
    if extra.of_files.__module__.startswith("plugins.")
    for column in extra.columns
}
NAMES = [column.name for column in match_columns() if column.name not in _ADDED]
EMPTY_WITHOUT_MATCH = {
    *("match_id", "review_state", "review_reason", "policy_action"),
    *("policy_name", "recording_id", "custom_id", "title", "version_title"),
    *("artists", "album", "label", "release_date", "isrc", "isrc_status"),
    *("upc", "iswc", "writers", "publishers", "rights_share_pct"),
    *("territories", "match_score", "speed_pct", "pitch_cents"),
    *("reference_coverage_pct", "first_start", "last_end", "segments"),
    *("other_candidates", "detected_at", "licence_id", "licence_valid_until"),
    *("decided_by", "decided_at", "dispute_status", "dispute_due_at"),
    *("evidence_sha256",),
}
EMPTY_UNTIL_SCANNED = {
    *("segment_count", "matched_ms", "longest_match_ms", "source_coverage_pct"),
    *("engine", "engine_version", "scan_id"),
}


def report_bytes(filters: MatchFilter | None = None) -> bytes:
    """Return the report as the command writes it."""
    return content(Layout(filters=(filters or MatchFilter()).to_query()))


def only_row(content: bytes) -> dict[str, str]:
    rows_read = rows(content)
    assert len(rows_read) == 1
    return rows_read[0]


def empty_columns(row: dict[str, str]) -> set[str]:
    return {name for name in NAMES if row[name] == ""}


def test_a_match_that_a_later_scan_did_not_find_says_so_in_every_row_and_in_the_api() -> None:
    lost, other = make_match(), make_match()
    Match.objects.filter(pk=lost.pk).update(lost=True, state=MatchState.CONFIRMED)
    reviewer = make_user(Role.REVIEWER)
    secret = create_token(owner=reviewer, name="desk", scopes=["all"]).secret

    client = Client(headers={"authorization": f"Bearer {secret}"})
    api = client.get("/api/portal/v1/matches/").json()

    for mode in (Mode.MATCH, Mode.SEGMENT):
        by_match = {row["match_id"]: row for row in rows(content(Layout(mode=mode)))}
        row = by_match[lost.uid]
        assert (row["review_state"], row["lost"]) == ("confirmed", "yes"), mode
        assert by_match[other.uid]["lost"] == "", mode
    assert {row["uid"]: row["lost"] for row in api["items"]} == {lost.uid: True, other.uid: False}


def test_golden_file(settings: Settings) -> None:
    settings.ACRPORTAL_BASE_URL = "https://portal.example"
    _golden_rows()

    assert content(Layout(columns=tuple(NAMES))) == GOLDEN.read_bytes()
    assert len(NAMES) == len(set(NAMES)) == 79
    assert (NAMES[0], NAMES[45], NAMES[61]) == ("report_schema", "segments", "notes")


def _golden_rows() -> None:
    """Make a match with every field set, and a file of each other kind."""
    fixed = {"created_at": datetime(2026, 5, 2, 10, 11, 12, tzinfo=UTC)}
    container = ContainerFactory.create(name="TV")
    match = make_match(
        (70_000, 92_400, 5_120, 27_520),
        (1_179_000, 1_181_800, 40_000, 42_800),
        speech=(0.81, 0.9),
        scan__uid="s_GOLDEN",
        scan__finished_at=datetime(2026, 5, 3, 8, tzinfo=UTC),
        scan__scanned_file=ScannedFileFactory.create(
            container=container,
            name="ep12_final.wav",
            source_type="link",
            source_url="https://video.example/w/1",
            platform="YouTube",
            account="=Example Channel",
            external_id="PRG-0012",
            sha256="9f" * 32,
            length_ms=1_834_210,
            published_at=datetime(2026, 5, 1, 9, tzinfo=UTC),
        ),
        recording=RecordingFactory.create(
            uid="r_GOLDEN",
            custom_id="LIB-7781",
            title='Night "Drive", again',
            version_title="Radio Edit",
            artists=["A. Example", "B|Sample"],
            album="Roads",
            label="Example Records",
            release_date="2016-06-28",
            isrc="ZZX012600001",
            isrc_normalised="ZZX012600001",
            isrc_status="valid",
            upc="2000000000015",
            iswc="T9000000420",
            writers=["C. Writer"],
            publishers=["Example Music"],
            duration_ms=167_000,
        ),
        match={
            "uid": "m_GOLDEN",
            "state": MatchState.REJECTED,
            "decision_reason": "other",
            "decided_by_name": "jkim",
            "decided_at": datetime(2026, 5, 2, 12, tzinfo=UTC),
            "note": "heard under\nspeech",
        },
    )
    # The model refuses updates, so the test sets the time in the database.
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE scanning_detection SET created_at = %s WHERE scan_id = %s",
            [fixed["created_at"].replace(tzinfo=None), match.scan_id],
        )
    Match.objects.filter(pk=match.pk).update(**fixed)
    _files_without_match(container)


def _files_without_match(container: object) -> None:
    quiet = ScannedFileFactory.create(
        container=container,
        name="quiet.wav",
        status=FileStatus.NO_MATCH,
        uid="00000000-0000-4000-8000-000000000001",
        sha256="aa" * 32,
    )
    ScanFactory.create(scanned_file=quiet, uid="s_QUIET", no_match_reason="silence")
    ScannedFileFactory.create(
        container=container,
        name="broken.wav",
        status=FileStatus.ERROR,
        error_code="not_audio",
        message="broken.wav could not be decoded as audio.",
        uid="00000000-0000-4000-8000-000000000002",
        sha256="bb" * 32,
        length_ms=0,
    )
    ScannedFileFactory.create(
        container=container,
        name="new.wav",
        status=FileStatus.WAITING,
        uid="00000000-0000-4000-8000-000000000003",
        sha256="cc" * 32,
        length_ms=0,
    )


def test_bytes_follow_the_dialect() -> None:
    make_match(recording__title='say; "hi"\nnow')

    written = report_bytes()
    assert written.startswith(codecs.BOM_UTF8 + b"report_schema,match_id,")
    assert b'"say; ""hi""\nnow"' in written
    assert written.endswith(b"\r\n")

    chosen = content(Layout(separator=Separator.SEMICOLON, byte_order_mark=False))
    assert chosen.startswith(b"report_schema;match_id;")
    assert b';"say; ""hi""\nnow";' in chosen


def test_files_without_a_match_say_why() -> None:
    file = ScannedFileFactory.create(name="0.wav", status=FileStatus.NO_MATCH)
    ScanFactory.create(scanned_file=file, no_match_reason="speech_only")
    unfinished = (
        (FileStatus.ERROR, "error"),
        (FileStatus.CANCELLED, "error"),
        (FileStatus.WAITING, "pending"),
        (FileStatus.PROCESSING, "pending"),
        (FileStatus.NEEDS_AUDIO, "pending"),
    )
    for number, (status, _unfinished) in enumerate(unfinished, start=1):
        file = ScannedFileFactory.create(
            name=f"{number}.wav", status=status, error_code="engine_error", message="Scan stopped."
        )
        ScanFactory.create(scanned_file=file, status=ScanStatus.QUEUED, started_at=None)
    failed = ScanFactory.create(
        scanned_file=ScannedFileFactory.create(name="9.wav", status=FileStatus.ERROR),
        status=ScanStatus.FAILED,
    )

    quiet, *waiting, broken = rows(report_bytes())

    assert quiet["match_found"] == "no"
    assert quiet["queue_reason"] == "no_match:speech_only"
    assert [quiet[name] for name in NAMES[38:42]] == ["0", "0", "0", "0.00"]
    assert (quiet["match_relation"], quiet["score_scale"]) == ("none", "none")
    assert empty_columns(quiet) >= EMPTY_WITHOUT_MATCH
    assert quiet["engine_version"] == "1+idx1"

    # An unfinished file never reads as one without a match.
    assert [row["match_found"] for row in waiting] == [unfinished for _, unfinished in unfinished]
    for row in waiting:
        assert row["notes"] == "engine_error: Scan stopped."
        assert empty_columns(row) >= EMPTY_WITHOUT_MATCH | EMPTY_UNTIL_SCANNED

    assert (broken["scan_id"], broken["segment_count"]) == (failed.uid, "")


def test_only_decided_matches_of_deleted_files_are_reported() -> None:
    match = make_match(scan__scanned_file__length_ms=108_000_000)
    scan = ScanFactory.create(scanned_file=match.scanned_file)
    late = (98_000_000, 98_042_480, 0, 42_480)
    make_detection(late, scan=scan, recording=match.recording)
    fold_scan(scan=scan)
    gone = datetime(2026, 5, 3, tzinfo=UTC)
    decided = make_match(
        state=MatchState.CONFIRMED,
        scan__scanned_file__deleted_at=gone,
        scan__scanned_file__name="a.wav",
    )
    make_match(scan__scanned_file__deleted_at=gone)
    ScannedFileFactory.create(status=FileStatus.NO_MATCH, deleted_at=gone)

    fields, newest = rows(report_bytes())

    assert fields["match_id"] == decided.uid
    assert newest["scan_id"] == scan.uid
    # A source past 24 hours keeps its offsets.
    assert newest["first_start"] == "27:13:20.000"
    assert newest["segments"] == "27:13:20.000-27:14:02.480@00:00:00.000-00:00:42.480"
    assert Scan.objects.count() == 4


def test_rows_are_sorted_by_bytes_then_scan_start_and_match() -> None:
    for name in ("b.wav", "ä.wav", "B.wav", "a.wav"):
        make_match(scan__scanned_file__name=name)
    ScannedFileFactory.create(name="C.wav", status=FileStatus.NO_MATCH)
    late = make_match((500_000, 510_000, 0, 10_000), scan__scanned_file__name="z.wav")
    make_detection((0, 10_000, 0, 10_000), scan=late.scan)
    fold_scan(scan=late.scan)

    rows_read = rows(report_bytes())

    assert [row["source_name"] for row in rows_read] == [
        "B.wav",
        "C.wav",
        "a.wav",
        "b.wav",
        "z.wav",
        "z.wav",
        "ä.wav",
    ]
    assert [row["first_start"] for row in rows_read[4:6]] == ["00:00:00.000", "00:08:20.000"]


def test_rows_come_in_chunks_and_their_number_adds_no_query(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            report_bytes()
        # Inside a test's transaction the report tells its progress with each row; else
        # another thread does, once a second.
        return sum("jobs_job" not in query["sql"] for query in captured)

    def make(count: int) -> None:
        for _ in range(count):
            make_match()
            file = ScannedFileFactory.create(status=FileStatus.NO_MATCH)
            ScanFactory.create(scanned_file=file)

    make(1)
    few = queries()
    make(4)
    assert queries() == few

    monkeypatch.setattr(selectors, "CHUNK", 2)
    assert len(rows(report_bytes())) == 10


def test_export_is_an_event_with_its_pin_and_hash() -> None:
    make_match()
    newest = Event.objects.latest("pk")
    layout = Layout(filters={"state": ["pending"]})

    run = services.build_report(layout=layout, user="system")

    event, written = Event.objects.filter(case=run.case).order_by("sequence")
    assert (event.action, written.action) == ("exported", "written")
    assert written.after["as_of_event"] == newest.pk
    assert written.after["filter"]["state"] == ["pending"]
    assert written.after["rows"] == {"yes": 1}
    file = b"".join(files.file_content(run))
    assert written.after["sha256"] == hashlib.sha256(file).hexdigest()
    assert run.size_bytes == len(file)


def test_stream_holds_what_the_filter_or_the_selection_lets_pass() -> None:
    user = make_user(Role.REVIEWER)
    confirmed, other_match = make_match(state=MatchState.CONFIRMED), make_match()
    ScannedFileFactory.create(status=FileStatus.NO_MATCH)

    filtered = services.stream_report(
        layout=Layout(filters={"state": ["confirmed"]}, files_without=FilesWithout.NONE), user=user
    )
    everything = services.stream_report(layout=Layout(), user=user)

    assert only_row(b"".join(filtered))["match_id"] == confirmed.uid
    assert len(rows(b"".join(everything))) == 3
    assert Event.objects.filter(action="exported", actor=user).count() == 2

    selection = services.stream_report(
        layout=Layout(), matches=Match.objects.filter(pk=other_match.pk), user=user
    )
    assert only_row(b"".join(selection))["match_id"] == other_match.uid


# PostgreSQL stores no NUL, so a report from it has none.
STORABLE = st.characters(exclude_categories=["Cs"], exclude_characters="\0")


@given(title=st.text(STORABLE), artists=st.lists(st.text(STORABLE, min_size=1)))
@examples(
    max_examples=5 if examples().derandomize else 100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_metadata_survives_the_report(db: None, title: str, artists: list[str]) -> None:
    match = make_match(recording__artists=artists)
    type(match.recording).objects.filter(pk=match.recording_id).update(title=title)

    row = only_row(report_bytes(MatchFilter(file=str(match.scanned_file.uid))))

    assert (row["match_id"], unguard(row["title"])) == (match.uid, title)


def test_command_names_the_formats_if_an_ending_is_none_of_them(db: None, tmp_path: Path) -> None:
    make_match()

    with pytest.raises(CommandError, match=r"end in \.csv, .*\.jsonl or \.parquet, or .* --format"):
        call_command("export_matches", output=tmp_path / "x.foo")
    assert not (tmp_path / "x.foo").exists()

    call_command("export_matches", output=tmp_path / "x.foo", format="jsonl")
    call_command("export_matches", output=tmp_path / "plain")
    ReportTemplate.objects.create(name="Weekly", format=Format.XLSX)
    for options in ({"format": "xlsx"}, {"template": "Weekly"}):
        with pytest.raises(CommandError, match=r"is xlsx, so the output cannot end in \.csv"):
            call_command("export_matches", output=tmp_path / "x.csv", **options)
    with pytest.raises(CommandError, match="There is no filter “stat”"):
        call_command("export_matches", output=tmp_path / "x.csv", filter="stat=pending")
    assert not (tmp_path / "x.csv").exists()
    assert (tmp_path / "x.foo").read_bytes().startswith(b"{")
    assert rows((tmp_path / "plain").read_bytes())


def test_command_writes_the_file_and_leaves_the_old_one_when_the_run_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_match(scan__scanned_file__container=ContainerFactory.create(name="TV"))
    make_match()
    output = tmp_path / "out" / "report.csv"

    for container in ("nowhere", "999999"):
        with pytest.raises(CommandError, match="is unknown"):
            call_command("export_matches", output=output, container=container)

    call_command("export_matches", output=output, container="TV", state=["pending"])
    before = output.read_bytes()
    assert len(rows(before)) == 1
    assert "1 row (match found: yes 1)" in capsys.readouterr().out
    names = {"report.csv", "report.csv.manifest.json", "report.csv-metadata.json"}
    assert {path.name for path in output.parent.iterdir()} == names

    def broken(run: object) -> Iterator[bytes]:
        yield b"half"
        raise OSError("disk full")

    monkeypatch.setattr(files, "file_content", broken)
    with pytest.raises(CommandError, match="disk full"):
        call_command("export_matches", output=output)
    assert output.read_bytes() == before
    assert {path.name for path in output.parent.iterdir()} == names
