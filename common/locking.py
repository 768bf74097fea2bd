"""A lock between processes that lasts as long as a transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def one_at_a_time(what: str) -> Iterator[None]:
    """Keep other processes from counting and claiming at the same time."""
    with transaction.atomic():
        # SQLite transactions begin with the write lock, so they need no other lock.
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_advisory_xact_lock(hashtext(%s))", [f"claim:{what}"]
                )
        yield
