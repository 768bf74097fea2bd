"""Containers over the wire."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from base.audit.models import Event
from catalogue.models import Bucket
from scanning.models import Container
from tests.acrapi.conftest import Api
from tests.factories.catalogue import BucketFactory
from tests.factories.scanning import ContainerFactory, ScannedFileFactory

SAMPLES = Path(__file__).resolve().parents[1] / "wire" / "samples"


def settings_of(bucket: Bucket, **changes: object) -> dict[str, object]:
    return {"name": "test", "region": "eu-west-1", "buckets": [bucket.pk], "engine": 1, **changes}


def test_the_documented_example_makes_a_container(api: Api) -> None:
    first, second = BucketFactory.create(), BucketFactory.create()
    body = json.loads((SAMPLES / "fs-container.create.request.json").read_text())
    body["buckets"] = [first.pk, str(second.pk), "ACRCloud Music"]

    answer = api.call("POST", "/api/fs-containers", body)

    sample = json.loads((SAMPLES / "fs-container.create.response.json").read_text())
    data = answer.json()["data"]
    assert answer.status_code == 201
    assert set(data) == set(sample["data"])
    assert {name: type(value) for name, value in data.items()} == {
        name: type(value) for name, value in sample["data"].items()
    }
    assert data["buckets"] == [
        {"id": 23, "name": "ACRCloud Music"},
        {"id": first.pk, "name": first.name},
        {"id": second.pk, "name": second.name},
    ]
    assert data["id"] > 1000
    event = Event.objects.get(case=f"container:{data['id']}")
    assert event.actor == api.owner
    assert event.via.startswith("token:t_")


def test_engines_unknown_fields_and_what_php_sends_are_taken(api: Api) -> None:
    bucket = BucketFactory.create()
    body = settings_of(
        bucket,
        engine="3",
        notification_url="x",
        policy={"type": "traverse", "deepright": True, "music_detection": 0},
        deepright=1,
        music_detection="0",
    )

    data = api.call("POST", "/api/fs-containers", body).json()["data"]
    assert data["engine"] == 3
    assert data["policy"]["deepright"] is True
    assert (data["deepright"], data["music_detection"]) == (True, False)

    for engine in (1, 2, 3, 4, 5):
        body = settings_of(bucket, engine=engine, name=f"engine {engine}")
        data = api.call("POST", "/api/fs-containers", body).json()["data"]
        assert data["engine"] == engine

    answer = api.call(
        "POST",
        "/api/fs-containers",
        f"name=f&region=eu-west-1&engine=1&buckets[0]={bucket.pk}"
        "&policy[type]=points&policy[points]=3",
        content_type="application/x-www-form-urlencoded",
    )
    data = answer.json()["data"]
    assert [bucket["id"] for bucket in data["buckets"]] == [bucket.pk]
    assert data["policy"] == {"type": "points", "points": 3}


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (
            {"type": "traverse", "interval": "0", "rec_length": " 10 "},
            {"type": "traverse", "interval": 0, "rec_length": 10},
        ),
        (
            '{"type": "traverse", "interval": "2.5", "deepright": "1"}',
            {"type": "traverse", "interval": 2.5, "deepright": 1},
        ),
        # What is no number, and keys of others, stay as they were sent.
        (
            {"type": "points", "points": "three", "version": "2", "interval": "-1"},
            {"type": "points", "points": "three", "version": "2", "interval": "-1"},
        ),
    ],
)
def test_numbers_of_a_policy_that_come_as_texts_are_numbers(
    api: Api, sent: object, stored: object
) -> None:
    bucket = BucketFactory.create()

    made = api.call("POST", "/api/fs-containers", settings_of(bucket, policy=sent))

    data = made.json()["data"]
    assert data["policy"] == stored
    assert Container.objects.get(pk=data["id"]).policy == stored
    changed = api.call("PUT", f"/api/fs-containers/{data['id']}", {"policy": sent})
    assert changed.json()["data"]["policy"] == stored


def test_a_value_that_does_not_fit_is_named_and_nothing_is_made(api: Api) -> None:
    before = Container.objects.count()
    bucket = BucketFactory.create(name="Ours")
    wrong: list[tuple[str, object]] = [
        ("buckets", [999_999]),
        ("buckets", ["no such name"]),
        ("buckets", []),
        ("buckets", [None]),
        ("engine", 6),
        ("engine", "x"),
        ("name", ""),
        ("region", ""),
        ("region", "a b"),
        ("policy", [1]),
        ("policy", {"x": "\u0000"}),
        ("policy", {"\ud800": 1}),
        ("policy", {"x": float("nan")}),
        ("policy", {"x": float("inf")}),
        ("policy", {"x": json.loads("[" * 40 + "]" * 40)}),
        ("callback_url", "ftp://host.example/"),
        ("callback_url", "http://127.0.0.1/"),
        ("audio_type", "tape"),
    ]

    for field, value in wrong:
        sent = settings_of(bucket, **{field: value})
        answer = api.call("POST", "/api/fs-containers", sent)
        body = answer.json()
        assert answer.status_code == 422, (field, value)
        assert field in body["errors"], (field, value)
        assert body["message"] == body["error"] != ""
    assert Container.objects.count() == before

    answer = api.call("POST", "/api/fs-containers", settings_of(bucket, buckets=["Thiers"]))
    assert "Thiers" in answer.json()["message"]
    assert f"{bucket.pk} Ours" in answer.json()["message"]


def test_put_changes_a_subset_and_takes_back_what_an_answer_holds(api: Api) -> None:
    container = ContainerFactory.create(callback_url="https://host.example/")
    container.buckets.add(BucketFactory.create())
    path = f"/api/fs-containers/{container.pk}"

    data = api.call("PUT", path, {"callback_url": "", "engine": 2}).json()["data"]
    assert (data["callback_url"], data["engine"]) == (None, 2)
    assert data["name"] == container.name

    body = api.get(path).json()["data"]
    answer = api.call("PUT", path, body)
    assert answer.status_code == 200
    assert answer.json()["data"]["buckets"] == body["buckets"]


def test_delete_takes_the_files_along_and_never_gives_the_id_again(api: Api) -> None:
    container = ContainerFactory.create()
    file = ScannedFileFactory.create(container=container)
    path = f"/api/fs-containers/{container.pk}"

    answer = api.call("DELETE", path, content_type="application/json", body="")

    assert (answer.status_code, answer.content) == (204, b"")
    assert api.get(path).status_code == 404
    file.refresh_from_db()
    assert file.deleted_at is not None
    assert ContainerFactory.create().pk > container.pk


def test_list_filters_and_counts_files(api: Api) -> None:
    container = ContainerFactory.create(name="Needle in hay", region="us-west-2")
    ContainerFactory.create(region="eu-west-1")
    ScannedFileFactory.create(container=container, size_bytes=7)
    ScannedFileFactory.create(container=container, size_bytes=5)

    body = api.get("/api/fs-containers?region=us-west-2&name=needle").json()

    assert [row["id"] for row in body["data"]] == [container.pk]
    assert (body["data"][0]["num"], body["data"][0]["size"]) == (2, 12)


def test_list_makes_the_same_queries_for_one_and_for_many(
    api: Api, django_assert_max_num_queries: object
) -> None:
    for _ in range(30):
        ContainerFactory.create().buckets.add(BucketFactory.create())

    with django_assert_max_num_queries(10):  # type: ignore[operator]  # a context manager
        api.get("/api/fs-containers?per_page=30")


def test_a_container_without_a_region_is_answered_with_one(api: Api) -> None:
    container = ContainerFactory.create(region="")
    bucket = BucketFactory.create(region="")

    for path in (f"fs-containers/{container.pk}", f"buckets/{bucket.pk}"):
        assert api.get(f"/api/{path}").json()["data"]["region"] == "eu-west-1"
