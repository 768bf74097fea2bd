"""Python processes that work on the test's database."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence

from django.db import connection


def postgres_url() -> str:
    """Return the address of the test's PostgreSQL database."""
    at = connection.settings_dict
    return f"postgres://{at['USER']}:{at['PASSWORD']}@{at['HOST']}:{at['PORT']}/{at['NAME']}"


def begin(script: str, env: Mapping[str, str], *told: object) -> subprocess.Popen[str]:
    """Start a process that runs a script and exchanges lines with the test."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, told)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=env,
    )


def go_at_once(processes: Sequence[subprocess.Popen[str]]) -> None:
    """Wait until each process reports that it is ready, then start all of them at once."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
