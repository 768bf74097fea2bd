"""Tells jobs that this worker is stopping, so that long ones hand themselves back."""

from __future__ import annotations

import mmap
import struct
import time

_SECONDS = struct.Struct("d")
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
