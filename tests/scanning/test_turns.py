"""The order of scans: people first, then containers in turn, within limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import Settings

from base.accounts.models import User
from base.jobs import runner
from base.jobs.choices import JobState, Pool, Priority
from base.jobs.models import Job
from base.jobs.runner import run_next
from base.jobs.services import PERSON_CAP, reclaim
from scanning import pipeline
from scanning.choices import FileStatus, ScanStatus
from scanning.models import Container, Scan, ScannedFile
from scanning.progress import progress_of
from scanning.services.scans import cancel_scan, request_scan

pytestmark = pytest.mark.django_db(transaction=True)


def ask(
    container: Container, name: str, *, user: User | None = None, waited_for: bool = False
) -> Scan:
    file = ScannedFile.objects.create(container=container, name=name, sha256="0" * 64)
    return request_scan(scanned_file=file, user=user, waited_for=waited_for)


def claim() -> Scan | None:
    """Take the next scan as a worker does, without running it."""
    job = runner.take_next(Pool.WORK)
    return Scan.objects.get(pk=job.subject or 0) if job is not None else None


def order() -> list[str]:
    taken = []
    while scan := claim():
        taken.append(scan.scanned_file.name)
    return taken


@pytest.fixture
def many() -> Container:
    container = Container.objects.create(name="Many")
    for number in range(5):
        ask(container, f"many {number}")
    return container


def test_few_files_are_not_behind_the_many_of_another_container(many: Container) -> None:
    few = Container.objects.create(name="Few")
    for number in range(2):
        ask(few, f"few {number}")

    assert order() == [*("many 0", "few 0", "many 1", "few 1", "many 2", "many 3", "many 4")]


def test_what_a_person_brings_by_the_dozen_is_bulk(many: Container, admin: User) -> None:
    own = Container.objects.create(name="Own")
    for number in range(PERSON_CAP + 1):
        ask(own, f"own {number}", user=admin, waited_for=True)

    hurried = Job.objects.filter(priority=Priority.PERSON)
    assert hurried.count() == PERSON_CAP
    assert order()[PERSON_CAP] == "many 0"


def test_a_scan_that_is_handed_out_again_keeps_its_turn(many: Container) -> None:
    assert claim()
    past = datetime.now(tz=UTC) - timedelta(seconds=1)
    Job.objects.filter(state=JobState.RUNNING).update(lease_until=past)

    assert reclaim() == 1

    assert order()[0] == "many 0"


def test_so_many_scans_of_a_container_run_at_once(many: Container, settings: Settings) -> None:
    settings.ACRPORTAL_SCANS_PER_CONTAINER = 2
    few = Container.objects.create(name="Few")
    ask(few, "few 0")

    assert order() == ["many 0", "few 0", "many 1"]


def test_unforeseen_trouble_is_kept_and_tried_again_later(
    admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = Container.objects.create(name="Odd")
    scan = ask(container, "odd", user=admin)

    def burst(*_arguments: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(pipeline, "_sound_of", burst)
    for tries in (1, 2):
        run_next(Pool.WORK)
        scan.refresh_from_db()
        assert scan.status == ScanStatus.QUEUED
        assert f"Attempt {tries} failed" in scan.message
        progress = progress_of([scan])[scan.pk]
        assert progress.stage == "Failed; will be tried again"
        assert run_next(Pool.WORK) is None
        Job.objects.update(run_after=datetime.now(tz=UTC))
    run_next(Pool.WORK)

    scan.refresh_from_db()
    assert (scan.status, scan.error_code) == (ScanStatus.FAILED, "engine_error")
    assert "OSError: the disk is full" in scan.message

    # One that waits to be tried again is cancelled at once. All pages call it by one word,
    # also while its job was handed back in the middle of its work.
    scan = ask(container, "odd", user=admin)
    assert progress_of([scan])[scan.pk].stage == "Waiting"
    scan.status = ScanStatus.RUNNING
    assert progress_of([scan])[scan.pk].stage == "Waiting"
    later = datetime.now(tz=UTC) + timedelta(minutes=1)
    Job.objects.filter(subject=scan.pk).update(attempts=1, run_after=later)
    cancel_scan(scan=scan, user=admin)
    scan.scanned_file.refresh_from_db()
    assert scan.scanned_file.status == FileStatus.CANCELLED
