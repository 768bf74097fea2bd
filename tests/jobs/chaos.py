"""An installation of its own whose workers are real processes, and suffer."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings

from tests import databases

_SERVER = os.environ.get("TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")
_PATIENCE_SECONDS = 180.0
LEASE_SECONDS = 6
HOUR = 3600

Row = tuple[Any, ...]  # Any: values of columns


class Chaos:
    """The installation: its database, and the processes that run on it."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder, self.url = folder, database_url
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = os.environ | {
            "ACRPORTAL_DATA_DIR": str(folder),
            "DATABASE_URL": database_url,
            "SECRET_KEY": "only for this test, and long enough",
            "DJANGO_SETTINGS_MODULE": "acrportal.settings",
            "ACRPORTAL_LEASE_SECONDS": str(LEASE_SECONDS),
        }

    def set_clock(self, name: str, ahead: int) -> None:
        """Let the clock of a process be some seconds ahead, now and from now on."""
        new = self.folder / f"{name}.new"
        new.write_text(str(ahead))
        new.rename(self.folder / f"{name}.clock")

    def submit(self, *jobs: str, ahead: int = 0) -> None:
        self.set_clock("web", ahead)
        assert self._start("web", "submit", *jobs).wait(_PATIENCE_SECONDS) == 0

    def start_worker(self, name: str, *options: str, ahead: int = 0) -> None:
        """Start a worker whose clock is some seconds ahead."""
        self.set_clock(name, ahead)
        self._processes[name] = self._start(name, "call", "worker", *options)

    def run(self, *words: str) -> int:
        return self._start("run", *words).wait(_PATIENCE_SECONDS)

    def fill_disk(self, *, room: int = 0) -> None:
        """Let no file of any process grow beyond some bytes."""
        new = self.folder / "full.new"
        new.write_text(str(room))
        new.rename(self.folder / "full")

    def free_disk(self) -> None:
        (self.folder / "full").unlink()

    def end(self, name: str, number: signal.Signals = signal.SIGTERM) -> int:
        process = self._processes.pop(name)
        process.send_signal(number)
        return process.wait(_PATIENCE_SECONDS)

    def end_all(self) -> None:
        for name in tuple(self._processes):
            self.end(name, signal.SIGKILL)

    def enough(self, name: str = "long") -> None:
        """Let a long job end."""
        (self.folder / f"{name}.enough").touch()

    def read_log(self) -> list[str]:
        file = self.folder / "said"
        return file.read_text().splitlines() if file.exists() else []

    def count(self, words: str) -> int:
        """Return how often some worker said these words."""
        return sum(line.partition(" ")[2] == words for line in self.read_log())

    def rows(self, query: str) -> list[Row]:
        if self.url.startswith("sqlite"):
            path = self.url.removeprefix("sqlite:///")
            with closing(sqlite3.connect(path, timeout=20)) as database:
                return database.execute(query).fetchall()
        with psycopg.connect(self.url, autocommit=True) as database:
            return database.execute(query).fetchall()

    def jobs(self) -> dict[str, tuple[str, int]]:
        rows = self.rows(
            "SELECT b.name, j.state, j.attempts FROM jobs_job j"
            " JOIN catalogue_bucket b ON b.id = j.subject WHERE j.kind LIKE 'chaos%'"
        )
        return {name: (state, attempts) for name, state, attempts in rows}

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def wait_for(self, is_so: Callable[[], bool], seconds: float | None = None) -> None:
        deadline = time.monotonic() + (seconds or _PATIENCE_SECONDS)
        while not is_so():
            assert time.monotonic() < deadline, (self.read_log(), self.jobs())
            time.sleep(0.1)

    def _start(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        run = "from tests.jobs import chaos_worker; chaos_worker.main()"
        process = subprocess.Popen(
            [sys.executable, "-c", run, str(self.folder), name, *words],
            env=self._environment,
            cwd=settings.BASE_DIR,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

        # Through a pipe, which has room while the process's disk is full.
        def note() -> None:
            assert process.stdout is not None
            with process.stdout, (self.folder / f"{name}.log").open("ab") as log:
                while part := os.read(process.stdout.fileno(), 1 << 16):
                    log.write(part)
                    log.flush()

        threading.Thread(target=note, daemon=True).start()
        return process


@contextmanager
def postgres_database(*, is_empty: bool = False) -> Iterator[str]:
    """Return the address of a PostgreSQL database; skip without a server.

    It is migrated unless it ``is_empty``.
    """
    name = f"chaos_{uuid.uuid4().hex[:12]}"
    try:
        server = psycopg.connect(_SERVER, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        pytest.skip(f"needs a PostgreSQL server: {error}")
    with closing(server):
        if is_empty:
            server.execute(f"CREATE DATABASE {name}")
        else:
            databases.prepare(server, _SERVER)
            server.execute(f"CREATE DATABASE {name} TEMPLATE {databases.TEMPLATE}")
        try:
            yield f"{_SERVER.rpartition('/')[0]}/{name}"
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def without_connections(url: str) -> Iterator[None]:
    """Cut every connection to a database, and refuse new ones."""
    name = url.rpartition("/")[2]
    with closing(psycopg.connect(_SERVER, autocommit=True)) as server:
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            cut_connections(url)
            yield
        finally:
            server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def cut_connections(url: str) -> None:
    """End every connection to a database, as the restart of its server does."""
    with closing(psycopg.connect(_SERVER, autocommit=True)) as server:
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            [url.rpartition("/")[2]],
        )
