"""Tells jobs that this worker is stopping, so that long ones hand themselves back."""

from __future__ import annotations

import mmap
import struct
import threading
import time

_SECONDS = struct.Struct("d")
_STEP_SECONDS = 0.5
# When it began; 0 before. Shared with forked children, where Celery runs jobs.
_began = mmap.mmap(-1, _SECONDS.size)


def forget() -> None:
    """Reset the state that a worker inherits from its parent process."""
    global _began
    _began = mmap.mmap(-1, _SECONDS.size)


def begin() -> None:
    """Mark the worker as stopping."""
    if not _SECONDS.unpack_from(_began)[0]:
        _SECONDS.pack_into(_began, 0, time.monotonic())


def seconds() -> float:
    """Return for how many seconds the worker has been stopping; 0 if it is not."""
    began: float = _SECONDS.unpack_from(_began)[0]
    return time.monotonic() - began if began else 0.0


def join(thread: threading.Thread) -> None:
    """Wait in the main thread until another one ends, without missing a signal.

    Python runs signal handlers between two instructions of the main thread. If a signal
    arrives during a wait without a limit, its handler may run only after that wait.
    """
    while thread.is_alive():
        thread.join(_STEP_SECONDS)
