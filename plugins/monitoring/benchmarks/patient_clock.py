"""A fast clock that a busy machine does not make wrong."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from plugins.monitoring.streams.recording.clocks import Clock

# Of the machine's time: how often it looks, and how far it goes at most after a look.
LOOK_S: Final = 0.005
STEP_S: Final = 0.02
# Running, or waiting for a processor or a disk.
BUSY: Final = frozenset("RD")


class PatientClock(Clock):
    """A clock that stands still while this process or a child of it has work to do.

    What sends and what receives by it are never late, however few processors they
    get: their time passes only while all of them wait. It moves when it is read.
    """

    def __init__(self, *, rate: float) -> None:
        super().__init__(rate=rate)
        self._lock = threading.Lock()
        self._looked = time.monotonic()
        self._at = 0.0

    def monotonic(self) -> float:
        with self._lock:
            passed = time.monotonic() - self._looked
            if passed >= LOOK_S:
                if not _is_busy():
                    self._at += min(passed, STEP_S) * self.rate
                self._looked = time.monotonic()
            return self._at


def _is_busy() -> bool:
    asking = threading.get_native_id()
    return any(_state(task) in BUSY for task in _tasks(os.getpid()) if task.name != str(asking))


def _tasks(process: int) -> Iterator[Path]:
    """Yield the threads of a process and of its descendants."""
    # Any of them may end meanwhile.
    with suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            yield task
            for child in (task / "children").read_text().split():
                yield from _tasks(int(child))


def _state(task: Path) -> str:
    try:
        return (task / "stat").read_text().rpartition(") ")[2][:1]
    except OSError:
        return ""
