"""Databases at an earlier migration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

GoTo = Callable[[str], Any]  # Any: an app registry of historical models


@contextmanager
def migrations_of(app: str) -> Iterator[GoTo]:
    """Yield a function that goes to a migration of an app and returns its models.

    Afterwards all migrations are applied again.
    """

    def go_to(name: str) -> Any:  # Any: as above
        executor = MigrationExecutor(connection)
        executor.migrate([(app, name)])
        return executor.loader.project_state([(app, name)]).apps

    try:
        yield go_to
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())
