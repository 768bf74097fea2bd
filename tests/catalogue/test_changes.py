"""Recordings that come as fingerprints or links, move, and are retired."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings
from pytest_httpserver import HTTPServer

from accounts.models import User
from catalogue import index_store
from catalogue.changes import (
    ChangeRefused,
    delete_bucket,
    move_recordings,
    retire_recordings,
)
from catalogue.models import (
    ACRCLOUD_MUSIC_BUCKET_ID,
    Bucket,
    Recording,
    RecordingStatus,
)
from catalogue.services import RecordingDetails, add_recording, create_bucket
from common.fingerprint_files import read_fingerprint
from common.media_analysis import AudioRefused
from recognition import analysis
from recognition import fingerprint as fingerprint_file
from scanning.choices import FileStatus
from scanning.errors import IntakeRefused
from scanning.models import ScannedFile
from scanning.services.intake import submit_fingerprint
from tests import audio
from tests.conftest import Catalogue, Worker, upload

TUNE = audio.wav_bytes(audio.tune(1, 20))


@pytest.fixture
def fingerprint(tmp_path: Path) -> bytes:
    """Return the fingerprint file of the catalogue's first tune."""
    source = tmp_path / "tune.wav"
    source.write_bytes(TUNE)
    return fingerprint_file.to_bytes(analysis.analyse_file(source).fingerprint)


def in_index(bucket: Bucket) -> list[int]:
    return [int(one) for one in index_store.open_index().recordings(bucket.pk)]


def test_a_recording_that_came_as_a_fingerprint_is_searched(
    admin: User, run_worker: Worker, fingerprint: bytes
) -> None:
    bucket = create_bucket(name="prints")
    given = read_fingerprint(upload("a.acrfp", fingerprint), needs_scan_layer=False)

    recording = add_recording(
        bucket=bucket, details=RecordingDetails(title="T"), fingerprint=given
    )
    run_worker()

    recording.refresh_from_db()
    assert recording.status == RecordingStatus.READY
    assert 19_000 < recording.duration_ms < 21_000
    assert in_index(bucket) == [recording.pk]


def test_a_scanned_fingerprint_finds_its_recording(
    catalogue: Catalogue, run_worker: Worker, fingerprint: bytes
) -> None:
    file = submit_fingerprint(
        container=catalogue.container,
        upload=upload("programme.acrfp", fingerprint),
        user=None,
    )

    run_worker()

    file.refresh_from_db()
    assert file.status == FileStatus.READY
    assert file.source_type == "fingerprint"
    assert not file.media


@pytest.mark.parametrize("cut", [0, 20, -10])
def test_a_fingerprint_that_is_damaged_is_refused_at_once(
    catalogue: Catalogue, fingerprint: bytes, cut: int
) -> None:
    damaged = fingerprint[:cut] if cut else b"other bytes"

    with pytest.raises(IntakeRefused) as refused:
        submit_fingerprint(
            container=catalogue.container,
            upload=upload("a.acrfp", damaged),
            user=None,
        )

    assert refused.value.code == "bad_fingerprint"
    assert not ScannedFile.objects.exists()


def test_a_fingerprint_without_the_layer_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "tune.wav"
    source.write_bytes(TUNE)
    found = analysis.analyse_file(source, layers=frozenset({"reference"})).fingerprint
    file = upload("a.acrfp", fingerprint_file.to_bytes(found))

    with pytest.raises(AudioRefused, match="no scan layer"):
        read_fingerprint(file, needs_scan_layer=True)


def test_a_recording_behind_a_link_is_fetched(
    run_worker: Worker, httpserver: HTTPServer, settings: Settings
) -> None:
    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = True
    httpserver.expect_request("/a.wav").respond_with_data(TUNE)
    bucket = create_bucket(name="links")
    details = RecordingDetails(title="T")

    there = add_recording(
        bucket=bucket, details=details, source_url=httpserver.url_for("/a.wav")
    )
    gone = add_recording(
        bucket=bucket, details=details, source_url=httpserver.url_for("/b.wav")
    )
    run_worker()

    there.refresh_from_db()
    gone.refresh_from_db()
    assert there.status == RecordingStatus.READY
    assert there.audio_sha256
    assert gone.status == RecordingStatus.ERROR
    assert "500" in gone.status_message


def test_a_private_link_is_not_fetched(
    run_worker: Worker, httpserver: HTTPServer
) -> None:
    recording = add_recording(
        bucket=create_bucket(name="links"),
        details=RecordingDetails(title="T"),
        source_url=httpserver.url_for("/a.wav"),
    )

    run_worker()

    recording.refresh_from_db()
    assert "not allowed" in recording.status_message
    assert not httpserver.log


def test_a_moved_recording_is_searched_where_it_went(
    catalogue: Catalogue, run_worker: Worker
) -> None:
    target = create_bucket(name="target")

    move_recordings(recordings=[catalogue.first], target=target, user=None)
    run_worker()

    assert in_index(catalogue.bucket) == [catalogue.second.pk]
    assert in_index(target) == [catalogue.first.pk]


def test_a_retired_recording_is_not_searched(
    catalogue: Catalogue, run_worker: Worker
) -> None:
    retire_recordings(recordings=[catalogue.first], user=None)
    run_worker()

    assert in_index(catalogue.bucket) == [catalogue.second.pk]


def test_a_recording_retired_while_it_waits_stays_retired(run_worker: Worker) -> None:
    bucket = create_bucket(name="b")
    recording = add_recording(
        bucket=bucket, details=RecordingDetails(title="T"), audio=upload("a.wav", TUNE)
    )

    retire_recordings(recordings=[recording], user=None)
    run_worker()

    assert Recording.objects.get().status == RecordingStatus.RETIRED
    assert in_index(bucket) == []


@pytest.mark.django_db
def test_the_reserved_bucket_stays() -> None:
    bucket = Bucket.objects.get(pk=ACRCLOUD_MUSIC_BUCKET_ID)

    with pytest.raises(ChangeRefused):
        delete_bucket(bucket=bucket, user=None)
