"""Machines with a data folder each, for tests of what only some of them can do."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from kombu import Connection

from base.jobs import resources

_BROKERS = {
    "database": "",
    "rabbitmq": os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1//"),
    "redis": os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9"),
}
_PATIENCE_SECONDS = 120.0


class Machines:
    """Machines that share a database and stored files, and nothing else."""

    def __init__(self, folder: Path, database: Path, broker: str) -> None:
        self._folder, self._database = folder, database
        self.prefix = f"test-{uuid.uuid4().hex}-"
        self._workers: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = os.environ | {
            "DATABASE_URL": f"sqlite:///{database}",
            "BROKER_URL": broker,
            "SECRET_KEY": "only for this test, and long enough",
            "DJANGO_SETTINGS_MODULE": "acrportal.settings",
            "ACRPORTAL_LEASE_SECONDS": "6",
        }

    def data(self, name: str) -> Path:
        """Return the data folder of a machine, with the storage that all share."""
        folder = self._folder / name
        if not folder.exists():
            folder.mkdir()
            (self._folder / "media").mkdir(exist_ok=True)
            (folder / "media").symlink_to(self._folder / "media")
        return folder

    def start(self, name: str) -> None:
        self._workers[name] = self._run(name, "-m", "tests.jobs.machine", self.prefix, "work")

    def end(self, name: str) -> None:
        worker = self._workers.pop(name)
        worker.send_signal(signal.SIGTERM)
        worker.wait(_PATIENCE_SECONDS)

    def end_all(self) -> None:
        for name in tuple(self._workers):
            self._workers[name].kill()
            self.end(name)

    def do(self, name: str, action: str) -> None:
        """Call a function on a machine, by the path of its module and its name."""
        done = self._run(name, "-m", "tests.jobs.machine", self.prefix, action)
        assert done.wait(_PATIENCE_SECONDS) == 0, self.log(name)

    def manage(self, name: str, *words: str) -> tuple[int, str]:
        """Run a command on a machine; return its exit code and what it says."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            env=self._environment | {"ACRPORTAL_DATA_DIR": str(self.data(name))},
            cwd=settings.BASE_DIR,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def rows(self, query: str) -> list[Any]:  # Any: values of columns
        with closing(sqlite3.connect(self._database, timeout=20)) as database:
            rows = database.execute(query).fetchall()
            database.commit()
            return rows

    def wait_for(self, is_so: Callable[[], object]) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not is_so():
            jobs = self.rows("SELECT kind, state, duty, cause FROM jobs_job")
            assert time.monotonic() < deadline, (jobs, *map(self.log, self._workers))
            time.sleep(0.1)

    def wait_for_statement(self, name: str) -> None:
        folder = (str(self.data(name)),)
        self.wait_for(lambda: folder in self.rows("SELECT folder FROM jobs_machine"))

    def _run(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        with (self._folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *words],
                env=self._environment | {"ACRPORTAL_DATA_DIR": str(self.data(name))},
                cwd=settings.BASE_DIR,
                stdout=log,
                stderr=log,
            )

    def log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text()


@contextmanager
def machines_with(broker: str, folder: Path, database: Path) -> Iterator[Machines]:
    """Yield machines below a folder; skip the test if the broker cannot be reached."""
    url = _BROKERS[broker]
    if url:
        try:
            Connection(url, connect_timeout=3).ensure_connection(max_retries=1)
        except OSError as error:
            pytest.skip(f"needs {broker} at {url}: {error}")
    machines = Machines(folder, database, url)
    try:
        yield machines
    finally:
        machines.end_all()
        if url:
            with Connection(url) as connected:
                _delete_queues(connected, machines.prefix)


def _delete_queues(connected: Connection, prefix: str) -> None:
    for pool in ("work", "talk"):
        for duty in ("", *resources._duties):
            queue = f"{prefix}{pool}.{duty}".rstrip(".")
            connected.default_channel.queue_delete(queue)
