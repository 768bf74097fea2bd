"""The order of scans: people first, then containers in turn, within limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django_tasks_db.models import DBTaskResult
from pytest_django import Settings

from accounts.models import User
from catalogue.models import Recording, RecordingStatus
from catalogue.services import RecordingDetails, add_recording
from common.queue import Priority
from jobs.choices import JobState
from jobs.models import Job
from scanning import pipeline, turns
from scanning.choices import FileStatus, ScanStage, ScanStatus
from scanning.models import Container, Scan, ScannedFile
from scanning.services.scans import cancel_scan, request_scan, requeue_stale_scans
from scanning.tasks import give_way
from tests import audio
from tests.conftest import Catalogue, Worker, upload

pytestmark = pytest.mark.django_db(transaction=True)


def ask(
    container: Container,
    name: str,
    *,
    user: User | None = None,
    waited_for: bool = False,
) -> Scan:
    """Request a scan of a new file."""
    file = ScannedFile.objects.create(container=container, name=name, sha256="0" * 64)
    return request_scan(scanned_file=file, user=user, waited_for=waited_for)


def order() -> list[str]:
    """Claim every scan; return the names of their files in order."""
    taken = []
    while key := turns.claim_next(owner="me:1"):
        taken.append(Scan.objects.get(pk=key).scanned_file.name)
    return taken


@pytest.fixture
def many() -> Container:
    """Return a container with five waiting scans."""
    container = Container.objects.create(name="Many")
    for number in range(5):
        ask(container, f"many {number}")
    return container


def test_few_files_are_not_behind_the_many_of_another_container(
    many: Container,
) -> None:
    few = Container.objects.create(name="Few")
    for number in range(2):
        ask(few, f"few {number}")

    assert order() == [
        *("many 0", "few 0", "many 1", "few 1", "many 2", "many 3", "many 4"),
    ]


def test_who_comes_later_begins_where_the_others_are(many: Container) -> None:
    for _ in range(3):
        assert turns.claim_next(owner="me:1")
    few = Container.objects.create(name="Few")
    for number in range(2):
        ask(few, f"few {number}")

    assert order() == ["many 3", "few 0", "many 4", "few 1"]


def test_what_a_person_waits_for_goes_first(many: Container, admin: User) -> None:
    ask(many, "a person's", user=admin, waited_for=True)

    assert order()[0] == "a person's"
    entries = DBTaskResult.objects.filter(task_path="scanning.tasks.run_scan")
    assert entries.ready()[0].priority == Priority.PERSON


def test_what_a_person_brings_by_the_dozen_is_bulk(
    many: Container, admin: User
) -> None:
    own = Container.objects.create(name="Own")
    for number in range(turns.WAITED_FOR_AT_ONCE + 1):
        ask(own, f"own {number}", user=admin, waited_for=True)

    assert Scan.objects.filter(waited_for=True).count() == turns.WAITED_FOR_AT_ONCE
    assert order()[turns.WAITED_FOR_AT_ONCE] == "many 0"


def test_a_scan_that_is_handed_out_again_keeps_its_turn(many: Container) -> None:
    assert turns.claim_next(owner="dead:1")
    past = datetime.now(tz=UTC) - timedelta(seconds=1)
    Scan.objects.filter(status=ScanStatus.RUNNING).update(lease_until=past)

    assert requeue_stale_scans() == 1

    assert order()[0] == "many 0"


def test_so_many_scans_of_a_container_run_at_once(
    many: Container, settings: Settings
) -> None:
    settings.ACRPORTAL_SCANS_PER_CONTAINER = 2
    few = Container.objects.create(name="Few")
    ask(few, "few 0")

    assert order() == ["many 0", "few 0", "many 1"]


def test_so_many_scans_run_at_once_and_all_are_done(
    catalogue: Catalogue, admin: User, run_worker: Worker, settings: Settings
) -> None:
    settings.ACRPORTAL_JOBS_AT_ONCE = {"scan": 1}
    for number in range(3):
        file = ScannedFile(container=catalogue.container, name=f"{number}.wav")
        file.save()
        request_scan(scanned_file=file, user=admin)
    held = turns.claim_next(owner="other:1")

    run_worker()

    assert Scan.objects.filter(status=ScanStatus.QUEUED).count() == 2
    assert held is not None
    cancel_scan(scan=Scan.objects.get(pk=held), user=admin)
    Scan.objects.filter(pk=held).update(lease_until=datetime.now(tz=UTC))
    Scan.objects.update(created_at=datetime.now(tz=UTC) - timedelta(hours=1))

    run_worker()

    assert not Scan.objects.filter(status=ScanStatus.QUEUED).exists()


def test_recordings_wait_for_one_another_where_so_many_may_run(
    catalogue: Catalogue, run_worker: Worker, settings: Settings
) -> None:
    settings.ACRPORTAL_JOBS_AT_ONCE = {"recording": 1}
    first, second = (
        add_recording(
            bucket=catalogue.bucket,
            details=RecordingDetails(title=f"New {seed}"),
            audio=upload("new.wav", audio.wav_bytes(audio.tune(seed, 4))),
        )
        for seed in (7, 8)
    )
    of_first = Job.objects.filter(kind="recording", subject=first.pk)
    of_first.update(
        state=JobState.RUNNING,
        lease_owner="other:1",
        lease_until=datetime.now(tz=UTC) + timedelta(seconds=30),
    )
    run_worker()
    second.refresh_from_db()
    assert second.status == RecordingStatus.WAITING

    # The other worker died; the worker that takes its jobs continues with the waiting
    # ones.
    past = datetime.now(tz=UTC) - timedelta(minutes=1)
    of_first.update(lease_until=past)
    Job.objects.update(run_after=past)
    run_worker()

    done = Recording.objects.filter(pk__in=[first.pk, second.pk])
    assert {one.status for one in done} == {RecordingStatus.READY}


def test_long_work_gives_way_to_a_person(catalogue: Catalogue, admin: User) -> None:
    """A worker in the middle of an import runs the scan and then continues."""
    bulk = ask(catalogue.container, "bulk")
    scan = ask(catalogue.container, "urgent", user=admin, waited_for=True)

    give_way(Recording.objects.none())

    scan.refresh_from_db()
    bulk.refresh_from_db()
    assert scan.status == ScanStatus.FAILED  # the recording has no audio
    assert bulk.status == ScanStatus.QUEUED


def test_a_scan_that_fails_does_not_stop_the_work_that_gave_way(
    catalogue: Catalogue, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = ask(catalogue.container, "urgent", user=admin, waited_for=True)

    def burst(*_arguments: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(pipeline, "_fingerprint_of", burst)

    give_way(Recording.objects.none())

    scan.refresh_from_db()
    assert scan.stage == ScanStage.PAUSED


def test_unforeseen_trouble_is_kept_and_tried_again_later(
    catalogue: Catalogue, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = ask(catalogue.container, "odd", user=admin)

    def burst(*_arguments: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(pipeline, "_fingerprint_of", burst)
    for tries in (1, 2, 3):
        with pytest.raises(OSError, match="full"):
            pipeline.run_next(owner="me:1")
        scan.refresh_from_db()
        assert (scan.stage, scan.attempts) == (ScanStage.PAUSED, tries)
        assert "Attempt" in scan.message
        assert requeue_stale_scans() == 0
        past = datetime.now(tz=UTC) - timedelta(seconds=1)
        Scan.objects.filter(pk=scan.pk).update(lease_until=past)
        requeue_stale_scans()

    scan.refresh_from_db()
    assert scan.status == ScanStatus.FAILED
    assert "Attempt 3 failed (OSError: the disk is full)" in scan.message


def test_a_scan_that_waits_to_be_tried_again_is_cancelled_at_once(
    catalogue: Catalogue, admin: User
) -> None:
    scan = ask(catalogue.container, "odd", user=admin)
    later = datetime.now(tz=UTC) + timedelta(minutes=1)
    Scan.objects.filter(pk=scan.pk).update(
        status=ScanStatus.RUNNING, stage=ScanStage.PAUSED, lease_until=later
    )

    cancel_scan(scan=scan, user=admin)

    scan.scanned_file.refresh_from_db()
    assert scan.scanned_file.status == FileStatus.CANCELLED


def test_a_person_does_not_wait_for_an_entry_that_a_busy_worker_holds(
    many: Container, admin: User
) -> None:
    ask(many, "a person's", user=admin, waited_for=True)
    DBTaskResult.objects.all().delete()
    Scan.objects.update(created_at=datetime.now(tz=UTC) - timedelta(seconds=10))

    assert requeue_stale_scans() == 1
    assert requeue_stale_scans() == 0
