"""Scans survive workers that die or freeze, and never count twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import InterfaceError, OperationalError
from pytest_django import Settings

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from base.jobs import loop, runner
from base.jobs.choices import JobState, Pool
from base.jobs.context import JobContext
from base.jobs.models import Job
from base.jobs.runner import run_next
from base.jobs.services import reclaim
from review.models import Match
from scanning import pipeline, results
from scanning.choices import FileStatus, ScanStatus
from scanning.engines.base import EngineResult
from scanning.errors import IntakeRefused, ScanEnded, ScanFailed
from scanning.fingerprints import Sound
from scanning.models import Container, Detection, ScannedFile
from scanning.models.detection import ImmutableError
from scanning.services.filing import delete_files
from scanning.services.scans import cancel_scan, request_scan
from tests import audio
from tests.fixtures import Catalogue, CopyDatabase, MakeClient, Worker, submit_sound
from tests.jobs.workers import lose_worker, take_over

EMPTY = EngineResult("embedded/1", ())


def _submit(container: Container, user: User, seed: int = 1) -> ScannedFile:
    return submit_sound(container, audio.tune(seed, 15), user)


@pytest.fixture
def file(catalogue: Catalogue, admin: User) -> ScannedFile:
    """Return a file of the first tune whose scan is queued."""
    return _submit(catalogue.container, admin)


@pytest.fixture
def unmatched(transactional_db: None, admin: User) -> ScannedFile:
    return _submit(Container.objects.create(name="Empty"), admin)


def test_scan_whose_worker_was_killed_is_done_by_another_and_ends_for_good(
    file: ScannedFile, run_worker: Worker, admin: User
) -> None:
    lose_worker("scan")

    assert reclaim() == 1
    run_worker()

    scan = file.scans.get()
    job = Job.objects.get(kind="scan")
    assert scan.status == ScanStatus.SUCCEEDED
    assert job.attempts == 2
    assert Match.objects.count() == 1

    # Neither another result nor a job that comes back changes it.
    with pytest.raises(ScanEnded):
        results.store_result(scan=scan, result=EMPTY)
    assert Detection.objects.count() == 1
    Job.objects.filter(kind="scan").update(state=JobState.WAITING, attempts=0)
    run_worker()
    file.refresh_from_db()
    scan.refresh_from_db()
    job.refresh_from_db()
    assert (scan.status, file.status) == (ScanStatus.SUCCEEDED, FileStatus.READY)
    assert Detection.objects.count() == 1
    assert job.state == JobState.DONE

    # It cannot be cancelled, and its detections stay.
    cancel_scan(scan=scan, user=admin)
    scan.refresh_from_db()
    assert scan.status == ScanStatus.SUCCEEDED
    assert not Event.objects.filter(action="scan.cancelled").exists()
    detection = Detection.objects.get()
    with pytest.raises(ImmutableError):
        detection.save()
    with pytest.raises(ImmutableError):
        detection.delete()
    with pytest.raises(ImmutableError):
        Detection.objects.update(score=1)


def test_running_scan_is_left_alone_until_it_was_interrupted_too_often(
    unmatched: ScannedFile, admin: User, settings: Settings
) -> None:
    Job.objects.update(
        state=JobState.RUNNING,
        lease_owner="alive:1",
        lease_until=datetime.now(tz=UTC) + timedelta(days=1),
    )
    assert reclaim() == 0
    with pytest.raises(IntakeRefused, match="already being scanned"):
        request_scan(scanned_file=unmatched, user=admin)

    lose_worker("scan", attempts=settings.ACRPORTAL_MAX_ATTEMPTS)
    reclaim()
    unmatched.refresh_from_db()
    assert (unmatched.status, unmatched.error_code) == (FileStatus.ERROR, "engine_error")
    assert "Scan it again" in unmatched.message


def test_result_of_a_worker_that_lost_its_lease_is_not_stored(
    unmatched: ScannedFile, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def recognise(*_arguments: object, **_named: object) -> EngineResult:
        take_over(Job.objects.get(kind="scan"))
        return EMPTY

    def lose(_file: ScannedFile, context: JobContext) -> None:
        take_over(context.job)
        raise ScanFailed("odd", "Odd.")

    with monkeypatch.context() as patch:
        patch.setattr("scanning.pipeline._recognise", recognise)
        run_next(Pool.WORK)
    scan = unmatched.scans.get()
    assert (scan.status, scan.engine_version) == (ScanStatus.RUNNING, "")
    assert Job.objects.get(kind="scan").lease_owner == "other:2"
    assert not Job.objects.filter(kind="file_rendition").exists()

    # Nor is a failure.
    failed = _submit(unmatched.container, admin, seed=2)
    monkeypatch.setattr(pipeline, "_sound_of", lose)
    run_next(Pool.WORK)
    scan = failed.scans.get()
    assert scan.status == ScanStatus.RUNNING
    assert Job.objects.get(kind="scan", subject=scan.pk).lease_owner == "other:2"


@pytest.mark.django_db
def test_file_of_somebody_unknown_is_not_submitted_as_nobodys(tmp_path: Path) -> None:
    path = tmp_path / "one.wav"
    path.write_bytes(b"x")
    container = Container.objects.create(name="c")

    with pytest.raises(CommandError, match="No user 'amdin'"):
        call_command("scan_file", str(path), container=str(container.pk), username="amdin")

    assert not ScannedFile.objects.exists()


def test_scans_are_cancelled_while_they_wait_or_run_and_repeated(
    file: ScannedFile,
    admin: User,
    signed_in: MakeClient,
    run_worker: Worker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def states() -> tuple[str, str]:
        file.refresh_from_db()
        return file.status, file.scans.latest("pk").status

    cancelled = (FileStatus.CANCELLED, ScanStatus.CANCELLED)
    cancel_scan(scan=file.scans.get(), user=admin)
    run_worker()
    assert states() == cancelled

    # A running scan stops at its next step.
    really_fingerprint = pipeline._sound_of

    def cancelled_meanwhile(file: ScannedFile, context: JobContext) -> Sound:
        cancel_scan(scan=file.scans.latest("pk"), user=admin)
        context.beat()
        return really_fingerprint(file, context)

    request_scan(scanned_file=file, user=admin)
    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "_sound_of", cancelled_meanwhile)
        run_next(Pool.WORK)
    assert states() == cancelled

    # A cancelled file can be scanned again.
    signed_in(Role.REVIEWER).post(f"/files/{file.uid}/rescan/")
    run_worker()
    assert states() == (FileStatus.READY, ScanStatus.SUCCEEDED)

    # A waiting scan ends with its file.
    scan = request_scan(scanned_file=file, user=admin)
    delete_files(files=[file], user=admin, reason="Sent twice.")
    scan.refresh_from_db()
    assert scan.status == ScanStatus.CANCELLED
    job = Job.objects.get(kind="scan", subject=scan.pk)
    assert job.state == JobState.CANCELLED


@pytest.mark.slow  # only real signals show that the process holds no state
@pytest.mark.parametrize(
    "number", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.soak)]
)
def test_worker_that_dies_or_freezes_in_the_middle_loses_nothing(
    tmp_path: Path, copy_database: CopyDatabase, number: signal.Signals
) -> None:
    """A real database file, a real worker process, a signal, and a second worker.

    The frozen worker goes on after the second one has finished its scan.
    """
    records = copy_database(tmp_path)
    environment = os.environ | {
        "ACRPORTAL_DATA_DIR": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{records}",
        "SECRET_KEY": "only for this test, and long enough",
        "ACRPORTAL_LEASE_SECONDS": "5",
    }

    def manage(*arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command,
            env=environment,
            cwd=django_settings.BASE_DIR,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    long = tmp_path / "long.wav"
    long.write_bytes(audio.wav_bytes(audio.join([audio.tune(3, 60)] * 20)))
    made = "from scanning.models import Container as C; print(C.objects.create(name='c').pk)"
    # Ids below 1001 are reserved because wire protocol clients know some of them.
    assert manage("shell", "-v", "0", "-c", made).strip() == "1001"
    manage("scan_file", "--container", "c", str(long))
    path = tmp_path / "said"
    with path.open("w") as errors:
        victim = subprocess.Popen(
            [sys.executable, "manage.py", "worker"],
            env=environment,
            cwd=django_settings.BASE_DIR,
            stderr=errors,
        )

    def read(column: str) -> str:
        # Read from the database file: a command would start too slowly to see it
        # running.
        with closing(sqlite3.connect(records, timeout=20)) as database:
            row = database.execute(
                f"SELECT {column} FROM scanning_scan s"  # noqa: S608 - ours
                " JOIN jobs_job j ON j.kind = 'scan' AND j.subject = s.id"
            )
            return str(row.fetchone()[0])

    def status() -> str:
        return read("s.status || ' ' || j.attempts")

    # Progress is written after a second. Frozen before, the worker might still be
    # making the folder of the index, for which every other worker waits.
    deadline = time.monotonic() + 60
    while read("j.progress") == "0":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    victim.send_signal(number)
    if number == signal.SIGKILL:
        victim.wait()
    while not _is_writable(records):
        # Frozen while another of its threads wrote, it would stop everybody for good.
        victim.send_signal(signal.SIGCONT)
        time.sleep(0.01)
        victim.send_signal(number)
    assert status() == "running 1"

    second = subprocess.Popen(
        [sys.executable, "manage.py", "worker"], env=environment, cwd=django_settings.BASE_DIR
    )
    # The second scan takes a minute beside other tests.
    deadline = time.monotonic() + 240
    while status() != "succeeded 2":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    # Else it would go on to make the file's rendition.
    second.kill()
    second.wait()

    if number == signal.SIGSTOP:
        victim.send_signal(signal.SIGCONT)
        deadline = time.monotonic() + 60
        while "was lost to another worker" not in path.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        victim.send_signal(signal.SIGTERM)
        assert victim.wait(timeout=60) == 0
        assert status() == "succeeded 2"


def _is_writable(database: Path) -> bool:
    """Return whether nobody holds the write lock of an SQLite file."""
    with closing(sqlite3.connect(database, timeout=0.2)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        connection.rollback()
    return True


def test_worker_goes_on_after_the_database_was_locked_or_away(
    unmatched: ScannedFile, run_worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    outages = [OperationalError("database is locked"), InterfaceError("connection already closed")]
    really_run = runner.run_next

    def run(pool: Pool) -> Job | None:
        if outages:
            raise outages.pop()
        return really_run(pool)

    monkeypatch.setattr(runner, "run_next", run)
    monkeypatch.setattr(loop, "_OUTAGE_SECONDS", 0.0)

    run_worker()

    assert unmatched.scans.get().status == ScanStatus.SUCCEEDED
