"""Commands end with all their children, whatever signals arrive in which order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from django.conf import settings

from tests.fixtures import CopyDatabase
from tests.wire.live import free_port
from web.portal.shared.processes import processes

pytestmark = pytest.mark.slow

T = TypeVar("T")

# Other tests may keep the machine busy.
_PATIENCE_SECONDS = 240.0


@dataclass
class Session:
    """A command in a session of its own, which its children do not leave."""

    process: subprocess.Popen[bytes]

    def members(self) -> dict[int, str]:
        """Return the command line of each process of the session, without zombies."""
        lines = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit() and self._has(folder):
                words = _read(folder / "cmdline").replace("\0", " ")
                lines[int(folder.name)] = words
        return lines

    def _has(self, folder: Path) -> bool:
        fields = _read(folder / "stat").rpartition(")")[2].split()
        return len(fields) > 3 and fields[3] == str(self.process.pid) and fields[0] != "Z"

    def wait_for(self, words: str, *, count: int = 1) -> list[int]:
        """Wait until this many processes have these words in their command line."""

        def find() -> list[int]:
            pids = [pid for pid, line in self.members().items() if words in line]
            return sorted(pids) if len(pids) >= count else []

        return _until(find, f"{words} does not run")

    def send_until_ended(self, *numbers: signal.Signals) -> None:
        """Send these signals to the command in turn, until it has ended."""
        while self.process.poll() is None:
            for number in numbers:
                self.process.send_signal(number)
            time.sleep(0.001)

    def wait_until_empty(self) -> None:
        """Wait until no process of the session is left."""

        def is_empty() -> bool:
            self.process.poll()
            return not self.members()

        _until(is_empty, f"still running: {self.members()}")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _until(look: Callable[[], T], fault: str) -> T:
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        if result := look():
            return result
        time.sleep(0.02)
    raise AssertionError(fault)


@pytest.fixture
def environment(copy_database: CopyDatabase, tmp_path: Path) -> dict[str, str]:
    """Return the environment of a migrated installation."""
    return os.environ | {
        "ACRPORTAL_DATA_DIR": str(tmp_path),
        "ACRPORTAL_HTTPS": "off",
        "DATABASE_URL": f"sqlite:///{copy_database(tmp_path)}",
        "LOG_LEVEL": "ERROR",
        "SECRET_KEY": "only for this test, and as long as a real one has to be",
        # tests/acrportal/test_web_processes.py ends several.
        "WEB_CONCURRENCY": "1",
    }


@pytest.fixture
def begin(environment: dict[str, str]) -> Iterator[Callable[..., Session]]:
    """Return a function that starts a command; what remains of it is killed."""
    sessions = []

    def begin(*command: str, stdin: str = "") -> Session:
        process = subprocess.Popen(
            command,
            cwd=settings.BASE_DIR,
            env=environment,
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdin is not None
        with process.stdin as written:
            written.write(stdin.encode())
        sessions.append(Session(process))
        return sessions[-1]

    yield begin
    for session in sessions:
        for pid in session.members():
            os.kill(pid, signal.SIGKILL)
        session.process.wait()


Begin = Callable[..., Session]


def _manage(*arguments: str) -> list[str]:
    return [sys.executable, "manage.py", *arguments]


@pytest.fixture
def serve(begin: Begin) -> Session:
    session = begin(*_manage("serve", "--port", str(free_port())))
    # The first process, and the one that answers.
    session.wait_for("gunicorn", count=2)
    session.wait_for("manage.py worker")
    for command in processes:
        session.wait_for(f"manage.py {command}")
    return session


@pytest.mark.soak
def test_make_stopped_by_its_process_group_leaves_nothing(begin: Begin) -> None:
    """Its processes get the signal twice: from the group, and from make."""
    command = " ".join(_manage("serve", "--port", str(free_port())))
    session = begin("make", "--file=-", stdin=f"all:\n\t{command}\n")
    session.wait_for("gunicorn", count=2)

    os.killpg(session.process.pid, signal.SIGTERM)

    session.wait_until_empty()


def test_serve_ends_in_order_however_many_signals_arrive(serve: Session) -> None:
    serve.send_until_ended(signal.SIGTERM, signal.SIGINT)

    # The last one may arrive while Python has given its handlers back.
    assert serve.process.returncode in (0, -signal.SIGTERM)
    serve.wait_until_empty()


@pytest.mark.parametrize(
    "child", [pytest.param("gunicorn", marks=pytest.mark.soak), "manage.py worker"]
)
def test_serve_signalled_while_it_starts_leaves_nothing(child: str, begin: Begin) -> None:
    session = begin(*_manage("serve", "--port", str(free_port())))
    session.wait_for(child)

    session.send_until_ended(signal.SIGINT, signal.SIGTERM)

    session.wait_until_empty()


@pytest.mark.soak
def test_a_killed_serve_leaves_nothing(serve: Session) -> None:
    serve.process.kill()

    serve.wait_until_empty()


@pytest.mark.soak
def test_a_killed_web_server_ends_everything(serve: Session) -> None:
    os.kill(serve.wait_for("gunicorn")[0], signal.SIGKILL)

    serve.wait_until_empty()
    assert serve.process.wait(_PATIENCE_SECONDS) == 1


@pytest.mark.soak
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_demo_ends_with_its_worker(number: signal.Signals, begin: Begin) -> None:
    session = begin(*_manage("run_demo", "--no-serve"))
    session.wait_for("manage.py worker")

    session.send_until_ended(number)

    session.wait_until_empty()
