"""The backend that ``DATABASES`` names; Django imports its ``DatabaseWrapper``."""

from __future__ import annotations

from django.db import OperationalError
from django.db.backends.sqlite3 import base, features
from django.utils.functional import cached_property


class DatabaseFeatures(features.DatabaseFeatures):
    """What this SQLite can do."""

    @cached_property
    def supports_json_field(self) -> bool:  # type: ignore[override]  # so in Django too
        """Return whether SQLite has its JSON functions.

        Django asks within a transaction. Ours wait for the write lock, and Django takes
        a lock that another process holds for long as a no.
        """
        with self.connection.cursor() as cursor:
            try:
                cursor.execute("SELECT JSON('{}')")
            except OperationalError as error:
                if "no such function" not in str(error):
                    raise
                return False
        return True


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection to SQLite."""

    features_class = DatabaseFeatures
