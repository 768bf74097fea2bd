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
from reports.models.evidence import EvidencePack, PackStatus
from reports.models.notice import (
    ClaimedRight,
    NoticeAnswer,
    NoticeItem,
    NoticeLaw,
    NoticeOutcome,
    NoticeState,
    TakedownNotice,
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
    "ClaimedRight",
    "CueEntry",
    "EditKind",
    "EngineTrial",
    "EntryKind",
    "EvidencePack",
    "Judgement",
    "NoticeAnswer",
    "NoticeItem",
    "NoticeLaw",
    "NoticeOutcome",
    "NoticeState",
    "PackStatus",
    "ReportDelivery",
    "ReportOptions",
    "ReportRun",
    "ReportSchedule",
    "ReportTemplate",
    "SheetApproval",
    "SheetEdit",
    "SheetState",
    "TakedownNotice",
    "TrialFile",
    "TrialKeeps",
    "TrialKind",
    "TrialRow",
    "TrialState",
]
