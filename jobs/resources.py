"""Resources that several kinds of jobs need, and that can be away.

Each process finds out for itself: a job that meets a resource away blocks the kinds
that need it for a while, and the first job after that tries again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from time import monotonic

from jobs import installation
from jobs.errors import Blocked

INDEX = "index"
"""This machine's copy of the landmark index."""
STORAGE = "storage"
"""The storage of files. No kind names it as a need: each has its own files."""
DISK = "disk"
"""Room for files. No kind names it as a need, since most of their work needs none."""

OUTSIDE = "outside"
"""Other people and servers, whom only the real installation may reach."""

PAUSE = timedelta(seconds=30)

_blocked_until: dict[str, float] = {}


def block(resource: str) -> None:
    """Begin no job that needs a resource for a while."""
    if resource == OUTSIDE:
        # The database says at each look whether this installation may reach out.
        return
    _blocked_until[resource] = monotonic() + PAUSE.total_seconds()


def unblock(needs: Iterable[str]) -> None:
    """Note that resources answered."""
    for resource in needs:
        _blocked_until.pop(resource, None)


def require_outside() -> None:
    """Raise ``Blocked`` in a copy, where a job may do all but reach out."""
    if installation.is_paused():
        raise Blocked(OUTSIDE)


def are_blocked(needs: Iterable[str]) -> bool:
    """Return whether one of the resources was away a short while ago."""
    now = monotonic()
    return any(_blocked_until.get(resource, 0.0) > now for resource in needs)
