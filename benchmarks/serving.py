"""Serves an installation as operators do, and tells what its processes take."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def serving(log: Path) -> Iterator[tuple[int, int]]:
    """Run ``manage.py serve`` while the block runs; yield its port and process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with log.open("wb") as out:
        serve = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--port", str(port)],
            cwd=_ROOT,
            env=os.environ,
            stdout=out,
            stderr=out,
        )
    try:
        _wait_for_answer(port)
        yield port, serve.pid
    finally:
        serve.send_signal(signal.SIGTERM)
        serve.wait()


def _wait_for_answer(port: int) -> None:
    for _ in range(600):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)
        finally:
            connection.close()
    raise SystemExit("The server does not respond.")


def tree_of(pid: int) -> Iterator[int]:
    """Yield a process and those that it started, and these started."""
    yield pid
    for child in children_of(pid):
        yield from tree_of(child)


def children_of(pid: int) -> list[int]:
    """Return the processes that a process started."""
    return [int(child) for child in read_process(pid, f"task/{pid}/children").split()]


def proportional_kib(pid: int) -> int:
    """Return the memory of a process; shared pages count proportionally (PSS)."""
    return _kib(read_process(pid, "smaps_rollup"), "Pss")


def peak_kib(pid: int) -> int:
    """Return the most memory that a process ever had (VmHWM)."""
    return _kib(read_process(pid, "status"), "VmHWM")


def _kib(text: str, name: str) -> int:
    match = re.search(rf"^{name}:\s+(\d+)", text, re.MULTILINE)
    return int(match.group(1)) if match else 0


def read_process(pid: int, name: str) -> str:
    """Return a file of ``/proc``; nothing if the process has ended."""
    try:
        return Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8")
    except OSError:
        return ""
