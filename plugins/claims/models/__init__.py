"""What platforms report of our claims, and how it differs from the portal."""

from __future__ import annotations

from plugins.claims.models.account import PlatformAccount, Reported, day_column
from plugins.claims.models.assets import AssetConflict, PlatformAsset, ReferenceFile
from plugins.claims.models.claims import PlatformClaim, PlatformVideo, PolicyTerms
from plugins.claims.models.discrepancy import Discrepancy, GroundChange
from plugins.claims.models.files import ClaimFile, ClaimFileRow
from plugins.claims.models.imports import AnswersImport, ClaimsImport
from plugins.claims.models.values import PriorValues, ReportedValue

__all__ = [
    "AnswersImport",
    "AssetConflict",
    "ClaimFile",
    "ClaimFileRow",
    "ClaimsImport",
    "Discrepancy",
    "GroundChange",
    "PlatformAccount",
    "PlatformAsset",
    "PlatformClaim",
    "PlatformVideo",
    "PolicyTerms",
    "PriorValues",
    "ReferenceFile",
    "Reported",
    "ReportedValue",
    "day_column",
]
