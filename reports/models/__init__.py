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
from reports.models.trial import (
    EngineTrial,
    Judgement,
    TrialFile,
    TrialKeeps,
    TrialKind,
    TrialRow,
    TrialState,
)

__all__ = [
    "CueEntry",
    "EditKind",
    "EngineTrial",
    "EntryKind",
    "Judgement",
    "ReportDelivery",
    "ReportOptions",
    "ReportRun",
    "ReportSchedule",
    "ReportTemplate",
    "SheetApproval",
    "SheetEdit",
    "SheetState",
    "TrialFile",
    "TrialKeeps",
    "TrialKind",
    "TrialRow",
    "TrialState",
]
