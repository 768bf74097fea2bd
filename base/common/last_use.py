"""Records the last use of a key, rarely and without delaying the request."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet

logger = logging.getLogger(__name__)

# The time helps people to recognise unused keys; it is not a log.
_STEP = timedelta(minutes=5)


def note_use(rows: QuerySet[Any], last_used_at: datetime | None) -> None:
    """Set ``last_used_at`` of the row in ``rows``, unless it was set just now.

    If the database is busy the update is skipped: a read must not wait for writers.
    Any: rows of any model with this column.
    """
    now = datetime.now(tz=UTC)
    if last_used_at is not None and now - last_used_at < _STEP:
        return
    # Skip a row that another transaction is writing, if the database can.
    free = rows.select_for_update(skip_locked=True)
    try:
        with not_waiting(), transaction.atomic(savepoint=False):
            rows.model._base_manager.filter(pk__in=free).update(last_used_at=now)
    except DatabaseError:
        logger.info("last use not recorded: the database is busy")


@contextmanager
def not_waiting() -> Iterator[None]:
    """Make SQLite fail at once instead of waiting for another writer.

    Raises ``DatabaseError`` then.
    """
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    seconds = connection.settings_dict["OPTIONS"].get("timeout", 5)
    _set_busy_timeout(0)
    try:
        yield
    finally:
        _set_busy_timeout(round(1000 * seconds))


def _set_busy_timeout(milliseconds: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA busy_timeout = {milliseconds}")
