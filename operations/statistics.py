"""Keeps SQLite's table statistics fresh, which its planner needs to choose indexes.

Without them it sorts the review queue for each page. PostgreSQL maintains its own.
"""

from __future__ import annotations

from django.db import connection

# Sampled rows per index: takes milliseconds, whatever the table's size.
_ROWS = 1000


def analyse() -> None:
    """Make SQLite analyse its tables; other databases do so by themselves."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA analysis_limit = {_ROWS}")
        cursor.execute("ANALYZE")
