"""Helpers for tests with threads that share a database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from django.db import connection, models, transaction


def shared_database(folder: Path) -> str:
    """Return a database that threads can share: with SQLite, a file."""
    if connection.vendor != "sqlite":
        return str(connection.settings_dict["NAME"])
    path = folder / "shared.sqlite3"
    with sqlite3.connect(path) as target:
        connection.connection.backup(target)
        # The portal uses WAL too; only then do readers not wait for a writer.
        target.execute("PRAGMA journal_mode=WAL")
    return str(path)


@contextmanager
def using_database(name: str) -> Iterator[None]:
    """Let this thread use a database through its own connection."""
    connection.settings_dict = connection.settings_dict | {"NAME": name}
    try:
        yield
    finally:
        connection.close()


@contextmanager
def locked(database: str, model: type[models.Model]) -> Iterator[None]:
    """Block all writers: of the whole database on SQLite, otherwise of a model's rows."""
    if connection.vendor == "sqlite":
        with closing(sqlite3.connect(database, isolation_level=None)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            yield
            writer.execute("ROLLBACK")
        return
    with transaction.atomic():
        list(model._base_manager.select_for_update())
        yield
