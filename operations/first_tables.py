"""Makes all tables of an empty database at once.

Django would carry every migration out, and make all models anew after most of them, which
takes half a minute. The result is the same: the tables come from the models as they are
after the last migration, and what migrations do besides follows, unless it is marked
``elidable``, because it only changes rows that are there already.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration, RunPython, RunSQL
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState


def is_empty(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether a database has no table yet."""
    return not connection.introspection.table_names()


def make_tables(
    connection: BaseDatabaseWrapper, targets: Sequence[tuple[str, str]] | None = None
) -> None:
    """Bring an empty database to the given migrations, or to the last of each app.

    After an interruption, the database is empty as before.
    """
    executor = MigrationExecutor(connection)
    loader = executor.loader
    nodes = loader.graph.leaf_nodes() if targets is None else list(targets)
    state = loader.project_state(nodes)
    migrations = [migration for migration, _ in executor.migration_plan(nodes)]
    # SQLite cannot switch the checks off inside a transaction.
    with connection.constraint_checks_disabled(), transaction.atomic(connection.alias):
        executor.recorder.ensure_schema()
        _make_models(connection, state)
        _do_the_rest(connection, state, migrations)
        for migration in migrations:
            executor.recorder.record_applied(migration.app_label, migration.name)


def _make_models(connection: BaseDatabaseWrapper, state: ProjectState) -> None:
    with connection.schema_editor(atomic=False) as editor:
        for model in state.apps.get_models():
            if router.allow_migrate_model(connection.alias, model):
                editor.create_model(model)


def _do_the_rest(
    connection: BaseDatabaseWrapper, state: ProjectState, migrations: list[Migration]
) -> None:
    with connection.schema_editor(atomic=False) as editor:
        for migration in migrations:
            for operation in migration.operations:
                does_more = isinstance(operation, RunPython | RunSQL)
                if does_more and not operation.elidable:
                    operation.database_forwards(
                        migration.app_label, editor, state, state
                    )
