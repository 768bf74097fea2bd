"""Databases at an earlier migration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db.migrations.executor import MigrationExecutor

from tests import databases

GoTo = Callable[[str], Any]  # Any: an app registry of historical models


@contextmanager
def migrations_of(app: str, *, before: str) -> Iterator[GoTo]:
    """Yield a function that goes to a migration of an app and returns its models.

    The test works on a database from before one of ``databases.STEPS``, so that it
    waits for no other migrations.
    """
    with databases.instead((app, before)) as database:

        def go_to(name: str) -> Any:  # Any: as above
            executor: Any = MigrationExecutor(database)  # Any: not fully typed
            state = executor.migrate([(app, name)])
            # While migrating, related models are not always made anew.
            state.clear_delayed_apps_cache()
            return state.apps

        yield go_to
