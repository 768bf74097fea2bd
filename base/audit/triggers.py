"""What a database refuses by itself: to change, delete or empty events and anchors.

On PostgreSQL the owner of the tables could remove the triggers, so they should belong to
another role than the portal's account (docs/administration.md). That may then add and
read rows, and wipe names.

SQLite also needs a trigger on insert, because REPLACE deletes the old row without
firing its delete trigger.

Only the name of an erased person and the salt of its seal may be wiped. SQLite copies a
table without its triggers when a migration alters it. Such a migration must call
``install`` again; a test checks this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

TABLES = ("audit_event", "audit_anchor")
_WIPEABLE = ("actor_name", "actor_salt")


def _limit_others(table: str) -> str:
    """Return the statement that leaves other accounts than the owner what they need.

    The owner's default privileges gave the portal's account as much as on other tables.
    """
    wipe = f", UPDATE ({', '.join(_WIPEABLE)})" if table == "audit_event" else ""
    return f"""
    DO $$
    DECLARE account text;
    BEGIN
        FOR account IN
            SELECT DISTINCT acl.grantee::regrole::text
            FROM pg_class c, aclexplode(c.relacl) acl
            WHERE c.oid = '{table}'::regclass AND acl.grantee NOT IN (0, c.relowner)
        LOOP
            EXECUTE 'REVOKE ALL ON {table} FROM ' || account;
            EXECUTE 'GRANT SELECT, INSERT{wipe} ON {table} TO ' || account;
        END LOOP;
    END
    $$
    """  # noqa: S608 - our own names


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
    *(
        f"CREATE OR REPLACE TRIGGER {table}_not_emptied BEFORE TRUNCATE "
        f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
        for table in TABLES
    ),
    *map(_limit_others, TABLES),
]


def install(connection: BaseDatabaseWrapper) -> None:
    """Create the triggers, replacing existing ones."""
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
            rules = connection.introspection.get_constraints(cursor, table)
        fixed = [column.name for column in described if column.name not in _WIPEABLE]
        columns = ", ".join(f'"{name}"' for name in fixed)
        refusal = "BEGIN SELECT RAISE(ABORT, 'The audit trail is append-only.'); END"
        duplicate = f"SELECT 1 FROM {table} WHERE {_same_key(rules.values())}"  # noqa: S608 - our own names
        triggers = {
            f"{table}_no_delete": f"BEFORE DELETE ON {table}",
            f"{table}_no_update": f"BEFORE UPDATE OF {columns} ON {table}",
            f"{table}_no_replace": f"BEFORE INSERT ON {table} WHEN EXISTS ({duplicate})",
        }
        if len(fixed) < len(described):
            triggers[f"{table}_only_wipe"] = (
                f"BEFORE UPDATE OF actor_name, actor_salt ON {table} WHEN NEW.actor_salt <> ''"
            )
        for name, event in triggers.items():
            statements.append(f"DROP TRIGGER IF EXISTS {name}")
            statements.append(f"CREATE TRIGGER {name} {event} {refusal}")
    return statements


def _same_key(rules: Iterable[Mapping[str, Any]]) -> str:
    """Return the condition that a stored row shares a key with the new row.

    Any: Django's own type.
    """
    keys = {tuple(rule["columns"]) for rule in rules if rule["unique"] or rule["primary_key"]}
    return " OR ".join(
        "(" + " AND ".join(f'"{column}" = NEW."{column}"' for column in key) + ")"
        for key in sorted(keys)
    )
