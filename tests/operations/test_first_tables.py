"""An empty database gets at once what all migrations, one after another, would make."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from operations import first_tables
from tests import databases

pytestmark = pytest.mark.django_db

# Times and ids that each installation makes for itself.
_TIMES = {"applied", "created_at", "updated_at"}
_RANDOM = re.compile(r"c_[0-9A-Z]{20}")
_SEQUENCES = {"sqlite_sequence"}
_LAST: databases.Step = ("scanning", "0032_cloud_scans_are_jobs")
_POSTGRESQL = (
    "SELECT 'column', table_name, column_name, data_type,"
    " concat_ws(' ', character_maximum_length, numeric_precision, numeric_scale,"
    " is_nullable, column_default, is_identity)"
    " FROM information_schema.columns WHERE table_schema = 'public'",
    "SELECT 'index', tablename, indexname, indexdef FROM pg_indexes"
    " WHERE schemaname = 'public'",
    "SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)"
    " FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
    "SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid)"
    " FROM pg_trigger WHERE NOT tgisinternal",
    "SELECT 'function', proname, prosrc FROM pg_proc"
    " WHERE pronamespace = 'public'::regnamespace",
)


def test_an_empty_database_becomes_as_if_migrated_step_by_step() -> None:
    schema, rows = _schema(connection), _rows(connection)

    with databases.instead(None) as empty:
        call_command("migrate", verbosity=0)

        assert _schema(empty) == schema
        assert _rows(empty) == rows


def test_an_earlier_version_has_the_tables_of_its_time() -> None:
    with databases.instead(_LAST) as earlier:
        schema, rows = _schema(earlier), _rows(earlier)
        applied = MigrationRecorder(earlier).applied_migrations()

    with databases.instead(None) as empty:
        graph = MigrationExecutor(empty).loader.graph
        last = [
            node
            for node in applied
            if not any(child.key in applied for child in graph.node_map[node].children)
        ]
        first_tables.make_tables(empty, last)

        assert _schema(empty) == schema
        assert _rows(empty) == rows


def test_only_what_migrates_an_empty_database_makes_tables() -> None:
    with databases.instead(None) as other:
        call_command("migrate", plan=True, verbosity=0, stdout=StringIO())

        assert first_tables.is_empty(other)

        with other.cursor() as cursor:
            cursor.execute("CREATE TABLE of_another_program (id integer)")
        assert not first_tables.is_empty(other)


def _schema(database: BaseDatabaseWrapper) -> set[tuple[Any, ...]]:
    """Return all that describes the tables, in no order. Any: columns of a catalogue."""
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            found: set[tuple[Any, ...]] = set()  # Any: as above
            for statement in _POSTGRESQL:
                cursor.execute(statement)
                found |= set(cursor.fetchall())
            return found
        cursor.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
        )
        return {(kind, name, _parts(sql)) for kind, name, sql in cursor.fetchall()}


def _parts(sql: str) -> tuple[str, ...]:
    """Return the columns and constraints of a statement, in no order."""
    return tuple(sorted(re.split(r",\s*(?=\"|CONSTRAINT)", sql.removesuffix(")"))))


def _rows(database: BaseDatabaseWrapper) -> dict[str, list[str]]:
    """Return the rows of every table, as text."""
    rows: dict[str, list[str]] = {}
    with database.cursor() as cursor:
        for table in set(database.introspection.table_names(cursor)) - _SEQUENCES:
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - our own names
            names = [column[0] for column in cursor.description]
            rows[table] = sorted(
                str(
                    sorted(
                        (name, _RANDOM.sub("", str(value)))
                        for name, value in zip(names, row, strict=True)
                        if name not in _TIMES
                    )
                )
                for row in cursor.fetchall()
            )
    return rows
