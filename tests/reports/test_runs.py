"""Report runs: one snapshot, the worker, cancelling, failing, and stored files."""

from __future__ import annotations

import errno
import os
import resource
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client
from pytest_django import Settings

from base.accounts.models import AccessLimit, User
from base.accounts.roles import Role
from base.audit.models import Event
from base.jobs import draining, loop, runner
from base.jobs.choices import JobState, Pool
from base.jobs.context import JobContext
from base.jobs.errors import Cancelled, Failed, LeaseLost
from base.jobs.models import Job
from base.jobs.runner import run_next
from base.jobs.services import reclaim
from reports import files, report_job, selectors, services
from reports.choices import Format, Mode, RunState
from reports.jobs import REPORT
from reports.layouts import Layout
from reports.models import ReportRun
from reports.rows import KeptRow
from reports.stored_rows import RowKeeper
from review.models import Match
from scanning.choices import ScanStatus
from scanning.services.scans import request_scan
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.factories.scanning import ScannedFileFactory
from tests.failures import failing
from tests.fixtures import Worker
from tests.jobs.workers import run_regular_work
from tests.reports.reading import file_of, rows, run_of

pytestmark = pytest.mark.django_db


@contextmanager
def disk_of(size_bytes: int) -> Iterator[None]:
    """Limit the size of files, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    heard = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, heard)


def stored_reports(settings: Settings) -> list[str]:
    """Return the files that have their final names."""
    folder = Path(settings.MEDIA_ROOT) / "reports"
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def job_of(run: ReportRun) -> Job:
    return Job.objects.get(kind="report", subject=run.pk)


def asked_run(user: User | None = None) -> ReportRun:
    """Return a run that a worker is to do."""
    return services.request_report(
        layout=Layout(format=Format.XLSX), user=user or make_user(Role.REVIEWER)
    )


def own_context(run: ReportRun, *, in_worker: bool) -> JobContext:
    """Return the context of a run that is done here, or in a worker."""
    runner.begin(job_of(run))
    apart = not connection.in_atomic_block

    def give_way() -> None:
        runner._let_people_pass(context, apart=apart)

    context = JobContext(job_of(run), REPORT, run, give_way=give_way if in_worker else None)
    return context


def empty_rows(number: int) -> Iterator[KeptRow]:
    return iter([([], [])] * number)


def lose_worker(run: ReportRun, *, attempts: int = 1) -> None:
    ReportRun.objects.filter(pk=run.pk).update(state=RunState.RUNNING)
    Job.objects.filter(kind="report", subject=run.pk).update(
        state=JobState.RUNNING,
        lease_owner="dead",
        lease_until=datetime.now(tz=UTC) - timedelta(seconds=1),
        attempts=attempts,
    )


def after_first_row(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Let something happen once, after a report has read its first row."""
    read = selectors.rows
    begun: list[KeptRow] = []

    def rows_then_act(**options: Any) -> Iterator[KeptRow]:
        for row in read(**options):
            yield row
            if not begun:
                begun.append(row)
                act()

    monkeypatch.setattr(selectors, "rows", rows_then_act)


def test_worker_does_what_was_asked_and_begun_and_not_what_was_cancelled(
    run_worker: Worker,
) -> None:
    make_match()
    user = make_user(Role.REVIEWER)
    run = services.request_report(layout=Layout(format=Format.PARQUET), user=user, name="Weekly")
    assert run.state == RunState.QUEUED
    cancelled, lost = asked_run(user), asked_run(user)
    services.cancel_run(run=cancelled, user=user)
    lose_worker(lost)

    run_worker()

    run.refresh_from_db()
    assert (run.state, run.progress, run.row_count) == (RunState.READY, 100, 1)
    assert [check.is_whole for check in files.check_run(run=run)] == [True, True]
    actions = Event.objects.filter(case=run.case).order_by("sequence")
    assert list(actions.values_list("action", flat=True)) == ["exported", "written"]
    cancelled.refresh_from_db()
    assert (cancelled.state, cancelled.file.name) == (RunState.CANCELLED, "")
    lost.refresh_from_db()
    assert (lost.state, job_of(lost).attempts) == (RunState.READY, 2)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite in memory lets nobody write while it is read"
)
def test_decision_made_meanwhile_is_not_in_the_report() -> None:
    for number in range(3):
        make_match(scan__scanned_file__name=f"{number}.wav")
    pieces = services.stream_report(layout=Layout(), user=make_user(Role.REVIEWER))
    begun = next(pieces)

    with ThreadPoolExecutor(1) as elsewhere:
        elsewhere.submit(_confirm_all).result()
    report_rows = rows(begun + b"".join(pieces))

    assert [row["review_state"] for row in report_rows] == ["pending"] * 3
    assert Match.objects.filter(state="confirmed").count() == 3


def _confirm_all() -> None:
    try:
        for match in Match.objects.all():
            deciding.confirm(match=match, user=make_user(Role.REVIEWER), version=1)
    finally:
        connection.close()


def test_download_that_ends_early_keeps_nothing_and_does_not_look_whole(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_match()
    user = make_user(Role.REVIEWER)

    pieces = services.stream_report(layout=Layout(), user=user)
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]  # a generator
    assert ReportRun.objects.get().state == RunState.CANCELLED

    for why in (Cancelled, LeaseLost):
        with monkeypatch.context() as stopped:
            stopped.setattr(report_job, "watched", failing(why()))
            pieces = services.stream_report(layout=Layout(), user=user)
            with pytest.raises(why):
                list(pieces)

    after_first_row(monkeypatch, _break_down)
    with pytest.raises(ValueError, match="odd row"):
        list(services.stream_report(layout=Layout(), user=user))
    run = ReportRun.objects.latest("pk")
    assert run.state == RunState.FAILED
    assert run.message == "An error stopped it: ValueError: odd row"
    assert run.finished_at is not None
    assert stored_reports(settings) == []


def _break_down() -> None:
    raise ValueError("odd row")


def test_run_that_works_is_cancelled_at_its_next_row(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_match()
    make_match()
    run, user = asked_run(), make_user(Role.REVIEWER)
    after_first_row(monkeypatch, lambda: services.cancel_run(run=run, user=user))

    run_next(Pool.WORK)

    run.refresh_from_db()
    assert (run.state, run.row_count) == (RunState.CANCELLED, 0)
    assert run.finished_at is not None
    assert stored_reports(settings) == []


def test_progress_is_told_while_it_works() -> None:
    run = asked_run()
    context = own_context(run, in_worker=True)
    for _ in report_job.watched(context, empty_rows(2), 4, begin=0.5):
        pass

    run.refresh_from_db()
    assert run.progress == 74


def test_a_worker_ends_what_others_began_unless_it_is_a_selection_or_too_often(
    settings: Settings,
) -> None:
    match, user = make_match(), make_user(Role.REVIEWER)
    make_match()
    chosen = Match.objects.filter(pk=match.pk)
    kept_open = [
        services.stream_report(layout=Layout(), matches=chosen, user=user),
        services.stream_report(layout=Layout(), user=user),
    ]
    selection, download = ReportRun.objects.order_by("pk")
    assert selection.state == download.state == RunState.RUNNING
    deadly = asked_run(user)
    lose_worker(selection)
    lose_worker(download)
    lose_worker(deadly, attempts=settings.ACRPORTAL_MAX_ATTEMPTS)

    reclaim()
    for _ in range(2):
        run_next(Pool.WORK)

    for run in (selection, download, deadly):
        run.refresh_from_db()
    assert selection.state == RunState.FAILED
    assert "interrupted" in selection.message
    assert download.state == RunState.READY
    assert match.uid.encode() in file_of(download)
    assert deadly.state == RunState.FAILED
    assert "interrupted too often" in deadly.message
    del kept_open


@pytest.mark.django_db(transaction=True)
def test_report_in_a_worker_lets_a_persons_scan_go_first() -> None:
    scan = request_scan(user=None, scanned_file=ScannedFileFactory.create(), waited_for=True)
    bulk = request_scan(user=None, scanned_file=ScannedFileFactory.create())
    run = asked_run()
    context = own_context(run, in_worker=True)
    passed = report_job.watched(context, empty_rows(2), 2)
    next(passed)
    context.beat()

    next(passed)

    scan.refresh_from_db()
    bulk.refresh_from_db()
    assert scan.status == ScanStatus.FAILED  # the match has no audio
    assert bulk.status == ScanStatus.QUEUED
    run.refresh_from_db()
    assert run.state == RunState.RUNNING


def test_report_that_somebody_waits_for_himself_gives_no_way() -> None:
    scan = request_scan(user=None, scanned_file=ScannedFileFactory.create(), waited_for=True)
    context = own_context(asked_run(), in_worker=False)
    context.beat()
    assert len(list(report_job.watched(context, empty_rows(1), 1))) == 1

    scan.refresh_from_db()
    assert scan.status == ScanStatus.QUEUED


def test_worker_that_is_to_end_hands_a_report_back_after_a_moment(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    make_match()
    run = asked_run()

    with monkeypatch.context() as ending:
        ending.setattr(draining, "seconds", lambda: 60.0)
        loop.step(Pool.WORK)

    run.refresh_from_db()
    job = job_of(run)
    assert run.state == RunState.QUEUED
    assert (job.state, job.attempts, job.lease_owner) == (JobState.WAITING, 0, "")
    assert stored_reports(settings) == []

    monkeypatch.setattr(draining, "seconds", lambda: 5.0)
    run_next(Pool.WORK)

    run.refresh_from_db()
    assert (run.state, job_of(run).attempts) == (RunState.READY, 1)


def test_worker_that_lost_its_run_stores_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_match()
    run = asked_run()

    def another_takes_it() -> None:
        lose_worker(run)
        reclaim()
        run_next(Pool.WORK)

    after_first_row(monkeypatch, another_takes_it)
    run_next(Pool.WORK)

    run.refresh_from_db()
    assert run.state == RunState.READY
    assert stored_reports(settings) == ["match-report.xlsx", "rows.jsonl.gz"]
    assert [check.is_whole for check in files.check_run(run=run)] == [True, True]
    assert Event.objects.filter(case=run.case, action="written").count() == 1


def test_unforeseen_error_in_a_worker_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    make_match()
    run = asked_run()
    after_first_row(monkeypatch, _break_down)
    run_next(Pool.WORK)
    run.refresh_from_db()
    assert (run.state, run.message) == (
        *(RunState.QUEUED, "Attempt 1 failed: ValueError: odd row"),
    )

    Job.objects.update(run_after=datetime.now(tz=UTC))
    run_next(Pool.WORK)

    run.refresh_from_db()
    assert (run.state, run.message) == (RunState.READY, "")


def test_failed_run_is_tried_again_on_request(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_match()
    run, user = asked_run(), make_user(Role.REVIEWER)
    with pytest.raises(services.ReportStopped, match="has not failed"):
        services.try_again(run=run, user=user)
    settings.ACRPORTAL_MAX_ATTEMPTS = 1
    with monkeypatch.context() as read_only:
        fault = OSError(errno.EROFS, os.strerror(errno.EROFS))
        read_only.setattr(default_storage, "save", failing(fault))
        run_next(Pool.WORK)
    run.refresh_from_db()
    assert run.state == RunState.FAILED
    assert run.message.endswith("OSError: [Errno 30] Read-only file system")

    services.try_again(run=run, user=user)
    run.refresh_from_db()
    assert (run.state, run.message, run.finished_at) == (RunState.QUEUED, "", None)
    run_next(Pool.WORK)

    run.refresh_from_db()
    assert run.state == RunState.READY


@pytest.fixture
def long_matches() -> None:
    """Make more than fits on the disk of these tests, in each format."""
    for _ in range(8):
        make_match(recording__title="t" * 400)


def test_a_run_in_a_worker_waits_for_room_and_then_is_whole(
    long_matches: None, client: Client, settings: Settings
) -> None:
    user = make_user(Role.REVIEWER)
    client.force_login(user)

    for number, name in enumerate(Format):
        run = services.request_report(layout=Layout(format=name), user=user)
        with disk_of(300):
            run_next(Pool.WORK)
        run.refresh_from_db()
        assert (run.state, run.file.name, run.rows.name) == (RunState.QUEUED, "", "")
        assert run.message.startswith("The disk is full. Free some space; the job is tried")
        assert len(stored_reports(settings)) == 2 * number
        assert list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir()) == []
        if not number:
            page = client.get(run.url).content.decode()
            assert "The disk is full. Free some space" in page

        Job.objects.update(run_after=datetime.now(tz=UTC))
        run_next(Pool.WORK)
        run.refresh_from_db()
        assert (run.state, run.message) == (RunState.READY, "")
        assert job_of(run).attempts == 1
        assert len(stored_reports(settings)) == 2 * (number + 1)


def test_full_disk_leaves_nothing_under_a_final_name(
    long_matches: None, settings: Settings
) -> None:
    for name in Format:
        with disk_of(300), pytest.raises(services.ReportStopped, match="File too large"):
            services.build_report(layout=Layout(format=name), user="system")

        run = ReportRun.objects.latest("pk")
        assert (run.state, run.file.name, run.rows.name) == (RunState.FAILED, "", "")
        assert run.message == (
            "The file could not be written: File too large. "
            "The disk is full: free some space, then try again."
        )

    # A download breaks off.
    with disk_of(300), pytest.raises(Failed, match="File too large"):
        list(services.stream_report(layout=Layout(), user=make_user(Role.REVIEWER)))
    assert ReportRun.objects.latest("pk").state == RunState.FAILED
    assert stored_reports(settings) == []
    assert list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir()) == []


def test_storage_that_fails_on_the_second_file_loses_the_first_too(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_match()
    save = default_storage.save

    def save_all_but_csv(name: str, file: object) -> str:
        if name.endswith(".csv"):
            raise OSError(28, "No space left on device")
        return save(name, file)  # type: ignore[arg-type]  # a File

    monkeypatch.setattr(default_storage, "save", save_all_but_csv)
    with pytest.raises(services.ReportStopped, match="No space left"):
        run_of()

    assert stored_reports(settings) == []
    run = ReportRun.objects.get()
    assert run.state == RunState.FAILED
    assert run.message.endswith("The disk is full: free some space, then try again.")


def test_commands_write_rows_of_an_earlier_run_again_and_check_what_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    match = make_match(recording__title="Before")
    run = run_of()
    type(match.recording).objects.update(title="After")

    call_command("export_matches", output=tmp_path / "again.csv", run=run.uid)
    assert "again.csv: 1 row (match found: yes 1), " in capsys.readouterr().out
    assert rows((tmp_path / "again.csv").read_bytes())[0]["title"] == "Before"

    call_command("check_report", run.uid)
    assert "2 files read, 0 changed or missing" in capsys.readouterr().out
    call_command("check_report")
    assert ", 0 changed or missing" in capsys.readouterr().out
    Path(run.rows.path).write_bytes(b"changed")
    with pytest.raises(CommandError, match="1 file changed or missing"):
        call_command("check_report", run.uid)

    taken = tmp_path / "taken"
    (taken / "report.csv").mkdir(parents=True)
    with pytest.raises(CommandError, match=r"report\.csv: it is a folder; name a file"):
        call_command("export_matches", output=taken / "report.csv")
    assert [path for path in taken.iterdir() if path.is_file()] == []


def test_report_holds_what_the_person_may_see() -> None:
    user = make_user(Role.REVIEWER)
    seen, _second = make_match(), make_match()
    desk = Group.objects.create(name="Night desk")
    AccessLimit.objects.create(group=desk, containers=[seen.scanned_file.container_id])
    user.groups.add(desk)
    everything = run_of()

    run = services.request_report(layout=Layout(), user=user)
    run_next(Pool.WORK)

    run.refresh_from_db()
    assert [row["match_id"] for row in rows(file_of(run))] == [seen.uid]
    assert list(selectors.runs_for(user=user)) == [run]
    assert everything.row_count == 2


def test_old_runs_go_but_rows_that_are_shared_stay(settings: Settings) -> None:
    make_match()
    run = run_of()
    again = services.write_again(run=run, layout=Layout(mode=Mode.SEGMENT), user="ana")
    past = datetime.now(tz=UTC) - timedelta(days=settings.ACRPORTAL_REPORT_DAYS + 1)
    ReportRun.objects.filter(pk=run.pk).update(created_at=past)

    run_regular_work()

    assert ReportRun.objects.get() == again
    assert stored_reports(settings) == ["match-segments.csv", "rows.jsonl.gz"]


def test_rows_keep_their_bytes(tmp_path: Path) -> None:
    make_match()
    files = []
    for name in ("one", "two"):
        chosen = selectors.selection(filters=Layout().match_filter)
        keeper = RowKeeper(tmp_path / name, Mode.MATCH)
        with keeper:
            list(keeper.keep(selectors.rows(chosen=chosen, mode=Mode.MATCH)))
        files.append((tmp_path / name).read_bytes())

    assert files[0] == files[1]
