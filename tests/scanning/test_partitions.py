"""Scans of a catalogue whose partitions lie on several machines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from base.accounts.models import User
from base.accounts.roles import Role
from base.jobs import clock, services
from base.jobs.choices import JobState
from base.jobs.models import Job
from catalogue import following
from catalogue.changes import retire_recordings
from catalogue.models import IndexCopy, Recording
from operations.metrics import page_of_figures
from recognition.audio.analysis import analyse_file
from recognition.errors import IndexPartial, IndexUnavailable
from recognition.types import Fingerprint
from review.models import Match
from scanning import partition_scans
from scanning.choices import ScanStatus
from scanning.fingerprints import Sound
from scanning.jobs import PARTITION_QUESTION
from scanning.models import Detection, PartitionQuestion, PartitionSearch, Scan, ScannedFile
from scanning.services.identification import search_clip
from scanning.services.intake import submit_upload
from scanning.services.retro import request_search
from scanning.services.scans import cancel_scans, request_scan
from tests import audio
from tests.fixtures import Catalogue, MakeClient, add_tune, do_all_work, submit_sound, upload
from tests.recognition.media_files import write_tracks

# The engine takes most of the time, and tests/catalogue/test_machines.py asks the same of
# PostgreSQL.
# Slow: each test scans with several machines.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


class Machines:
    """Machines in one process, which take turns: a data folder and partitions each."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings, self._folder = settings, folder

    @contextmanager
    def on(self, name: str, held: list[int] | None, count: int) -> Iterator[None]:
        """Let the block work on a machine."""
        settings, before = self._settings, self._settings.ACRPORTAL_DATA_DIR
        settings.ACRPORTAL_DATA_DIR = self._folder / name
        settings.ACRPORTAL_PARTITIONS = count
        settings.ACRPORTAL_HELD_PARTITIONS = held
        # What this process told of another machine says nothing of this one.
        following._reported.clear()
        try:
            yield
        finally:
            settings.ACRPORTAL_DATA_DIR = before
            settings.ACRPORTAL_PARTITIONS = 1
            settings.ACRPORTAL_HELD_PARTITIONS = None

    def work(self, name: str, held: list[int] | None, count: int) -> None:
        with self.on(name, held, count):
            do_all_work()

    def work_all(self, count: int) -> None:
        """Work on machines with one partition each until no job is left."""
        for _ in range(40):
            Job.objects.filter(kind="scan").update(run_after=clock.now())
            for number in range(1, count + 1):
                self.work(f"part-{number}-of-{count}", [number], count)
            if not _open_jobs().exists():
                return
        raise AssertionError(list(Job.objects.values("kind", "state", "cause")))


def _clip(folder: Path) -> Fingerprint:
    """Return the fingerprint of ten seconds of the fourth tune."""
    path = folder / "clip.wav"
    path.write_bytes(audio.wav_bytes(audio.tune(4, 10)))
    return analyse_file(path, layers=frozenset({"scan"})).fingerprint


def _open_jobs() -> Any:  # Any: a queryset
    kinds = ["scan", "partition_question", "retro_search", "recording"]
    return Job.objects.filter(kind__in=kinds, state__in=[JobState.WAITING, JobState.RUNNING])


@pytest.fixture
def machines(settings: Settings, tmp_path: Path) -> Machines:
    return Machines(settings, tmp_path)


@pytest.fixture
def programme(catalogue: Catalogue, admin: User, machines: Machines) -> ScannedFile:
    """Return a programme with four of six recordings, scanned by one machine."""
    for seed in range(3, 7):
        add_tune(catalogue.bucket, seed, 15)
    sounds = [audio.tune(seed, 11) for seed in (1, 4, 90, 5)]
    both = audio.tune(2, 12) + audio.tune(3, 12)
    file = submit_sound(
        catalogue.container, np.concatenate([*sounds, both, audio.silence(3)]), admin
    )
    machines.work("whole", None, 1)
    assert len(_detections_of(file)) >= 5
    return file


def _detections_of(file: ScannedFile) -> list[dict[str, Any]]:
    """Return everything that the file's last scan found."""
    scan = file.scans.latest("pk")
    assert scan.status == ScanStatus.SUCCEEDED, scan.message
    rows = Detection.objects.filter(scan=scan).order_by("recording", "segments__position")
    rows_found = rows.values(
        "recording",
        "score",
        "segments__start_ms",
        "segments__end_ms",
        "segments__reference_start_ms",
        "segments__score",
        "segments__aligned_landmarks",
        "segments__expected_by_chance",
        "segments__speech_estimate__least",
        "segments__low_hz",
    )
    scan_columns = ("unmatched", "no_match_reason", "catalogue_state", "buckets")
    return [*rows_found, {name: getattr(scan, name) for name in scan_columns}]


def test_machines_with_a_partition_each_find_what_one_machine_finds(
    programme: ScannedFile, machines: Machines, catalogue: Catalogue, admin: User, tmp_path: Path
) -> None:
    expected = _detections_of(programme)

    # One machine with all partitions asks nobody.
    with machines.on("all", None, 3):
        request_scan(scanned_file=programme, user=admin)
        do_all_work()
        assert following.open_index().stats(catalogue.bucket.pk).recordings == 6
        query = _clip(tmp_path)
        (identified,) = search_clip([catalogue.bucket.pk], Sound(query))

    assert _detections_of(programme) == expected
    assert not Job.objects.filter(kind="partition_question").exists()
    assert Recording.objects.get(pk=identified.recording_id).title == "Tune 4"

    for count in (2, 3):
        with machines.on("desk", [], count):
            request_scan(scanned_file=programme, user=admin)
        machines.work_all(count)

        assert _detections_of(programme) == expected
        assert not PartitionSearch.objects.exists()
        copies = IndexCopy.objects.values_list("folder", flat=True)
        folders = {Path(path).name for path in copies}
        numbers = range(1, count + 1)
        assert folders >= {f"index-{number}-of-{count}" for number in numbers}

    # Sound without a match gets the same explanation.
    results = []
    for count in (1, 2):
        with machines.on("desk", None if count == 1 else [], count):
            file = submit_sound(
                catalogue.container, np.append(audio.tune(77, 25), np.zeros(count)), admin
            )
        if count == 1:
            machines.work("whole", None, 1)
        else:
            machines.work_all(2)
        results.append(_detections_of(file))

    assert results[0] == results[1]
    assert results[0][-1]["no_match_reason"]


def test_other_sound_tracks_are_searched_in_all_partitions(
    catalogue: Catalogue, machines: Machines, admin: User, tmp_path: Path
) -> None:
    tracks = {name: audio.tune(seed, 12) for name, seed in (("Talk", 77), ("Music", 1))}
    path = write_tracks(tmp_path / "film.mkv", tracks, audio.RATE)
    with machines.on("desk", [], 2):
        film = submit_upload(
            container=catalogue.container, upload=upload("film.mkv", path.read_bytes()), user=admin
        ).scanned_file

    machines.work_all(2)

    assert film.scans.get().warnings == []
    (detection,) = Detection.objects.all()
    assert [segment.track for segment in detection.segments.all()] == [2]
    assert not PartitionSearch.objects.exists()


def test_a_partition_without_a_machine_is_named_wherever_somebody_looks(
    programme: ScannedFile,
    machines: Machines,
    signed_in: MakeClient,
    admin: User,
    capsys: pytest.CaptureFixture[str],
) -> None:
    machines.work("part-1", [1], 2)
    with machines.on("part-1", [1], 2):
        scan = request_scan(scanned_file=programme, user=admin)
        do_all_work()
        scan.refresh_from_db()
        client = signed_in(Role.ADMIN)
        page = client.get("/jobs/").content.decode()
        file_page = client.get(f"/files/{programme.uid}/").content.decode()
        figures = page_of_figures().decode()
        with pytest.raises(CommandError):
            call_command("doctor")

    assert scan.status == ScanStatus.QUEUED
    assert "No machine with partition 2 of 2 has reported lately." in scan.message
    assert "No machine with partition 2 of 2 has reported lately." in file_page
    assert "no machine with it has reported lately" in page
    assert "acrportal_partitions_without_machine 1.0" in figures
    assert "no machine that holds partition 2 of 2 was seen" in capsys.readouterr().out

    machines.work_all(2)
    assert _detections_of(programme)


def test_partitions_find_nothing_that_is_retired_while_they_answer(
    programme: ScannedFile, machines: Machines, admin: User
) -> None:
    gone = Match.objects.filter(scanned_file=programme).earliest("pk").recording
    machines.work("part-1-of-2", [1], 2)
    machines.work("part-2-of-2", [2], 2)
    with machines.on("desk", [], 2):
        request_scan(scanned_file=programme, user=admin)
    # Both have answered the first question when it is retired.
    machines.work("part-1-of-2", [1], 2)
    machines.work("part-2-of-2", [2], 2)
    retire_recordings(recordings=[gone], user=admin)

    machines.work_all(2)

    detections = _detections_of(programme)
    assert gone.pk not in {detection.get("recording") for detection in detections}
    # As a scan that begins after the retirement.
    with machines.on("whole", None, 1):
        request_scan(scanned_file=programme, user=admin)
    machines.work("whole", None, 1)
    assert _detections_of(programme) == detections
    assert gone.matches.get().lost


@pytest.mark.soak
def test_nothing_is_lost_or_left_however_a_scan_of_partitions_ends(
    programme: ScannedFile, machines: Machines, admin: User
) -> None:
    expected = _detections_of(programme)
    machines.work("part-1-of-2", [1], 2)
    machines.work("part-2-of-2", [2], 2)

    def answered_by_one() -> Scan:
        with machines.on("desk", [], 2):
            scan = request_scan(scanned_file=programme, user=admin)
        machines.work("part-1-of-2", [1], 2)
        assert PartitionSearch.objects.filter(scan=scan).exists()
        return scan

    # The machine with the second partition died in the middle of its answer.
    answered_by_one()
    job = Job.objects.get(kind="partition_question", state=JobState.WAITING)
    Job.objects.filter(pk=job.pk).update(
        state=JobState.RUNNING,
        lease_owner="dead:1",
        lease_until=clock.now() - timedelta(minutes=5),
        attempts=1,
    )
    assert services.reclaim() == 1
    machines.work_all(2)
    assert _detections_of(programme) == expected
    assert not PartitionSearch.objects.exists()

    # Answering twice changes nothing, and a cancelled scan asks nothing more.
    scan = answered_by_one()
    first = PartitionQuestion.objects.get(partition=1)
    assert first.answer is not None
    with machines.on("part-1-of-2", [1], 2):
        services.submit(PARTITION_QUESTION, first)
        do_all_work()
    again = PartitionQuestion.objects.get(partition=1)
    assert (again.asked, again.answer) == (first.asked, first.answer)
    cancel_scans(scanned_file=programme, user=admin)
    machines.work_all(2)
    scan.refresh_from_db()
    assert scan.status == ScanStatus.CANCELLED
    assert not PartitionSearch.objects.exists()

    # A partition that cannot answer fails the scan with its cause.
    scan = answered_by_one()
    PartitionSearch.objects.update(question=b"damaged")
    for _ in range(4):
        Job.objects.update(run_after=clock.now())
        machines.work("part-2-of-2", [2], 2)
    scan.refresh_from_db()
    assert scan.status == ScanStatus.FAILED
    assert "Partition 2 was not searched." in scan.message
    assert "damaged" in scan.message
    assert not PartitionSearch.objects.exists()

    # It ends on another machine with all partitions, or after these were joined.
    for count in (2, 1):
        answered_by_one()
        Job.objects.filter(kind="scan").update(run_after=clock.now())
        machines.work("whole", None, count)

        assert _detections_of(programme) == expected
        assert not PartitionSearch.objects.exists()
        machines.work("whole", None, count)
        assert not _open_jobs().exists()


@pytest.mark.soak
def test_earlier_files_are_searched_with_the_whole_catalogues_size(
    programme: ScannedFile, machines: Machines, catalogue: Catalogue, admin: User
) -> None:
    with machines.on("desk", [], 2):
        # The programme has it where nothing matched.
        recording = add_tune(catalogue.bucket, 90, 15)
        machines.work_all(2)
        recording.refresh_from_db()
        request_search(recordings=[recording], user=admin)
    machines.work_all(2)
    late = Detection.objects.get(recording=recording)
    assert late.scan.retro_search is not None

    request_scan(scanned_file=programme, user=admin)
    machines.work("whole", None, 1)

    full = Detection.objects.exclude(pk=late.pk).get(recording=recording)
    assert full.score == late.score


def test_a_clip_that_no_partition_answers_is_an_outage(
    catalogue: Catalogue, machines: Machines, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(partition_scans, "_CLIP_SECONDS", 0.0)
    forgotten, other_search = [
        PartitionSearch.objects.create(partitions=2, state=b"", catalogue_state=0) for _ in range(2)
    ]
    forgotten.created_at -= timedelta(hours=1)
    forgotten.save()

    with machines.on("desk", [], 2), pytest.raises(IndexUnavailable, match="partition 1, 2 of 2"):
        search_clip([catalogue.bucket.pk], Sound(_clip(tmp_path)))

    assert PartitionSearch.objects.get() == other_search


def test_comparing_on_a_machine_with_a_part_says_what_to_do(
    machines: Machines, catalogue: Catalogue, signed_in: MakeClient
) -> None:
    client: Client = signed_in(Role.ADMIN)
    client.raise_request_exception = False

    with machines.on("part-1", [1], 2):
        with pytest.raises(IndexPartial, match="partition 2 of 2"):
            following.open_index()
        answer = client.post(
            "/catalogue/recordings/new/",
            {
                "bucket": str(catalogue.bucket.pk),
                "artists": "Somebody",
                "title": "Tune 9",
                "audio": upload("nine.wav", audio.wav_bytes(audio.tune(9, 15))),
            },
        )

    assert answer.status_code == 503
    assert "only a part of the catalogue" in answer.content.decode()
    assert not Recording.objects.filter(title="Tune 9").exists()


@pytest.mark.parametrize("value", ["0", "4", "one", "1,,2"])
def test_partitions_that_do_not_exist_are_refused(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from acrportal import settings as read

    monkeypatch.setenv("ACRPORTAL_HELD_PARTITIONS", value)
    monkeypatch.setattr(read, "ACRPORTAL_PARTITIONS", 3)

    with pytest.raises(ImproperlyConfigured, match="from 1 to"):
        read._held_partitions()
