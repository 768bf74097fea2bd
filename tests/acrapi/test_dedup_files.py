"""Dedup files: the same sound is stored once."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from catalogue.models import Bucket, BucketType, Recording, RecordingStatus
from catalogue.services import add_waiting_recording
from recognition.audio import analysis
from recognition.fingerprints import file_format as fingerprint_file
from tests import audio
from tests.acrapi.conftest import Api
from tests.factories.catalogue import BucketFactory

TUNE = audio.wav_bytes(audio.tune(1, 20))


@pytest.fixture
def path(db: None) -> str:
    bucket = BucketFactory.create(bucket_type=BucketType.DEDUP_FILE)
    return f"/api/buckets/{bucket.pk}/dedup-files"


def form(track_id: str, content: bytes = TUNE, **options: str) -> dict[str, object]:
    return {"id": track_id, "file": SimpleUploadedFile("a.wav", content), **options}


def test_a_new_track_is_stored_and_its_copies_are_named(
    api: Api, path: str, tmp_path: Path
) -> None:
    def send(track_id: str, content: bytes = TUNE, **options: str) -> object:
        return api.upload(path, form(track_id, content, **options)).json()["data"]

    # Nothing is stored when that is not wanted.
    nothing = {"dup_files": [], "acr_id": "", "do_db": False}
    assert send("1", db_if_nodup="0") == nothing
    assert api.get(path).json()["data"] == []

    first = api.upload(path, form('"123"')).json()["data"]
    assert (first["dup_files"], first["do_db"]) == ([], True)
    fields = {"dup_files": ["123"], "acr_id": first["acr_id"], "do_db": False}
    assert send("123") == fields
    assert send("124", audio.wav_bytes(audio.tune(1, 20) * 0.5)) == fields
    other_content = api.upload(path, form("9", audio.wav_bytes(audio.tune(5, 20)))).json()
    assert other_content["data"]["do_db"] is True

    # A fingerprint is as good as the audio.
    source = tmp_path / "a.wav"
    source.write_bytes(TUNE)
    content = fingerprint_file.to_bytes(analysis.analyse_file(source).fingerprint)
    named = api.upload(path, form("print", content)).json()["data"]["dup_files"]
    assert named[0] == "123"


def test_list_show_and_delete(api: Api, path: str) -> None:
    acr_id = api.upload(path, form("1")).json()["data"]["acr_id"]
    api.upload(path, form("2"))

    files = api.get(path).json()
    by_id, by_acr_id = (api.get(f"{path}/{name}").json()["data"] for name in ("2", acr_id))
    deleted = api.call("DELETE", f"{path}/{acr_id},unknown")

    assert files["data"][0]["dup_files"] == ["1", "2"]
    assert files["meta"]["per_page"] == "20"
    assert by_id == by_acr_id == files["data"]
    assert deleted.status_code == 204
    assert api.get(f"{path}/2").status_code == 404
    assert api.upload(path, form("1")).json()["data"]["do_db"] is True


def test_a_track_that_moved_in_gets_its_sound(api: Api, path: str) -> None:
    bucket = Bucket.objects.get(bucket_type=BucketType.DEDUP_FILE)
    moved = add_waiting_recording(
        bucket=bucket,
        details=Recording(title="1", custom_id="1"),
        acr_id="a" * 32,
        duration_ms=0,
        user=api.owner,
    )

    row = api.upload(path, form("1", db_if_nodup="0")).json()["data"]
    moved.refresh_from_db()
    was = moved.status
    again = api.upload(path, form("1")).json()["data"]
    copy = api.upload(path, form("2")).json()["data"]

    fields = {"dup_files": ["1"], "acr_id": moved.acr_id, "do_db": False}
    assert (row, again, copy) == (fields, fields, fields)
    assert was == RecordingStatus.STUB
    assert api.get(path).json()["data"][0]["acr_id"] == moved.acr_id


def test_what_does_not_fit_is_refused(api: Api, path: str) -> None:
    wrong: list[tuple[str, object]] = [
        ("id", ""),
        ("file", "text"),
        ("file", SimpleUploadedFile("a.lo", b"x")),
    ]
    for name, value in wrong:
        answer = api.upload(path, form("1") | {name: value})
        assert answer.status_code == 422, name
        assert name in answer.json()["errors"]

    bucket = BucketFactory.create()
    answer = api.get(f"/api/buckets/{bucket.pk}/dedup-files")
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_bucket_type")
