"""Cue sheets as files: CSV for further work, PDF to print or send."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from reports.cells import Cell, ColumnType, Dialect, ValueType, csv_pieces, offset
from reports.cue_sheets import CueSheet
from reports.cues import Cue
from reports.tables import Sheet, write_xlsx

FORMATS: Final = ("csv", "xlsx", "pdf")
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
_SHEET = (
    *FIELDS,
    ColumnType("item_id", ValueType.TEXT),
    ColumnType("use", ValueType.ENUM),
    ColumnType("origin", ValueType.ENUM),
)
_IDS: Final = ("match_id", "item_id")
SIGNED = tuple(column for column in _SHEET if column.name not in _IDS)
"""The columns that people sign. A rescan that finds the same changes the ids."""
_SIGNED_AT: Final = tuple(map(_SHEET.index, SIGNED))


def written(sheet: CueSheet, kind: str, *, status: str = "Draft") -> bytes:
    """Return the sheet in a format; documents say its ``status``, tables have no place."""
    if kind == "csv":
        return b"".join(csv_pieces(lines_of(sheet), _SHEET, Dialect()))
    if kind == "xlsx":
        return _workbook(sheet, status)
    # Imported late: the PDF libraries take half a second, and few processes need them.
    from reports.cue_sheet_pdf import pdf_of

    return pdf_of(sheet, status)


def _workbook(sheet: CueSheet, status: str) -> bytes:
    file = sheet.file
    facts = {
        "file": file.name,
        "file_id": str(file.uid),
        "programme": file.programme,
        "status": status,
    }
    with TemporaryDirectory() as folder:
        path = Path(folder) / "sheet.xlsx"
        write_xlsx(path, [Sheet("cues", _SHEET, lines_of(sheet))], facts)
        return path.read_bytes()


def signed(line: Sequence[Cell]) -> list[Cell]:
    """Return the cells of a line that people sign."""
    return [line[at] for at in _SIGNED_AT]


def lines_of(sheet: CueSheet) -> list[list[Cell]]:
    """Return the cells of the sheet's lines."""
    return [_cells(cue) for cue in sheet.cues]


def _cells(cue: Cue) -> list[Cell]:
    recording, entry = cue.recording, cue.entry
    cells: list[Cell] = [None, None, None, None, None, None, None, None]
    if entry is not None:
        cells = [
            entry.title or None,
            None,
            list(entry.writers) or None,
            list(entry.publishers) or None,
            list(entry.performers) or None,
            None,
            entry.isrc or None,
            None,
        ]
    if recording is not None:
        cells = [
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
        *cells,
        cue.usage.value if cue.usage else None,
        offset(cue.start_ms),
        offset(cue.end_ms),
        offset(cue.length_ms),
        None if share is None else str(share),
        cue.status,
        cue.match.uid if cue.match else None,
        cue.item.uid if cue.item else None,
        cue.use or None,
        cue.origin or None,
    ]
