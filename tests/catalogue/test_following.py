"""Copies of the index on several machines follow one catalogue."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import time_machine
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from pytest_django import Settings

from base.accounts.models import User
from base.accounts.roles import Role
from base.jobs import resources
from base.jobs.models import Job
from catalogue import following, index_copy, index_log, index_store
from catalogue.changes import delete_bucket, move_recordings, refingerprint, retire_recordings
from catalogue.index_log import LoggedChange
from catalogue.models import CatalogueState, IndexCopy, IndexEntry, Recording, RecordingStatus
from catalogue.services import create_bucket
from recognition.errors import IndexUnavailable
from recognition.index.segment import Postings
from recognition.index.store import FAN
from recognition.search import match
from recognition.types import ScanResult
from scanning.choices import ScanStatus
from scanning.models import Detection, Scan, ScannedFile
from tests import audio
from tests.catalogue.held_index import open_held, remove_from_held
from tests.catalogue.replacing import replace_audio
from tests.fixtures import Catalogue, MakeClient, Worker, add_tune, submit_sound, upload
from tests.object_storage import media_at

On = Callable[[str], Any]  # Any: a context manager


@pytest.fixture
def machine(settings: Settings, tmp_path: Path) -> On:
    """Return a context manager that lets the test work on another machine.

    Machines share the database and the media, and nothing else.
    """

    @contextmanager
    def on(name: str) -> Iterator[None]:
        before = settings.ACRPORTAL_DATA_DIR
        settings.ACRPORTAL_DATA_DIR = tmp_path / name
        try:
            yield
        finally:
            settings.ACRPORTAL_DATA_DIR = before

    return on


def held(catalogue: Catalogue, *, follow: bool = True) -> list[int]:
    index = following.open_index() if follow else open_held()
    numbers: list[int] = index.recordings(catalogue.bucket.pk).tolist()
    return numbers


def add(catalogue: Catalogue, seed: int) -> Recording:
    return add_tune(catalogue.bucket, seed, 15)


def scan(catalogue: Catalogue, admin: User) -> ScannedFile:
    """Ask for the scan of a programme with both recordings."""
    sounds = [audio.tune(1, 12), audio.tune(2, 12)]
    # A different file each time: an identical file would not be scanned again.
    sounds.append(np.zeros(1 + Scan.objects.count(), dtype=np.float32))
    return submit_sound(catalogue.container, np.concatenate(sounds), admin)


def detections_of(file: ScannedFile) -> list[dict[str, Any]]:
    rows = Detection.objects.filter(scan__scanned_file=file).order_by("recording")
    return list(
        rows.values("recording", "score", "segments__start_ms", "segments__reference_start_ms")
    )


def try_waiting_jobs_now() -> None:
    """Let paused jobs be due, as after half a minute."""
    Job.objects.update(run_after=datetime.now(tz=UTC) - timedelta(minutes=5))
    resources.unblock([resources.INDEX])


def test_machines_find_the_same_whatever_changes(
    catalogue: Catalogue, admin: User, run_worker: Worker, machine: On
) -> None:
    with machine("second"):
        assert held(catalogue) == [catalogue.first.pk, catalogue.second.pk]
        file = scan(catalogue, admin)
        run_worker()
        there = detections_of(file)
        third = add(catalogue, 3)
        run_worker()
        assert third.pk in held(catalogue)

    file = scan(catalogue, admin)
    run_worker()

    assert {row["recording"] for row in there} == set(held(catalogue)) - {third.pk}
    assert detections_of(file) == there
    assert third.pk in held(catalogue)
    elsewhere = create_bucket(name="Elsewhere")
    move_recordings(recordings=[third], target=elsewhere, user=None)
    retire_recordings(recordings=[catalogue.first], user=None)
    for name in ("second", "third"):
        with machine(name):
            assert held(catalogue) == [catalogue.second.pk]
            index = following.open_index()
            assert index.recordings(elsewhere.pk).tolist() == [third.pk]


def test_a_scan_states_which_state_of_the_catalogue_it_searched(
    catalogue: Catalogue, admin: User, run_worker: Worker, signed_in: MakeClient
) -> None:
    add(catalogue, 3)
    run_worker()
    position = index_log.count_changes().position
    file = scan(catalogue, admin)

    run_worker()

    searched = Scan.objects.get(scanned_file=file).catalogue_state
    assert searched is not None
    assert searched >= position == 3
    client = signed_in(Role.ADMIN)
    page = client.get(f"/files/{file.uid}/")
    assert f"as of change {searched} of the catalogue" in page.content.decode()
    assert client.get(f"/api/portal/v1/files/{file.uid}/").json()["catalogue_state"] == searched


def test_searches_follow_what_is_added_replaced_and_fingerprinted_again(
    catalogue: Catalogue, run_worker: Worker, machine: On
) -> None:
    before = (held(catalogue), index_log.count_changes())
    with transaction.atomic():
        retire_recordings(recordings=[catalogue.first], user=None)
        transaction.set_rollback(True)
    assert (held(catalogue), index_log.count_changes()) == before

    # A new recording is found by the search after its fingerprinting.
    both, _position = before
    made = add(catalogue, 3)
    assert held(catalogue) == both
    run_worker()
    assert held(catalogue) == [*both, made.pk]

    # It stays searchable while it is fingerprinted again, unless its audio is replaced.
    refingerprint(recording=catalogue.first, user=None)
    for name in ("here", "another"):
        with machine(name):
            assert catalogue.first.pk in held(catalogue)
    run_worker()
    catalogue.first.refresh_from_db()
    replace_audio(
        recording=catalogue.first, audio=upload("other.wav", audio.wav_bytes(audio.tune(9, 20)))
    )
    assert held(catalogue) == [catalogue.second.pk, made.pk]
    run_worker()
    assert sorted(held(catalogue)) == [*both, made.pk]
    postings = following.open_index().stats(catalogue.bucket.pk).postings
    stored = [index_store.postings_of(recording) for recording in catalogue.bucket.recordings.all()]
    assert postings == sum(len(hashes) for _, hashes, *_ in stored)


@pytest.mark.soak
def test_a_worker_merges_segments_beside_its_work(
    catalogue: Catalogue, run_worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recognition.index.store.INLINE_POSTINGS", 10)
    for seed in range(3, 3 + FAN):
        add(catalogue, seed)
        run_worker()
        before = held(catalogue)
    following.keep_up()
    assert following._merging is not None
    following._merging.join(30)

    # One for each recording otherwise.
    index = open_held()
    assert index.stats(catalogue.bucket.pk).segments < FAN
    assert held(catalogue) == before
    assert index.verify(catalogue.bucket.pk) == []


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="SQLite has one writer at a time")
def test_a_change_that_is_committed_late_is_counted_late(catalogue: Catalogue, machine: On) -> None:
    may_commit, has_written = threading.Event(), threading.Event()

    def retire_slowly() -> None:
        with transaction.atomic():
            retire_recordings(recordings=[catalogue.first], user=None)
            has_written.set()
            may_commit.wait(30)
        connection.close()

    other_thread = threading.Thread(target=retire_slowly)
    other_thread.start()
    has_written.wait(30)
    retire_recordings(recordings=[catalogue.second], user=None)
    counted = following.bring_up()
    assert held(catalogue) == [catalogue.first.pk]
    may_commit.set()
    other_thread.join()

    assert held(catalogue) == []
    assert following.bring_up() == counted + 1
    with machine("another"):
        assert held(catalogue) == []


class Killed(BaseException):
    """Stands for the end of the process."""


def test_a_follower_that_was_killed_goes_on_where_it_was(
    catalogue: Catalogue, run_worker: Worker, machine: On, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    reading = index_copy.read_kept

    def read_one_and_die(changes: Sequence[LoggedChange]) -> list[Postings]:
        if read:
            raise Killed
        read.extend(change.recording for change in changes)
        return reading(changes)

    with machine("new"), monkeypatch.context() as one_by_one:
        one_by_one.setattr(index_copy, "BATCH", 1)
        with pytest.raises(Killed):
            following.build(read=read_one_and_die)
        counts: list[int] = []

        def read_the_rest(changes: Sequence[LoggedChange]) -> list[Postings]:
            counts.extend(change.recording for change in changes)
            return reading(changes)

        following.build(read=read_the_rest)

        assert held(catalogue, follow=False) == [*read, *counts]
        assert (read, counts) == ([catalogue.first.pk], [catalogue.second.pk])

    # One killed before it wrote its position repeats the batch.
    held(catalogue)
    made = add(catalogue, 3)
    run_worker()
    retire_recordings(recordings=[catalogue.first], user=None)

    def die(*_arguments: object) -> None:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(index_copy.IndexFolder, "_write", die)
        with pytest.raises(Killed):
            following.bring_up()
    assert held(catalogue, follow=False) == [catalogue.second.pk, made.pk]
    assert held(catalogue) == [catalogue.second.pk, made.pk]
    assert following.open_index().verify(catalogue.bucket.pk) == []

    # A deleted bucket is left out of new copies.
    delete_bucket(bucket=catalogue.bucket, user=None)
    with machine("newest"):
        assert held(catalogue) == []


def test_a_deleted_or_damaged_folder_is_built_again_and_its_scan_waits(
    catalogue: Catalogue, admin: User, run_worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = scan(catalogue, admin)
    run_worker()
    shutil.rmtree(index_store.index_folders()[0])
    after = scan(catalogue, admin)
    run_worker()
    assert detections_of(after) == detections_of(before)
    assert len(detections_of(after)) == 2

    def is_repeated(file: ScannedFile) -> None:
        waiting = Scan.objects.get(scanned_file=file)
        assert waiting.status == ScanStatus.QUEUED
        assert Job.objects.get(kind="scan", subject=waiting.pk).attempts == 0
        try_waiting_jobs_now()
        run_worker()
        assert len(detections_of(file)) == 2

    for segment in index_store.index_folders()[0].glob("bucket-*/segment-*"):
        segment.write_bytes(segment.read_bytes()[:-4096])
    index_store._open.cache_clear()
    file = scan(catalogue, admin)
    run_worker()
    is_repeated(file)

    # The index is deleted while a scan searches it.
    searching = match.scan

    def delete_and_search(*arguments: Any, **named: Any) -> ScanResult:  # Any: its own
        for folder in index_store.index_folders()[0].glob("bucket-*"):
            shutil.rmtree(folder)
        return searching(*arguments, **named)

    file = scan(catalogue, admin)
    with monkeypatch.context() as deleting:
        deleting.setattr(match, "scan", delete_and_search)
        run_worker()
    is_repeated(file)


@pytest.mark.soak
def test_a_scan_waits_while_the_storage_is_away_or_another(
    catalogue: Catalogue,
    admin: User,
    run_worker: Worker,
    machine: On,
    settings: Settings,
    tmp_path: Path,
) -> None:
    file = scan(catalogue, admin)
    ours = settings.MEDIA_ROOT
    settings.MEDIA_ROOT = tmp_path / "empty"
    with machine("other"), pytest.raises(IndexUnavailable, match="STORAGE_URL"):
        following.open_index()
    settings.MEDIA_ROOT = ours
    assert not Recording.objects.exclude(status=RecordingStatus.READY).exists()

    with machine("new"):
        with media_at("127.0.0.1:9"):
            for _ in range(4):
                try_waiting_jobs_now()
                run_worker()
        job = Job.objects.get(kind="scan")
        assert (job.state, job.attempts, job.blocked_by) == ("waiting", 0, "storage")
        assert not Recording.objects.exclude(status=RecordingStatus.READY).exists()
        try_waiting_jobs_now()

        run_worker()

    assert len(detections_of(file)) == 2


@pytest.mark.parametrize("way", ["restored", "set back"])
def test_a_copy_of_another_past_is_built_again(catalogue: Catalogue, way: str) -> None:
    held(catalogue)
    remove_from_held(catalogue.first)
    if way == "restored":
        index_log.begin_anew()
    else:
        IndexEntry.objects.filter(recording=catalogue.first).delete()
        IndexEntry.objects.filter(recording=catalogue.second).update(position=1)
        CatalogueState.objects.update(position=1)

    with_all = held(catalogue)

    assert catalogue.second.pk in with_all
    assert (catalogue.first.pk in with_all) == (way == "restored")


def test_a_copy_without_a_position_is_compared(catalogue: Catalogue, machine: On) -> None:
    held(catalogue)
    (index_store.index_folders()[0] / index_copy.POSITION).unlink()
    remove_from_held(catalogue.first)
    retire_recordings(recordings=[catalogue.second], user=None)

    assert held(catalogue) == [catalogue.first.pk]

    # Searches wait while another process builds the index.
    with machine("new"):
        folder = index_store.index_folders()[0]
        with (
            following._lock_folder(folder.with_name("index.new"), waits=False),
            pytest.raises(IndexUnavailable, match="being built"),
        ):
            following.open_index()


def jobs_page(client: Client) -> str:
    page = client.get("/jobs/")
    assert page.status_code == 200
    return " ".join(page.content.decode().split())


def test_a_late_copy_says_how_late_it_is(
    catalogue: Catalogue,
    run_worker: Worker,
    signed_in: MakeClient,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.ACRPORTAL_METRICS_TOKEN = "secret"
    monkeypatch.setattr(following, "_reported", {})
    following.keep_up()
    client = signed_in(Role.ADMIN)
    assert "up to date" in jobs_page(client)

    retire_recordings(recordings=[catalogue.first, catalogue.second], user=None)
    with time_machine.travel(datetime.now(tz=UTC) + timedelta(seconds=41), tick=False):
        assert "2 changes behind since 4" in jobs_page(client)
        metrics = client.get("/metrics", headers={"Authorization": "Bearer secret"})
    behind = [
        line
        for line in metrics.content.decode().splitlines()
        if line.startswith("acrportal_index_copy_changes_behind{")
    ]
    assert [line.rpartition(" ")[2] for line in behind] == ["2.0"]
    following.keep_up()
    assert "up to date" in jobs_page(client)
    with time_machine.travel(datetime.now(tz=UTC) + timedelta(hours=1)):
        assert "not seen since" in jobs_page(client)
    with (
        time_machine.travel(datetime.now(tz=UTC) + timedelta(days=2)),
        monkeypatch.context() as elsewhere,
    ):
        elsewhere.setattr(socket, "gethostname", lambda: "another")
        elsewhere.setattr(following, "_reported", {})
        following.keep_up()
        assert [copy.host for copy in IndexCopy.objects.all()] == ["another"]


def test_a_machine_that_cannot_follow_says_why(
    catalogue: Catalogue, machine: On, signed_in: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_reported", {})
    with machine("new"), media_at("127.0.0.1:9"):
        following.keep_up()

    page = jobs_page(signed_in(Role.ADMIN))

    assert "2 changes behind" in page
    assert "127.0.0.1:9" in page


def test_the_index_is_rebuilt_while_it_follows(catalogue: Catalogue, run_worker: Worker) -> None:
    held(catalogue)
    made = add(catalogue, 3)
    run_worker()
    reader = following.open_index()
    assert made.pk in reader.recordings(catalogue.bucket.pk)
    retire_recordings(recordings=[catalogue.first], user=None)

    call_command("rebuild_index")

    # Whoever had the old folder open reads the new one, not its files of the same name.
    assert reader.recordings(catalogue.bucket.pk).tolist() == held(catalogue)
    assert reader.verify(catalogue.bucket.pk) == []
