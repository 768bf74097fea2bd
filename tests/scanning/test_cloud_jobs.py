"""Scans by ACRCloud as jobs: killed workers, pauses, limits, requests to cancel."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import monotonic, sleep

import pytest
import time_machine
from pytest_django import Settings

from base.accounts.models import User
from base.jobs import services
from base.jobs.choices import JobState, Pool
from base.jobs.models import Job
from base.jobs.runner import run_next
from scanning.choices import EngineChoice, FileStatus, ScanStatus
from scanning.cloud_jobs import CLOUD_DELETION, CLOUD_SCAN
from scanning.ending import store_cancellation
from scanning.engines.acrcloud import Cloud
from scanning.models import CloudAccount, CloudJob, ScannedFile
from scanning.progress import progress_of
from scanning.services import cloud
from scanning.services.filing import delete_files
from scanning.services.scans import cancel_scan, request_scan
from tests.scanning.vendor import (
    MUSIC,
    REMOTE_ID,
    Vendor,
    check_due,
    json_answer,
    remote_file,
    send_due,
    state_of,
    submit,
)


class Killed(BaseException):
    """Ends a worker where it stands, as a signal does."""


def _run_until_killed(monkeypatch: pytest.MonkeyPatch, *, after: str) -> None:
    """Run a job until the call ``after`` was answered, and kill its worker there."""
    call = getattr(Cloud, after)

    def call_and_die(*args: object, **options: object) -> None:
        call(*args, **options)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Cloud, after, call_and_die)
        with pytest.raises(Killed):
            run_next(Pool.TALK)
    Job.objects.filter(state=JobState.RUNNING).update(
        lease_until=datetime.now(tz=UTC) - timedelta(seconds=1)
    )
    assert services.reclaim() == 1


def _name_there(file: ScannedFile) -> dict[str, object]:
    return {"name": f"show.mp3 [{file.scans.get().uid}]"}


def _job_of(file: ScannedFile) -> Job:
    return Job.objects.get(kind=CLOUD_SCAN.name, subject=file.scans.latest("pk").pk)


def test_killed_workers_repeat_nothing_that_the_cloud_has_done(
    vendor: Vendor, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = submit(vendor, admin)
    _run_until_killed(monkeypatch, after="send_file")
    vendor.listing = [remote_file(0) | _name_there(file)]
    vendor.faults = [json_answer({"message": "Too Many Attempts."}, 429)]
    send_due()
    # The pause let the job wait, so its attempts count anew.
    assert _job_of(file).attempts == 0

    # What was sent is looked for after every pause.
    cloud.retry_now(account=vendor.account)
    send_due()
    assert vendor.sends() == 1
    assert state_of(file) == (FileStatus.PROCESSING, "")
    assert file.remote_id == REMOTE_ID

    # A result that was not stored is stored later.
    vendor.file = remote_file(1, MUSIC)
    Job.objects.update(run_after=datetime.now(tz=UTC))
    _run_until_killed(monkeypatch, after="show_file")
    check_due()
    assert state_of(file) == (FileStatus.READY, "")
    assert _job_of(file).state == JobState.DONE

    # A rescan is not asked for again.
    vendor.file = remote_file(0)
    vendor.calls.clear()
    request_scan(scanned_file=file, user=admin)
    _run_until_killed(monkeypatch, after="rescan_file")
    send_due()
    assert [method for method, _path in vendor.calls] == ["PUT", "GET"]
    assert state_of(file) == (FileStatus.PROCESSING, "")


def test_long_call_keeps_its_lease(vendor: Vendor, admin: User, settings: Settings) -> None:
    settings.ACRPORTAL_LEASE_SECONDS = 2
    file = submit(vendor, admin)
    first: list[datetime] = []
    renewed: list[datetime] = []

    def wait_for_renewal() -> None:
        deadline = monotonic() + 30
        while not renewed and monotonic() < deadline:
            until = Job.objects.get(kind=CLOUD_SCAN.name).lease_until
            assert until is not None
            first.append(until)
            if until > first[0]:
                renewed.append(until)
            sleep(0.1)

    vendor.meanwhile = wait_for_renewal
    send_due()

    assert len(renewed) == 1
    assert renewed[0] > first[0]
    assert vendor.sends() == 1
    assert state_of(file) == (FileStatus.PROCESSING, "")


def _waits_until(file: ScannedFile) -> datetime:
    return _job_of(file).run_after


def test_pause_holds_back_the_jobs_of_the_account_and_its_end_brings_them_forward(
    vendor: Vendor, admin: User
) -> None:
    until = datetime.now(tz=UTC) + timedelta(minutes=5)
    CloudAccount.objects.update(paused_until=until)
    added = submit(vendor, admin)
    run_next(Pool.TALK)
    assert not vendor.calls
    assert _waits_until(added) == until
    assert added.scans.get().status == ScanStatus.QUEUED

    # A new token ends the pause for all that waits.
    CloudAccount.objects.update(paused_until=None)
    vendor.faults = [json_answer({"error": "Unauthorized"}, 401)]
    send_due()
    assert state_of(added) == (FileStatus.WAITING, "cloud_token")
    vendor.account.refresh_from_db()
    cloud.save_account(account=vendor.account, token="another", user=admin)
    run_next(Pool.TALK)
    assert state_of(added) == (FileStatus.PROCESSING, "")

    # So does a person who wants to try at once.
    waiting, refused = (submit(vendor, admin, byte * 100) for byte in (b"y", b"z"))
    vendor.faults = [json_answer({}, 429)]
    vendor.faults[0].headers["Retry-After"] = "600"
    send_due()
    vendor.account.refresh_from_db()
    paused_until = vendor.account.paused_until
    assert paused_until is not None
    held = [_waits_until(file) for file in (added, waiting, refused)]
    assert held == [paused_until] * 3
    moved = cloud.retry_now(account=vendor.account)
    now = datetime.now(tz=UTC)
    assert moved == 3
    assert all(_waits_until(file) <= now for file in (added, waiting, refused))


def test_file_that_is_being_sent_counts_towards_the_limit(vendor: Vendor, admin: User) -> None:
    vendor.container.cloud_cap_hours = 1
    vendor.container.save()
    first, second = submit(vendor, admin), submit(vendor, admin, b"y" * 100)
    ScannedFile.objects.update(length_ms=2_000_000)
    vendor.meanwhile = lambda: run_next(Pool.TALK)

    run_next(Pool.TALK)

    assert vendor.sends() == 1
    assert state_of(first) == (FileStatus.PROCESSING, "")
    assert state_of(second) == (FileStatus.WAITING, "cloud_cap")
    soon = datetime.now(tz=UTC) + timedelta(minutes=16)
    assert datetime.now(tz=UTC) < _waits_until(second) < soon


def test_scans_are_cancelled_whatever_they_wait_for(vendor: Vendor, admin: User) -> None:
    file = submit(vendor, admin)
    send_due()
    cancel_scan(scan=file.scans.get(), user=admin)
    assert state_of(file) == (FileStatus.CANCELLED, "")
    assert _job_of(file).state == JobState.CANCELLED
    assert file.scans.get().message == "Cancelled."

    # One that is being sent is cancelled at its next step.
    sent = submit(vendor, admin, b"sent")
    seen: list[tuple[str, str]] = []

    def cancel() -> None:
        cancel_scan(scan=sent.scans.get(), user=admin)
        scan = sent.scans.get()
        seen.append((scan.status, progress_of([scan])[scan.pk].stage))

    vendor.calls.clear()
    vendor.meanwhile = cancel
    send_due()
    assert seen == [(ScanStatus.RUNNING, "Sending to ACRCloud")]
    assert state_of(sent) == (FileStatus.CANCELLED, "")
    assert _job_of(sent).state == JobState.CANCELLED
    assert check_due() == 0
    assert len(vendor.calls) == 1

    # The result of one that ended meanwhile changes nothing.
    ended = submit(vendor, admin, b"ended")
    send_due()
    vendor.file = remote_file(1, MUSIC)
    scan = ended.scans.get()
    vendor.meanwhile = lambda: store_cancellation(scan=scan)
    check_due()
    assert state_of(ended) == (FileStatus.CANCELLED, "")
    assert _job_of(ended).state == JobState.DONE
    assert not ended.scans.get().detections.exists()

    # The copy of a file deleted while it was sent is deleted, too.
    deleted = submit(vendor, admin, b"deleted")
    vendor.meanwhile = lambda: delete_files(files=[deleted], user=admin, reason="test")
    send_due()
    deletion = Job.objects.get(kind=CLOUD_DELETION.name)
    assert deletion.state == JobState.WAITING
    assert deleted.scans.get().status == ScanStatus.CANCELLED


def test_scan_that_fails_unforeseen_is_tried_again_until_the_time_is_over(
    vendor: Vendor, admin: User, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    def broken(*_args: object, **_options: object) -> None:
        raise ValueError("odd answer")

    file = submit(vendor, admin)
    send_due()
    monkeypatch.setattr(Cloud, "show_file", broken)
    for _ in range(settings.ACRPORTAL_MAX_ATTEMPTS + 1):
        check_due()
    assert state_of(file) == (FileStatus.PROCESSING, "")
    job = Job.objects.get(kind=CLOUD_SCAN.name)
    assert job.run_after > datetime.now(tz=UTC)

    later = timedelta(hours=settings.ACRPORTAL_CLOUD_WAIT_HOURS + 1)
    with time_machine.travel(datetime.now(tz=UTC) + later):
        check_due()

    assert state_of(file) == (FileStatus.ERROR, "engine_error")
    assert "odd answer" in file.message


def test_polls_wait_longer_and_longer_up_to_ten_minutes(
    vendor: Vendor, admin: User, settings: Settings
) -> None:
    settings.ACRPORTAL_CLOUD_POLL_SECONDS = 15.0
    file = submit(vendor, admin)
    send_due()
    waits = [_waits_until(file) - datetime.now(tz=UTC)]
    for _ in range(8):
        check_due()
        waits.append(_waits_until(file) - datetime.now(tz=UTC))

    minutes = [round(wait.total_seconds() / 60, 1) for wait in waits]
    assert minutes == [0.2, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    assert CloudJob.objects.get().checks == 8


def test_files_of_the_embedded_engine_have_no_job_of_the_cloud(vendor: Vendor, admin: User) -> None:
    vendor.container.engine = EngineChoice.EMBEDDED
    vendor.container.save()

    submit(vendor, admin)

    assert not Job.objects.filter(kind=CLOUD_SCAN.name).exists()
