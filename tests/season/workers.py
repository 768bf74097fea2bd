"""Workers of the season: one that finishes all work, and one that gets killed."""

from __future__ import annotations

import os
import pickle
import signal
import struct
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from django.core.management import call_command

_ENDS = (signal.SIGTERM, signal.SIGINT)


def work() -> None:
    """Do all queued work with the real worker's code."""
    handlers = {number: signal.getsignal(number) for number in _ENDS}
    try:
        call_command("worker", batch=True)
    finally:
        # The worker installs its own handlers for these signals.
        for number, handler in handlers.items():
            signal.signal(number, handler)


class Spare:
    """A process, forked early, that forks the workers to be killed.

    It has no connection and no helper process, so it shares nothing with the dying
    worker.
    """

    def __init__(self) -> None:
        read, self._write = os.pipe()
        self._read, write = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._write)
            os.close(self._read)
            _serve(read, write)
        os.close(read)
        os.close(write)

    def work_until_killed(self, seconds: float, partitions: int, held: list[int] | None) -> None:
        """Let a worker run for some time, then kill it and its child processes."""
        order = pickle.dumps((datetime.now(tz=UTC), seconds, partitions, held))
        os.write(self._write, struct.pack("!I", len(order)) + order)
        os.read(self._read, 1)

    def end(self) -> None:
        """End the process."""
        os.close(self._write)
        os.waitpid(self._pid, 0)


def _serve(orders: int, answers: int) -> None:
    try:
        while head := os.read(orders, 4):
            order = os.read(orders, struct.unpack("!I", head)[0])
            now, seconds, *parts = pickle.loads(order)  # noqa: S301 - from our parent
            _kill_after(seconds, partial(_work_at, now, *parts))
            os.write(answers, b"x")
    finally:
        os._exit(0)


def _kill_after(seconds: float, run: Callable[[], None]) -> None:
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        try:
            run()
        finally:
            os._exit(0)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return
        time.sleep(0.005)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _work_at(now: datetime, partitions: int, held: list[int] | None) -> None:
    import time_machine
    from django.conf import settings

    from tests.clocks import follow_this_machine

    # This process is older than the installation, which has done the same.
    follow_this_machine()
    settings.ACRPORTAL_PARTITIONS = partitions
    settings.ACRPORTAL_HELD_PARTITIONS = held
    with time_machine.travel(now, tick=True):
        work()
