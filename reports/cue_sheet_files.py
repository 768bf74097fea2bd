"""Cue sheets as files: CSV to work with, PDF to print or to send."""

from __future__ import annotations

import audit.services
from accounts.models import User
from reports.cue_sheets import Cue, CueSheet
from reports.schemas import Field
from reports.values import Cell, Kind, offset
from reports.writers import Dialect, csv_pieces

FIELDS = (
    Field("cue_no", Kind.INTEGER),
    Field("title", Kind.TEXT),
    Field("version_title", Kind.TEXT),
    Field("writers", Kind.LIST),
    Field("publishers", Kind.LIST),
    Field("performers", Kind.LIST),
    Field("label", Kind.TEXT),
    Field("isrc", Kind.TEXT),
    Field("iswc", Kind.TEXT),
    Field("usage", Kind.ENUM),
    Field("time_in", Kind.OFFSET),
    Field("time_out", Kind.OFFSET),
    Field("duration", Kind.OFFSET),
    Field("share_pct", Kind.DECIMAL),
    Field("status", Kind.ENUM),
    Field("match_id", Kind.TEXT),
)


def written(sheet: CueSheet, kind: str) -> bytes:
    """Return the sheet as ``csv`` or ``pdf``."""
    if kind == "csv":
        return _csv_of(sheet)
    # The libraries for PDF take half a second to load, and few processes need them.
    from reports.cue_sheet_pdf import pdf_of

    return pdf_of(sheet)


def _csv_of(sheet: CueSheet) -> bytes:
    rows = [_cells(cue) for cue in sheet.cues]
    return b"".join(csv_pieces(rows, FIELDS, Dialect()))


def record_export(*, sheet: CueSheet, actor: User | str, kind: str) -> None:
    """Keep that the sheet left the portal."""
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
    ]
