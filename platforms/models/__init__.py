"""What platforms report of our claims, and how it differs from the portal."""

from __future__ import annotations

from platforms.models.account import PlatformAccount, Reported, day_column
from platforms.models.assets import AssetConflict, PlatformAsset, ReferenceFile
from platforms.models.claims import PlatformClaim, PlatformVideo, PolicyTerms
from platforms.models.discrepancy import Discrepancy, GroundChange
from platforms.models.files import ClaimFile, ClaimFileRow
from platforms.models.values import PriorValues, ReportedValue

__all__ = [
    "AssetConflict",
    "ClaimFile",
    "ClaimFileRow",
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
