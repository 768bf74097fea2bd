"""Two machines with a data folder each: each does what its disk allows, nothing fails."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from kombu import Connection

from tests.fixtures import CopyDatabase

# Each test starts several processes.
pytestmark = pytest.mark.slow

_BROKERS = {
    "database": "",
    "rabbitmq": os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1//"),
    "redis": os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9"),
}
_PATIENCE_SECONDS = 120.0
_DUTIES = (
    *("", "signing_key", "open_data", "open_data_reading"),
    "link_reader",
)


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
        self._workers[name] = self._run(
            name, "-m", "tests.jobs.machine", self.prefix, "work"
        )

    def end(self, name: str) -> None:
        worker = self._workers.pop(name)
        worker.send_signal(signal.SIGTERM)
        worker.wait(_PATIENCE_SECONDS)

    def end_all(self) -> None:
        for name in tuple(self._workers):
            self._workers[name].kill()
            self.end(name)

    def do(self, name: str, action: str) -> None:
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


# Queues of duties exist with a broker alone; without one, test_duties.py has the same rules.
@pytest.fixture(
    params=[
        "rabbitmq",
        pytest.param("redis", marks=pytest.mark.soak),
        pytest.param("database", marks=pytest.mark.soak),
    ]
)
def machines(
    request: pytest.FixtureRequest, tmp_path: Path, copy_database: CopyDatabase
) -> Iterator[Machines]:
    url = _BROKERS[request.param]
    if url:
        try:
            Connection(url, connect_timeout=3).ensure_connection(max_retries=1)
        except OSError as error:
            pytest.skip(f"needs {request.param} at {url}: {error}")
    made = Machines(tmp_path, copy_database(tmp_path), url)
    yield made
    made.end_all()
    if url:
        with Connection(url) as connected:
            for pool in ("work", "talk"):
                for duty in _DUTIES:
                    queue = f"{made.prefix}{pool}.{duty}".rstrip(".")
                    connected.default_channel.queue_delete(queue)


def test_a_machine_does_what_its_disk_allows_and_the_rest_waits_with_its_reason(
    machines: Machines,
) -> None:
    machines.do("desk", "prepare")
    code, told = machines.manage("with-key", "create_signing_key")
    assert code == 0, told
    machines.start("with-key")
    machines.wait_for_statement("with-key")
    machines.end("with-key")
    long_ago = "UPDATE jobs_machine SET seen_at = datetime(seen_at, '-10 minutes')"
    machines.rows(long_ago)

    machines.start("without")
    machines.wait_for_statement("without")
    machines.do("desk", "ask_for_pack")
    machines.do("desk", "send_lists")
    # What the machine can do, it does meanwhile.
    read = "SELECT COUNT(*) FROM enrichment_enrichmentsource WHERE state = 'ready'"
    machines.wait_for(lambda: machines.rows(read) == [(2,)])
    packs = "SELECT status, message, key_id FROM reports_evidencepack"
    ((status, message, _key),) = machines.rows(packs)
    jobs = "SELECT state, attempts, blocked_by FROM jobs_job WHERE kind = 'evidence'"

    assert (status, machines.rows(jobs)) == ("queued", [("waiting", 0, "signing_key")])
    assert message.startswith("No worker that has the signing key was seen lately")
    code, told = machines.manage("without", "doctor")
    assert code == 1
    assert "1 job waiting for a worker that has the signing key" in told
    code, told = machines.manage("without", "create_signing_key")
    assert code == 1
    assert "a second key would make packs of two signers" in told
    assert not (machines.data("without") / "signing_key.pem").exists()

    machines.start("with-key")
    machines.wait_for(lambda: machines.rows(packs)[0][0] == "ready")
    searches = "SELECT state FROM jobs_job WHERE kind = 'enrichment_match'"
    machines.wait_for(
        lambda: {state for (state,) in machines.rows(searches)} == {"done"}
    )

    assert machines.rows("SELECT * FROM jobs_job WHERE state = 'failed'") == []
    assert machines.rows(packs)[0][1] == ""
    # Both lists were read on one machine, which can search in them.
    indexes = [
        len(list(machines.data(name).glob("enrichment/*.sqlite3")))
        for name in ("with-key", "without")
    ]
    assert sorted(indexes) == [0, 2]
    # A worker says what goes wrong, and nothing of Celery's own work.
    for name in ("with-key", "without"):
        assert '"logger": "celery' not in machines.log(name)
        assert "[queues]" not in machines.log(name)
