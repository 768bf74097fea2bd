"""The rows of every table as files that each supported database can load.

A file is gzip-compressed JSON Lines: first the model and its columns, then one array
per row. Values are those of Django's fields, so a backup of SQLite restores into
PostgreSQL and vice versa.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, cast
from uuid import UUID

from django.core.management.color import no_style
from django.db import connection, models
from django.utils.duration import duration_iso_string

# A restore ends all sessions: people sign in again. Copies of the index follow the
# restored catalogue from its beginning, because it goes another way from here.
_LEFT_OUT = {
    "sessions.session",
    # Says of this installation alone that it is the real one, or a copy.
    "jobs.installation",
    # Machines state again what they do.
    "jobs.machine",
    "catalogue.cataloguestate",
    "catalogue.indexcopy",
    # A scan that waits for answers asks again.
    "scanning.partitionsearch",
    "scanning.partitionquestion",
}
_CHUNK_ROWS = 500


class BackupUnusable(Exception):
    """A backup cannot be restored; the message says why."""


class ModelRegistry(Protocol):
    """The models of today, or of an earlier migration state."""

    def get_models(self, *, include_auto_created: bool) -> Iterable[type[models.Model]]:
        """Return every model."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """The file of one table."""

    model: str
    file: str
    rows: int
    sha256: str


def kept_models(registry: ModelRegistry) -> list[type[models.Model]]:
    """Return every model with its own table, including many-to-many tables."""
    return sorted(
        (
            model
            for model in registry.get_models(include_auto_created=True)
            if model._meta.managed
            and not model._meta.proxy
            and model._meta.label_lower not in _LEFT_OUT
        ),
        key=lambda model: model._meta.label_lower,
    )


def write_table(model: type[models.Model], folder: Path) -> TableFile:
    """Write all rows of a table in primary key order, in constant memory."""
    label = model._meta.label_lower
    path = folder / f"{label}.jsonl.gz"
    # Sorted: the order in the model differs from the order after migrations.
    columns = sorted(field.attname for field in _columns(model))
    rows = 0
    # Without a time, equal rows give equal bytes, which ``differences`` compares.
    with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as file:
        _write_line(file, {"model": label, "columns": columns})
        values = model._base_manager.order_by("pk").values_list(*columns)
        for row in values.iterator(chunk_size=_CHUNK_ROWS):
            _write_line(file, row)
            rows += 1
    return TableFile(model=label, file=path.name, rows=rows, sha256=file_sha256(path))


def read_table(path: Path) -> tuple[list[str], Iterator[list[Any]]]:
    """Return a file's columns, and its rows as an iterator."""
    lines = _lines(path)
    head = json.loads(next(lines))
    return head["columns"], (json.loads(line) for line in lines)


def load_table(model: type[models.Model], path: Path) -> int:
    """Replace the rows of a table by those of a file; return their number.

    Columns that the file lacks get their defaults: it may be from before version 1.0.
    """
    columns, rows = read_table(path)
    fields = {field.attname: field for field in _columns(model)}
    lacking = [field for name, field in fields.items() if name not in columns]
    odd = {*columns} - {*fields} | {
        field.attname for field in lacking if not (field.null or field.has_default())
    }
    if odd:
        raise BackupUnusable(
            f"{path.name} does not have the columns of its table: {', '.join(sorted(odd))}."
        )
    columns += [field.attname for field in lacking]
    defaults = [field.get_default() for field in lacking]
    ordered = [fields[name] for name in columns]
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    names = ", ".join(quote(str(field.column)) for field in ordered)
    places = ", ".join(["%s"] * len(ordered))
    insert = f"INSERT INTO {table} ({names}) VALUES ({places})"  # noqa: S608 - names of our models
    count = 0
    with connection.cursor() as cursor:
        # Migrations create rows, such as groups and reserved buckets.
        cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - as above
        while chunk := list(islice(rows, _CHUNK_ROWS)):
            values: list[list[Any]] = [
                [
                    _prepared(field, value)
                    for field, value in zip(ordered, row + defaults, strict=True)
                ]
                for row in chunk
            ]
            cursor.executemany(insert, values)
            count += len(chunk)
    return count


def continue_numbering(loaded: Sequence[type[models.Model]]) -> None:
    """Continue the primary keys after the loaded rows."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), loaded):
            cursor.execute(statement)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _columns(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    fields = cast("Iterable[models.Field[Any, Any]]", model._meta.concrete_fields)
    return [field for field in fields if not getattr(field, "generated", False)]


def _lines(path: Path) -> Iterator[str]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            yield from file
    except (EOFError, gzip.BadGzipFile, UnicodeDecodeError) as error:
        raise BackupUnusable(f"{path.name} is damaged: {error}.") from error


def _write_line(file: gzip.GzipFile, value: object) -> None:
    # Sorted keys: PostgreSQL does not preserve the order of keys in JSON values.
    line = json.dumps(value, default=_as_json, ensure_ascii=False, sort_keys=True)
    file.write(line.encode() + b"\n")


def _as_json(value: object) -> str:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return duration_iso_string(value)
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(bytes(value)).decode("ascii")
    raise TypeError(f"{type(value).__name__} cannot be stored in a backup")


def _prepared(field: models.Field[Any, Any], value: object) -> object:
    if isinstance(field, models.JSONField):
        if value is None and field.null:
            return None
        return field.get_db_prep_value(value, connection)
    return field.get_db_prep_save(field.to_python(value), connection)
