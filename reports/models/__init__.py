"""All models of the package."""

from __future__ import annotations

from reports.models.cue_sheet import (
    CueEntry,
    EditKind,
    EntryKind,
    SheetApproval,
    SheetEdit,
    SheetState,
)
from reports.models.run import ReportOptions, ReportRun
from reports.models.schedule import ReportDelivery, ReportSchedule, ReportTemplate

__all__ = [
    "CueEntry",
    "EditKind",
    "EntryKind",
    "ReportDelivery",
    "ReportOptions",
    "ReportRun",
    "ReportSchedule",
    "ReportTemplate",
    "SheetApproval",
    "SheetEdit",
    "SheetState",
]
