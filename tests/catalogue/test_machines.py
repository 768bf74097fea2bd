"""Three machines with real workers share PostgreSQL, RabbitMQ and an S3 server."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection

from tests.catalogue.machine_actions import TUNES
from tests.jobs.chaos import LEASE_SECONDS, postgres_database
from tests.object_storage import s3_server

# Starts seven processes, and lets them suffer for some minutes.
pytestmark = pytest.mark.soak

_BROKER = os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1//")
_PATIENCE_SECONDS = 400.0
_AWAY_SECONDS = float(os.environ.get("TEST_AWAY_SECONDS", "20"))
_SCANS = 9
_PARTITIONS = 3


class Door:
    """Leads connections to a server, and can be closed."""

    def __init__(self, server: str) -> None:
        self._server = (server.partition(":")[0], int(server.partition(":")[2]))
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._serve()

    def close(self) -> None:
        """Refuse connections, and cut those that are open."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in tuple(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def open(self) -> None:
        """Let connections through again."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._serve()

    def _serve(self) -> None:
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                inner, _ = listener.accept()
                outer = socket.create_connection(self._server)
                self._open |= {inner, outer}
                for pair in ((inner, outer), (outer, inner)):
                    threading.Thread(target=self._copy, args=pair, daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while part := source.recv(1 << 16):
                target.sendall(part)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)
        self._open.discard(source)


class Machines:
    """Machines with a data folder each, and their workers."""

    def __init__(self, folder: Path, database: str, storage: str) -> None:
        self._folder, self._prefix = folder, f"test-{uuid.uuid4().hex}-"
        self._environment = os.environ | {
            "ACRPORTAL_ENV_FILE": os.devnull,
            "DATABASE_URL": database,
            "BROKER_URL": _BROKER,
            "STORAGE_URL": storage,
            "SECRET_KEY": "only for this test, and long enough for it",
            "DJANGO_SETTINGS_MODULE": "acrportal.settings",
            "ACRPORTAL_HTTPS": "off",
            "ACRPORTAL_LEASE_SECONDS": str(LEASE_SECONDS),
        }
        self._held: dict[str, dict[str, str]] = {}
        self._workers: dict[str, subprocess.Popen[bytes]] = {}
        self._answering: dict[str, subprocess.Popen[str]] = {}

    def data(self, name: str) -> Path:
        return self._folder / name

    def hold(self, name: str, held: str, *, count: int) -> None:
        """Let a machine hold some partitions of the catalogue."""
        self._held[name] = {"ACRPORTAL_PARTITIONS": str(count), "ACRPORTAL_HELD_PARTITIONS": held}

    def start(self, name: str) -> None:
        log = (self._folder / f"{name}.log").open("ab")
        self._workers[name] = subprocess.Popen(
            self._command("work"), env=self._of(name), stdout=log, stderr=log
        )

    def end(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        worker = self._workers.pop(name)
        worker.send_signal(number)
        worker.wait(60)

    def end_all(self) -> None:
        """End all processes, and remove their queues."""
        for name in tuple(self._workers):
            self.end(name)
        for process in self._answering.values():
            with process:
                process.kill()
        with Connection(_BROKER) as connected:
            for pool in ("work", "talk"):
                connected.default_channel.queue_delete(f"{self._prefix}{pool}")

    def do(self, action: str, *words: object, on: str = "web") -> Any:  # Any: JSON
        """Run an action on a machine; return its answer."""
        if on not in self._answering:
            log = (self._folder / f"{on}-answers.log").open("ab")
            self._answering[on] = subprocess.Popen(
                self._command("answer"),
                env=self._of(on),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        process = self._answering[on]
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([action, *words]) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        assert answer, (self._folder / f"{on}-answers.log").read_text()[-3000:]
        return json.loads(answer)

    def wait_for(self, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until the state is as wanted, and return it."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        state: dict[str, Any] = self.do("state")  # Any: JSON
        while not is_so(state):
            assert time.monotonic() < deadline, state
            time.sleep(0.5)
            state = self.do("state")
        assert state["failed"] == []
        return state

    def held(self, name: str) -> dict[str, Any]:  # Any: JSON
        (store,) = self.data(name).glob("index*/STORE")
        answer: dict[str, Any] = self.do("held", str(store.parent))  # Any: JSON
        return answer

    def _of(self, name: str) -> dict[str, str]:
        self.data(name).mkdir(exist_ok=True)
        own = {"ACRPORTAL_DATA_DIR": str(self.data(name))}
        return self._environment | own | self._held.get(name, {})

    def _command(self, role: str) -> list[str]:
        module = "tests.catalogue.machine_actions"
        return [sys.executable, "-m", module, self._prefix, role]


@pytest.fixture
def door() -> Iterator[Door]:
    """Return the way to an S3 server."""
    with s3_server() as address, closing(Door(address)) as made:
        yield made


@pytest.fixture
def machines(tmp_path: Path, door: Door) -> Iterator[Machines]:
    try:
        Connection(_BROKER, connect_timeout=3).ensure_connection(max_retries=1)
    except OSError as error:
        pytest.skip(f"needs RabbitMQ: {error}")
    storage = f"s3://key:secret@127.0.0.1:{door.port}/media?https=off"
    with postgres_database() as database:
        made = Machines(tmp_path, database, storage)
        try:
            made.do("prepare")
            yield made
        finally:
            made.end_all()


def are_done(count: int) -> Callable[[dict[str, Any]], bool]:
    """Return whether so many scans have succeeded."""

    def check(state: dict[str, Any]) -> bool:
        return [scan["status"] for scan in state["scans"].values()].count("succeeded") >= count

    return check


def test_nothing_is_lost_whatever_happens_to_the_machines(machines: Machines, door: Door) -> None:
    machines.start("a")
    machines.wait_for(lambda state: state["recordings"] == {"ready": TUNES})
    machines.do("submit", "quiet", TUNES)
    quiet = machines.wait_for(are_done(TUNES))["scans"]
    expected = {name.split("-")[1]: scan["found"] for name, scan in quiet.items()}
    assert all(len({row[0] for row in rows}) == 2 for rows in expected.values())

    machines.start("b")
    machines.do("submit", "loud", _SCANS)
    machines.start("c")
    machines.wait_for(are_done(TUNES + 2))
    machines.end("b")
    shutil.rmtree(machines.data("a") / "index")
    machines.wait_for(are_done(TUNES + 4))
    door.close()
    time.sleep(_AWAY_SECONDS)
    door.open()
    machines.do("add", TUNES + 1)
    machines.start("b")
    ended = machines.wait_for(
        lambda state: (
            are_done(TUNES + _SCANS)(state) and state["recordings"] == {"ready": TUNES + 1}
        )
    )

    for name, scan in ended["scans"].items():
        assert scan["found"] == expected[name.split("-")[1]], name
        assert scan["state"] >= TUNES
    machines.do("retire", "Tune 1")
    folders = {str(machines.data(name) / "index") for name in "abc"}
    machines.wait_for(
        lambda state: (
            {
                folder
                for folder, how in state["copies"].items()
                if how == [0, ""] and folder in folders
            }
            == folders
        )
    )
    copies = [machines.held(name) for name in "abc"]
    assert copies[0] == copies[1] == copies[2]
    assert len(copies[0]["recordings"]) == TUNES
    assert copies[0]["faults"] == []


def test_machines_with_a_partition_each_answer_as_one_machine(machines: Machines) -> None:
    machines.start("whole")
    machines.wait_for(lambda state: state["recordings"] == {"ready": TUNES})
    machines.do("submit", "one", TUNES)
    scans = machines.wait_for(are_done(TUNES))["scans"]
    expected = {name.split("-")[1]: scan["found"] for name, scan in scans.items()}
    assert all(len({row[0] for row in rows}) == 2 for rows in expected.values())
    identified = machines.do("identify", 2)
    assert identified[0][0] == "Tune 2"
    machines.end("whole", signal.SIGTERM)

    names = [f"part-{number}" for number in range(1, _PARTITIONS + 1)]
    machines.hold("desk", "none", count=_PARTITIONS)
    for number, name in enumerate(names, 1):
        machines.hold(name, str(number), count=_PARTITIONS)
    for name in names[:-1]:
        machines.start(name)
    machines.do("submit", "many", _SCANS, on="desk")
    # Without the last partition, no scan may end.
    machines.wait_for(lambda state: any("No machine" in why for why in state["waiting"]))
    machines.start(names[-1])
    machines.wait_for(are_done(TUNES + 2))
    machines.end(names[0])
    machines.start(names[0])
    ended = machines.wait_for(are_done(TUNES + _SCANS))

    for name, scan in ended["scans"].items():
        assert scan["found"] == expected[name.split("-")[1]], name
    assert machines.do("identify", 2, on="desk") == identified
    parts = [machines.held(name) for name in names]
    assert sum(len(part["recordings"]) for part in parts) == TUNES
    assert all(len(part["recordings"]) < TUNES for part in parts)
