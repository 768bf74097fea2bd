"""Python processes that work on the test's database."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from django.conf import settings
from django.db import connection

_SHELL = """
import io, json, sys
from contextlib import redirect_stdout
import django
django.setup()
from django.core.management.commands.shell import Command
for line in sys.stdin:
    with redirect_stdout(io.StringIO()) as said:
        exec(json.loads(line), Command().get_namespace(verbosity=0))
    print(json.dumps(said.getvalue()), flush=True)
"""


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


def python(
    *arguments: object,
    env: Mapping[str, str] | None = None,
    cwd: Path = settings.BASE_DIR,
    check: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own until it ends."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=env,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=check,
    )


def begin(script: str, env: Mapping[str, str], *message: object) -> subprocess.Popen[str]:
    """Start a process that runs a script and exchanges lines with the test."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, message)],
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


class Shell:
    """Runs code as ``manage.py shell`` does, in one process: starting Django takes long."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = {**env, "DJANGO_SETTINGS_MODULE": "acrportal.settings"}
        self._process: subprocess.Popen[str] | None = None

    def run(self, code: str) -> str:
        """Return what the code prints."""
        process = self._process = self._process or begin(_SHELL, self._env)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(code) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        assert line, "the code failed: standard error says why"
        printed: str = json.loads(line)
        return printed

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.communicate()
