"""A small catalogue on a real server, and a scan that finds its recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tests.wire.live import DEMO, Server, wait_for

PROGRAMME: Final = DEMO / "castle.opus"
"""Audio that holds the recording of a scene."""


@dataclass(frozen=True)
class Scene:
    """A bucket with one recording, and a container that searches it."""

    bucket: dict[str, Any]  # Any: JSON
    recording: dict[str, Any]
    container: dict[str, Any]


def make_scene(server: Server) -> Scene:
    """Make a small catalogue through the API."""
    bucket = server.call(
        "POST", "/api/buckets", json={"name": "scene", "type": "File", "region": "eu-west-1"}
    ).json()["data"]
    with PROGRAMME.open("rb") as audio:
        recording = server.call(
            "POST",
            f"/api/buckets/{bucket['id']}/files",
            data={"title": "Castle", "user_defined": '{"artist": "James"}'},
            files={"file": ("castle.opus", audio)},
        ).json()["data"]
    wait_for(server, f"/api/buckets/{bucket['id']}/files/{recording['id']}", states=(1, -1))
    container = server.call(
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


def scan(server: Server, scene: Scene) -> dict[str, Any]:  # Any: JSON
    """Scan the programme and return the file with its results."""
    files = f"/api/fs-containers/{scene.container['id']}/files"
    with PROGRAMME.open("rb") as audio:
        sent = server.call("POST", files, files={"file": ("castle.opus", audio)}).json()["data"]
    return wait_for(server, f"{files}/{sent['id']}", states=(1, -1))
