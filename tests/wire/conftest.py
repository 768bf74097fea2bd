"""The live server that client tests share: one per process, until the last of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures import CopyDatabase
from tests.wire.federation import Federation, federation
from tests.wire.live import DEMO, Receiver, Server, callback_receiver, running_server, wait_for


@pytest.fixture(scope="package")
def live(tmp_path_factory: pytest.TempPathFactory, copy_database: CopyDatabase) -> Iterator[Server]:
    """Return a server with a worker, an empty database and an all-powerful token."""
    folder = tmp_path_factory.mktemp("live")
    copy_database(folder)
    with running_server(folder) as server:
        yield server


@pytest.fixture(scope="package")
def two_portals(
    tmp_path_factory: pytest.TempPathFactory, copy_database: CopyDatabase
) -> Iterator[Federation]:
    """Run two linked portals until the last test that needs both."""
    folder = tmp_path_factory.mktemp("federation")
    for name in ("here", "there"):
        (folder / name).mkdir()
        copy_database(folder / name)
    with federation(folder) as running:
        yield running


@pytest.fixture
def both(two_portals: Federation) -> Iterator[Federation]:
    """Return the two portals; the rules that a test sets for calls end with it."""
    yield two_portals
    for way in (two_portals.calls, two_portals.callbacks):
        way.decide = lambda _method, _path: None


@dataclass(frozen=True)
class Scene:
    """A bucket with one recording, and a container that searches it."""

    bucket: dict[str, Any]  # Any: JSON
    recording: dict[str, Any]
    container: dict[str, Any]


@pytest.fixture(scope="package")
def scene(live: Server) -> Scene:
    """Make a small catalogue through the API."""
    bucket = live.call(
        "POST", "/api/buckets", json={"name": "scene", "type": "File", "region": "eu-west-1"}
    ).json()["data"]
    with (DEMO / "castle.opus").open("rb") as audio:
        recording = live.call(
            "POST",
            f"/api/buckets/{bucket['id']}/files",
            data={"title": "Castle", "user_defined": '{"artist": "James"}'},
            files={"file": ("castle.opus", audio)},
        ).json()["data"]
    wait_for(live, f"/api/buckets/{bucket['id']}/files/{recording['id']}", states=(1, -1))
    container = live.call(
        "POST",
        "/api/fs-containers",
        json={
            "name": "scene",
            "region": "eu-west-1",
            "buckets": [bucket["id"], "ACRCloud Music"],
            "engine": 1,
            "policy": {"type": "traverse", "interval": 0, "rec_length": 10},
        },
    ).json()["data"]
    return Scene(bucket, recording, container)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with callback_receiver() as running:
        yield running


@pytest.fixture(scope="session")
def programme() -> Path:
    """Return audio that holds the scene's recording."""
    return DEMO / "castle.opus"
