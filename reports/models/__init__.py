"""All models of the package."""

from __future__ import annotations

from reports.models.declaration import Declaration, DeclarationProfile, DeclaredPlay
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

__all__ = [
    "ClaimedRight",
    "Declaration",
    "DeclarationProfile",
    "DeclaredPlay",
    "EvidencePack",
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
    "TakedownNotice",
]
