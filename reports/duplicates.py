"""The report of duplicates: one row for each recording in each thing that was found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from dedup import selectors
from dedup.collisions import Finding, findings
from reports.schemas import Field
from reports.tables import Sheet, write_xlsx
from reports.values import Cell, Kind
from reports.writers import Dialect, csv_pieces, json_pieces

SCHEMA = "duplicates/1"
_BATCH = 500
FIELDS = (
    Field("report_schema", Kind.TEXT),
    Field("kind", Kind.ENUM),
    Field("finding_id", Kind.TEXT),
    Field("recording_id", Kind.TEXT),
    Field("custom_id", Kind.TEXT),
    Field("title", Kind.TEXT),
    Field("artists", Kind.LIST),
    Field("isrc", Kind.TEXT),
    Field("isrc_status", Kind.ENUM),
    Field("upc", Kind.TEXT),
    Field("iswc", Kind.TEXT),
    Field("bucket", Kind.TEXT),
    Field("canonical", Kind.YES_NO),
    Field("relation", Kind.ENUM),
    Field("linked_to", Kind.TEXT),
    Field("shared_pct", Kind.DECIMAL),
    Field("start_ms", Kind.INTEGER),
    Field("end_ms", Kind.INTEGER),
    Field("matches", Kind.INTEGER),
    Field("collides", Kind.LIST),
)


def rows() -> Iterator[list[Cell]]:
    """Return the rows of the report, in a fixed order."""
    found = findings()
    while batch := list(islice(found, _BATCH)):
        counts = selectors.matches_by_recording({one.recording.pk for one in batch})
        for one in batch:
            yield _row(one, counts.get(one.recording.pk, 0))


def as_csv() -> Iterable[bytes]:
    """Return the report as CSV."""
    return csv_pieces(rows(), FIELDS, Dialect())


def as_json() -> Iterable[bytes]:
    """Return the report as JSON."""
    return json_pieces(rows(), FIELDS, {"schema": SCHEMA})


def write_workbook(target: Path) -> None:
    """Write the report as XLSX."""
    write_xlsx(target, [Sheet("duplicates", FIELDS, rows())], {"schema": SCHEMA})


def _row(one: Finding, matches: int) -> list[Cell]:
    recording = one.recording
    start, end = one.span or (None, None)
    return [
        SCHEMA,
        one.kind,
        one.uid,
        recording.uid,
        recording.custom_id,
        recording.title,
        list(recording.artists),
        recording.isrc_normalised or recording.isrc,
        recording.isrc_status,
        recording.upc,
        recording.iswc,
        recording.bucket.name,
        "yes" if one.canonical else "no",
        one.relation,
        one.linked_to,
        None if one.shared_pct is None else f"{one.shared_pct:.2f}",
        None if start is None else str(start),
        None if end is None else str(end),
        str(matches),
        list(one.collides),
    ]
