"""Triggers that let the database itself refuse to change or delete what is kept.

Two columns may be wiped, and only wiped: the name of a person whose data is erased and
the salt of its seal. A migration that alters one of the tables has to call ``install``
again on SQLite, which copies a table without its triggers; a test tells.
"""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

TABLES = ("audit_event", "audit_anchor")
_WIPEABLE = ("actor_name", "actor_salt")

_POSTGRESQL = [
    """
    CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger AS $$
    BEGIN
        IF TG_OP = 'UPDATE' AND to_jsonb(NEW) ->> 'actor_salt' = ''
            AND (to_jsonb(NEW) - 'actor_name' - 'actor_salt')
              = (to_jsonb(OLD) - 'actor_name' - 'actor_salt')
        THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'The audit trail is append-only.'
            USING ERRCODE = 'integrity_constraint_violation';
    END
    $$ LANGUAGE plpgsql
    """,
    *(
        f"CREATE OR REPLACE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE "
        f"ON {table} FOR EACH ROW EXECUTE FUNCTION audit_refuse()"
        for table in TABLES
    ),
]


def install(connection: BaseDatabaseWrapper) -> None:
    """Make the triggers; those that are there are made anew."""
    on_postgresql = connection.vendor == "postgresql"
    statements = _POSTGRESQL if on_postgresql else _sqlite(connection)
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _sqlite(connection: BaseDatabaseWrapper) -> list[str]:
    statements = []
    for table in TABLES:
        with connection.cursor() as cursor:
            described = connection.introspection.get_table_description(cursor, table)
        kept = [column.name for column in described if column.name not in _WIPEABLE]
        columns = ", ".join(f'"{name}"' for name in kept)
        refusal = "BEGIN SELECT RAISE(ABORT, 'The audit trail is append-only.'); END"
        triggers = {
            f"{table}_no_delete": f"BEFORE DELETE ON {table}",
            f"{table}_no_update": f"BEFORE UPDATE OF {columns} ON {table}",
        }
        if len(kept) < len(described):
            triggers[f"{table}_only_wipe"] = (
                f"BEFORE UPDATE OF actor_name, actor_salt ON {table} "
                "WHEN NEW.actor_salt <> ''"
            )
        for name, event in triggers.items():
            statements.append(f"DROP TRIGGER IF EXISTS {name}")
            statements.append(f"CREATE TRIGGER {name} {event} {refusal}")
    return statements
