"""The report of a moved account: one row per object that was read there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from django.db.models import QuerySet

from plugins.moving.models import Moved
from reports.cells import Cell, ColumnType, Dialect, Value, ValueType, as_cell, csv_pieces
from reports.tables import Sheet, write_xlsx

SCHEMA = "moved/1"
FIELDS = (
    ColumnType("report_schema", ValueType.TEXT),
    ColumnType("kind", ValueType.ENUM),
    ColumnType("remote_id", ValueType.TEXT),
    ColumnType("in_remote_id", ValueType.TEXT),
    ColumnType("name", ValueType.TEXT),
    ColumnType("outcome", ValueType.ENUM),
    ColumnType("here", ValueType.TEXT),
    ColumnType("code", ValueType.TEXT),
    ColumnType("text", ValueType.TEXT),
    ColumnType("moved_at", ValueType.TIME),
)
_CHUNK = 2_000


def as_csv(moved: QuerySet[Moved]) -> Iterable[bytes]:
    """Return the report as CSV."""
    return csv_pieces(_rows(moved), FIELDS, Dialect())


def write_workbook(target: Path, moved: QuerySet[Moved]) -> None:
    """Write the report as XLSX."""
    write_xlsx(target, [Sheet("moved", FIELDS, _rows(moved))], {"schema": SCHEMA})


def _rows(moved: QuerySet[Moved]) -> Iterator[list[Cell]]:
    for row in moved.order_by("pk").iterator(chunk_size=_CHUNK):
        values: tuple[Value, ...] = (
            SCHEMA,
            row.kind,
            row.remote_id,
            row.parent,
            row.name,
            row.outcome,
            row.case,
            row.code,
            row.text,
            row.moved_at,
        )
        yield [as_cell(value, field.kind) for value, field in zip(values, FIELDS, strict=True)]
