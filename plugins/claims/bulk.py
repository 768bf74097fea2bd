"""Writes many rows at once, without an object and a compiled query for each.

For tables with millions of rows, where these take most of the time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from django.db import connection, models
from django.db.backends.utils import CursorWrapper

if TYPE_CHECKING:
    Field = models.Field[Any, Any]  # Any: of any kind

_PLAIN: Final = (
    models.CharField,
    models.TextField,
    models.IntegerField,
    models.BooleanField,
    models.ForeignKey,
)
"""Fields whose values SQLite takes as they are."""
Row = Mapping[str, Any]  # Any: a column's value


def write_rows(
    model: type[models.Model],
    rows: Sequence[Row],
    *,
    unique: Collection[str] = (),
    update: Collection[str] = (),
) -> None:
    """Insert rows; update the columns ``update`` of those that ``unique`` finds.

    A row maps names of fields to values, of relations to keys. What it lacks gets the
    default of its field.
    """
    if not rows:
        return
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    defaults = [(field.name, _default(field)) for field in fields]
    values = [
        [row[name] if name in row else default() for name, default in defaults] for row in rows
    ]
    conflict = _conflict(model, unique, update)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            _write_here(cursor, model, fields, values, conflict)
        else:
            _write_there(cursor, model, fields, values, conflict)


def _write_here(
    cursor: CursorWrapper,
    model: type[models.Model],
    fields: Sequence[Field],
    values: Sequence[list[Any]],
    conflict: str,
) -> None:
    """Write to SQLite, which costs least with one prepared statement."""
    special = [(at, field) for at, field in enumerate(fields) if not isinstance(field, _PLAIN)]
    for cells in values:
        for at, field in special:
            if type(cells[at]) is date:
                cells[at] = cells[at].isoformat()
            elif cells[at] is not None:
                cells[at] = field.get_db_prep_save(cells[at], connection)
    places = ", ".join(["%s"] * len(fields))
    table, names = _quoted(model._meta.db_table), _names(fields)
    insert = f"INSERT INTO {table} ({names}) VALUES ({places})"  # noqa: S608 - names of our models
    cursor.executemany(insert + conflict, values)


def _write_there(
    cursor: CursorWrapper,
    model: type[models.Model],
    fields: Sequence[Field],
    values: Sequence[list[Any]],
    conflict: str,
) -> None:
    """Write to a server, which reads one text faster than many values."""
    columns = [str(field.column) for field in fields]
    table, names = _quoted(model._meta.db_table), _names(fields)
    insert = (
        f"INSERT INTO {table} ({names}) SELECT {names} "  # noqa: S608 - names of our models
        f"FROM json_populate_recordset(NULL::{table}, %s::json)"
    )
    rows = [dict(zip(columns, cells, strict=True)) for cells in values]
    # Days and times as ISO 8601.
    text = json.dumps(rows, ensure_ascii=False, default=str)
    cursor.execute(insert + conflict, [text])


def _default(field: Field) -> Callable[[], Any]:
    if callable(field.default):
        return field.get_default
    default = field.get_default()
    return lambda: default


def _conflict(model: type[models.Model], unique: Collection[str], update: Collection[str]) -> str:
    if not unique:
        return ""
    fields = {field.name: field for field in model._meta.concrete_fields}
    changes = [_quoted(str(fields[name].column)) for name in update]
    new = ", ".join(f"{name} = excluded.{name}" for name in changes)
    return f" ON CONFLICT ({_names(fields[name] for name in unique)}) DO UPDATE SET {new}"


def _names(fields: Iterable[Field]) -> str:
    return ", ".join(_quoted(str(field.column)) for field in fields)


def _quoted(name: str) -> str:
    return str(connection.ops.quote_name(name))
