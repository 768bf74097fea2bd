"""Tells long work that this worker is stopping, so it can stop and restart later."""

from __future__ import annotations

import time

_draining_since: float | None = None


def begin() -> None:
    """Mark the worker as stopping."""
    global _draining_since
    if _draining_since is None:
        _draining_since = time.monotonic()


def seconds() -> float:
    """Return for how many seconds the worker has been stopping; 0 if it is not."""
    return 0.0 if _draining_since is None else time.monotonic() - _draining_since
