"""Starts a table's ids above the reserved ones, on SQLite and PostgreSQL.

It runs after every migrate, not as a migration: SQLite loses the sequence when a later
migration rebuilds an empty table.
"""

from __future__ import annotations

from django.db import connections

# Lower ids are reserved for ids that the wire protocol fixes.
_FIRST_OWN_ID = 1001


def keep_reserved_ids(using: str, table: str) -> None:
    """Raise the next id of ``table`` above the reserved range; never lower it."""
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
