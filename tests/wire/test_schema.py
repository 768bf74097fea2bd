"""The OpenAPI document against the running server, with random calls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.wire.live import Server
from tests.wire.scene import Scene

# Slow: hundreds of random calls of a real server.
pytestmark = pytest.mark.slow

_CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance"
)


def call_at_random(live: Server, *arguments: str, phases: str, examples: int = 15) -> None:
    pytest.importorskip("schemathesis")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", *arguments, "run"),
            f"{live.base}/api/schema",
            *("--include-path-regex", "^/(api/(fs-containers|buckets)|v1/)"),
            *("--header", f"Authorization: Bearer {live.token}"),
            *("--checks", _CHECKS, "--max-examples", str(examples)),
            *("--seed", "1", "--phases", phases, "--workers", "1", "--no-color"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


@pytest.mark.soak
def test_calls_about_what_is_not_there(live: Server, scene: Scene) -> None:
    call_at_random(live, phases="examples,coverage,fuzzing")


@pytest.mark.parametrize(
    "phases",
    [
        pytest.param("examples,fuzzing", marks=pytest.mark.soak),
        # Every limit of every parameter: 1,650 calls.
        pytest.param("coverage", marks=pytest.mark.soak),
    ],
)
def test_calls_about_what_is_there(
    phases: str, live: Server, scene: Scene, tmp_path: Path, programme: Path
) -> None:
    bucket, container = fresh_scene(live, programme)
    config = tmp_path / "schemathesis.toml"
    config.write_text(
        f"""
        [parameters]
        "path.bucket_id" = "{bucket}"
        "path.container_id" = "{container}"
        [[operations]]
        include-name = ["DELETE /api/buckets/{{bucket_id}}"]
        enabled = false
        [[operations]]
        include-name = ["DELETE /api/fs-containers/{{container_id}}"]
        enabled = false
        """
    )

    call_at_random(live, "--config-file", str(config), phases=phases, examples=8)


def fresh_scene(live: Server, programme: Path) -> tuple[int, int]:
    """Make the objects that random calls may damage."""
    named = {"name": "at random", "region": "eu-west-1"}
    bucket = live.call("POST", "/api/buckets", json=named | {"type": "DedupFile"}).json()["data"][
        "id"
    ]
    container = live.call(
        "POST", "/api/fs-containers", json=named | {"buckets": [bucket], "engine": 1}
    ).json()["data"]["id"]
    for path in (f"/api/buckets/{bucket}", f"/api/fs-containers/{container}"):
        with programme.open("rb") as audio:
            live.call("POST", f"{path}/files", files={"file": ("a.opus", audio)})
    return bucket, container
