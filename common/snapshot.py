"""Reading the database as it was at one moment, while others go on writing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def consistent_read() -> Iterator[None]:
    """Let everything read inside see one state of the database; nobody waits for it.

    For reading only. Not inside a transaction: its view would be another one
    (``TransactionManagementError``).
    """
    if connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "A consistent read cannot begin inside a transaction."
        )
    if connection.vendor == "sqlite":
        # Django's own transactions take the write lock at once here.
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
