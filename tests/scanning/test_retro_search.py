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

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from base.jobs.choices import Pool
from base.jobs.errors import Cancelled
from base.jobs.models import Job
from base.jobs.runner import run_next
from catalogue.changes import retire_recordings
from catalogue.models import Bucket, Recording
from catalogue.services import add_recording, create_bucket
from recognition import interrupts
from recognition.fingerprints.builder import extract
from recognition.fingerprints.file_format import to_bytes
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
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.fixtures import Worker, upload
from tests.jobs.workers import lose_worker, run_regular_work, take_over
from web.acrapi.results import results_of
from web.portal.management import demo

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
        details=Recording(title=f"Tune {seed}", custom_id=f"T-{seed}"),
        fingerprint=_fingerprint(seed, seconds=30),
        user=user,
    )


def _scan(container: Container, user: User, *seeds: int) -> ScannedFile:
    return submit_fingerprint(
        container=container,
        upload=upload("programme.acrfp", to_bytes(_fingerprint(*seeds))),
        user=user,
    )


@pytest.mark.soak
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
        details=Recording(title=late.title, custom_id="DEMO-007"),
        audio=SimpleUploadedFile("palace.opus", (DEMO / "palace.opus").read_bytes()),
        user=admin,
    )
    run_worker()
    again.refresh_from_db()
    (search,) = retro.request_search(recordings=[again], user=admin)
    run_worker()

    search.refresh_from_db()
    matches = {
        match.scanned_file.name: match
        for match in Match.objects.filter(recording=again, state=MatchState.PENDING)
    }
    assert (search.status, search.found) == (RetroStatus.DONE, 2)
    assert search.files_done == container.files.count()
    assert all(match.found_late for match in matches.values())
    heard = [
        (name, segment)
        for name, match in matches.items()
        for segment in with_segments([match])[0].segments
    ]
    assert len(heard) == len(plays) == 3
    for row in plays:
        segment = next(
            segment
            for name, segment in heard
            if name == row["programme"]
            and abs(segment.start_ms - 1000 * float(row["start_s"])) < 500
        )
        assert segment.end_ms == pytest.approx(1000 * float(row["end_s"]), abs=500)
        assert segment.tempo_ratio is not None
        assert float(segment.tempo_ratio) == pytest.approx(float(row["rate"]), abs=0.002)


@pytest.fixture
def container(admin: User, run_worker: Worker) -> Container:
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


def test_a_sonic_logo_is_found_late_between_songs_and_ends_where_it_ends(
    container: Container, admin: User, run_worker: Worker
) -> None:
    song, logo = audio.tune(1, 30)[: 20 * audio.RATE], audio.tune(5, 2.2)
    sound = extract(audio.join([song, logo, song])[::2])
    file = submit_fingerprint(
        container=container, upload=upload("a.acrfp", to_bytes(sound)), user=admin
    )
    run_worker()
    recording = add_recording(
        bucket=container.buckets.get(),
        details=Recording(title="Logo"),
        fingerprint=extract(logo[::2]),
        user=admin,
    )
    run_worker()
    recording.refresh_from_db()

    def times_of_match() -> tuple[int, ...]:
        match = Match.objects.get(recording=recording)
        (segment,) = with_segments([match])[0].segments
        return segment.start_ms, segment.end_ms, segment.reference_end_ms

    retro.request_search(recordings=[recording], user=admin)
    run_worker()
    late = times_of_match()
    request_scan(scanned_file=file, user=admin)
    run_worker()

    assert late == times_of_match()
    assert late == pytest.approx((20_000, 22_200, 2_200), abs=200)
    assert late[2] <= recording.duration_ms


def test_what_is_found_late_waits_beside_the_rest_and_keeps_its_decision(
    late: Recording, admin: User, run_worker: Worker
) -> None:
    file = ScannedFile.objects.get(status=FileStatus.NO_MATCH)
    other_file = ScannedFile.objects.get(matches__recording__custom_id="T-1")

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

    # Clients read it beside what was found before.
    results = results_of([other_file])[other_file.pk]
    assert results is not None
    titles = [item["result"]["title"] for item in results["custom_files"]]
    assert titles == ["Tune 1", "Tune 3"]

    # The second time nothing is doubled.
    retro.request_search(recordings=[late], user=admin)
    run_worker()
    first, second = RetroSearch.objects.order_by("pk")
    assert (first.found, second.found) == (2, 0)
    assert Match.objects.filter(recording=late).count() == 2
    assert Scan.objects.filter(retro_search=second).count() == 0

    # A rescan carries on what was decided.
    deciding.reject(match=match, user=admin, version=match.version, reason=RejectCode.NOISE)
    match.refresh_from_db()
    decided_at = match.decided_at
    request_scan(scanned_file=file, user=admin)
    run_worker()
    match.refresh_from_db()
    assert (match.state, match.decided_at) == (MatchState.REJECTED, decided_at)
    assert match.found_late
    assert not Match.objects.filter(lost=True).exists()


def test_a_search_is_estimated_and_refused_where_it_makes_no_sense(
    late: Recording, container: Container, admin: User
) -> None:
    estimate = retro.estimate(recordings=[late])
    assert (estimate.recordings, estimate.files) == (1, 2)
    assert estimate.sound_ms == pytest.approx(66_000, abs=500)

    def refused(user: User) -> str:
        with pytest.raises(IntakeRefused) as reason:
            retro.request_search(recordings=[late], user=user)
        return reason.value.code

    for role in (Role.VIEWER, Role.REVIEWER):
        assert refused(make_user(role)) == "forbidden", role
    buckets = list(container.buckets.all())
    container.buckets.clear()
    assert refused(admin) == "nothing_scanned"
    assert retro.estimate(recordings=[late]).files == 0

    container.buckets.set(buckets)
    retro.request_search(recordings=[late], user=admin)
    assert refused(admin) == "retro_running"


def test_searches_give_their_worker_back_and_take_turns(
    late: Recording, admin: User, run_worker: Worker, monkeypatch: pytest.MonkeyPatch
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

    assert states == [(RetroStatus.QUEUED, 1), (RetroStatus.QUEUED, 2), (RetroStatus.DONE, 2)]
    assert (search.found, search.progress) == (2, 100)

    # Two searches take turns, slice by slice.
    run_worker()
    (first,) = retro.request_search(recordings=[late], user=admin)
    other_recording = Recording.objects.get(custom_id="T-1")
    (second,) = retro.request_search(recordings=[other_recording], user=admin)
    for _ in range(2):
        run_next(Pool.WORK)
    for search in (first, second):
        search.refresh_from_db()
        assert (search.status, search.files_done) == (RetroStatus.QUEUED, 1)
    run_worker()
    assert set(RetroSearch.objects.values_list("status", flat=True)) == {"done"}

    # What a worker counts that lost the search is refused.
    (lost,) = retro.request_search(recordings=[late], user=admin)
    job = Job.objects.get(kind="retro_search", subject=lost.pk)
    monkeypatch.setattr(
        retro_pipeline,
        "search_back",
        lambda *_args, **_named: take_over(Job.objects.get(pk=job.pk)),
    )
    run_next(Pool.WORK)
    lost.refresh_from_db()
    job.refresh_from_db()
    assert (lost.status, lost.files_done) == (RetroStatus.RUNNING, 0)
    assert job.lease_owner == "other:2"


def test_a_search_survives_unreadable_files_and_killed_workers(
    late: Recording, admin: User, run_worker: Worker
) -> None:
    first, broken = ScannedFile.objects.order_by("pk")
    fingerprint = Path(broken.fingerprint.path)
    content = fingerprint.read_bytes()
    fingerprint.write_bytes(b"no fingerprint")

    (search,) = retro.request_search(recordings=[late], user=admin)
    run_worker()

    search.refresh_from_db()
    assert (search.status, search.files_unreadable) == (RetroStatus.DONE, 1)
    assert search.found == 1
    fingerprint.write_bytes(content)

    # One whose worker was killed goes on at the same file.
    (search,) = retro.request_search(recordings=[late], user=admin)
    RetroSearch.objects.filter(pk=search.pk).update(
        status=RetroStatus.RUNNING, reached=first.pk, files_done=1
    )
    lose_worker("retro_search")
    run_worker()
    search.refresh_from_db()
    assert (search.status, search.found) == (RetroStatus.DONE, 1)
    assert search.files_done == 2

    # One that kills its workers is given up until somebody resumes it.
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


def test_a_search_is_cancelled_or_tried_again_after_a_fault(
    late: Recording, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancel_it(*_args: object, **_named: object) -> list[object]:
        retro.cancel_search(search=search, user=admin)
        end = monotonic() + 120.0
        # Until the keeper of the lease has seen it.
        with suppress(Cancelled):
            while monotonic() < end:
                interrupts.look()
                sleep(0.05)
        return []

    def break_down(*_args: object, **_named: object) -> None:
        raise ValueError("odd sound")

    for runs in (False, True):
        (search,) = retro.request_search(recordings=[late], user=admin)
        with monkeypatch.context() as patched:
            patched.setattr(retro_pipeline, "search_back", cancel_it)
            if runs:
                run_next(Pool.WORK)
            else:
                retro.cancel_search(search=search, user=admin)
        search.refresh_from_db()
        assert (search.status, search.message) == (RetroStatus.CANCELLED, "Cancelled.")
        assert search.finished_at is not None
        # The worker stopped in the first of two files, or right after it.
        assert search.files_done <= int(runs)

    (search,) = retro.request_search(recordings=[late], user=admin)
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
