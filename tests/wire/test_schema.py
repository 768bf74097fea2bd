"""The OpenAPI document against the running server, called at random."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.wire.conftest import Scene
from tests.wire.live import Server

pytestmark = pytest.mark.slow


def test_no_call_at_random_breaks_the_server(live: Server, scene: Scene) -> None:
    pytest.importorskip("schemathesis")

    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", f"{live.base}/api/schema"]
        + ["--include-path-regex", "^/(api/(fs-containers|buckets)|v1/)"]
        + ["--header", f"Authorization: Bearer {live.token}"]
        + ["--checks", "not_a_server_error,status_code_conformance"]
        + ["--checks", "content_type_conformance,response_schema_conformance"]
        + ["--max-examples", "15", "--phases", "examples,coverage,fuzzing"]
        + ["--seed", "1", "--workers", "1", "--no-color"],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
