"""Cue sheets as files: CSV for further work, PDF to print or send."""

from __future__ import annotations

import audit.services
from accounts.models import User
from reports.cells import Cell, ColumnType, Dialect, ValueType, csv_pieces, offset
from reports.cue_sheets import Cue, CueSheet

FIELDS = (
    ColumnType("cue_no", ValueType.INTEGER),
    ColumnType("title", ValueType.TEXT),
    ColumnType("version_title", ValueType.TEXT),
    ColumnType("writers", ValueType.LIST),
    ColumnType("publishers", ValueType.LIST),
    ColumnType("performers", ValueType.LIST),
    ColumnType("label", ValueType.TEXT),
    ColumnType("isrc", ValueType.TEXT),
    ColumnType("iswc", ValueType.TEXT),
    ColumnType("usage", ValueType.ENUM),
    ColumnType("time_in", ValueType.OFFSET),
    ColumnType("time_out", ValueType.OFFSET),
    ColumnType("duration", ValueType.OFFSET),
    ColumnType("share_pct", ValueType.DECIMAL),
    ColumnType("status", ValueType.ENUM),
    ColumnType("match_id", ValueType.TEXT),
)
"""The columns of a sheet, with which the lines of cue declarations begin."""
_SHEET = (*FIELDS, ColumnType("item_id", ValueType.TEXT))


def written(sheet: CueSheet, kind: str) -> bytes:
    """Return the sheet as ``csv`` or ``pdf``."""
    if kind == "csv":
        rows = [_cells(cue) for cue in sheet.cues]
        return b"".join(csv_pieces(rows, _SHEET, Dialect()))
    # Imported late: the PDF libraries take half a second, and few processes need them.
    from reports.cue_sheet_pdf import pdf_of

    return pdf_of(sheet)


def record_export(*, sheet: CueSheet, actor: User | str, kind: str) -> None:
    """Record the export of a sheet."""
    audit.services.record(
        case=f"file:{sheet.file.uid}",
        action="cue_sheet.exported",
        actor=actor,
        after={"format": kind, "cues": len(sheet.cues), "unknown": sheet.unknown},
    )


def _cells(cue: Cue) -> list[Cell]:
    recording = cue.recording
    known: list[Cell] = [None, None, None, None, None, None, None, None]
    if recording is not None:
        known = [
            recording.title,
            recording.version_title or None,
            list(recording.writers) or None,
            list(recording.publishers) or None,
            list(recording.artists) or None,
            recording.label or None,
            recording.isrc_normalised or recording.isrc or None,
            recording.iswc or None,
        ]
    share = recording.owner_share_pct if recording else None
    return [
        str(cue.number),
        *known,
        cue.usage.value if cue.usage else None,
        offset(cue.start_ms),
        offset(cue.end_ms),
        offset(cue.length_ms),
        None if share is None else str(share),
        cue.status,
        cue.match.uid if cue.match else None,
        cue.item.uid if cue.item else None,
    ]
