"""Looks for due jobs, and leaves the database alone while nothing can be due."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import connection

from base.jobs import clock, selectors
from base.jobs.choices import Pool


class DueJobs:
    """Says again and again which pools may have due jobs.

    SQLite tells a connection, without reading tables, whether another one has changed the
    database. If none has, nothing is due before the time of the next waiting job.
    PostgreSQL has no such count, so each look asks it.
    """

    def __init__(self, pools: Collection[Pool]) -> None:
        self._pools = pools
        self._seen: object = None
        self._next: datetime | None = None

    def look(self) -> list[Pool]:
        """Return the pools with jobs whose time has come, though lanes may be full."""
        # Before the look, so that the next one sees a change that comes meanwhile.
        changes = _changes()
        if changes is not None and changes == self._seen and self._is_before_next():
            return []
        due = [pool for pool in self._pools if selectors.may_be_due(pool)]
        # What is due may wait for its lane, so look at it again soon.
        self._seen = None if due else changes
        if self._seen is not None:
            self._next = selectors.next_time(self._pools)
        return due

    def _is_before_next(self) -> bool:
        return self._next is None or clock.now() < self._next


def _changes() -> object:
    """Return what differs once others have changed the database; None if it cannot tell."""
    if connection.vendor != "sqlite":
        return None
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA data_version")
        (version,) = cursor.fetchone()
    # Each connection counts on its own.
    return connection.connection, version
