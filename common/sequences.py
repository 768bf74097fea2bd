"""Lets a table's ids begin above a number, for use in migrations."""

from __future__ import annotations

from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def begin_ids_at(
    schema_editor: BaseDatabaseSchemaEditor, table: str, first_id: int
) -> None:
    """Make the next id of ``table`` at least ``first_id``, on SQLite and PostgreSQL."""
    quoted = schema_editor.quote_name(table)
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {first_id}, false)"
        )
        return
    schema_editor.execute(
        "INSERT INTO sqlite_sequence (name, seq) "  # noqa: S608 - constants of ours
        f"SELECT '{table}', {first_id - 1} FROM (SELECT 1) "
        f"WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = '{table}')"
        f" AND NOT EXISTS (SELECT 1 FROM {quoted} WHERE id >= {first_id})"
    )
