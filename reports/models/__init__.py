"""All models of the package."""

from __future__ import annotations

from reports.models.evidence import EvidencePack, PackStatus
from reports.models.run import ReportOptions, ReportRun
from reports.models.schedule import ReportDelivery, ReportSchedule, ReportTemplate

__all__ = [
    "EvidencePack",
    "PackStatus",
    "ReportDelivery",
    "ReportOptions",
    "ReportRun",
    "ReportSchedule",
    "ReportTemplate",
]
