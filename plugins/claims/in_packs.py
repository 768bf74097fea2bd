"""What the evidence pack of a match says of claims on platforms."""

from __future__ import annotations

from plugins.claims.models import PlatformClaim
from plugins.claims.selectors import claims_of_matches
from reports.evidence.parts import PackPart, Row, day_text
from review.models import Match


def _claims_of(match: Match) -> list[Row]:
    """Return the claims of the match that all who may see the match may see."""
    file, recording = match.scanned_file, match.recording
    claims = claims_of_matches([match], {file.pk: file}, {recording.pk: recording})
    return [
        _row(claim)
        for claim in claims.get(match.pk, ())
        if claim.asset.recording is not None
        and claim.asset.recording.bucket_id == recording.bucket_id
        and claim.scanned_file is not None
        and claim.scanned_file.container_id == file.container_id
    ]


def _row(claim: PlatformClaim) -> Row:
    """Return a claim as the platform reports it; the times are those of reports."""
    return {
        "claim_id": claim.claim_id,
        "platform": claim.account.platform,
        "account": claim.account.name,
        "asset_id": claim.asset.asset_id,
        "video_id": claim.video_id,
        "status": claim.status,
        "status_detail": claim.status_detail,
        "origin": claim.origin,
        "type": claim.claim_type,
        "claimed_on": day_text(claim.claimed_on),
        "first_report": day_text(claim.first_report),
        "no_longer_reported_since": day_text(claim.gone_on),
        "newest_report": day_text(claim.account.claims_day),
    }


PLATFORM_CLAIMS = PackPart(
    "platform_claims",
    _claims_of,
    left_out=frozenset({"platform_claim_status"}),
    template="evidence/_platform_claims.html",
)
