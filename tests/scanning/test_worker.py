"""Scans survive lost queue entries and killed workers, and never count twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import InterfaceError, OperationalError
from django_tasks_db.management.commands import db_worker
from django_tasks_db.models import DBTaskResult
from pytest_django import Settings

from accounts.models import User
from accounts.roles import Role
from audit.models import Event
from common.leases import LeaseLost
from review.models import Match
from scanning import pipeline, results
from scanning.choices import (
    FileStatus,
    ScanStatus,
)
from scanning.engines.base import EngineResult
from scanning.errors import IntakeRefused, ScanCancelled, ScanFailed
from scanning.management.commands import scan_worker
from scanning.models import Detection, Scan, ScannedFile
from scanning.models.detection import ImmutableError
from scanning.services.intake import submit_upload
from scanning.services.scans import cancel_scan, request_scan, requeue_stale_scans
from tests import audio
from tests.conftest import Catalogue, CopyDatabase, MakeClient, Worker, upload

EMPTY = EngineResult("embedded/1", ())


@pytest.fixture
def file(catalogue: Catalogue, admin: User) -> ScannedFile:
    """Return a file of the first tune whose scan is queued."""
    content = audio.wav_bytes(audio.tune(1, 15))
    return submit_upload(
        container=catalogue.container, upload=upload("one.wav", content), user=admin
    ).scanned_file


def _age(scan: Scan, seconds: int) -> None:
    past = datetime.now(tz=UTC) - timedelta(seconds=seconds)
    Scan.objects.filter(pk=scan.pk).update(lease_until=past, created_at=past)


def test_scan_whose_worker_was_killed_is_done_by_another(
    file: ScannedFile, run_worker: Worker
) -> None:
    scan = file.scans.get()
    Scan.objects.filter(pk=scan.pk).update(
        status=ScanStatus.RUNNING, lease_owner="dead:1", attempts=1
    )
    DBTaskResult.objects.all().delete()
    _age(scan, 1)

    assert requeue_stale_scans() == 1
    run_worker()

    scan.refresh_from_db()
    assert (scan.status, scan.attempts) == (ScanStatus.SUCCEEDED, 2)
    assert Match.objects.count() == 1


def test_scan_whose_queue_entry_was_lost_is_queued_again(
    file: ScannedFile, run_worker: Worker
) -> None:
    DBTaskResult.objects.all().delete()
    _age(file.scans.get(), 3600)

    assert requeue_stale_scans() == 1
    run_worker()

    assert file.scans.get().status == ScanStatus.SUCCEEDED


def test_running_scan_with_a_live_lease_is_left_alone(file: ScannedFile) -> None:
    Scan.objects.update(
        status=ScanStatus.RUNNING,
        lease_owner="alive:1",
        lease_until=datetime.now(tz=UTC) + timedelta(seconds=30),
    )

    assert requeue_stale_scans() == 0


def test_scan_that_was_interrupted_too_often_ends_in_error(
    file: ScannedFile, settings: Settings
) -> None:
    scan = file.scans.get()
    Scan.objects.filter(pk=scan.pk).update(
        status=ScanStatus.RUNNING,
        lease_owner="dead:1",
        attempts=settings.ACRPORTAL_MAX_ATTEMPTS,
    )
    _age(scan, 1)

    requeue_stale_scans()

    file.refresh_from_db()
    assert (file.status, file.error_code) == (FileStatus.ERROR, "engine_error")


def test_result_of_a_worker_that_lost_its_lease_is_not_stored(
    file: ScannedFile,
) -> None:
    scan = file.scans.get()
    Scan.objects.filter(pk=scan.pk).update(
        status=ScanStatus.RUNNING, lease_owner="other:2"
    )

    with pytest.raises(LeaseLost):
        results.store_result(scan=scan, result=EMPTY, owner="late:1")

    assert not Detection.objects.exists()


def test_queue_entry_delivered_twice_scans_once(
    file: ScannedFile, run_worker: Worker
) -> None:
    run_worker()

    assert pipeline.run_next(owner="again:1") is None

    assert Detection.objects.count() == 1


def test_file_of_somebody_unknown_is_not_submitted_as_nobodys(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    path = tmp_path / "one.wav"
    path.write_bytes(b"x")

    with pytest.raises(CommandError, match="No user 'amdin'"):
        call_command(
            "scan_file",
            str(path),
            container=str(catalogue.container.pk),
            username="amdin",
        )

    assert not ScannedFile.objects.exists()


def test_second_scan_while_one_runs_is_refused(file: ScannedFile, admin: User) -> None:
    with pytest.raises(IntakeRefused, match="already being scanned"):
        request_scan(scanned_file=file, user=admin)


@pytest.mark.parametrize("ending", [ScanCancelled(), ScanFailed("odd", "Odd.")])
def test_worker_that_lost_its_scan_lets_it_be_however_it_ended(
    file: ScannedFile, monkeypatch: pytest.MonkeyPatch, ending: Exception
) -> None:
    def lose(scan: Scan, _owner: str) -> None:
        Scan.objects.filter(pk=scan.pk).update(lease_owner="other:2")
        raise ending

    monkeypatch.setattr(pipeline, "_fingerprint_of", lose)

    assert pipeline.run_next(owner="late:1") == (file.scans.get().pk, False)

    assert file.scans.get().lease_owner == "other:2"


def test_scan_that_has_ended_is_not_cancelled(
    file: ScannedFile, admin: User, run_worker: Worker
) -> None:
    run_worker()
    scan = file.scans.get()

    cancel_scan(scan=scan, user=admin)

    scan.refresh_from_db()
    assert not scan.cancel_requested
    assert not Event.objects.filter(action="scan.cancelled").exists()


def test_queued_scan_is_cancelled_at_once(
    file: ScannedFile, admin: User, run_worker: Worker
) -> None:
    cancel_scan(scan=file.scans.get(), user=admin)
    run_worker()

    file.refresh_from_db()
    assert file.status == FileStatus.CANCELLED
    assert file.scans.get().status == ScanStatus.CANCELLED


def test_running_scan_stops_at_its_next_step_when_cancelled(
    file: ScannedFile,
) -> None:
    scan = file.scans.get()
    Scan.objects.filter(pk=scan.pk).update(cancel_requested=True)

    assert pipeline.run_next(owner="me:1") == (scan.pk, False)

    file.refresh_from_db()
    assert file.status == FileStatus.CANCELLED


def test_cancelled_file_can_be_scanned_again(
    file: ScannedFile, signed_in: MakeClient, run_worker: Worker, admin: User
) -> None:
    cancel_scan(scan=file.scans.get(), user=admin)

    signed_in(Role.REVIEWER).post(f"/files/{file.uid}/rescan/")
    run_worker()

    file.refresh_from_db()
    assert file.status == FileStatus.READY


def test_detections_cannot_be_changed_or_deleted(
    file: ScannedFile, run_worker: Worker
) -> None:
    run_worker()
    detection = Detection.objects.get()

    with pytest.raises(ImmutableError):
        detection.save()
    with pytest.raises(ImmutableError):
        detection.delete()
    with pytest.raises(ImmutableError):
        Detection.objects.update(score=1)


@pytest.mark.slow  # only a real kill shows that the process holds no state
def test_worker_killed_in_the_middle_loses_nothing(
    tmp_path: Path, copy_database: CopyDatabase
) -> None:
    """A real database file, a real worker process, kill -9, and a second worker."""
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
    victim = subprocess.Popen(
        [sys.executable, "manage.py", "scan_worker"],
        env=environment,
        cwd=django_settings.BASE_DIR,
        stderr=subprocess.DEVNULL,
    )

    def status() -> str:
        # Read from the database file: a command would start too slowly to see it
        # running.
        with sqlite3.connect(records, timeout=20) as database:
            row = database.execute("SELECT status, attempts FROM scanning_scan")
            return "{} {}".format(*row.fetchone())

    deadline = time.monotonic() + 60
    while not status().startswith("running"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert status() == "running 1"

    deadline = time.monotonic() + 60
    while status() != "succeeded 2":
        assert time.monotonic() < deadline
        manage("scan_worker", "--batch")


def test_worker_goes_on_after_the_database_was_locked_or_away(
    file: ScannedFile, run_worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    outages = [
        OperationalError("database is locked"),
        InterfaceError("connection already closed"),
    ]
    really_run = db_worker.Worker.run

    def run(worker: db_worker.Worker) -> None:
        if outages:
            raise outages.pop()
        really_run(worker)

    monkeypatch.setattr(db_worker.Worker, "run", run)
    monkeypatch.setattr(scan_worker, "_OUTAGE_SECONDS", 0.0)

    run_worker()

    assert file.scans.get().status == ScanStatus.SUCCEEDED


def test_a_sweep_that_fails_does_not_end_sweeping(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.ACRPORTAL_LEASE_SECONDS = 0
    sweeper, swept = scan_worker.Sweeper(), []

    def sweep() -> int:
        swept.append(1)
        if len(swept) == 3:
            sweeper.stop()
        raise OSError("the disk is full")

    monkeypatch.setattr(scan_worker, "sweep", sweep)
    monkeypatch.setattr(scan_worker, "close_old_connections", lambda: None)

    sweeper.run()

    assert len(swept) == 3
