"""Cue sheets as files: CSV for further work, PDF to print or send."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import audit.services
from accounts.models import User
from accounts.reach import sees_every_bucket
from audit.models import Event
from reports.cells import Cell, ColumnType, Dialect, ValueType, csv_pieces, offset
from reports.cue_sheets import CueSheet
from reports.cues import Cue
from reports.tables import Sheet, write_xlsx
from review.models import Match
from review.services.transitions import LOCK_EVENTS

EXPORTED: Final = "cue_sheet.exported"
_SAYS_NOTHING: Final = (*LOCK_EVENTS, EXPORTED)
"""Events that change no sheet."""
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


def written(sheet: CueSheet, kind: str) -> bytes:
    """Return the sheet as ``csv``, ``xlsx`` or ``pdf``."""
    if kind == "csv":
        return b"".join(csv_pieces(lines_of(sheet), _SHEET, Dialect()))
    if kind == "xlsx":
        return _workbook(sheet)
    # Imported late: the PDF libraries take half a second, and few processes need them.
    from reports.cue_sheet_pdf import pdf_of

    return pdf_of(sheet)


def _workbook(sheet: CueSheet) -> bytes:
    file = sheet.file
    facts = {"file": file.name, "file_id": str(file.uid), "programme": file.programme}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "sheet.xlsx"
        write_xlsx(path, [Sheet("cues", _SHEET, lines_of(sheet))], facts)
        return path.read_bytes()


@dataclass(frozen=True, slots=True)
class Exported:
    """The last export of a file's sheet, and since when it differs from today's.

    ``since`` is None while the sheets are the same.
    """

    event: Event
    since: datetime | None


def last_export(sheet: CueSheet) -> Exported | None:
    """Return the last export of a sheet; None if nobody exported it.

    To people who may not see every bucket, sheets differ: nothing is said of theirs.
    """
    if not sees_every_bucket():
        return None
    exports = Event.objects.filter(case=_case(sheet), action=EXPORTED)
    event = exports.exclude(after__sha256="").order_by("-sequence").first()
    if event is None:
        return None
    if event.after["sha256"] == content_hash(sheet):
        return Exported(event, None)
    return Exported(event, _changed_since(event, sheet))


def _changed_since(export: Event, sheet: CueSheet) -> datetime:
    """Return the first change of the file, its matches or recordings after an export."""
    rows = Match.objects.filter(scanned_file=sheet.file)
    keys = rows.values_list("uid", "recording__uid")
    cases = {case for uid, of in keys for case in (f"match:{uid}", f"recording:{of}")}
    later = Event.objects.filter(case__in=cases | {export.case}, at__gt=export.at)
    first = later.exclude(action__in=_SAYS_NOTHING).order_by("at").first()
    return first.at if first is not None else export.at


def content_hash(sheet: CueSheet) -> str:
    """Return the hash of what people sign of the sheet."""
    lines = map(signed, lines_of(sheet))
    content = b"".join(csv_pieces(lines, SIGNED, Dialect()))
    return hashlib.sha256(content).hexdigest()


def signed(line: Sequence[Cell]) -> list[Cell]:
    """Return the cells of a line that people sign."""
    return [line[at] for at in _SIGNED_AT]


def _case(sheet: CueSheet) -> str:
    return f"file:{sheet.file.uid}"


def lines_of(sheet: CueSheet) -> list[list[Cell]]:
    """Return the cells of the sheet's lines."""
    return [_cells(cue) for cue in sheet.cues]


def record_export(*, sheet: CueSheet, actor: User | str, kind: str) -> None:
    """Record the export of a sheet."""
    audit.services.record(
        case=_case(sheet),
        action=EXPORTED,
        actor=actor,
        after={
            "format": kind,
            "cues": len(sheet.cues),
            "unknown": sheet.unknown,
            "sha256": content_hash(sheet) if sees_every_bucket() else "",
        },
    )


def _cells(cue: Cue) -> list[Cell]:
    recording, entry = cue.recording, cue.entry
    known: list[Cell] = [None, None, None, None, None, None, None, None]
    if entry is not None:
        known = [
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
        cue.use or None,
        cue.origin or None,
    ]
