"""The worker makes recordings searchable, and resumes after interruptions."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from base.common.media_analysis import analyse
from base.jobs.choices import JobState, Pool
from base.jobs.models import Job
from base.jobs.runner import run_next
from base.jobs.services import cancel
from catalogue import fingerprinting, following, index_store
from catalogue.changes import move_recordings, retire_recordings
from catalogue.models import Bucket, Recording, RecordingStatus
from catalogue.services import add_recording, create_bucket
from recognition.errors import ParamsMismatch
from recognition.fingerprints import file_format as fingerprint_file
from recognition.index.segment import Postings
from recognition.index.store import SegmentStore
from recognition.types import Progress
from tests import audio
from tests.catalogue.held_index import remove_from_held
from tests.fixtures import Worker, upload
from tests.jobs.workers import take_over


@pytest.fixture
def bucket(transactional_db: None) -> Bucket:
    return create_bucket(name="Masters")


def _add(bucket: Bucket, content: bytes, name: str = "tune.wav") -> Recording:
    return add_recording(
        bucket=bucket, details=Recording(title="A tune"), audio=upload(name, content)
    )


def _job_of(recording: Recording) -> Job:
    return Job.objects.get(kind="recording", subject=recording.pk)


def test_recording_becomes_searchable_or_says_why_not(bucket: Bucket, run_worker: Worker) -> None:
    recording = _add(bucket, audio.wav_bytes(audio.tune(1, 20)))
    cover = _add(bucket, b"no audio" * 100, name="cover.jpg")
    run_worker()

    recording.refresh_from_db()
    stats = following.open_index().stats(bucket.pk)
    assert recording.status == RecordingStatus.READY
    assert recording.duration_ms == 20_000
    assert stats.recordings == 1
    assert len(index_store.load_landmarks(recording.pk).frames) > 50
    cover.refresh_from_db()
    assert cover.status == RecordingStatus.ERROR
    assert cover.status_message.startswith("cover.jpg cannot be read")

    # A finished recording is not fingerprinted again.
    run_next(Pool.WORK)
    assert _job_of(recording).attempts == 1


def test_fingerprinting_that_was_cancelled_or_lost_reaches_no_index(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled, lost, late = (
        _add(bucket, audio.wav_bytes(audio.tune(seed, 10))) for seed in (1, 2, 3)
    )

    def analyse_until_told(stops: Callable[[], object]) -> None:
        def analyse(*_args: object, progress: Progress, **_options: object) -> None:
            stops()
            deadline = monotonic() + 120
            while monotonic() < deadline:
                progress(0.5)
                sleep(0.05)
            pytest.fail("The worker went on though it was told to stop.")

        with monkeypatch.context() as patched:
            patched.setattr(fingerprinting, "analyse", analyse)
            run_next(Pool.WORK)

    analyse_until_told(lambda: cancel(_job_of(cancelled)))
    cancelled.refresh_from_db()
    assert _job_of(cancelled).state == JobState.CANCELLED
    assert cancelled.status == RecordingStatus.ERROR

    # A worker that lost its lease stops, too.
    analyse_until_told(lambda: take_over(_job_of(lost)))
    lost.refresh_from_db()
    assert _job_of(lost).lease_owner == "other:2"
    assert lost.status == RecordingStatus.PROCESSING
    assert lost.status_message == ""

    # Its result is refused if it has one.
    monkeypatch.setattr(index_store, "postings_of", lambda _recording: take_over(_job_of(late)))
    run_next(Pool.WORK)
    late.refresh_from_db()
    assert late.status == RecordingStatus.PROCESSING
    assert _job_of(late).lease_owner == "other:2"
    assert set(Job.objects.values_list("kind", flat=True)) == {"recording"}
    assert following.open_index().stats(bucket.pk).recordings == 0


def test_index_follows_recordings_that_leave_while_they_are_fingerprinted(
    bucket: Bucket, run_worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_bucket = create_bucket(name="Other")
    postings_of = index_store.postings_of

    def fingerprinted_while(leaves: Callable[[Recording], None]) -> Recording:
        recording = _add(bucket, audio.wav_bytes(audio.tune(1, 10)))

        def leave(indexed: Recording) -> Postings:
            leaves(recording)
            return postings_of(indexed)

        with monkeypatch.context() as patched:
            patched.setattr(index_store, "postings_of", leave)
            run_next(Pool.WORK)
        run_worker()
        recording.refresh_from_db()
        return recording

    retired = fingerprinted_while(
        lambda recording: retire_recordings(recordings=[recording], user=None)
    )
    assert retired.status == RecordingStatus.RETIRED
    index = following.open_index()
    assert index.stats(bucket.pk).recordings == 0

    moved = fingerprinted_while(
        lambda recording: move_recordings(recordings=[recording], target=other_bucket, user=None)
    )
    assert moved.status == RecordingStatus.READY
    index = following.open_index()
    assert index.stats(other_bucket.pk).recordings == 1
    assert index.stats(bucket.pk).recordings == 0


def test_progress_is_written_once_a_second_at_most(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = _add(bucket, audio.wav_bytes(audio.tune(1, 10)))
    written = []

    def analyse_with_much_progress(
        *args: Any, progress: Progress, **options: Any
    ) -> Any:  # Any: passed on
        with CaptureQueriesContext(connection) as queries:
            for share in range(100):
                progress(share / 100)
        written.append(len(queries))
        return analyse(*args, progress=progress, **options)

    monkeypatch.setattr(fingerprinting, "analyse", analyse_with_much_progress)
    run_next(Pool.WORK)
    recording.refresh_from_db()

    assert written == [0]
    assert recording.status == RecordingStatus.READY


def test_index_is_checked_compacted_and_rebuilt_after_any_loss(
    bucket: Bucket, run_worker: Worker, tmp_path: Path
) -> None:
    recording = _add(bucket, audio.wav_bytes(audio.tune(1, 20)))
    run_worker()
    recording.refresh_from_db()
    sound, fingerprint = Path(recording.audio.path), Path(recording.fingerprint.path)
    out, faults = io.StringIO(), io.StringIO()

    def is_rebuilt() -> None:
        call_command("rebuild_index", stdout=out)
        assert following.open_index().stats(bucket.pk).recordings == 1

    def is_found_faulty() -> None:
        with pytest.raises(CommandError, match="rebuild_index"):
            call_command("check_index", stderr=faults)

    call_command("check_index", compact=True, stdout=out)
    assert "Masters: 1 recording" in out.getvalue()
    [segment] = index_store.index_folders()[0].glob("bucket-*/segment-*")
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 0xFF
    segment.write_bytes(content)
    is_found_faulty()
    assert "Masters: " in faults.getvalue()

    # It is rebuilt from the stored fingerprints, without any audio.
    is_rebuilt()
    remove_from_held(recording)
    is_found_faulty()
    sound.rename(tmp_path / "sound")
    is_rebuilt()
    (tmp_path / "sound").rename(sound)

    # An index of another engine is refused.
    # At once, because the worker may still merge segments there.
    index_store.index_folders()[0].rename(tmp_path / "gone")
    SegmentStore(index_store.index_folders()[0], params_hash="0" * 16)
    with pytest.raises(ParamsMismatch, match=r"manage\.py rebuild_index"):
        following.open_index()
    is_rebuilt()

    # Foreign and lost fingerprints are made again from the audio.
    foreign = dataclasses.replace(fingerprint_file.load(fingerprint), params_hash="0" * 16)
    fingerprint_file.save(fingerprint, foreign)
    is_rebuilt()
    assert "1 of them fingerprinted again" in out.getvalue()
    recording.refresh_from_db()
    Path(recording.fingerprint.path).unlink()
    is_rebuilt()

    # A fingerprint that cannot be made again is an error.
    recording.refresh_from_db()
    Path(recording.fingerprint.path).write_bytes(b"damaged")
    sound.unlink()
    with pytest.raises(CommandError, match="1 recording could not be indexed"):
        call_command("rebuild_index")
    recording.refresh_from_db()
    assert recording.status == RecordingStatus.ERROR
