"""Report pages: preview, start, past runs, and one run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import time_machine
from django.http import QueryDict
from django.http.response import HttpResponseBase
from django.urls import reverse

from base.accounts.roles import Role
from base.audit.models import Event
from base.common.reading import read_date
from catalogue.changes import retire_recordings, update_recording
from catalogue.models import Recording
from reports.choices import Format, Mode, RunState
from reports.layouts import Layout
from reports.models import ReportRun, ReportTemplate
from reports.rows import match_columns
from review.services.folding import fold_scan
from review.services.locks import take_lock
from scanning.choices import FileStatus
from scanning.services.filing import change_details
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.review import DEFAULT_INTERVAL, make_match
from tests.factories.scanning import ScanFactory, ScannedFileFactory, make_detection
from tests.fixtures import MakeClient
from tests.reports.reading import file_of, rows, run_of
from tests.visible_text import faults_in, visible_text

pytestmark = pytest.mark.django_db


def body(answer: HttpResponseBase) -> bytes:
    return b"".join(answer)


def test_page_shows_counts_and_the_rows_as_written(
    signed_in: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_match(recording__title="=1+1")
    ScannedFileFactory.create(status=FileStatus.ERROR)
    client = signed_in(Role.REVIEWER)
    run = run_of()

    page = client.get("/reports/").content.decode()
    monkeypatch.setattr("web.portal.reports.views.PREVIEW_ROWS", 1)
    cut = visible_text(client.get("/reports/").content.decode())

    assert "<strong>2 rows</strong>" in page.replace("> ", ">").replace(" <", "<")
    assert "1 match, 0 files with no match, 1 file failed or unfinished" in page
    assert "&#x27;=1+1</td>" in page
    # Counts of the page do not reach the menu.
    assert page.count('data-count-of="menu-queue"') == 1
    text = visible_text(page)
    assert "all 2 rows," in text
    assert "the first" not in text
    assert "the first row," in cut
    assert run.as_of_at is not None
    until = read_date(run.as_of_at, "full")
    assert f"includes every change until {until}" in text


def test_a_run_says_since_when_its_rows_differ(signed_in: MakeClient) -> None:
    client = signed_in(Role.REVIEWER)
    manager = make_user(Role.MANAGER)
    first, second = make_match(), make_match()
    run = run_of()

    take_lock(match=first, user=manager)
    locked = visible_text(client.get(run.url).content.decode())
    decided = deciding.confirm(match=first, user=manager, version=2)
    update_recording(recording=second.recording, columns={"label": "Another"}, user=manager)
    later = visible_text(client.get(run.url).content.decode())

    assert run.as_of_at is not None
    until = read_date(run.as_of_at, "full")
    assert f"Changes until\n{until} audit event {run.as_of_event}" in locked
    assert "would read differently" not in locked
    assert decided.decided_at is not None
    assert "2 rows would read differently today" in later
    assert read_date(decided.decided_at, "full")[:10] in later


@pytest.mark.parametrize("mode", [Mode.MATCH, Mode.FILE])
def test_a_run_says_of_every_row_that_it_differs_whatever_changed_it(
    signed_in: MakeClient, mode: Mode
) -> None:
    client = signed_in(Role.REVIEWER)
    manager = make_user(Role.MANAGER)
    match, retired = make_match(), make_match()
    unmatched = ScannedFileFactory.create(status=FileStatus.NO_MATCH)
    run = run_of(Layout(mode=mode))
    again = ScanFactory.create(scanned_file=match.scanned_file)
    make_detection(DEFAULT_INTERVAL, scan=again, recording=match.recording)
    fold_scan(scan=again)
    retire_recordings(recordings=[retired.recording], user=manager)
    same = visible_text(client.get(run.url).content.decode())

    # A share has no event of a match or recording.
    Recording.objects.filter(pk=match.recording_id).update(computed_share_pct=80)
    share = visible_text(client.get(run.url).content.decode())
    for file in (match.scanned_file, unmatched):
        change_details(scanned_file=file, details={"account": "other"}, user=manager)
    details = visible_text(client.get(run.url).content.decode())

    assert "read differently" not in same
    assert ("1 row would read differently today." in share) == (mode == Mode.MATCH)
    assert "2 rows would read differently today. The first differs since" in details
    assert "source account would differ." in details
    assert not faults_in(client.get(run.url).content.decode())


def test_csv_leaves_at_once_and_is_kept_by_its_name(signed_in: MakeClient) -> None:
    match = make_match()
    client = signed_in(Role.REVIEWER)

    streamed = client.post(
        "/reports/", {"format": "csv", "separator": "semicolon", "name": "Weekly: Northlight/GB"}
    )
    sent = body(streamed)
    body(client.post("/reports/", {"format": "csv"}))

    unnamed, named = ReportRun.objects.order_by("-pk")
    assert sent.decode("utf-8-sig").splitlines()[1].split(";")[1] == match.uid
    assert (named.state, named.name) == (RunState.READY, "Weekly: Northlight/GB")
    assert file_of(named) == sent
    again = client.get(f"/reports/runs/{named.uid}/file")
    assert 'filename="weekly-northlightgb.csv"' in streamed["Content-Disposition"]
    assert again["Content-Disposition"] == streamed["Content-Disposition"]
    assert unnamed.download_name == unnamed.file_name
    page = client.get(unnamed.url).content.decode()
    assert re.search(r"<h1>Match report, \d+ \w+ \d{4}", page)
    assert "With a match 1" in page
    assert "weekly-northlightgb.csv" in client.get(named.url).content.decode()

    # Past runs are drawn anew without the page.
    part = client.get("/reports/", headers={"HX-Target": "runs"}).content.decode()
    assert part.lstrip().startswith('<section class="card" id="runs"')
    assert "Weekly: Northlight/GB" in part
    assert "<h1" not in part


def test_workbook_is_left_to_the_worker(signed_in: MakeClient) -> None:
    client = signed_in(Role.REVIEWER)

    answer = client.post("/reports/", {"format": "xlsx"})

    run = ReportRun.objects.get()
    assert answer.headers["Location"] == run.url
    page = client.get(run.url).content.decode()
    assert "It starts as soon as a worker is free" in page
    # Progress replaces its own part of the page only.
    assert 'hx-select="#run-body"' in page
    assert 'hx-target="body"' not in page
    client.post(f"{run.url}cancel/")
    assert "was cancelled" in client.get(run.url).content.decode()


def test_who_asks_only_for_the_head_takes_nothing(signed_in: MakeClient) -> None:
    run = run_of()
    client = signed_in(Role.REVIEWER)
    count = Event.objects.count()

    head = client.head(f"{run.url}file")

    assert head["Content-Length"] == str(run.size_bytes)
    for url in ("/matches/export/", "/files/export/", "/reports/summary/rows.csv"):
        assert client.head(url).status_code == 405, url
    assert Event.objects.count() == count


def test_viewers_download_and_check_but_do_not_run(signed_in: MakeClient) -> None:
    make_match()
    run = run_of()
    client = signed_in(Role.VIEWER)

    assert client.post("/reports/", {}).status_code == 403
    assert client.post(f"{run.url}again/", {}).status_code == 403
    assert "Run report" not in client.get("/reports/").content.decode()
    assert body(client.get(f"{run.url}file")) == file_of(run)
    assert Event.objects.filter(action="downloaded").count() == 1

    assert run.sha256 in client.get(run.url).content.decode()
    assert client.get(f"{run.url}manifest.json").json()["report_id"] == run.uid
    types = client.get(f"{run.url}csv-metadata.json").json()
    assert len(types["tableSchema"]["columns"]) == len(match_columns())
    assert client.get(f"{run.url}check/").status_code == 405
    assert "as it was written" in client.post(f"{run.url}check/").content.decode()
    Path(run.rows.path).unlink()
    assert "The file is missing" in client.post(f"{run.url}check/").content.decode()

    for path in ("", "file", "manifest.json", "csv-metadata.json"):
        strange = client.get(f"/reports/runs/p_none/{path}")
        assert strange.status_code == 404, path


def test_kept_rows_are_written_in_another_format(signed_in: MakeClient) -> None:
    make_match()
    run = run_of()

    answer = signed_in(Role.REVIEWER).post(
        f"{run.url}again/",
        {"mode": "segment", "format": "jsonl", "separator": "comma", "byte_order_mark": "no"},
    )

    again = ReportRun.objects.latest("pk")
    assert answer.headers["Location"] == again.url
    assert (again.state, again.format) == (RunState.READY, Format.JSON_LINES)
    assert again.rows.name == run.rows.name


def test_failed_run_says_why_and_offers_nothing(signed_in: MakeClient) -> None:
    run = ReportRun.objects.create(
        name="Weekly", run_by_name="ana", state=RunState.FAILED, message="Disk full."
    )
    client = signed_in(Role.REVIEWER)

    page = client.get(run.url).content.decode()

    assert "there is no partial file" in page
    assert "Disk full." in page
    assert client.get(f"{run.url}file").status_code == 404


def test_template_keeps_filters_columns_and_format(signed_in: MakeClient) -> None:
    client, other_client = signed_in(Role.REVIEWER), signed_in(Role.MANAGER)
    fields = {
        "name": "Weekly usage",
        "mode": "match",
        "format": "xlsx",
        "state": ["confirmed", "upheld"],
        "columns": ["match_id", "title"],
        "found_from": "2026-11-09",
    }

    client.post("/reports/templates/", fields)

    template = ReportTemplate.objects.get(name="Weekly usage")
    layout = Layout.of(template)
    assert (layout.format, layout.columns) == (Format.XLSX, ("match_id", "title"))
    assert layout.filters == {"state": ["confirmed", "upheld"], "found_from": "2026-11-09"}
    assert "Weekly usage" in client.get("/reports/").content.decode()

    # A schedule may run it, for people who rely on its columns.
    page = other_client.post("/reports/templates/", fields | {"format": "csv"}, follow=True)
    assert ReportTemplate.objects.get().format == Format.XLSX
    assert f"{template.made_by} already has a template called" in page.content.decode()
    assert "Choose another name" in page.content.decode()

    client.post(f"/reports/templates/{template.uid}/delete/")
    assert not ReportTemplate.objects.exists()


@time_machine.travel("2026-11-27T09:00:00Z", tick=False)
def test_a_preset_chooses_kind_columns_and_the_last_week(signed_in: MakeClient) -> None:
    client = signed_in(Role.REVIEWER)
    page = client.get("/reports/")
    assert "16 Nov 2026 – 22 Nov 2026" in visible_text(page.content.decode())
    queries = {preset.name: query for preset, query, _days in page.context["presets"]}

    for name, mode, days in (
        ("Claims of the week", Mode.SEGMENT, "decided"),
        ("Music of the week", Mode.MATCH, "found"),
        ("Files of the week", Mode.FILE, "found"),
    ):
        chosen = client.get(f"/reports/?{queries[name]}")
        client.post("/reports/", QueryDict(queries[name]).dict())

        layout = chosen.context["layout"]
        assert not chosen.context["form"].errors
        assert (layout.mode, layout.format) == (mode, Format.XLSX)
        assert layout.filters[f"{days}_from"] == "2026-11-16"
        assert layout.filters[f"{days}_until"] == "2026-11-22"
        columns = {"programme", "episode", "tags", "source_territories"}
        assert columns < set(layout.columns)
        run = ReportRun.objects.latest("pk")
        assert (run.state, run.mode) == (RunState.QUEUED, mode)
        assert run.filters[f"{days}_from"] == "2026-11-16"


def test_filters_without_rows_or_sense_say_what_to_do(signed_in: MakeClient) -> None:
    client = signed_in(Role.REVIEWER)

    empty = client.get("/reports/?q=nothing").content.decode()
    assert "No matches fit" in empty
    assert "No report has been run yet" in empty
    for query in ("found_from=2026-11-09&found_until=2026-11-01", "score_min=many"):
        answer = client.get(f"/reports/?{query}")
        assert answer.status_code == 422, query
        assert "Error:" in answer.content.decode(), query
    # Nothing else is exported either.
    query = "state=confirmed&score_min=high"
    answer = client.post(f"/matches/export/?{query}")
    assert answer.headers["Location"] == f"/reports/?{query}"


def test_period_platform_and_label_narrow_a_report(signed_in: MakeClient) -> None:
    match = make_match(scan__scanned_file__platform="YouTube", recording__label="Example")
    make_match(scan__scanned_file__platform="Vimeo", recording__label="Example")
    make_match(scan__scanned_file__platform="YouTube", recording__label="Other")

    answer = signed_in(Role.REVIEWER).post(
        "/matches/export/?platform=youtube&label=example&found_from=2000-01-01"
    )

    assert [row["match_id"] for row in rows(body(answer))] == [match.uid]


def test_a_summary_says_that_it_is_cut_only_where_it_is(
    signed_in: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, url = signed_in(Role.VIEWER), reverse("portal:report_summary")
    make_match()
    make_match()
    whole = client.get(url).content.decode()
    monkeypatch.setattr("web.portal.reports.summary_views.SHOWN", 1)

    cut = client.get(url).content.decode()

    assert "the first" not in whole
    assert "the first 1" in cut
