"""The engine's own command, against a running portal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.wire.conftest import Scene
from tests.wire.live import DEMO, ROOT, Server, wait_for

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


def test_fingerprints_are_made_sent_and_found(
    live: Server, scene: Scene, tmp_path: Path
) -> None:
    container, bucket = (str(one["id"]) for one in (scene.container, scene.bucket))
    made = tmp_path / "made"
    acrfp(
        live, tmp_path, "make", DEMO / "castle.opus", DEMO / "palace.opus", "-o", made
    )

    [castle, palace] = acrfp(
        live, tmp_path, "send", "--container", container, "-r", made
    )
    added = acrfp(live, tmp_path, "send", "--bucket", bucket, "-r", made)
    again = acrfp(live, tmp_path, "send", "--container", container, "-r", made)

    files = f"/api/fs-containers/{container}/files"
    found = wait_for(live, f"{files}/{castle['server']['id']}", states=(1, -1))
    assert found["name"] == "castle.opus"
    assert found["data_type"] == "fingerprint"
    assert found["state"] == 1
    # The bucket has Castle already, from its audio.
    assert [one["status"] for one in added] == ["duplicate", "sent"]
    assert [one["status"] for one in again] == ["skipped", "skipped"]
    assert again[1]["server"] == palace["server"]


def test_a_lost_log_does_not_send_files_twice(
    live: Server, scene: Scene, tmp_path: Path
) -> None:
    container = str(scene.container["id"])
    acrfp(live, tmp_path, "make", DEMO / "mountain.opus", "-o", tmp_path / "made")
    send = ("send", "--container", container, "-r", tmp_path / "made")

    [first] = acrfp(live, tmp_path / "a", *send)
    [second] = acrfp(live, tmp_path / "b", *send)

    # Within a day the portal repeats its first answer.
    assert second["server"] == first["server"]
