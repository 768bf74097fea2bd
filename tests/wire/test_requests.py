"""Calls as Python clients make them with requests, and invalid bodies."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.wire.live import Receiver, Server, wait_for
from tests.wire.scene import Scene

# Slow: a server and a worker have to start.
pytestmark = pytest.mark.slow


# What is only taken need not be scanned.
NO_SOUND = b"ID3" * 100_000


def files_url(live: Server, scene: Scene) -> str:
    return f"{live.base}/api/fs-containers/{scene.container['id']}/files"


def test_upload_and_link_as_the_documents_show_them(live: Server, scene: Scene) -> None:
    uploaded = requests.post(
        files_url(live, scene),
        headers=live.headers,
        data={"data_type": "audio"},
        files=[("file", ("song (1) ü.opus", NO_SOUND, "application/octet-stream"))],
        timeout=60,
    )
    linked = requests.post(
        files_url(live, scene),
        headers=live.headers,
        json={"data_type": "platforms", "url": "https://www.youtube.com/watch?v=abc"},
        timeout=60,
    )

    assert uploaded.status_code == linked.status_code == 201
    assert uploaded.json()["data"]["name"] == "song (1) ü.opus"
    assert linked.json()["data"]["uri"] == "youtube:video:abc"
    assert linked.json()["data"]["data_type"] == "youtube"


def test_empty_presigned_upload_is_refused_when_it_is_submitted(
    live: Server, scene: Scene, tmp_path: Path
) -> None:
    container = f"/api/fs-containers/{scene.container['id']}"
    offered = live.call("GET", f"{container}/presigned-upload").json()["data"]
    empty = tmp_path / "empty.mp3"
    empty.touch()
    with empty.open("rb") as audio:
        put = requests.put(offered["presigned_url"], data=audio, timeout=60)

    made = live.call("POST", f"{container}/files", json={"key": offered["key"]})

    assert put.ok
    assert made.status_code == 422
    assert made.json()["code"] == "empty_file"


def test_presigned_upload(live: Server, scene: Scene, programme: Path) -> None:
    container = f"/api/fs-containers/{scene.container['id']}"
    offered = live.call(
        "GET", f"{container}/presigned-upload?filename=a.opus&content_type=audio/ogg"
    ).json()["data"]
    with programme.open("rb") as audio:
        put = requests.put(
            offered["presigned_url"], data=audio, headers=offered["headers"], timeout=60
        )

    body = {"data_type": "audio", "key": offered["key"], "filename": "a.opus"}
    made = live.call("POST", f"{container}/files", json=body)
    again = live.call("POST", f"{container}/files", json=body)
    put_again = requests.put(offered["presigned_url"], data=b"x", timeout=60)
    ready = wait_for(live, f"{container}/files/{made.json()['data']['id']}", states=(1, -1, -2, -3))

    assert put.ok
    assert made.status_code == 201
    assert ready["state"] == 1
    assert again.status_code == 422
    assert put_again.status_code == 403


def test_callback_after_a_scan_and_again_after_a_refusal(
    live: Server, scene: Scene, programme: Path, receiver: Receiver
) -> None:
    container = live.call(
        "POST",
        "/api/fs-containers",
        json={
            "name": "with callback",
            "region": "eu-west-1",
            "buckets": [scene.bucket["id"]],
            "engine": 1,
            "callback_url": receiver.url,
        },
    ).json()["data"]
    with programme.open("rb") as audio:
        file = live.call(
            "POST",
            f"/api/fs-containers/{container['id']}/files",
            files={"file": ("song.opus", audio)},
        ).json()["data"]

    received = receiver.wait(1)[0]

    body: dict[str, Any] = json.loads(received.body)  # Any: JSON
    assert received.headers["Content-Type"] == "application/json"
    assert received.headers["webhook-signature"].startswith("v1,")
    assert set(body) == {"file_id", "state", "cid", "name", "results"}
    assert (body["file_id"], body["cid"]) == (file["id"], container["id"])
    assert body["results"]["custom_files"][0]["result"]["title"] == "Castle"
    row = live.call("GET", f"/api/fs-containers/{container['id']}/files/{file['id']}").json()[
        "data"
    ][0]
    assert (row["state"], row["results"]) == (body["state"], body["results"])


def test_vendor_hosts_are_answered(live: Server, scene: Scene) -> None:
    for host in ("api-v2.acrcloud.com", "api-eu-west-1.acrcloud.com"):
        answer = live.call("GET", "/api/fs-containers", headers={"Host": host})

        assert answer.status_code == 200
        assert answer.json()["meta"]["path"] == f"http://{host}/api/fs-containers"


def test_a_body_cut_off_in_the_middle_keeps_nothing(live: Server, scene: Scene) -> None:
    url = urlsplit(files_url(live, scene))
    before = live.call("GET", url.path).json()["meta"]["total"]
    boundary = "xyz"
    part = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
        'filename="cut.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    ).encode() + bytes(5000)
    head = (
        f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\n"
        f"Authorization: Bearer {live.token}\r\n"
        f"Content-Type: multipart/form-data; boundary={boundary}\r\n"
        f"Content-Length: {len(part) + 100_000}\r\nConnection: close\r\n\r\n"
    ).encode()

    with socket.create_connection((url.hostname, url.port), timeout=60) as client:
        client.sendall(head + part)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while data := client.recv(65536):
            answer += data

    status = answer.split(b"\r\n", 1)[0]
    assert b" 400 " in status
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "cut_off"
    assert live.call("GET", url.path).json()["meta"]["total"] == before
