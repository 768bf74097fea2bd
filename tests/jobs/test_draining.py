"""A stopped worker finishes its current work and leaves the rest to others."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from kombu import Connection

from base.jobs.choices import Pool
from tests import audio
from tests.fixtures import CopyDatabase

# Only a real worker process shows the effect of a signal.
pytestmark = pytest.mark.slow

_BROKERS = {
    "database": "",
    "rabbitmq": os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1//"),
    "redis": os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9"),
}
_PATIENCE_SECONDS = 90
_RUN = """
import sys, django
django.setup()
from django.core.management import call_command
from base.jobs import broker
broker.PREFIX = sys.argv[1]
call_command(*sys.argv[2:])
"""
_FILL = """
import sys, django
django.setup()
from django.core.management import call_command
from base.jobs import broker
from scanning.models import Container
broker.PREFIX = sys.argv[1]
Container.objects.create(name="c")
call_command("scan_file", "--container", "c", *sys.argv[2:])
"""
# What ``celery -A base.jobs worker`` does, with queues of the test's own.
_CELERY = """
import sys, django
django.setup()
from base.jobs import broker
broker.PREFIX = sys.argv[1]
from base.jobs.celery import app
app.worker_main(["worker", "-Q", f"{sys.argv[1]}work", "-c", "1"])
"""


class Installation:
    """A separate installation, and programs that run in it."""

    def __init__(self, folder: Path, database: Path, broker: str, *, celery: bool) -> None:
        self.database = database
        self.log = folder / "log"
        self.celery = celery
        self.queue = f"test-{uuid.uuid4().hex}-"
        self.environment = os.environ | {
            "ACRPORTAL_DATA_DIR": str(folder),
            "DATABASE_URL": f"sqlite:///{self.database}",
            "BROKER_URL": broker,
            "SECRET_KEY": "only for this test, and long enough",
            "DJANGO_SETTINGS_MODULE": "acrportal.settings",
        }

    def start(self, *arguments: str, program: str = _RUN) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", program, self.queue, *arguments],
            env=self.environment,
            cwd=settings.BASE_DIR,
            stdout=subprocess.DEVNULL,
            stderr=self.log.open("ab"),
        )

    def start_worker(self) -> subprocess.Popen[bytes]:
        self.log.unlink()
        if not self.celery:
            return self.start("worker")
        return self.start(program=_CELERY)

    def logged(self) -> list[tuple[str, str]]:
        """Return level and text of each line that the last worker logged."""
        lines = self.log.read_text("utf-8").splitlines()
        # Celery alone warns root in plain text.
        logged = [json.loads(line) for line in lines if line.startswith("{")]
        return [(line["level"], line["message"]) for line in logged]

    def ask_for_scans(self, *paths: Path) -> None:
        filling = self.start(*map(str, paths), program=_FILL)
        assert filling.wait(timeout=_PATIENCE_SECONDS) == 0

    def scans(self) -> list[tuple[str, int]]:
        """Return state and attempts of each scan, read from the database file."""
        with sqlite3.connect(self.database, timeout=20) as database:
            rows = database.execute(
                "SELECT s.status, j.attempts FROM scanning_scan s"
                " JOIN jobs_job j ON j.kind = 'scan' AND j.subject = s.id ORDER BY s.id"
            )
            return list(rows.fetchall())

    def wait_for(self, *states: tuple[str, int]) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self.scans() != list(states):
            assert time.monotonic() < deadline, self.scans()
            time.sleep(0.02)


@pytest.fixture(
    params=[
        "database",
        pytest.param("rabbitmq", marks=pytest.mark.soak),
        pytest.param("redis", marks=pytest.mark.soak),
        pytest.param("celery", marks=pytest.mark.soak),
    ]
)
def installation(
    request: pytest.FixtureRequest, tmp_path: Path, copy_database: CopyDatabase
) -> Iterator[Installation]:
    """Return an installation with workers of ours, of a broker, or of Celery itself."""
    celery = request.param == "celery"
    url = _BROKERS["redis" if celery else request.param]
    if url:
        try:
            Connection(url, connect_timeout=3).ensure_connection(max_retries=1)
        except OSError as error:
            pytest.skip(f"needs {request.param} at {url}: {error}")
    made = Installation(tmp_path, copy_database(tmp_path), url, celery=celery)
    yield made
    if url:
        with Connection(url) as connected:
            for pool in Pool:
                connected.default_channel.queue_delete(f"{made.queue}{pool}")


@pytest.mark.soak
def test_a_worker_told_to_end_finishes_its_scan_and_takes_no_other(
    installation: Installation, tmp_path: Path
) -> None:
    long, short = tmp_path / "long.wav", tmp_path / "short.wav"
    long.write_bytes(audio.wav_bytes(audio.join([audio.tune(3, 60)] * 2)))
    short.write_bytes(audio.wav_bytes(audio.tune(4, 5)))
    installation.ask_for_scans(long, short)

    worker = installation.start_worker()
    installation.wait_for(("running", 1), ("queued", 0))
    worker.send_signal(signal.SIGTERM)
    if not installation.environment["BROKER_URL"]:
        # A parent and a process group each send one, and a terminal another.
        worker.send_signal(signal.SIGINT)
        worker.send_signal(signal.SIGTERM)

    assert worker.wait(timeout=_PATIENCE_SECONDS) == 0
    assert installation.scans() == [("succeeded", 1), ("queued", 0)]

    other_process = installation.start_worker()
    installation.wait_for(("succeeded", 1), ("succeeded", 1))
    other_process.send_signal(signal.SIGTERM)
    assert other_process.wait(timeout=_PATIENCE_SECONDS) == 0
    # It says when it begins and ends, and nothing of Celery's own work.
    begins, *connects, ends = installation.logged()
    assert begins[0] == ends[0] == "INFO"
    assert " begins: work" in begins[1]
    assert ends[1].endswith(" ends")
    assert [text.split(" at ")[0] for _level, text in connects] == (
        ["connected to the broker"] if installation.environment["BROKER_URL"] else []
    )
