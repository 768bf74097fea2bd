"""Python processes that work on the test's database."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from django.db import connection


def shared_url(folder: Path) -> str:
    """Return the address of a database with the test's rows that other processes can open.

    On SQLite it is a copy in the folder, because the test's own lies in memory.
    """
    if connection.vendor == "postgresql":
        return postgres_url()
    path = folder / "portal.sqlite3"
    with closing(sqlite3.connect(path)) as copy:
        connection.connection.backup(copy)
    return f"sqlite:///{path}"


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
