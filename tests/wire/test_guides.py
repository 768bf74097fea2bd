"""The program in the guide for users of ACRCloud, as it stands there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from tests.wire.live import ROOT, Receiver, Server

pytestmark = pytest.mark.slow  # a server and a worker have to start


def test_the_program_of_the_guide_scans_follows_decides_and_reports(
    live: Server, receiver: Receiver
) -> None:
    guide = (ROOT / "docs" / "from-acrcloud.md").read_text(encoding="utf-8")
    program = "\n".join(re.findall(r"```python\n(.*?)```", guide, re.DOTALL))
    variables = {"PORTAL": live.base, "TOKEN": live.token, "CALLBACK": receiver.url}

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == ["result: Castle", "match: Castle pending"]
    assert "decision: client pending to rejected" in lines
    # Other tests reject matches of this server, too.
    assert int(lines[-1].removeprefix("rows of the report: ")) >= 1
    (callback,) = receiver.wait(1)
    assert json.loads(callback.body)["state"] == 1
