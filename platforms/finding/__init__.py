"""Finds what differs between a platform and the portal; writes nothing.

Each function looks at some rows and returns what differs about them now, so that a full
comparison and one of a few rows say the same.
"""

from __future__ import annotations

from platforms.finding.claims import (
    ACTIVE,
    CLAIM_COLUMNS,
    CLAIM_KINDS,
    PENDING,
    HeardVideos,
    of_claims,
    video_file_of,
)
from platforms.finding.facts import (
    INACTIVE,
    ClaimsOn,
    LinkedAsset,
    ReportFacts,
    Row,
    WorkingFiles,
    working_file,
)
from platforms.finding.found import Found
from platforms.finding.grounds import EVERYWHERE, Grounds, our_countries
from platforms.finding.matches import CLAIMABLE, of_matches, of_recordings
from platforms.finding.owners import NO, YES, of_assets, of_videos

__all__ = [
    "ACTIVE",
    "CLAIMABLE",
    "CLAIM_COLUMNS",
    "CLAIM_KINDS",
    "EVERYWHERE",
    "INACTIVE",
    "NO",
    "PENDING",
    "YES",
    "ClaimsOn",
    "Found",
    "Grounds",
    "HeardVideos",
    "LinkedAsset",
    "ReportFacts",
    "Row",
    "WorkingFiles",
    "of_assets",
    "of_claims",
    "of_matches",
    "of_recordings",
    "of_videos",
    "our_countries",
    "video_file_of",
    "working_file",
]
