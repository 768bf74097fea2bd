"""The engine's own command, against a running portal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from recognition.commands.server import ServerClient
from recognition.commands.uploads import Target, TargetKind
from tests.wire.live import DEMO, ROOT, Server, wait_for
from tests.wire.scene import Scene

# A server and a worker in processes of their own.
pytestmark = pytest.mark.slow


def acrfp(live: Server, folder: Path, *arguments: str | Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "recognition", *map(str, arguments), "--json"],
        cwd=ROOT,
        env=os.environ
        | {
            "ACRFP_SERVER": live.base,
            "ACRFP_TOKEN": live.token,
            "XDG_STATE_HOME": str(folder / "state"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_fingerprints_are_made_sent_and_found_and_not_sent_twice_without_a_log(
    live: Server, scene: Scene, tmp_path: Path
) -> None:
    container, bucket = (str(row["id"]) for row in (scene.container, scene.bucket))
    made = tmp_path / "made"
    acrfp(live, tmp_path, "make", DEMO / "castle.opus", DEMO / "palace.opus", "-o", made)
    send = ("send", "--container", container, "-r", made)

    [castle, palace] = acrfp(live, tmp_path, *send)
    added = acrfp(live, tmp_path, "send", "--bucket", bucket, "-r", made)
    again = acrfp(live, tmp_path, *send)
    without_log = acrfp(live, tmp_path / "elsewhere", *send)

    files = f"/api/fs-containers/{container}/files"
    file = wait_for(live, f"{files}/{castle['server']['id']}", states=(1, -1))
    assert file["name"] == "castle.opus"
    assert file["data_type"] == "fingerprint"
    assert file["state"] == 1
    assert [line["status"] for line in added] == ["sent", "sent"]
    rows = live.call("GET", f"/api/buckets/{bucket}/files").json()["data"]
    assert {row["title"] for row in rows} >= {"castle.opus", "palace.opus"}
    assert [line["status"] for line in again] == ["skipped", "skipped"]
    assert again[1]["server"] == palace["server"]

    # Within a day the portal repeats its first answer.
    assert [line["server"] for line in without_log] == [castle["server"], palace["server"]]
    # Later, and with other servers, the list has to tell.
    client = ServerClient(live.base, live.token)
    target = Target(TargetKind.CONTAINER, container)
    client.check(target)
    hour = timedelta(hours=1)
    there = client.find(target, "palace.opus", client.now() - hour, other_ids=())
    assert there is not None
    assert there["id"] == palace["server"]["id"]
    assert client.find(target, "palace.opus", client.now() + hour, other_ids=()) is None
    assert client.find(target, "palace", client.now() - hour, other_ids=()) is None


def test_a_recording_is_found_in_its_bucket_by_title(live: Server, scene: Scene) -> None:
    client = ServerClient(live.base, live.token)
    target = Target(TargetKind.BUCKET, str(scene.bucket["id"]))
    client.check(target)

    since = client.now() - timedelta(hours=1)

    row = client.find(target, "Castle", since, other_ids=())
    assert row is not None
    assert row["id"] == scene.recording["id"]
    assert client.find(target, "Castle", since, other_ids={str(row["id"])}) is None
