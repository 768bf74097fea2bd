"""The queue of earlier versions leaves nothing behind, and old backups restore without it."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from operations import restoring
from operations.tables import BackupUnusable

pytestmark = pytest.mark.django_db(transaction=True)

TABLE = "django_tasks_database_dbtaskresult"
APP, LAST = "django_tasks_database", "0018_rename_succeeded_status"


def test_its_table_and_the_notes_of_its_migrations_go() -> None:
    drop = import_module("jobs.migrations.0002_one_queue").drop
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {TABLE} (id integer)")
    recorder = MigrationRecorder(connection)
    recorder.record_applied(APP, LAST)

    for _ in range(2):  # a new installation never had it
        with connection.schema_editor() as editor:
            drop(apps, editor)

    assert TABLE not in connection.introspection.table_names()
    assert (APP, LAST) not in recorder.applied_migrations()


def test_a_backup_that_has_it_is_not_of_a_newer_version() -> None:
    known = restoring._known_migrations({"migrations": [[APP, LAST]]})

    assert known == set()
    with pytest.raises(BackupUnusable):
        restoring._known_migrations({"migrations": [["jobs", "9999_later"]]})
