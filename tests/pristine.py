"""Puts the tests' database back as it was after the migrations, whatever a test committed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.sqlite3.base import DatabaseWrapper as SQLite
from django.db.backends.utils import CursorWrapper

PutBack = Callable[[], None]

_SCHEMA = "pristine"
_ATTEMPTS = 20


def keep(database: BaseDatabaseWrapper) -> PutBack:
    """Remember what the database holds, and return a function that puts it back."""
    return _keep_sqlite(database) if isinstance(database, SQLite) else _keep_rows()


def _keep_sqlite(database: SQLite) -> PutBack:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    database.ensure_connection()
    database.connection.backup(connection)

    def put_back() -> None:
        attempts = 0

        def wait(_status: int, remaining: int, _total: int) -> None:
            nonlocal attempts
            attempts += 1
            if remaining and attempts > _ATTEMPTS:
                raise RuntimeError("The test left a transaction open.")

        target = connections["default"]
        target.ensure_connection()
        connection.backup(target.connection, progress=wait)

    return put_back


def _keep_rows() -> PutBack:
    """Copy the filled tables of PostgreSQL aside; TRUNCATE of all tables takes seconds."""
    with connections["default"].cursor() as cursor:
        names = connections["default"].introspection.table_names(cursor)
        copy = _filled(cursor, names)
        cursor.execute(f"CREATE SCHEMA {_SCHEMA}")
        for name in copy:
            cursor.execute(f"CREATE TABLE {_SCHEMA}.{name} AS TABLE {name}")

    def put_back() -> None:
        database = connections["default"]
        with transaction.atomic(), database.cursor() as cursor:
            # The audit tables refuse deletion otherwise, and others their order.
            cursor.execute("SET LOCAL session_replication_role = replica")
            for name in _filled(cursor, names):
                cursor.execute(f"DELETE FROM {name}")  # noqa: S608 - our own names
            for name in copy:
                cursor.execute(
                    f"INSERT INTO {name} SELECT * FROM {_SCHEMA}.{name}"  # noqa: S608
                )

    return put_back


def _filled(cursor: CursorWrapper, names: Sequence[str]) -> list[str]:
    """Return the tables that have rows."""
    cursor.execute(
        " UNION ALL ".join(
            f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})"  # noqa: S608
            for name in names
        )
    )
    return [name for (name,) in cursor.fetchall()]
