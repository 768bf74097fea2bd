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

from accounts.models import AccessLimit, User
from accounts.roles import Role
from audit.models import Event
from jobs import draining, loop, runner
from jobs.choices import JobState, Pool
from jobs.context import JobContext
from jobs.errors import Cancelled, Failed, LeaseLost
from jobs.models import Job
from jobs.runner import run_next
from jobs.services import reclaim
from reports import files, running, selectors, services
from reports.choices import Format, Mode, RunState
from reports.jobs import REPORT
from reports.keeping import RowKeeper
from reports.layouts import Layout
from reports.models import ReportRun
from reports.rows import KeptRow
from review.models import Match
from scanning.choices import ScanStatus
from scanning.services.scans import request_scan
from tests.conftest import Worker
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.factories.scanning import ScannedFileFactory
from tests.failures import failing
from tests.jobs.workers import run_regular_work
from tests.reports.reading import content, file_of, rows, run_of

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
    """Return the job of a run."""
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

    context = JobContext(
        job_of(run), REPORT, run, give_way=give_way if in_worker else None
    )
    return context


def empty_rows(number: int) -> Iterator[KeptRow]:
    """Return rows without cells."""
    return iter([([], [])] * number)


def lose_worker(run: ReportRun, *, attempts: int = 1) -> None:
    """Let the worker of a run die."""
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


def test_worker_runs_what_was_asked(run_worker: Worker) -> None:
    make_match()
    user = make_user(Role.REVIEWER)

    run = services.request_report(
        layout=Layout(format=Format.PARQUET), user=user, name="Weekly"
    )
    assert run.state == RunState.QUEUED
    run_worker()

    run.refresh_from_db()
    assert (run.state, run.progress, run.row_count) == (RunState.READY, 100, 1)
    assert [check.is_whole for check in files.check_run(run=run)] == [True, True]
    actions = Event.objects.filter(case=run.case).order_by("sequence")
    assert list(actions.values_list("action", flat=True)) == ["exported", "written"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    connection.vendor == "sqlite",
    reason="SQLite in memory lets nobody write while it is read",
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


def test_download_that_is_left_is_cancelled_and_keeps_nothing(
    settings: Settings,
) -> None:
    make_match()
    pieces = services.stream_report(layout=Layout(), user=make_user(Role.REVIEWER))

    next(pieces)
    pieces.close()  # type: ignore[attr-defined]  # a generator

    assert ReportRun.objects.get().state == RunState.CANCELLED
    assert stored_reports(settings) == []


@pytest.mark.parametrize("why", [Cancelled, LeaseLost])
def test_download_that_is_stopped_does_not_end_as_if_it_were_whole(
    monkeypatch: pytest.MonkeyPatch, why: type[Exception]
) -> None:
    make_match()

    def stopped(*_args: object, **_kwargs: object) -> Iterator[KeptRow]:
        yield from ()
        raise why

    monkeypatch.setattr(running, "watched", stopped)
    pieces = services.stream_report(layout=Layout(), user=make_user(Role.REVIEWER))

    with pytest.raises(why):
        list(pieces)


def test_download_that_meets_an_unforeseen_error_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_match()
    after_first_row(monkeypatch, _break_down)

    with pytest.raises(ValueError, match="odd row"):
        list(services.stream_report(layout=Layout(), user=make_user(Role.REVIEWER)))

    run = ReportRun.objects.get()
    assert run.state == RunState.FAILED
    assert run.message == "An error stopped it: ValueError: odd row"
    assert run.finished_at is not None


def _break_down() -> None:
    raise ValueError("odd row")


def test_run_that_waits_is_cancelled_at_once(run_worker: Worker) -> None:
    user = make_user(Role.REVIEWER)
    run = services.request_report(layout=Layout(format=Format.JSON), user=user)

    services.cancel_run(run=run, user=user)
    run_worker()

    run.refresh_from_db()
    assert run.state == RunState.CANCELLED
    assert not run.file


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
    for _ in running.watched(context, empty_rows(2), 4, begin=0.5):
        pass

    run.refresh_from_db()
    assert run.progress == 74


def test_run_of_a_killed_worker_is_done_by_the_next(run_worker: Worker) -> None:
    make_match()
    run = asked_run()
    lose_worker(run)

    run_worker()

    run.refresh_from_db()
    assert (run.state, job_of(run).attempts) == (RunState.READY, 2)


def test_download_of_a_selection_that_broke_off_is_not_done_over_everything() -> None:
    match = make_match()
    make_match()
    chosen = Match.objects.filter(pk=match.pk)
    pieces = services.stream_report(
        layout=Layout(), matches=chosen, user=make_user(Role.REVIEWER)
    )
    run = ReportRun.objects.get()
    assert run.state == RunState.RUNNING
    lose_worker(run)

    reclaim()
    run_next(Pool.WORK)

    run.refresh_from_db()
    assert run.state == RunState.FAILED
    assert "interrupted" in run.message
    del pieces


def test_download_whose_server_died_is_done_by_a_worker() -> None:
    match = make_match()
    pieces = services.stream_report(layout=Layout(), user=make_user(Role.REVIEWER))
    run = ReportRun.objects.get()
    lose_worker(run)

    reclaim()
    run_next(Pool.WORK)

    run.refresh_from_db()
    assert run.state == RunState.READY
    assert match.uid.encode() in file_of(run)
    del pieces


@pytest.mark.django_db(transaction=True)
def test_report_in_a_worker_lets_a_persons_scan_go_first() -> None:
    scan = request_scan(
        user=None, scanned_file=ScannedFileFactory.create(), waited_for=True
    )
    bulk = request_scan(user=None, scanned_file=ScannedFileFactory.create())
    run = asked_run()
    context = own_context(run, in_worker=True)
    passed = running.watched(context, empty_rows(2), 2)
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
    scan = request_scan(
        user=None, scanned_file=ScannedFileFactory.create(), waited_for=True
    )
    context = own_context(asked_run(), in_worker=False)
    context.beat()
    assert len(list(running.watched(context, empty_rows(1), 1))) == 1

    scan.refresh_from_db()
    assert scan.status == ScanStatus.QUEUED


def test_worker_that_is_to_end_hands_a_long_report_back(
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

    run_next(Pool.WORK)

    run.refresh_from_db()
    assert (run.state, job_of(run).attempts) == (RunState.READY, 1)


def test_report_goes_on_for_a_moment_in_a_worker_that_is_to_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_match()
    run = asked_run()
    monkeypatch.setattr(draining, "seconds", lambda: 5.0)

    run_next(Pool.WORK)

    run.refresh_from_db()
    assert run.state == RunState.READY


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


def test_run_that_kills_its_worker_is_given_up(settings: Settings) -> None:
    run = asked_run()
    lose_worker(run, attempts=settings.ACRPORTAL_MAX_ATTEMPTS)

    reclaim()

    run.refresh_from_db()
    assert run.state == RunState.FAILED
    assert "interrupted too often" in run.message


def test_unforeseen_error_in_a_worker_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
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


@pytest.mark.parametrize("name", list(Format))
def test_a_run_in_a_worker_waits_for_room_and_then_is_whole(
    client: Client, settings: Settings, name: Format
) -> None:
    for _ in range(20):
        make_match(recording__title="t" * 400)
    user = make_user(Role.REVIEWER)
    run = services.request_report(layout=Layout(format=name), user=user)
    with disk_of(300):
        run_next(Pool.WORK)

    run.refresh_from_db()
    assert (run.state, run.file.name, run.rows.name) == (RunState.QUEUED, "", "")
    assert run.message.startswith("The disk is full. Free some space; the job is tried")
    assert stored_reports(settings) == []
    assert list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir()) == []
    client.force_login(user)
    assert "The disk is full. Free some space" in client.get(run.url).content.decode()

    Job.objects.update(run_after=datetime.now(tz=UTC))
    run_next(Pool.WORK)
    run.refresh_from_db()
    assert (run.state, run.message) == (RunState.READY, "")
    assert Job.objects.get(kind="report").attempts == 1
    assert len(stored_reports(settings)) == 2


@pytest.mark.parametrize("name", list(Format))
def test_full_disk_leaves_nothing_under_a_final_name(
    settings: Settings, name: Format
) -> None:
    for _ in range(20):
        make_match(recording__title="t" * 400)

    with (
        disk_of(300),
        pytest.raises(services.ReportStopped, match="File too large"),
    ):
        services.build_report(layout=Layout(format=name), user="system")

    run = ReportRun.objects.get()
    assert (run.state, run.file.name, run.rows.name) == (RunState.FAILED, "", "")
    assert run.message == (
        "The file could not be written: File too large. "
        "The disk is full: free some space, then try again."
    )
    assert stored_reports(settings) == []
    assert list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir()) == []


def test_full_disk_breaks_a_download_off(settings: Settings) -> None:
    for _ in range(20):
        make_match(recording__title="t" * 400)

    with disk_of(300), pytest.raises(Failed, match="File too large"):
        list(services.stream_report(layout=Layout(), user=make_user(Role.REVIEWER)))

    assert ReportRun.objects.get().state == RunState.FAILED
    assert stored_reports(settings) == []


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


def test_command_says_why_a_target_cannot_be_written(tmp_path: Path) -> None:
    make_match()
    taken = tmp_path / "report.csv"
    taken.mkdir()

    with pytest.raises(CommandError, match="could not be written"):
        call_command("export_matches", output=taken)

    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []


def test_command_writes_the_rows_of_an_earlier_run_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    match = make_match(recording__title="Before")
    run = run_of()
    type(match.recording).objects.update(title="After")

    call_command("export_matches", output=tmp_path / "again.csv", run=run.uid)

    assert "again.csv: 1 row (match found: yes 1), " in capsys.readouterr().out
    assert rows((tmp_path / "again.csv").read_bytes())[0]["title"] == "Before"


def test_command_checks_all_kept_reports(capsys: pytest.CaptureFixture[str]) -> None:
    make_match()
    run = run_of()
    call_command("check_report")
    assert "2 files read, 0 changed or missing" in capsys.readouterr().out

    Path(run.rows.path).write_bytes(b"changed")

    with pytest.raises(CommandError, match="1 file changed or missing"):
        call_command("check_report", run.uid)


def test_report_holds_what_the_person_may_see(run_worker: Worker) -> None:
    user = make_user(Role.REVIEWER)
    seen, _other = make_match(), make_match()
    desk = Group.objects.create(name="Night desk")
    AccessLimit.objects.create(group=desk, containers=[seen.scanned_file.container_id])
    user.groups.add(desk)
    everything = run_of()

    run = services.request_report(layout=Layout(), user=user)
    run_worker()

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


def test_reports_of_reports_rest_on_the_same_event() -> None:
    make_match()

    assert content() == content()
    assert len(set(ReportRun.objects.values_list("as_of_event", flat=True))) == 1
    assert file_of(ReportRun.objects.latest("pk")) == content()
