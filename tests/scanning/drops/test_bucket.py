"""Objects below an S3 prefix become scanned files, and are moved or tagged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import boto3
import pytest
from pytest_django import Settings

from base.accounts.models import User
from base.common.storage_url import storage_options
from scanning.choices import DropAfterwards
from scanning.drops.bucket import BucketPlace
from scanning.drops.places import FileChanged, check_place
from scanning.errors import IntakeRefused
from scanning.models import Container, ScannedFile
from tests.object_storage import s3_server
from tests.scanning.drops.incoming import FAILED, KNOWN, TAKEN, Incoming, drop_in, poll

PLACE = "s3://incoming/radio/"


@dataclass
class Store:
    """A bucket with objects."""

    client: Any  # boto3 has no types

    def put(self, key: str, content: bytes = b"some sound") -> None:
        self.client.put_object(Bucket="incoming", Key=key, Body=content)

    def keys(self) -> list[str]:
        listing = self.client.list_objects_v2(Bucket="incoming")
        return [entry["Key"] for entry in listing.get("Contents", [])]

    def content(self, key: str) -> str:
        body = self.client.get_object(Bucket="incoming", Key=key)["Body"]
        return str(body.read().decode())

    def tags(self, key: str) -> dict[str, str]:
        tags = self.client.get_object_tagging(Bucket="incoming", Key=key)["TagSet"]
        return {tag["Key"]: tag["Value"] for tag in tags}


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with s3_server() as address:
        url = f"s3://key:secret@{address}/incoming?https=off"
        settings.ACRPORTAL_DROP_STORES = {"incoming": storage_options(url)}
        settings.ACRPORTAL_DROP_SETTLE_SECONDS = 0.0
        client = boto3.client(
            "s3",
            endpoint_url=f"http://{address}",
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
        )
        client.create_bucket(Bucket="incoming")
        yield Store(client)


def test_objects_are_taken_once_and_moved(
    store: Store, container: Container, manager: User, settings: Settings, incoming: Incoming
) -> None:
    settings.ACRPORTAL_MAX_FILE_BYTES = 20
    drop = drop_in("s3://incoming/radio", container, manager)
    store.put("radio/show.mp3")
    store.put("radio/show.mp3.json", b'{"programme": "Morning"}')
    store.put("radio/again.mp3")
    store.put("radio/long.mp3", b"longer than twenty bytes")
    store.put("elsewhere/show.mp3", b"not ours")
    store.put("radio/folder/")

    poll(drop, 3)

    states = dict(drop.items.values_list("path", "state"))
    assert sorted(states.values()) == sorted([TAKEN, KNOWN, FAILED])
    assert states["long.mp3"] == FAILED
    assert ScannedFile.objects.count() == 1
    assert store.keys() == [
        "elsewhere/show.mp3",
        "radio/done/again.mp3",
        "radio/done/show.mp3",
        "radio/done/show.mp3.json",
        "radio/failed/long.mp3",
        "radio/failed/long.mp3.reason.txt",
        "radio/folder/",
    ]
    assert "long.mp3" in store.content("radio/failed/long.mp3.reason.txt")


def test_objects_are_tagged_where_they_are(
    store: Store, container: Container, manager: User, settings: Settings
) -> None:
    settings.ACRPORTAL_MAX_FILE_BYTES = 20
    drop = drop_in(PLACE, container, manager, afterwards=DropAfterwards.TAG)
    store.put("radio/show.mp3")
    store.put("radio/long.mp3", b"longer than twenty bytes")

    poll(drop, 4)

    assert store.tags("radio/show.mp3") == {"acrportal": "done"}
    failed = store.tags("radio/long.mp3")
    assert failed["acrportal"] == "failed"
    assert failed["acrportal-reason"].startswith("long.mp3")
    assert store.keys() == ["radio/long.mp3", "radio/show.mp3"]
    assert ScannedFile.objects.count() == 1


def test_an_object_that_is_replaced_is_another_one(
    store: Store, container: Container, manager: User
) -> None:
    drop = drop_in(PLACE, container, manager, afterwards=DropAfterwards.LEAVE)
    store.put("radio/show.mp3", b"one")
    poll(drop, 2)
    place = BucketPlace(PLACE, tag=False)
    (file,) = place.files()
    store.put("radio/show.mp3", b"two")

    with pytest.raises(FileChanged):
        place.copy(file, BytesIO(), lambda: None)
    with pytest.raises(FileChanged):
        place.put_away(file, [], "done", "")
    place.close()
    poll(drop, 2)

    assert ScannedFile.objects.count() == 2


def test_moving_goes_on_after_a_kill_and_stops_where_the_bucket_is_gone(
    store: Store, container: Container, manager: User, settings: Settings
) -> None:
    store.put("radio/show.mp3", b"one")
    store.put("radio/done/show.mp3", b"one")
    place = BucketPlace(PLACE, tag=False)
    file = next(file for file in place.files() if file.path == "show.mp3")

    # The copy was made before the kill.
    place.put_away(file, [], "done", "")
    place.close()
    assert store.keys() == ["radio/done/show.mp3"]

    drop = drop_in(PLACE, container, manager)
    store.client.delete_object(Bucket="incoming", Key="radio/done/show.mp3")
    store.client.delete_bucket(Bucket="incoming")
    poll(drop)
    assert drop.last_error.startswith("The bucket cannot be listed")

    # Only buckets of the settings are allowed, but for that of our own data.
    with pytest.raises(IntakeRefused, match="only in"):
        check_place("s3://other/")
    options = settings.ACRPORTAL_DROP_STORES["incoming"]
    media = {"BACKEND": "base.common.object_storage.ObjectStorage", "OPTIONS": options}
    settings.STORAGES = settings.STORAGES | {"default": media}
    with pytest.raises(IntakeRefused, match="its own data"):
        check_place(PLACE)
