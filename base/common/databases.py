"""Locks, snapshots, reserved ids and constraints, in which SQLite and PostgreSQL differ."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from django.db import IntegrityError, connection, connections, models, transaction

# Lower ids are reserved for ids that the wire protocol fixes.
_FIRST_OWN_ID = 1001


@contextmanager
def one_at_a_time(claim: str) -> Iterator[None]:
    """Keep other processes from counting and claiming at the same time.

    The lock lasts as long as the transaction.
    """
    with transaction.atomic():
        # SQLite transactions begin with the write lock, so they need no other lock.
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"claim:{claim}"])
        yield


def snapshot() -> AbstractContextManager[None]:
    """Read from one snapshot; inside a transaction, from that transaction's view."""
    return nullcontext() if connection.in_atomic_block else consistent_read()


@contextmanager
def consistent_read() -> Iterator[None]:
    """Let all reads in the block see one snapshot, without blocking others.

    For reads only. Inside a transaction it raises ``TransactionManagementError``,
    because that transaction has its own view.
    """
    if connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "A consistent read cannot begin inside a transaction."
        )
    if connection.vendor == "sqlite":
        # Django's transactions take SQLite's write lock at once.
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")
        return
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def keep_reserved_ids(using: str, table: str) -> None:
    """Raise the next id of ``table`` above the reserved range; never lower it.

    It runs after every migrate, not as a migration: SQLite loses the sequence when a
    later migration rebuilds an empty table.
    """
    database = connections[using]
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            cursor.execute(
                "SELECT setval(s, greatest((SELECT last_value FROM pg_sequences"
                " WHERE schemaname || '.' || sequencename = s), %s))"
                " FROM (SELECT pg_get_serial_sequence(%s, 'id') AS s) AS named",
                [_FIRST_OWN_ID - 1, table],
            )
            return
        cursor.execute(
            "UPDATE sqlite_sequence SET seq = max(seq, %s) WHERE name = %s",
            [_FIRST_OWN_ID - 1, table],
        )
        if not cursor.rowcount:
            cursor.execute(
                "INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)",
                [table, _FIRST_OWN_ID - 1],
            )


def violates(error: IntegrityError, model: type[models.Model], *names: str) -> bool:
    """Tell whether a statement failed at one of these constraints of a model.

    A name is that of a constraint in ``Meta``, or that of a unique field. Whoever takes
    an ``IntegrityError`` for an expected collision asks this first and raises all else.
    """
    diagnosis = getattr(error.__cause__, "diag", None)
    if diagnosis is not None:
        return diagnosis.constraint_name in {_name_of(model, name) for name in names}
    return str(error) in {_sqlite_text_of(model, name) for name in names}


def _name_of(model: type[models.Model], name: str) -> str:
    """Return the name that PostgreSQL has for a constraint, or for a unique field."""
    if any(constraint.name == name for constraint in model._meta.constraints):
        return name
    return f"{model._meta.db_table}_{_column_of(model, name)}_key"


def _sqlite_text_of(model: type[models.Model], name: str) -> str:
    """Return the error of SQLite, which names the columns of what is unique."""
    constraint = next(
        (constraint for constraint in model._meta.constraints if constraint.name == name), None
    )
    if isinstance(constraint, models.CheckConstraint):
        return f"CHECK constraint failed: {name}"
    fields = constraint.fields if isinstance(constraint, models.UniqueConstraint) else (name,)
    table = model._meta.db_table
    columns = (f"{table}.{_column_of(model, field)}" for field in fields)
    return "UNIQUE constraint failed: " + ", ".join(columns)


def _column_of(model: type[models.Model], name: str) -> str:
    field = model._meta.get_field(name)
    assert isinstance(field, models.Field)  # noqa: S101 - constraints have no others
    return str(field.column)
