"""The report of unknown items: one row per occurrence."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from django.db.models import QuerySet

from plugins.monitoring.unknown import selectors
from plugins.monitoring.unknown.models import Occurrence, UnknownItem
from reports.cells import Cell, ColumnType, ValueType, as_cell
from reports.tables import ListReport

SCHEMA = "unknown_items/1"
FIELDS = (
    ColumnType("report_schema", ValueType.TEXT),
    ColumnType("item_id", ValueType.TEXT),
    ColumnType("state", ValueType.ENUM),
    ColumnType("label", ValueType.TEXT),
    ColumnType("ignored_as", ValueType.ENUM),
    ColumnType("recording_id", ValueType.TEXT),
    ColumnType("watched", ValueType.YES_NO),
    ColumnType("item_length_ms", ValueType.INTEGER),
    ColumnType("container_id", ValueType.INTEGER),
    ColumnType("container", ValueType.TEXT),
    ColumnType("file_id", ValueType.TEXT),
    ColumnType("file_name", ValueType.TEXT),
    ColumnType("programme", ValueType.TEXT),
    ColumnType("link", ValueType.TEXT),
    ColumnType("published_at", ValueType.TIME),
    ColumnType("received_at", ValueType.TIME),
    ColumnType("start_ms", ValueType.INTEGER),
    ColumnType("end_ms", ValueType.INTEGER),
    ColumnType("start", ValueType.OFFSET),
    ColumnType("end", ValueType.OFFSET),
    ColumnType("item_start_ms", ValueType.INTEGER),
    ColumnType("item_end_ms", ValueType.INTEGER),
    ColumnType("speed_pct", ValueType.DECIMAL),
    ColumnType("pitch_cents", ValueType.DECIMAL),
    ColumnType("score", ValueType.DECIMAL),
)
REPORT = ListReport("unknown items", SCHEMA, FIELDS)
_CHUNK = 2_000


def rows(items: QuerySet[UnknownItem]) -> Iterator[list[Cell]]:
    """Yield the occurrences of items, heaviest item first.

    People see those in containers that they may see.
    """
    for occurrence in _occurrences(items).iterator(chunk_size=_CHUNK):
        yield _row(occurrence)


def _occurrences(items: QuerySet[UnknownItem]) -> QuerySet[Occurrence]:
    return (
        selectors.present()
        .filter(item__in=items.order_by().values("pk"))
        .select_related("item__recording", "file__scanned_file__container")
        .defer("item__landmarks")
        .order_by("-item__weight_ms", "item_id", "file_id", "start_ms", "id")
    )


def _row(occurrence: Occurrence) -> list[Cell]:
    item, file = occurrence.item, occurrence.file.scanned_file
    values = (
        SCHEMA,
        item.uid,
        item.state,
        item.label,
        item.ignored_as,
        item.recording.uid if item.recording else "",
        item.is_watched,
        item.length_ms,
        file.container_id,
        file.container.name,
        str(file.uid),
        file.name,
        file.programme,
        file.source_url,
        file.published_at,
        file.created_at,
        occurrence.start_ms,
        occurrence.end_ms,
        occurrence.start_ms,
        occurrence.end_ms,
        occurrence.item_start_ms,
        occurrence.item_end_ms,
        _hundredths(occurrence.tempo_ratio * 100),
        _hundredths(occurrence.pitch_cents),
        _hundredths(occurrence.score),
    )
    return [as_cell(value, field.kind) for value, field in zip(values, FIELDS, strict=True)]


def _hundredths(value: float) -> Decimal:
    return Decimal(f"{value:.2f}")
