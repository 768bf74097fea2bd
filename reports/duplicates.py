"""The report of duplicates: one row per recording in each finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from dedup import selectors
from dedup.collisions import CollisionMember, findings
from reports.cells import Cell, ColumnType, Dialect, ValueType, csv_pieces, json_pieces
from reports.tables import Sheet, write_xlsx

SCHEMA = "duplicates/1"
_BATCH = 500
FIELDS = (
    ColumnType("report_schema", ValueType.TEXT),
    ColumnType("kind", ValueType.ENUM),
    ColumnType("finding_id", ValueType.TEXT),
    ColumnType("recording_id", ValueType.TEXT),
    ColumnType("custom_id", ValueType.TEXT),
    ColumnType("title", ValueType.TEXT),
    ColumnType("artists", ValueType.LIST),
    ColumnType("isrc", ValueType.TEXT),
    ColumnType("isrc_status", ValueType.ENUM),
    ColumnType("upc", ValueType.TEXT),
    ColumnType("iswc", ValueType.TEXT),
    ColumnType("bucket", ValueType.TEXT),
    ColumnType("canonical", ValueType.YES_NO),
    ColumnType("relation", ValueType.ENUM),
    ColumnType("linked_to", ValueType.TEXT),
    ColumnType("shared_pct", ValueType.DECIMAL),
    ColumnType("start_ms", ValueType.INTEGER),
    ColumnType("end_ms", ValueType.INTEGER),
    ColumnType("matches", ValueType.INTEGER),
    ColumnType("collides", ValueType.LIST),
)


def rows() -> Iterator[list[Cell]]:
    """Yield the rows of the report in a fixed order."""
    remaining = findings()
    while batch := list(islice(remaining, _BATCH)):
        counts = selectors.matches_by_recording({finding.recording.pk for finding in batch})
        for finding in batch:
            yield _row(finding, counts.get(finding.recording.pk, 0))


def as_csv() -> Iterable[bytes]:
    """Return the report as CSV."""
    return csv_pieces(rows(), FIELDS, Dialect())


def as_json() -> Iterable[bytes]:
    """Return the report as JSON."""
    return json_pieces(rows(), FIELDS, {"schema": SCHEMA})


def write_workbook(target: Path) -> None:
    """Write the report as XLSX."""
    write_xlsx(target, [Sheet("duplicates", FIELDS, rows())], {"schema": SCHEMA})


def _row(finding: CollisionMember, matches: int) -> list[Cell]:
    recording = finding.recording
    start, end = finding.interval or (None, None)
    return [
        SCHEMA,
        finding.kind,
        finding.uid,
        recording.uid,
        recording.custom_id,
        recording.title,
        list(recording.artists),
        recording.isrc_normalised or recording.isrc,
        recording.isrc_status,
        recording.upc,
        recording.iswc,
        recording.bucket.name,
        "yes" if finding.canonical else "no",
        finding.relation,
        finding.linked_to,
        None if finding.shared_pct is None else f"{finding.shared_pct:.2f}",
        None if start is None else str(start),
        None if end is None else str(end),
        str(matches),
        list(finding.collides),
    ]
