"""The table of the former queue goes: rows say what is to be done.

It belonged to a package that is no longer installed, so no model of it is left.
"""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.recorder import MigrationRecorder

_TABLE = "django_tasks_database_dbtaskresult"
_APP = "django_tasks_database"


def drop(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Drop the table, and the notes of its migrations."""
    connection = editor.connection
    if _TABLE in connection.introspection.table_names():
        editor.execute(editor.sql_delete_table % {"table": editor.quote_name(_TABLE)})
    MigrationRecorder(connection).migration_qs.filter(app=_APP).delete()


class Migration(migrations.Migration):
    """Nothing to undo: the table would be empty."""

    dependencies = [("jobs", "0001_initial")]
    operations = [migrations.RunPython(drop, migrations.RunPython.noop, elidable=True)]
