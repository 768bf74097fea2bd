"""What SQLite knows of its tables, by which it chooses among indexes.

Without it the queue is sorted anew for each page. PostgreSQL keeps its own.
"""

from __future__ import annotations

import time

from django.db import connection

_EVERY_SECONDS = 3600.0
# So many rows of each index are looked at: some milliseconds, however long it is.
_ROWS = 1000

_due = 0.0


def keep_fresh(**_signal: object) -> None:
    """Look at the tables anew, once an hour."""
    global _due
    if time.monotonic() >= _due:
        _due = time.monotonic() + _EVERY_SECONDS
        analyse()


def analyse() -> None:
    """Have SQLite look at its tables; other databases do so by themselves."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA analysis_limit = {_ROWS}")
        cursor.execute("ANALYZE")
