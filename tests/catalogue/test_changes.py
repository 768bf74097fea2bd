"""Recordings from fingerprints or links, moved recordings, and retired ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from pytest_django import Settings
from pytest_httpserver import HTTPServer

from base.accounts.models import User
from base.common.fingerprint_files import read_fingerprint
from base.common.media_analysis import AudioRefused, write_rendition
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from base.jobs.services import submit
from catalogue import fingerprinting, following
from catalogue.changes import (
    ChangeRefused,
    delete_bucket,
    move_recordings,
    retire_recordings,
    update_bucket,
)
from catalogue.jobs import RENDITION
from catalogue.models import Bucket, Recording, RecordingStatus
from catalogue.selectors import search_recordings
from catalogue.services import add_recording, create_bucket, reserved_bucket
from recognition.audio import analysis
from recognition.fingerprints import file_format as fingerprint_file
from scanning.choices import FileStatus
from scanning.errors import IntakeRefused
from scanning.models import ScannedFile
from scanning.services.intake import submit_fingerprint
from tests import audio
from tests.catalogue.replacing import replace_audio
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.fixtures import Catalogue, Worker, upload

TUNE = audio.wav_bytes(audio.tune(1, 20))


@pytest.fixture
def fingerprint(tmp_path: Path) -> bytes:
    """Return the fingerprint file of the catalogue's first tune."""
    source = tmp_path / "tune.wav"
    source.write_bytes(TUNE)
    return fingerprint_file.to_bytes(analysis.analyse_file(source).fingerprint)


def in_index(bucket: Bucket) -> list[int]:
    return [int(recording) for recording in following.open_index().recordings(bucket.pk)]


def test_a_recording_that_came_as_a_fingerprint_is_searched(
    admin: User, run_worker: Worker, fingerprint: bytes
) -> None:
    bucket = create_bucket(name="prints")
    fingerprint_sent = read_fingerprint(upload("a.acrfp", fingerprint), needs_scan_layer=False)

    recording = add_recording(
        bucket=bucket, details=Recording(title="T"), fingerprint=fingerprint_sent
    )
    run_worker()

    recording.refresh_from_db()
    assert recording.status == RecordingStatus.READY
    assert 19_000 < recording.duration_ms < 21_000
    assert in_index(bucket) == [recording.pk]


def test_a_scanned_fingerprint_finds_its_recording_unless_it_is_damaged(
    catalogue: Catalogue, run_worker: Worker, fingerprint: bytes
) -> None:
    for damaged in (b"other bytes", fingerprint[:20], fingerprint[:-10]):
        with pytest.raises(IntakeRefused) as refused:
            submit_fingerprint(
                container=catalogue.container, upload=upload("a.acrfp", damaged), user=None
            )
        assert refused.value.code == "bad_fingerprint", damaged[:20]
    assert not ScannedFile.objects.exists()

    file = submit_fingerprint(
        container=catalogue.container, upload=upload("programme.acrfp", fingerprint), user=None
    )
    run_worker()
    file.refresh_from_db()
    assert file.status == FileStatus.READY
    assert file.source_type == "fingerprint"
    assert not file.media


def test_a_fingerprint_without_the_layer_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "tune.wav"
    source.write_bytes(TUNE)
    fingerprint = analysis.analyse_file(source, layers=frozenset({"reference"})).fingerprint
    file = upload("a.acrfp", fingerprint_file.to_bytes(fingerprint))

    with pytest.raises(AudioRefused, match="no scan layer"):
        read_fingerprint(file, needs_scan_layer=True)


def test_a_recording_behind_a_link_is_fetched_unless_its_address_is_private(
    run_worker: Worker, httpserver: HTTPServer, settings: Settings
) -> None:
    httpserver.expect_request("/a.wav").respond_with_data(TUNE)
    bucket = create_bucket(name="links")

    def linked(path: str) -> Recording:
        return add_recording(
            bucket=bucket, details=Recording(title="T"), source_url=httpserver.url_for(path)
        )

    private = linked("/a.wav")
    run_worker()
    private.refresh_from_db()
    assert "not allowed" in private.status_message
    assert not httpserver.log

    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = True
    there, gone = linked("/a.wav"), linked("/b.wav")
    run_worker()
    there.refresh_from_db()
    gone.refresh_from_db()
    assert there.status == RecordingStatus.READY
    assert there.audio_sha256
    assert gone.status == RecordingStatus.ERROR
    assert "500" in gone.status_message


def test_a_moved_recording_is_searched_where_it_went_and_a_retired_one_nowhere(
    catalogue: Catalogue, run_worker: Worker
) -> None:
    target = create_bucket(name="target")

    move_recordings(recordings=[catalogue.first], target=target, user=None)
    run_worker()
    assert in_index(catalogue.bucket) == [catalogue.second.pk]
    assert in_index(target) == [catalogue.first.pk]

    retire_recordings(recordings=[catalogue.second], user=None)
    run_worker()
    assert in_index(catalogue.bucket) == []
    assert in_index(target) == [catalogue.first.pk]


@pytest.mark.django_db
def test_recordings_of_one_id_are_not_moved_together() -> None:
    target = BucketFactory.create()
    both = RecordingFactory.create_batch(2, custom_id="L1")

    with pytest.raises(ChangeRefused, match="L1"):
        move_recordings(recordings=both, target=target, user=None)

    assert not target.recordings.exists()


@pytest.mark.django_db
def test_a_bucket_deleted_meanwhile_stays_deleted_and_takes_nothing() -> None:
    recording, target = RecordingFactory.create(), BucketFactory.create()
    delete_bucket(bucket=Bucket.objects.get(pk=target.pk), user=None)

    with pytest.raises(ChangeRefused, match="was deleted"):
        move_recordings(recordings=[recording], target=target, user=None)
    assert not target.recordings.exists()

    update_bucket(bucket=target, columns={"labels": ["Music"]}, user=None)
    assert not Bucket.objects.present().filter(pk=target.pk).exists()
    with pytest.raises(ChangeRefused):
        delete_bucket(bucket=reserved_bucket(), user=None)


@pytest.mark.django_db
def test_other_audio_leaves_what_was_changed_meanwhile() -> None:
    recording = RecordingFactory.create(audio_sha256="ab" * 32)
    Recording.objects.update(title="Renamed")

    replace_audio(recording=recording, source_url="https://h.example/a")

    recording.refresh_from_db()
    assert (recording.title, recording.status) == ("Renamed", RecordingStatus.WAITING)
    assert recording.audio_sha256 == ""

    # What was retired gets no other audio.
    Recording.objects.update(status=RecordingStatus.RETIRED)
    with pytest.raises(ChangeRefused):
        replace_audio(recording=recording, audio=upload("b.wav", TUNE))
    assert Recording.objects.get().status == RecordingStatus.RETIRED


@pytest.mark.django_db
def test_artists_are_found_whatever_their_letters() -> None:
    recording = RecordingFactory.create(artists=["Björk"])

    assert list(search_recordings(text="Björk")) == [recording]


def test_a_recording_retired_while_it_waits_stays_retired(run_worker: Worker) -> None:
    bucket = create_bucket(name="b")
    recording = add_recording(
        bucket=bucket, details=Recording(title="T"), audio=upload("a.wav", TUNE)
    )

    retire_recordings(recordings=[recording], user=None)
    run_worker()

    assert Recording.objects.get().status == RecordingStatus.RETIRED
    assert in_index(bucket) == []


def test_a_rendition_of_audio_that_was_replaced_meanwhile_is_not_kept(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = catalogue.first
    Recording.objects.filter(pk=recording.pk).update(proxy="")
    made = []

    def render(*arguments: Any, **named: Any) -> str:  # Any: passed on
        made.append(write_rendition(*arguments, **named))
        other_file = upload("other.wav", audio.wav_bytes(audio.tune(2, 20)))
        replace_audio(recording=recording, audio=other_file)
        return made[0]

    with monkeypatch.context() as patched:
        patched.setattr(fingerprinting, "write_rendition", render)
        submit(RENDITION, recording)
        run_next(Pool.WORK)

    recording.refresh_from_db()
    assert made[0]
    assert not recording.proxy
    assert not default_storage.exists(made[0])
