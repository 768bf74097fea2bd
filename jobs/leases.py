"""Leases: which worker runs a job, and until when.

A worker renews its lease while it runs a job. If the worker dies, the lease ends, and
another worker runs the job again.
"""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta

from django.conf import settings

from jobs import clock

NO_LEASE: dict[str, object] = {"lease_owner": "", "lease_until": None}
# Pause after the first failure; it doubles with each further one.
_PAUSE_SECONDS = 30


def worker_name() -> str:
    """Return host and process id, unique among live workers."""
    return f"{socket.gethostname()}:{os.getpid()}"[:64]


def lease_end() -> datetime:
    """Return the end of a lease taken or renewed now."""
    return clock.now() + timedelta(seconds=settings.ACRPORTAL_LEASE_SECONDS)


def pause_after(attempts: int) -> timedelta:
    """Return the pause before failed work is tried again."""
    return timedelta(seconds=_PAUSE_SECONDS * 2 ** min(attempts - 1, 6))


def describe(error: Exception) -> str:
    """Return an error's type and text as a database stores them: short, without NUL."""
    return f"{type(error).__name__}: {error}".replace("\0", "")[:300]
