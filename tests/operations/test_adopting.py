"""A database from before version 1.0 is taken over as it is, or left alone."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from operations.management.commands.adopt_database import FIRST, LAST_BEFORE, MOVED

pytestmark = pytest.mark.django_db


@pytest.fixture
def recorder() -> MigrationRecorder:
    """Return the notes of a database that the last commit before 1.0 has migrated."""
    recorder = MigrationRecorder(connection)
    recorder.migration_qs.filter(app__in=[*LAST_BEFORE, *MOVED]).delete()
    for app, name in LAST_BEFORE.items():
        recorder.record_applied(app, "0001_release")
        recorder.record_applied(app, name)
    return recorder


def test_the_tables_stay_and_only_later_migrations_are_left(
    recorder: MigrationRecorder,
) -> None:
    for _again in range(2):
        call_command("adopt_database", verbosity=0)

    applied = set(recorder.applied_migrations())
    assert {(app, FIRST) for app in (*LAST_BEFORE, *MOVED)} <= applied
    assert not {(app, "0001_release") for app in LAST_BEFORE} & applied
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    assert FIRST not in {migration.name for migration, _ in plan}


def test_a_database_that_lacks_a_migration_is_left_alone(
    recorder: MigrationRecorder,
) -> None:
    recorder.record_unapplied("scanning", LAST_BEFORE["scanning"])
    before = set(recorder.applied_migrations())

    with pytest.raises(CommandError, match=r"scanning\.0003_edited_music"):
        call_command("adopt_database", verbosity=0)

    assert set(recorder.applied_migrations()) == before


def test_tables_that_changed_their_package_are_not_made_twice() -> None:
    """As in a checkout of the day on which version 1.0 began."""
    recorder = MigrationRecorder(connection)
    recorder.migration_qs.filter(app__in=MOVED).delete()

    call_command("adopt_database", verbosity=0)

    assert {(app, FIRST) for app in MOVED} <= set(recorder.applied_migrations())
