"""Buckets and their files over the wire."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile

from base.accounts.models import AccessLimit, User
from base.accounts.reach import working_for
from base.accounts.roles import Role
from catalogue.models import Bucket, Recording, RecordingStatus
from review.choices import MatchState
from tests.acrapi.conftest import Api, MakeApi
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_licence
from tests.factories.scanning import ContainerFactory
from tests.fixtures import Catalogue

SAMPLES = Path(__file__).resolve().parents[1] / "wire" / "samples"


def sample(name: str) -> Any:  # Any: JSON
    return json.loads((SAMPLES / name).read_text())


def kinds(data: dict[str, object]) -> dict[str, type]:
    return {name: type(value) for name, value in data.items()}


def files_of(bucket: Bucket) -> str:
    return f"/api/buckets/{bucket.pk}/files"


def test_the_documented_example_makes_a_bucket(api: Api) -> None:
    answer = api.call("POST", "/api/buckets", sample("bucket.create.request.json"))

    data = answer.json()["data"]
    assert answer.status_code == 201
    assert kinds(data) == kinds(sample("bucket.create.response.json")["data"])
    assert (data["name"], data["labels"]) == ("avbucket", ["Music", "Video"])
    assert data["id"] > 1000

    body = {"name": "avbucket", "region": "eu-west-1", "type": "File"}
    taken = api.call("POST", "/api/buckets", body)
    assert taken.status_code == 422
    assert str(data["id"]) in taken.json()["errors"]["name"][0]

    for kind in ("Live", "LiveRec", "LiveTimeshift", "Other", ""):
        refused = api.call("POST", "/api/buckets", body | {"name": "a", "type": kind})
        assert refused.status_code == 422, kind
        assert "DedupFile" in refused.json()["errors"]["type"][0]


def test_a_name_is_taken_by_a_bucket_that_may_not_be_seen(make_api: MakeApi) -> None:
    seen, hidden = BucketFactory.create_batch(2)
    api = make_api(Role.MANAGER)
    desk = Group.objects.create(name="Desk")
    AccessLimit.objects.create(group=desk, buckets=[seen.pk])
    api.owner.groups.add(desk)

    answer = api.call("PUT", f"/api/buckets/{seen.pk}", {"name": hidden.name})

    assert answer.status_code == 422
    assert answer.json()["errors"]["name"] == ["This name is taken; choose another."]
    seen.name = hidden.name
    with (
        working_for(User.objects.get(pk=api.owner.pk)),
        pytest.raises(ValidationError, match="There is a bucket with this name already"),
    ):
        seen.full_clean()


def test_the_vendors_own_bucket_is_there_and_stays(api: Api) -> None:
    bucket = api.get("/api/buckets/23").json()["data"]
    deleted = api.call("DELETE", "/api/buckets/23")
    renamed = api.call("PUT", "/api/buckets/23", {"name": "Mine"})

    assert (bucket["id"], bucket["name"]) == (23, "ACRCloud Music")
    assert deleted.status_code == renamed.status_code == 422


def test_update_takes_labels_in_every_form(api: Api) -> None:
    path = f"/api/buckets/{BucketFactory.create().pk}"

    for labels in (["a", "b"], '["a","b"]', "a,b"):
        data = api.call("PUT", path, {"labels": labels}).json()["data"]
        assert data["labels"] == ["a", "b"]


def test_delete_takes_recordings_out_and_frees_the_name(api: Api) -> None:
    recording = RecordingFactory.create()
    bucket = recording.bucket
    container = ContainerFactory.create()
    container.buckets.add(bucket)

    answer = api.call("DELETE", f"/api/buckets/{bucket.pk}")
    again = api.call(
        "POST", "/api/buckets", {"name": bucket.name, "region": "eu-west-1", "type": "File"}
    )

    recording.refresh_from_db()
    assert answer.status_code == 204
    assert recording.status == RecordingStatus.RETIRED
    assert not container.buckets.exists()
    assert again.status_code == 201
    assert again.json()["data"]["id"] > bucket.pk


def test_upload_answers_like_the_sample(api: Api) -> None:
    bucket = BucketFactory.create()
    form = {
        "file": SimpleUploadedFile("adsfad.mp3", b"ID3" * 100),
        "user_defined": '{"artists": "Bob", "upc": "000"}',
    }

    answer = api.upload(files_of(bucket), form)

    data = answer.json()["data"]
    assert answer.status_code == 200
    assert kinds(data) == kinds(sample("bucket-file.create.response.json")["data"])
    assert data["title"] == "adsfad.mp3"
    assert data["user_defined"] == {"artists": "Bob", "upc": "000"}
    recording = Recording.objects.get(pk=data["id"])
    assert (recording.artists, recording.upc) == (["Bob"], "")


def test_files_are_listed_searched_sorted_and_shown(api: Api) -> None:
    first = RecordingFactory.create(title="A Needle", duration_ms=78_524)
    failed = RecordingFactory.create(bucket=first.bucket, title="Hay", status=RecordingStatus.ERROR)
    path = files_of(first.bucket)

    def ids(query: str) -> list[int]:
        return [row["id"] for row in api.get(f"{path}?{query}").json()["data"]]

    body = api.get(path).json()
    expected = sample("bucket-files.list.response.json")
    assert kinds(body["data"][0]) == kinds(expected["data"][0])
    assert body["data"][0]["duration"] == 79
    assert set(body["meta"]) == set(expected["meta"])
    assert set(body["links"]) == set(expected["links"])

    assert [row["id"] for row in body["data"]] == [first.pk, failed.pk]
    assert ids("order=desc") == [failed.pk, first.pk]
    assert ids("state=-1") == [failed.pk]
    assert ids("search=needle") == ids("keyword=needle") == [first.pk]

    # One file is an object, several are an array.
    assert api.get(f"{path}/{first.pk}").json()["data"]["id"] == first.pk
    assert api.get(f"{path}/{failed.acr_id}").json()["data"]["id"] == failed.pk
    both = api.get(f"{path}/{failed.pk},{first.acr_id},99999").json()["data"]
    assert [row["id"] for row in both] == [failed.pk, first.pk]

    # A dump has all files on one page.
    RecordingFactory.create_batch(23, bucket=first.bucket)
    assert len(ids("")) < 25
    assert len(api.get(f"{path}/dump").json()["data"]) == 25


def test_user_defined_is_always_answered_as_an_object(api: Api) -> None:
    recording = RecordingFactory.create()
    path = f"{files_of(recording.bucket)}/{recording.pk}"

    for number, fields in enumerate(({"k": "v"}, '{"k": "v"}')):
        recording.user_defined = {}
        recording.save()
        body = {"title": f"New Title {number}", "user_defined": fields}
        data = api.call("PUT", path, body).json()["data"]
        assert (data["title"], data["user_defined"]) == (body["title"], {"k": "v"})

    for wrong in ("{", "[1]", "1", [1], 5):
        answer = api.call("PUT", path, {"user_defined": wrong})
        assert answer.status_code == 422, wrong
        assert "user_defined" in answer.json()["errors"]


@pytest.mark.django_db(transaction=True)
def test_moving_both_ways_keeps_ids(api: Api) -> None:
    recording = RecordingFactory.create()
    source, target = recording.bucket, BucketFactory.create()

    there = api.call("PUT", f"{files_of(target)}/{recording.acr_id}/move")
    back = api.call(
        "POST", f"{files_of(target)}/move", {"target_bucket_id": source.pk, "ids": [recording.pk]}
    )

    assert there.json()["data"][0]["bucket_id"] == target.pk
    assert back.json()["data"][0]["bucket_id"] == source.pk
    assert back.json()["data"][0]["acr_id"] == recording.acr_id


def test_a_move_gives_back_what_a_licence_of_the_bucket_cleared(api: Api) -> None:
    recording = RecordingFactory.create()
    make_licence(buckets=[recording.bucket])
    match = make_match(recording=recording)
    assert match.state == MatchState.CLEARED

    api.call("PUT", f"{files_of(BucketFactory.create())}/{recording.acr_id}/move")

    match.refresh_from_db()
    assert match.state == MatchState.PENDING


def test_moving_to_no_bucket_or_to_where_the_customers_id_is_taken(api: Api) -> None:
    recording = RecordingFactory.create(custom_id="A1")
    other_recording = RecordingFactory.create(custom_id="A1")

    nowhere = api.call(
        "POST",
        f"{files_of(recording.bucket)}/move",
        {"target_bucket_id": 999_999, "ids": [recording.pk]},
    )
    taken = api.call("PUT", f"{files_of(other_recording.bucket)}/{recording.pk}/move")

    assert (nowhere.status_code, nowhere.json()["code"]) == (422, "unknown_bucket")
    assert (taken.status_code, taken.json()["code"]) == (422, "custom_id_taken")


def test_deleting_with_a_body_and_by_address(api: Api) -> None:
    first = RecordingFactory.create()
    second = RecordingFactory.create(bucket=first.bucket)
    path = files_of(first.bucket)

    by_body = api.call("DELETE", path, {"ids": [first.pk, 9999]})
    by_address = api.call("DELETE", f"{path}/{second.acr_id}")
    nothing = api.call("DELETE", path, "", content_type="application/json")

    assert (by_body.status_code, by_body.content) == (204, b"")
    assert by_address.status_code == 204
    assert nothing.status_code == 422
    assert api.get(path).json()["data"] == []


def test_a_link_is_fetched_by_the_worker_and_other_things_are_refused(api: Api) -> None:
    path = files_of(BucketFactory.create())
    for wrong in (
        {"data_type": "acrid", "acrid": "6049f11da7095e8bb8266871d4a70873"},
        {"data_type": "audio_url", "url": "ftp://h.example/a.mp3"},
        {"data_type": "audio_url"},
        {"data_type": "audio"},
        {"data_type": "tape"},
        {"data_type": "\ud800"},
    ):
        assert api.call("POST", path, wrong).status_code == 422, wrong
    assert not Recording.objects.exists()

    body = sample("bucket-file.create.audio_url.request.json")
    data = api.call("POST", path, body).json()["data"]
    recording = Recording.objects.get(pk=data["id"])
    assert recording.source_url == body["url"]
    assert recording.status == RecordingStatus.WAITING


def test_a_recording_of_another_bucket_is_added_once(api: Api, catalogue: Catalogue) -> None:
    bucket = BucketFactory.create()
    body = {"data_type": "acrid", "acrid": catalogue.first.acr_id}

    first = api.call("POST", files_of(bucket), body)
    second = api.call("POST", files_of(bucket), body)

    assert (first.status_code, second.status_code) == (200, 422)
    assert bucket.recordings.count() == 1


def test_a_filter_that_no_text_can_fit_finds_nothing(api: Api) -> None:
    BucketFactory.create(name="B", region="eu-west-1")

    answer = api.get("/api/buckets?region=%00&type=%00")

    assert (answer.status_code, answer.json()["data"]) == (200, [])


def test_the_customers_id_of_an_upload_is_kept_and_is_free_only_once(api: Api) -> None:
    bucket, other_bucket = BucketFactory.create_batch(2)
    form = {"title": "Blue", "audio_id": "A-17"}
    link = {"data_type": "audio_url", "url": "https://host.example/a.mp3"}

    by_link = api.call("POST", files_of(bucket), form | link)
    by_file = api.upload(
        files_of(other_bucket), form | {"file": SimpleUploadedFile("b.mp3", b"ID3" * 100)}
    )

    for answer, place in ((by_link, bucket), (by_file, other_bucket)):
        assert answer.json()["data"]["audio_id"] == "A-17"
        assert Recording.objects.get(bucket=place).custom_id == "A-17"
    again = (
        api.call("POST", files_of(bucket), form | link),
        api.upload(files_of(bucket), form | {"file": SimpleUploadedFile("c.mp3", b"ID3" * 100)}),
    )
    for refused in again:
        assert refused.status_code == 422
        assert list(refused.json()["errors"]) == ["audio_id"]


def test_a_file_that_cannot_be_searched_says_why(api: Api) -> None:
    recording = RecordingFactory.create(
        status=RecordingStatus.ERROR, status_message="It holds no sound."
    )

    data = api.get(f"{files_of(recording.bucket)}/{recording.pk}").json()["data"]

    assert (data["state"], data["message"]) == (-1, "It holds no sound.")
