"""Reads a consistent snapshot of the database while others write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def consistent_read() -> Iterator[None]:
    """Let all reads in the block see one snapshot, without blocking others.

    For reads only. Inside a transaction it raises ``TransactionManagementError``,
    because that transaction has its own view.
    """
    if connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "A consistent read cannot begin inside a transaction."
        )
    if connection.vendor == "sqlite":
        # Django's transactions take SQLite's write lock at once.
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")
        return
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield
