"""Dedup files: the same sound is stored once."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from catalogue.models import Bucket, BucketType, RecordingStatus
from catalogue.services import RecordingDetails, add_waiting_recording
from recognition.audio import analysis
from recognition.fingerprint import file_format as fingerprint_file
from tests import audio
from tests.acrapi.conftest import Api
from tests.factories.catalogue import BucketFactory

TUNE = audio.wav_bytes(audio.tune(1, 20))


@pytest.fixture
def path(db: None) -> str:
    bucket = BucketFactory.create(bucket_type=BucketType.DEDUP_FILE)
    return f"/api/buckets/{bucket.pk}/dedup-files"


def form(track_id: str, content: bytes = TUNE, **more: str) -> dict[str, object]:
    return {"id": track_id, "file": SimpleUploadedFile("a.wav", content), **more}


def test_a_new_track_is_stored_and_its_copy_is_named(api: Api, path: str) -> None:
    first = api.upload(path, form('"123"')).json()["data"]
    quieter = audio.wav_bytes(audio.tune(1, 20) * 0.5)
    second = api.upload(path, form("124", quieter)).json()["data"]
    other = api.upload(path, form("9", audio.wav_bytes(audio.tune(5, 20)))).json()

    assert (first["dup_files"], first["do_db"]) == ([], True)
    assert second == {"dup_files": ["123"], "acr_id": first["acr_id"], "do_db": False}
    assert other["data"]["do_db"] is True


def test_the_same_id_again_is_its_own_duplicate(api: Api, path: str) -> None:
    first = api.upload(path, form("1")).json()["data"]
    again = api.upload(path, form("1")).json()["data"]

    assert again == {"dup_files": ["1"], "acr_id": first["acr_id"], "do_db": False}


def test_nothing_is_stored_when_that_is_not_wanted(api: Api, path: str) -> None:
    body = api.upload(path, form("1", db_if_nodup="0")).json()["data"]

    assert body == {"dup_files": [], "acr_id": "", "do_db": False}
    assert api.get(path).json()["data"] == []


def test_a_fingerprint_is_as_good_as_the_audio(
    api: Api, path: str, tmp_path: object
) -> None:
    source = tmp_path / "a.wav"  # type: ignore[operator]  # a Path
    source.write_bytes(TUNE)
    content = fingerprint_file.to_bytes(analysis.analyse_file(source).fingerprint)
    api.upload(path, form("audio"))

    body = api.upload(path, form("print", content)).json()["data"]

    assert body["dup_files"] == ["audio"]


def test_list_show_and_delete(api: Api, path: str) -> None:
    acr_id = api.upload(path, form("1")).json()["data"]["acr_id"]
    api.upload(path, form("2"))

    listed = api.get(path).json()
    by_id, by_acr_id = (
        api.get(f"{path}/{name}").json()["data"] for name in ("2", acr_id)
    )
    deleted = api.call("DELETE", f"{path}/{acr_id},unknown")

    assert listed["data"][0]["dup_files"] == ["1", "2"]
    assert listed["meta"]["per_page"] == "20"
    assert by_id == by_acr_id == listed["data"]
    assert deleted.status_code == 204
    assert api.get(f"{path}/2").status_code == 404
    assert api.upload(path, form("1")).json()["data"]["do_db"] is True


def test_a_track_that_moved_in_gets_its_sound(api: Api, path: str) -> None:
    bucket = Bucket.objects.get(bucket_type=BucketType.DEDUP_FILE)
    moved = add_waiting_recording(
        bucket=bucket,
        details=RecordingDetails(title="1", custom_id="1"),
        acr_id="a" * 32,
        duration_ms=0,
        user=api.owner,
    )

    asked = api.upload(path, form("1", db_if_nodup="0")).json()["data"]
    moved.refresh_from_db()
    was = moved.status
    again = api.upload(path, form("1")).json()["data"]
    copy = api.upload(path, form("2")).json()["data"]

    known = {"dup_files": ["1"], "acr_id": moved.acr_id, "do_db": False}
    assert (asked, again, copy) == (known, known, known)
    assert was == RecordingStatus.STUB
    assert api.get(path).json()["data"][0]["acr_id"] == moved.acr_id


@pytest.mark.parametrize(
    "wrong", [{"id": ""}, {"file": "text"}, {"file": SimpleUploadedFile("a.lo", b"x")}]
)
def test_what_does_not_fit_is_refused(
    api: Api, path: str, wrong: dict[str, object]
) -> None:
    answer = api.upload(path, form("1") | wrong)

    assert answer.status_code == 422
    assert next(iter(wrong)) in answer.json()["errors"]


def test_a_bucket_of_another_type_is_refused(api: Api) -> None:
    bucket = BucketFactory.create()

    answer = api.get(f"/api/buckets/{bucket.pk}/dedup-files")

    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_bucket_type")
