"""Every model of the package."""

from __future__ import annotations

from reports.models.evidence import EvidencePack, PackStatus
from reports.models.foreign import ResultImport
from reports.models.run import ReportOptions, ReportRun
from reports.models.schedule import ReportDispatch, ReportSchedule
from reports.models.template import ReportTemplate

__all__ = [
    "EvidencePack",
    "PackStatus",
    "ReportDispatch",
    "ReportOptions",
    "ReportRun",
    "ReportSchedule",
    "ReportTemplate",
    "ResultImport",
]
