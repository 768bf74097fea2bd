"""The vendor's documented calls, made with curl exactly as documented."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.wire.live import Server, wait_for
from tests.wire.scene import Scene

pytestmark = [
    pytest.mark.slow,  # a server and a worker have to start
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]
JSON = ["-H", "Content-Type: application/json"]


def curl(server: Server, *arguments: str) -> tuple[int, Any]:
    """Run curl with the token; return status and body. Any: JSON."""
    done = subprocess.run(
        [
            "curl",
            "-sS",
            "-w",
            "\n%{http_code}",
            *arguments,
            "-H",
            f"Authorization: Bearer {server.token}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body) if body else None


def test_containers(live: Server, scene: Scene) -> None:
    fields = {
        "name": "test",
        "region": "eu-west-1",
        "buckets": [scene.bucket["id"], str(scene.bucket["id"]), "ACRCloud Music"],
        "audio_type": "linein",
        "engine": 1,
        "policy": {"type": "traverse", "interval": 0, "rec_length": 10},
    }

    made = curl(
        live,
        *("-X", "POST", f"{live.base}/api/fs-containers"),
        *("-H", "Accept: application/json", *JSON, "-d", json.dumps(fields)),
    )
    number = made[1]["data"]["id"]
    answer = curl(live, f"{live.base}/api/fs-containers/{number}")
    listing = curl(live, f"{live.base}/api/fs-containers")
    deleted = curl(live, "-X", "DELETE", f"{live.base}/api/fs-containers/{number}")
    gone = curl(live, f"{live.base}/api/fs-containers/{number}")

    assert (made[0], answer[0], listing[0]) == (201, 200, 200)
    assert [bucket["id"] for bucket in answer[1]["data"]["buckets"]] == [23, scene.bucket["id"]]
    assert number in [container["id"] for container in listing[1]["data"]]
    assert deleted == (204, None)
    assert gone[0] == 404


def test_files_of_a_container(live: Server, scene: Scene, programme: Path) -> None:
    files = f"{live.base}/api/fs-containers/{scene.container['id']}/files"

    status, audio = curl(
        live, files, "--form", f'file=@"{programme}"', "--form", 'data_type="audio"'
    )
    link_status, link = curl(
        live,
        *(files, *JSON, "--data-raw"),
        '{"data_type":"platforms","url":"https://video.example/status/1"}',
    )
    path = f"/api/fs-containers/{scene.container['id']}/files/{audio['data']['id']}"
    ready = wait_for(live, path, states=(1, -1, -2, -3))
    both = f"{files}/{audio['data']['id']},{link['data']['id']}"
    answer = curl(live, both)
    rescanned = curl(live, "-X", "PUT", f"{files}/{audio['data']['id']}/rescan", "-d", "")
    listing = curl(live, f"{files}?page=1&per_page=20", "-H", "Accept: application/json")
    deleted = curl(live, "-X", "DELETE", both)

    assert (status, link_status) == (201, 201)
    assert audio["data"]["state"] == 0
    assert audio["data"]["uri"] == f"audio:{programme.name}"
    assert link["data"]["data_type"] == "video.example"
    assert ready["state"] == 1
    assert ready["results"]["custom_files"][0]["result"]["title"] == "Castle"
    assert [file["id"] for file in answer[1]["data"]] == [audio["data"]["id"], link["data"]["id"]]
    assert rescanned[0] == 200
    assert rescanned[1]["data"][0]["state"] == 0
    assert "results" in rescanned[1]["data"][0]
    assert listing[0] == 200
    assert deleted == (204, None)


def test_a_fingerprint_file_and_a_body_sent_in_chunks(
    live: Server, scene: Scene, tmp_path: Path
) -> None:
    files = f"{live.base}/api/fs-containers/{scene.container['id']}/files"
    foreign = tmp_path / "song.fp"
    foreign.write_bytes(bytes(range(256)) * 2000)
    form = ("--form", f'file=@"{foreign}"')

    status, body = curl(live, files, *form, "--form", "data_type=fingerprint")
    assert status == 422
    assert body["errors"]["file"][0] == body["message"] == body["error"]
    assert "upload the audio itself" in body["message"]

    status, body = curl(live, files, "-H", "Transfer-Encoding: chunked", *form)
    assert status == 201
    assert body["data"]["name"] == foreign.name
