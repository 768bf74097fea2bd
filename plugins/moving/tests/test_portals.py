"""A portal moves into another one: both answer programs alike, ids aside."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db.models import Value
from django.db.models.functions import Concat, Substr
from werkzeug import Response

from base.accounts.roles import Role
from base.accounts.tokens import create_token
from catalogue.models import Bucket, BucketType, Recording, RecordingStatus
from catalogue.owners.models import Share, Work
from dedup.models import TrackId
from imports import services
from plugins.moving.models import Moved, MoveIn
from plugins.moving.tests.account import Account, Json
from plugins.moving.tests.conftest import Moving, work_off
from scanning.models import Container
from tests.acrapi.conftest import Api
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.owners import ISRC, make_rights
from tests.factories.review import make_match
from tests.factories.scanning import ContainerFactory, ScannedFileFactory
from tests.fixtures import Catalogue

pytestmark = pytest.mark.django_db

# What names a row, or depends on which row it is.
_IDS = ("id", "uid", "cid", "pid", "bucket_id", "created_at", "updated_at", "audio_id")


def fill() -> None:
    """Make a portal with a bucket, a container, and a file with a match."""
    bucket = BucketFactory.create(name="Songs", labels=["Music"])
    recording = RecordingFactory.create(
        bucket=bucket,
        title="Night Drive",
        label="Pier",
        isrc=ISRC,
        isrc_normalised=ISRC,
        user_defined={
            "artists": ["A. Example"],
            "label": "Pier",
            "isrc": ISRC,
            "own": [1, {"a": 2}],
        },
    )
    delivery = BucketFactory.create(name="Delivery", bucket_type=BucketType.DEDUP_FILE)
    track = RecordingFactory.create(bucket=delivery, title="Delivered", custom_id="T-1")
    for name in ("T-1", "T-2"):
        TrackId.objects.create(bucket=delivery, recording=track, track_id=name)
    make_rights()
    container = ContainerFactory.create(name="Uploads", region="us-west-2")
    container.buckets.set([bucket])
    file = ScannedFileFactory.create(container=container, name="show.wav")
    make_match((5_000, 35_000, 12_000, 42_000), recording=recording, scan__scanned_file=file)


def dump(api: Api) -> Account:
    """Return everything that the portal tells programs."""
    lists: dict[str, list[Json]] = {}

    def read(path: str, query: str = "") -> list[Json]:
        rows: list[Json] = api.get(f"/api/{path}?per_page=1000&{query}").data["data"]
        lists[path] = rows
        return rows

    for bucket in read("buckets"):
        read(f"buckets/{bucket['id']}/files")
        if bucket["type"] == BucketType.DEDUP_FILE:
            read(f"buckets/{bucket['id']}/dedup-files")
    for container in read("fs-containers"):
        read(f"fs-containers/{container['id']}/files", "with_result=1")
    return Account(lists, {})


def become_another_portal() -> None:
    """Take from the rows what would stand in the way of the same ones."""
    Bucket.objects.update(name=Concat(Value("Was there "), "name"))
    TrackId.objects.all().delete()
    Container.objects.update(name="Was there")
    # No ACR id of ours begins with this letter.
    taken = Concat(Value("g"), Substr("acr_id", 2))
    Recording.objects.update(acr_id=taken, isrc="", isrc_normalised="")
    # Only the results say now whose the recording is.
    Share.objects.all().delete()
    Work.objects.all().delete()


def plain(value: Any) -> Any:  # Any: JSON
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if k not in _IDS}
    return [plain(part) for part in value] if isinstance(value, list) else value


def held(account: Account, name: str) -> list[Any]:  # Any: as above
    key = next(row["id"] for row in account.lists["buckets"] if row["name"] == name)
    lists = account.lists.items()
    return [plain(rows) for path, rows in lists if path.startswith(f"buckets/{key}/")]


def test_a_portal_moves_in(moving: Moving) -> None:
    owner = make_user(Role.ADMIN)
    api = Api(create_token(owner=owner, name="t", scopes=["all"]).secret, owner)
    fill()
    before = dump(api)
    moving.there.lists, moving.there.plays = before.lists, before.plays
    become_another_portal()

    import_: MoveIn = moving.move()

    assert import_.summary["refused"] == 0, import_.summary
    # Listed once they have their audio; nothing else keeps them from that.
    moved_here = Recording.objects.filter(bucket__name__in=["Songs", "Delivery"])
    assert moved_here.update(status=RecordingStatus.READY) == 2
    after = dump(api)
    assert held(after, "Songs") == held(before, "Songs")
    assert held(after, "Delivery") == held(before, "Delivery")
    container = Container.objects.get(name="Uploads")
    moved = {row["name"]: row for row in after.lists["fs-containers"]}["Uploads"]
    was = before.lists["fs-containers"][0]
    sizes = {"num": 0, "size": 0}
    assert plain(moved) | sizes == plain(was) | sizes
    files = {row["name"]: row for row in after.lists[f"fs-containers/{container.pk}/files"]}
    show = before.lists[f"fs-containers/{was['id']}/files"][0]
    named = show["results"]["custom_files"][0]["result"]
    assert named["rights_claim"]
    assert named["works"]
    assert plain(files["show.wav"]["results"]) == plain(show["results"])
    assert files["show.wav"]["created_at"] == show["created_at"]
    assert Recording.objects.exclude(title__in=["Night Drive", "Delivered"]).count() == 0


def test_recordings_of_another_portal_come_with_their_fingerprints(
    catalogue: Catalogue, moving: Moving
) -> None:
    api, reader = (
        Api(create_token(owner=owner, name="t", scopes=[scope]).secret, owner)
        for owner in [make_user(Role.MANAGER)]
        for scope in ("catalogue", "read")
    )
    address = f"/api/portal/v1/recordings/{catalogue.first.acr_id}/fingerprint/"
    sent = api.get(address)
    content = b"".join(sent.streaming_content)
    unknown = api.get("/api/portal/v1/recordings/none/fingerprint/")
    refused = reader.get(address)
    songs = moving.there.lists["buckets/8881/files"]
    # A stream that listened would stay.
    del moving.there.lists["bm-cs-projects"]
    moving.there.fingerprints = {
        songs[0]["acr_id"]: Response(content),
        songs[1]["acr_id"]: Response(unknown.content, unknown.status_code),
        moving.there.lists["buckets/8882/files"][0]["acr_id"]: Response(b"no sound"),
    }

    import_ = moving.move(since=datetime.now(tz=UTC).date())

    assert (unknown.status_code, unknown.json()["code"]) == (404, "no_fingerprint")
    assert refused.status_code == 403
    rows = {row.acr_id: row for row in Recording.objects.all()}
    first = rows[songs[0]["acr_id"]]
    assert (first.status, first.title) == (RecordingStatus.READY, songs[0]["title"])
    assert rows[songs[1]["acr_id"]].status == RecordingStatus.STUB
    ident = Moved.objects.get(name="Ident")
    assert ident.code == "move_refused"

    services.check_undo(import_=import_, user=moving.admin)
    work_off()
    services.undo(import_=import_, user=moving.admin)
    work_off()

    import_.refresh_from_db()
    stays = [row["name"] for row in import_.summary["undo"]["stays"]]
    assert stays == []
    first.refresh_from_db()
    assert first.status == RecordingStatus.RETIRED
    assert first.fingerprint == ""


def test_a_token_without_the_scope_for_fingerprints_is_named_as_the_reason(moving: Moving) -> None:
    owner = make_user(Role.MANAGER)
    reader = Api(create_token(owner=owner, name="t", scopes=["read"]).secret, owner)
    refused = reader.get("/api/portal/v1/recordings/none/fingerprint/")
    songs = moving.there.lists["buckets/8881/files"]
    moving.there.fingerprints = {
        row["acr_id"]: Response(refused.content, refused.status_code) for row in songs
    }

    import_ = moving.move(since=datetime.now(tz=UTC).date())

    (message,) = [
        fault["message"] for fault in import_.summary["faults"] if fault["what"] == "fingerprints"
    ]
    assert "need a token with the scopes read and catalogue" in message
    assert "File Scanning" not in message
