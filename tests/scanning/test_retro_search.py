"""Retro searches look for new recordings in earlier scans."""

from __future__ import annotations

import csv
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from time import monotonic, sleep

import pytest
import time_machine
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import User
from accounts.roles import Role
from acrapi.results import results_of
from audit.models import Event
from catalogue.changes import retire_recordings
from catalogue.models import Bucket, Recording
from catalogue.services import RecordingDetails, add_recording, create_bucket
from jobs.choices import Pool
from jobs.errors import Cancelled
from jobs.models import Job
from jobs.runner import run_next
from portal.management import demo
from recognition import interrupts
from recognition.fingerprint.builder import extract
from recognition.fingerprint.file_format import to_bytes
from recognition.types import Fingerprint
from review.choices import MatchState, QueueReason, RejectCode
from review.models import Match
from review.selectors import with_segments
from scanning import retro_pipeline
from scanning.choices import FileStatus, RetroStatus
from scanning.errors import IntakeRefused
from scanning.jobs import RETRO_SEARCH
from scanning.models import Container, RetroSearch, Scan, ScannedFile
from scanning.services import retro
from scanning.services.intake import submit_fingerprint
from scanning.services.scans import request_scan
from tests import audio
from tests.conftest import Worker, upload
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.jobs.workers import lose_worker, run_regular_work, take_over

DEMO = Path(settings.BASE_DIR) / "demo"
_PAUSE = audio.silence(2)


@cache
def _fingerprint(*seeds: int, seconds: float = 20) -> Fingerprint:
    """Return the fingerprint of tunes in sequence, cached for all tests."""
    parts = [part for seed in seeds for part in (audio.tune(seed, seconds), _PAUSE)]
    return extract(audio.join(parts)[::2])


def _add(bucket: Bucket, user: User, *, seed: int = 3) -> Recording:
    """Add a recording from its fingerprint: nothing is decoded."""
    return add_recording(
        bucket=bucket,
        details=RecordingDetails(title=f"Tune {seed}", custom_id=f"T-{seed}"),
        fingerprint=_fingerprint(seed, seconds=30),
        user=user,
    )


def _scan(container: Container, user: User, *seeds: int) -> ScannedFile:
    return submit_fingerprint(
        container=container,
        upload=upload("programme.acrfp", to_bytes(_fingerprint(*seeds))),
        user=user,
    )


@pytest.mark.slow
def test_a_recording_added_later_is_found_in_the_demo_as_a_scan_would_find_it(
    admin: User, run_worker: Worker
) -> None:
    with (DEMO / "programmes" / "truth.csv").open(newline="") as file:
        plays = [row for row in csv.DictReader(file) if row["custom_id"] == "DEMO-007"]
    bucket = demo.ensure_catalogue(admin)
    run_worker()
    late = Recording.objects.get(custom_id="DEMO-007")
    retire_recordings(recordings=[late], user=admin)
    container = demo.ensure_container(bucket, admin)
    demo.ensure_programmes(container, admin)
    run_worker()
    assert not Match.objects.filter(recording__custom_id="DEMO-007").exists()

    again = add_recording(
        bucket=bucket,
        details=RecordingDetails(title=late.title, custom_id="DEMO-007"),
        audio=SimpleUploadedFile("palace.opus", (DEMO / "palace.opus").read_bytes()),
        user=admin,
    )
    run_worker()
    again.refresh_from_db()
    (search,) = retro.request_search(recordings=[again], user=admin)
    run_worker()

    search.refresh_from_db()
    found = {
        match.scanned_file.name: match
        for match in Match.objects.filter(recording=again, state=MatchState.PENDING)
    }
    assert (search.status, search.found) == (RetroStatus.DONE, 2)
    assert search.files_done == container.files.count()
    assert all(match.found_late for match in found.values())
    heard = [
        (name, segment)
        for name, match in found.items()
        for segment in with_segments([match])[0].segments
    ]
    assert len(heard) == len(plays) == 3
    for row in plays:
        segment = next(
            each
            for name, each in heard
            if name == row["programme"]
            and abs(each.start_ms - 1000 * float(row["start_s"])) < 500
        )
        assert segment.end_ms == pytest.approx(1000 * float(row["end_s"]), abs=500)
        assert segment.tempo_ratio is not None
        assert float(segment.tempo_ratio) == pytest.approx(
            float(row["rate"]), abs=0.002
        )


@pytest.fixture
def container(admin: User, run_worker: Worker) -> Container:
    """Return a container with a bucket that holds the first tune."""
    bucket = create_bucket(name="Tunes", user=admin)
    _add(bucket, admin, seed=1)
    run_worker()
    made = Container.objects.create(name="Programmes")
    made.buckets.add(bucket)
    return made


@pytest.fixture
def late(container: Container, admin: User, run_worker: Worker) -> Recording:
    """Return a recording added after the scans of two files that contain it."""
    _scan(container, admin, 3)
    _scan(container, admin, 1, 3)
    run_worker()
    recording = _add(container.buckets.get(), admin)
    run_worker()
    recording.refresh_from_db()
    return recording


def test_what_is_found_late_waits_with_its_reason_and_its_own_scan(
    late: Recording, admin: User, run_worker: Worker
) -> None:
    file = ScannedFile.objects.get(status=FileStatus.NO_MATCH)

    retro.request_search(recordings=[late], user=admin)
    run_worker()

    match = Match.objects.get(recording=late, scanned_file=file)
    file.refresh_from_db()
    search = RetroSearch.objects.get()
    assert (match.found_late, match.queue_reason) == (True, QueueReason.FOUND_LATE)
    assert match.scan.retro_search == search
    assert match.scan.detections.get().recording == late
    assert file.status == FileStatus.READY
    assert match.scan in file.scans.all()
    assert match.scan not in file.scans.full()
    event = Event.objects.get(case=match.case, action="found")
    assert event.after["scan"] == match.scan.uid


def test_the_results_that_clients_read_have_it_beside_what_was_found_before(
    late: Recording, admin: User, run_worker: Worker
) -> None:
    file = ScannedFile.objects.get(matches__recording__custom_id="T-1")

    retro.request_search(recordings=[late], user=admin)
    run_worker()

    results = results_of([file])[file.pk]
    assert results is not None
    told = [item["result"]["title"] for item in results["custom_files"]]
    assert told == ["Tune 1", "Tune 3"]


def test_the_second_time_nothing_is_doubled(
    late: Recording, admin: User, run_worker: Worker
) -> None:
    for _ in range(2):
        retro.request_search(recordings=[late], user=admin)
        run_worker()

    first, second = RetroSearch.objects.order_by("pk")
    assert (first.found, second.found) == (2, 0)
    assert Match.objects.filter(recording=late).count() == 2
    assert Scan.objects.filter(retro_search=second).count() == 0


def test_a_rescan_carries_on_what_was_decided_on_a_late_find(
    late: Recording, admin: User, run_worker: Worker
) -> None:
    retro.request_search(recordings=[late], user=admin)
    run_worker()
    found = Match.objects.filter(recording=late).first()
    assert found is not None
    deciding.reject(
        match=found, user=admin, version=found.version, reason=RejectCode.NOISE
    )

    request_scan(scanned_file=found.scanned_file, user=admin)
    run_worker()

    found.refresh_from_db()
    follower = Match.objects.get(
        recording=late, scanned_file=found.scanned_file, state=MatchState.REJECTED
    )
    assert (found.state, found.superseded_by) == (MatchState.SUPERSEDED, follower)
    assert follower.found_late
    assert not Match.objects.filter(lost=True).exists()


def test_files_of_containers_that_do_not_search_the_bucket_are_left_alone(
    late: Recording, container: Container, admin: User
) -> None:
    container.buckets.clear()

    with pytest.raises(IntakeRefused) as refused:
        retro.request_search(recordings=[late], user=admin)

    assert refused.value.code == "nothing_scanned"
    assert retro.estimate(recordings=[late]).files == 0


def test_the_estimate_says_how_much_would_be_looked_at(late: Recording) -> None:
    told = retro.estimate(recordings=[late])

    assert (told.recordings, told.files) == (1, 2)
    assert told.sound_ms == pytest.approx(66_000, abs=500)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.REVIEWER])
def test_only_a_manager_has_everything_searched(late: Recording, role: Role) -> None:
    with pytest.raises(IntakeRefused) as refused:
        retro.request_search(recordings=[late], user=make_user(role))

    assert refused.value.code == "forbidden"


def test_one_recording_is_looked_for_once_at_a_time(
    late: Recording, admin: User
) -> None:
    retro.request_search(recordings=[late], user=admin)

    with pytest.raises(IntakeRefused) as refused:
        retro.request_search(recordings=[late], user=admin)

    assert refused.value.code == "retro_running"


def test_a_search_gives_its_worker_back_and_goes_on_where_it_was(
    late: Recording, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retro_pipeline, "SLICE_SECONDS", 0.0)
    (search,) = retro.request_search(recordings=[late], user=admin)

    states = []
    while search.status != RetroStatus.DONE:
        job = run_next(Pool.WORK)
        assert job is not None
        # What is left unmatched is compared in between.
        if job.kind == RETRO_SEARCH.name:
            search.refresh_from_db()
            states.append((search.status, search.files_done))

    assert states == [
        (RetroStatus.QUEUED, 1),
        (RetroStatus.QUEUED, 2),
        (RetroStatus.DONE, 2),
    ]
    assert (search.found, search.progress) == (2, 100)


def test_searches_take_turns_slice_by_slice(
    late: Recording, admin: User, run_worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retro_pipeline, "SLICE_SECONDS", 0.0)
    (first,) = retro.request_search(recordings=[late], user=admin)
    other = Recording.objects.get(custom_id="T-1")
    (second,) = retro.request_search(recordings=[other], user=admin)

    for _ in range(2):
        run_next(Pool.WORK)

    for search in (first, second):
        search.refresh_from_db()
        assert (search.status, search.files_done) == (RetroStatus.QUEUED, 1)
    run_worker()
    assert set(RetroSearch.objects.values_list("status", flat=True)) == {"done"}


def test_a_search_whose_worker_was_killed_goes_on_at_the_same_file(
    late: Recording, admin: User, run_worker: Worker
) -> None:
    (search,) = retro.request_search(recordings=[late], user=admin)
    first = ScannedFile.objects.order_by("pk").first()
    assert first is not None
    RetroSearch.objects.filter(pk=search.pk).update(
        status=RetroStatus.RUNNING, reached=first.pk, files_done=1
    )
    lose_worker("retro_search")

    run_worker()

    search.refresh_from_db()
    assert (search.status, search.found) == (RetroStatus.DONE, 1)


def test_one_that_kills_its_workers_is_given_up(
    late: Recording, admin: User, run_worker: Worker
) -> None:
    (search,) = retro.request_search(recordings=[late], user=admin)
    lose_worker("retro_search", attempts=settings.ACRPORTAL_MAX_ATTEMPTS)

    run_worker()

    search.refresh_from_db()
    assert search.status == RetroStatus.FAILED
    assert "same file" in search.message
    assert search.finished_at is not None
    retro.resume_search(search=search, user=admin)
    run_worker()
    search.refresh_from_db()
    assert (search.status, search.message) == (RetroStatus.DONE, "")


def test_one_that_fails_unforeseen_is_tried_again(
    late: Recording, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    (search,) = retro.request_search(recordings=[late], user=admin)

    def break_down(*_args: object, **_named: object) -> None:
        raise ValueError("odd sound")

    with monkeypatch.context() as patched:
        patched.setattr(retro_pipeline, "search_back", break_down)
        run_next(Pool.WORK)

    search.refresh_from_db()
    assert search.status == RetroStatus.QUEUED
    assert search.message == "Attempt 1 failed: ValueError: odd sound"
    with time_machine.travel(datetime.now(tz=UTC) + timedelta(minutes=1)):
        run_next(Pool.WORK)
    search.refresh_from_db()
    assert (search.status, search.found, search.message) == (RetroStatus.DONE, 2, "")


def test_what_a_worker_counts_that_lost_the_search_is_refused(
    late: Recording, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retro_pipeline, "SLICE_SECONDS", 0.0)
    (search,) = retro.request_search(recordings=[late], user=admin)
    monkeypatch.setattr(
        retro_pipeline,
        "search_back",
        lambda *_args, **_named: take_over(Job.objects.get(kind="retro_search")),
    )

    run_next(Pool.WORK)

    search.refresh_from_db()
    assert (search.status, search.files_done) == (RetroStatus.RUNNING, 0)
    assert Job.objects.get(kind="retro_search").lease_owner == "other:2"


@pytest.mark.parametrize("runs", [False, True])
def test_a_search_is_cancelled(
    late: Recording, admin: User, monkeypatch: pytest.MonkeyPatch, *, runs: bool
) -> None:
    (search,) = retro.request_search(recordings=[late], user=admin)

    def cancel_it(*_args: object, **_named: object) -> list[object]:
        retro.cancel_search(search=search, user=admin)
        end = monotonic() + 120.0
        # Until the keeper of the lease has seen it.
        with suppress(Cancelled):
            while monotonic() < end:
                interrupts.look()
                sleep(0.05)
        return []

    monkeypatch.setattr(retro_pipeline, "search_back", cancel_it)
    if runs:
        run_next(Pool.WORK)
    else:
        retro.cancel_search(search=search, user=admin)

    search.refresh_from_db()
    assert (search.status, search.message) == (RetroStatus.CANCELLED, "Cancelled.")
    assert search.finished_at is not None
    # The worker stopped in the first of two files, or right after it.
    assert search.files_done <= int(runs)


def test_files_that_cannot_be_read_are_told_and_passed(
    late: Recording, admin: User, run_worker: Worker
) -> None:
    broken = ScannedFile.objects.order_by("pk").first()
    assert broken is not None
    Path(broken.fingerprint.path).write_bytes(b"no fingerprint")

    retro.request_search(recordings=[late], user=admin)
    run_worker()

    search = RetroSearch.objects.get()
    assert (search.status, search.files_unreadable) == (RetroStatus.DONE, 1)
    assert search.found == 1


def test_a_bucket_that_asks_for_it_has_new_recordings_searched_together(
    container: Container, admin: User, run_worker: Worker
) -> None:
    _scan(container, admin, 3, 4)
    run_worker()
    container.buckets.update(search_earlier=True)
    for seed in (3, 4):
        _add(container.buckets.get(), admin, seed=seed)
    run_worker()
    assert RetroSearch.objects.get().status == RetroStatus.COLLECTING

    run_regular_work()
    run_worker()

    search = RetroSearch.objects.get()
    assert (search.status, search.found) == (RetroStatus.DONE, 2)
    assert search.requested_by is None
    assert Match.objects.filter(found_late=True).count() == 2
