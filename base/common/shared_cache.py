"""The database cache, for counters that must be exact."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.db import DatabaseCache
from django.db import connections, router, transaction
from django.utils import timezone

# Any in this module: Django's own signatures.


class SharedCache(DatabaseCache):
    """Raises if a write fails; Django's cache reports the key as taken instead.

    Failed sign-ins are counted under a lock in this cache. On a full disk the lock
    could not be taken, and people read that they had tried too often.
    """

    def add(
        self,
        key: Any,
        value: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> bool:
        """Set a missing key; raise ``DatabaseError`` if it cannot be written."""
        added = bool(super().add(key, value, timeout, version))
        if not added and self.get(key, version=version) is None:
            self._probe_write()
        return added

    def _probe_write(self) -> None:
        """Repeat the failed write to raise its error; leaves nothing behind."""
        database = router.db_for_write(self.cache_model_class)
        connection = connections[database]
        table = connection.ops.quote_name(self.cache_model_class._meta.db_table)
        key = f"probe:{uuid.uuid4().hex}"
        with transaction.atomic(using=database), connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} (cache_key, value, expires) VALUES (%s, %s, %s)",  # noqa: S608 - our own name
                [key, "", connection.ops.adapt_datetimefield_value(timezone.now())],
            )
            cursor.execute(f"DELETE FROM {table} WHERE cache_key = %s", [key])  # noqa: S608 - as above
