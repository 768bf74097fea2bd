"""Keeps SQLite's table statistics fresh, which its planner needs to choose indexes.

Without them it sorts the review queue for each page. PostgreSQL maintains its own.
"""

from __future__ import annotations

import time

from django.db import connection

_EVERY_SECONDS = 3600.0
# Sampled rows per index: takes milliseconds, whatever the table's size.
_ROWS = 1000

_due = 0.0


def keep_fresh(**_signal: object) -> None:
    """Analyse the tables once an hour."""
    global _due
    if time.monotonic() >= _due:
        _due = time.monotonic() + _EVERY_SECONDS
        analyse()


def analyse() -> None:
    """Make SQLite analyse its tables; other databases do so by themselves."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA analysis_limit = {_ROWS}")
        cursor.execute("ANALYZE")
