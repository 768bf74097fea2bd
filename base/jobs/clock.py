"""The clock of jobs: one for all machines that share a database.

On PostgreSQL it is the server's, so that workers and web servers agree though their own
clocks differ. SQLite is used on one machine only, whose clock it is.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import monotonic

from django.db import connection

# The server's clock may be set, and a machine may count seconds a little differently.
_READ_AGAIN_SECONDS = 10.0

# When this process last asked the server, by its own count, and the answer.
_read: tuple[float, datetime] | None = None


def now() -> datetime:
    """Return the current time by the clock of jobs."""
    if connection.vendor == "postgresql":
        return _of_server()
    return datetime.now(tz=UTC)


def difference() -> timedelta:
    """Return how far this machine's clock is ahead of the jobs' clock."""
    return datetime.now(tz=UTC) - now()


def _of_server() -> datetime:
    """Return the server's time, counted on from the last answer."""
    global _read
    passed = monotonic() - _read[0] if _read else _READ_AGAIN_SECONDS
    if _read is not None and passed < _READ_AGAIN_SECONDS:
        return _read[1] + timedelta(seconds=passed)
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        answer: datetime = cursor.fetchone()[0]
    _read = (monotonic(), answer)
    return answer
