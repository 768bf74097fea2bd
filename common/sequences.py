"""Lets a table's ids begin above a number, on SQLite and PostgreSQL.

Called after every migrate, not in a migration: SQLite forgets where ids went on when a
later migration rebuilds an empty table.
"""

from __future__ import annotations

from django.db import connections

# Ids below are reserved for what the wire protocol knows by number.
_FIRST_OWN_ID = 1001


def keep_reserved_ids(using: str, table: str) -> None:
    """Make the next id of ``table`` one of our own; higher ones are kept."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT setval(s, greatest((SELECT last_value FROM pg_sequences"
                " WHERE schemaname || '.' || sequencename = s), %s))"
                " FROM (SELECT pg_get_serial_sequence(%s, 'id') AS s) AS named",
                [_FIRST_OWN_ID - 1, table],
            )
            return
        cursor.execute(
            "UPDATE sqlite_sequence SET seq = max(seq, %s) WHERE name = %s",
            [_FIRST_OWN_ID - 1, table],
        )
        if not cursor.rowcount:
            cursor.execute(
                "INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)",
                [table, _FIRST_OWN_ID - 1],
            )
