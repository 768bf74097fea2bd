"""The worker makes recordings searchable, and resumes after interruptions."""

from __future__ import annotations

import dataclasses
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from catalogue import fingerprinting, following, index_store
from catalogue.changes import move_recordings, retire_recordings
from catalogue.models import Bucket, Recording, RecordingStatus
from catalogue.services import RecordingDetails, add_recording, create_bucket
from common.media_analysis import AudioRefused
from jobs.choices import JobState, Pool
from jobs.models import Job
from jobs.runner import run_next
from jobs.services import cancel, reclaim
from recognition.errors import ParamsMismatch
from recognition.fingerprint import file_format as fingerprint_file
from recognition.index.segment import Postings
from recognition.index.store import SegmentStore
from recognition.types import Progress
from tests import audio
from tests.conftest import Worker, upload
from tests.jobs.workers import lose_worker, take_over


@pytest.fixture
def bucket(transactional_db: None) -> Bucket:
    """Return an empty bucket."""
    return create_bucket(name="Masters")


def _add(bucket: Bucket, content: bytes, name: str = "tune.wav") -> Recording:
    return add_recording(
        bucket=bucket,
        details=RecordingDetails(title="A tune"),
        audio=upload(name, content),
    )


def test_recording_becomes_searchable(bucket: Bucket, run_worker: Worker) -> None:
    recording = _add(bucket, audio.wav_bytes(audio.tune(1, 20)))
    run_worker()

    recording.refresh_from_db()
    stats = following.open_index().stats(bucket.pk)
    assert recording.status == RecordingStatus.READY
    assert recording.duration_ms == 20_000
    assert stats.recordings == 1
    assert len(index_store.load_landmarks(recording.pk).frames) > 50


def test_recording_that_is_no_audio_says_why(
    bucket: Bucket, run_worker: Worker
) -> None:
    recording = _add(bucket, b"no audio" * 100, name="cover.jpg")
    run_worker()

    recording.refresh_from_db()
    assert recording.status == RecordingStatus.ERROR
    assert recording.status_message.startswith("cover.jpg cannot be read")


def test_recording_whose_worker_died_is_fingerprinted_by_another(
    bucket: Bucket, run_worker: Worker
) -> None:
    recording = _add(bucket, audio.wav_bytes(audio.tune(1, 10)))
    lose_worker("recording")

    assert reclaim() == 1
    run_worker()

    recording.refresh_from_db()
    assert recording.status == RecordingStatus.READY


def test_recording_that_kills_its_worker_is_given_up(
    bucket: Bucket, settings: Settings
) -> None:
    recording = _add(bucket, audio.wav_bytes(audio.tune(1, 10)))
    lose_worker("recording", attempts=settings.ACRPORTAL_MAX_ATTEMPTS)

    reclaim()

    recording.refresh_from_db()
    assert recording.status == RecordingStatus.ERROR
    assert recording.status_message == "Its worker died or hung 3 times."


def test_recording_that_fails_unforeseen_is_tried_again(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = _add(bucket, audio.wav_bytes(audio.tune(1, 10)))

    def break_down(*_args: object, **_more: object) -> None:
        raise OSError("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(fingerprinting, "analyse", break_down)
        run_next(Pool.WORK)

    recording.refresh_from_db()
    assert recording.status == RecordingStatus.WAITING
    assert recording.status_message == "Attempt 1 failed: OSError: The disk is full."
    with time_machine.travel(datetime.now(tz=UTC) + timedelta(minutes=1)):
        run_next(Pool.WORK)
    recording.refresh_from_db()
    assert (recording.status, recording.status_message) == (RecordingStatus.READY, "")


def test_cancelled_fingerprinting_leaves_the_recording(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = _add(bucket, audio.wav_bytes(audio.tune(1, 10)))

    def analyse(*_args: object, progress: Progress, **_more: object) -> None:
        assert cancel(Job.objects.get())
        deadline = monotonic() + 120
        while monotonic() < deadline:
            progress(0.5)
            sleep(0.05)
        pytest.fail("The worker went on though it was cancelled.")

    monkeypatch.setattr(fingerprinting, "analyse", analyse)
    run_next(Pool.WORK)

    recording.refresh_from_db()
    assert Job.objects.get().state == JobState.CANCELLED
    assert recording.status == RecordingStatus.ERROR
    assert following.open_index().stats(bucket.pk).recordings == 0


def test_worker_that_lost_the_lease_stops_before_the_index(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = _add(bucket, audio.wav_bytes(audio.tune(1, 10)))

    def analyse(*_args: object, progress: Progress, **_more: object) -> None:
        take_over(Job.objects.get())
        deadline = monotonic() + 120
        while monotonic() < deadline:
            progress(0.5)
            sleep(0.05)
        pytest.fail("The worker went on without its lease.")

    monkeypatch.setattr(fingerprinting, "analyse", analyse)

    run_next(Pool.WORK)

    recording.refresh_from_db()
    assert Job.objects.get().lease_owner == "other:2"
    assert recording.status == RecordingStatus.PROCESSING
    assert recording.status_message == ""
    assert following.open_index().stats(bucket.pk).recordings == 0


def test_result_of_a_worker_that_lost_the_lease_is_refused(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = _add(bucket, audio.wav_bytes(audio.tune(1, 10)))
    monkeypatch.setattr(
        index_store, "postings_of", lambda _one: take_over(Job.objects.get())
    )

    run_next(Pool.WORK)

    recording.refresh_from_db()
    assert recording.status == RecordingStatus.PROCESSING
    assert set(Job.objects.values_list("kind", "lease_owner")) == {
        ("recording", "other:2")
    }


@pytest.mark.parametrize("how", ["retired", "moved"])
def test_index_follows_a_recording_that_leaves_while_it_is_fingerprinted(
    how: str, bucket: Bucket, run_worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = _add(bucket, audio.wav_bytes(audio.tune(1, 10)))
    other = create_bucket(name="Other")

    postings_of = index_store.postings_of

    def leave(indexed: Recording) -> Postings:
        if how == "retired":
            retire_recordings(recordings=[recording], user=None)
        else:
            move_recordings(recordings=[recording], target=other, user=None)
        return postings_of(indexed)

    with monkeypatch.context() as patched:
        patched.setattr(index_store, "postings_of", leave)
        run_next(Pool.WORK)
    run_worker()

    recording.refresh_from_db()
    index = following.open_index()
    expected = (
        (RecordingStatus.RETIRED, 0) if how == "retired" else (RecordingStatus.READY, 1)
    )
    assert (recording.status, index.stats(other.pk).recordings) == expected
    assert index.stats(bucket.pk).recordings == 0


def test_progress_writes_to_the_database_once_a_second_at_most(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    _add(bucket, audio.wav_bytes(audio.tune(1, 10)))
    written = []

    def analyse(*_args: object, progress: Progress, **_more: object) -> None:
        with CaptureQueriesContext(connection) as queries:
            for share in range(100):
                progress(share / 100)
        written.append(len(queries))
        raise AudioRefused("decode_failed", "That is all.")

    monkeypatch.setattr(fingerprinting, "analyse", analyse)
    run_next(Pool.WORK)

    assert written == [0]


def test_finished_recording_is_not_fingerprinted_again(
    bucket: Bucket, run_worker: Worker
) -> None:
    _add(bucket, audio.wav_bytes(audio.tune(1, 10)))
    run_worker()

    run_next(Pool.WORK)

    assert Job.objects.get(kind="recording").attempts == 1


def test_index_is_rebuilt_from_stored_fingerprints(
    bucket: Bucket, run_worker: Worker
) -> None:
    recording = _add(bucket, audio.wav_bytes(audio.tune(1, 20)))
    run_worker()
    recording.refresh_from_db()
    index_store.remove_recording(recording)
    Path(recording.audio.path).unlink()

    call_command("rebuild_index")

    assert following.open_index().stats(bucket.pk).recordings == 1


def test_index_of_another_engine_is_refused_until_it_is_rebuilt(
    bucket: Bucket, run_worker: Worker, tmp_path: Path
) -> None:
    _add(bucket, audio.wav_bytes(audio.tune(1, 20)))
    run_worker()
    # At once, because the worker may still merge segments there.
    index_store.index_folders()[0].rename(tmp_path / "gone")
    SegmentStore(index_store.index_folders()[0], params_hash="0" * 16)

    with pytest.raises(ParamsMismatch, match=r"manage\.py rebuild_index"):
        following.open_index()
    call_command("rebuild_index")

    assert following.open_index().stats(bucket.pk).recordings == 1


def test_fingerprints_of_another_engine_are_made_again_from_the_audio(
    bucket: Bucket, run_worker: Worker
) -> None:
    recording = _add(bucket, audio.wav_bytes(audio.tune(1, 20)))
    run_worker()
    recording.refresh_from_db()
    stored = fingerprint_file.load(Path(recording.fingerprint.path))
    foreign = dataclasses.replace(stored, params_hash="0" * 16)
    fingerprint_file.save(Path(recording.fingerprint.path), foreign)
    out = io.StringIO()

    call_command("rebuild_index", stdout=out)

    assert "1 of them fingerprinted again" in out.getvalue()
    assert following.open_index().stats(bucket.pk).recordings == 1


def test_lost_fingerprint_is_made_again_from_the_audio(
    bucket: Bucket, run_worker: Worker
) -> None:
    recording = _add(bucket, audio.wav_bytes(audio.tune(1, 20)))
    run_worker()
    recording.refresh_from_db()
    Path(recording.fingerprint.path).unlink()

    call_command("rebuild_index")

    assert following.open_index().stats(bucket.pk).recordings == 1


def test_recording_whose_fingerprint_cannot_be_made_again_is_told(
    bucket: Bucket, run_worker: Worker
) -> None:
    recording = _add(bucket, audio.wav_bytes(audio.tune(1, 20)))
    run_worker()
    recording.refresh_from_db()
    Path(recording.fingerprint.path).write_bytes(b"damaged")
    Path(recording.audio.path).unlink()

    with pytest.raises(CommandError, match="1 recording could not be indexed"):
        call_command("rebuild_index")

    recording.refresh_from_db()
    assert recording.status == RecordingStatus.ERROR


def test_damage_of_the_index_is_found(bucket: Bucket, run_worker: Worker) -> None:
    _add(bucket, audio.wav_bytes(audio.tune(1, 20)))
    run_worker()
    [segment] = index_store.index_folders()[0].glob("bucket-*/segment-*")
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 0xFF
    segment.write_bytes(content)
    faults = io.StringIO()

    with pytest.raises(CommandError, match="rebuild_index"):
        call_command("check_index", stderr=faults)

    assert "Masters: " in faults.getvalue()


def test_index_is_checked_compacted_and_compared_with_the_catalogue(
    bucket: Bucket, run_worker: Worker
) -> None:
    recording = _add(bucket, audio.wav_bytes(audio.tune(1, 20)))
    run_worker()
    out = io.StringIO()

    call_command("check_index", compact=True, stdout=out)

    assert "Masters: 1 recording" in out.getvalue()
    recording.refresh_from_db()
    index_store.remove_recording(recording)
    with pytest.raises(CommandError, match="rebuild_index"):
        call_command("check_index", stderr=io.StringIO())
