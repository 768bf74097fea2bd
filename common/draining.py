"""Whether this worker was told to end, for long work that can be begun anew."""

from __future__ import annotations

import time

_told_at: float | None = None


def begin() -> None:
    """Say that the worker is to end."""
    global _told_at
    if _told_at is None:
        _told_at = time.monotonic()


def seconds() -> float:
    """Return for how long the worker is to end; 0 while it is not."""
    return 0.0 if _told_at is None else time.monotonic() - _told_at
