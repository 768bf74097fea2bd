"""Reading claims, assets and differences, within the viewer's access limits."""

from __future__ import annotations

from datetime import date

from django.db.models import Q, QuerySet

from catalogue.identifiers import check_isrc
from catalogue.models import Recording, RecordingStatus
from platforms.choices import DiscrepancyKind, DiscrepancyState
from platforms.joining import ids_of, members_of, sounds_of
from platforms.models import (
    Discrepancy,
    PlatformAccount,
    PlatformAsset,
    PlatformClaim,
)
from review.choices import MatchState
from review.models import Match


def list_discrepancies(
    *,
    kind: DiscrepancyKind,
    state: DiscrepancyState = DiscrepancyState.OPEN,
    account: PlatformAccount | None = None,
    text: str = "",
) -> QuerySet[Discrepancy]:
    """Return a list's rows; those about no claim belong to every account."""
    rows = Discrepancy.objects.filter(kind=kind, state=state)
    if account is not None:
        rows = rows.filter(Q(account=account) | Q(account=None))
    if text:
        rows = rows.filter(
            Q(claim__title__icontains=text)
            | Q(claim__video_id=text)
            | Q(claim__claim_id=text)
            | Q(asset__title__icontains=text)
            | Q(recording__title__icontains=text)
            | Q(recording__isrc_normalised=text.replace("-", "").upper())
            | Q(scanned_file__name__icontains=text)
        )
    return rows.select_related(
        "account", "claim", "asset", "recording", "scanned_file", "match"
    )


def list_assets() -> QuerySet[PlatformAsset]:
    """Return the assets; people with limits see those of their recordings."""
    return PlatformAsset.objects.filter(gone_on=None).select_related(
        "recording", "account"
    )


def claims_of_match(match: Match) -> QuerySet[PlatformClaim]:
    """Return the claims on a match's video, of any recording."""
    rows = PlatformClaim.objects.filter(scanned_file=match.scanned_file_id)
    return rows.select_related("asset__recording", "account").order_by("-views", "pk")


def newest_day(account: PlatformAccount | None) -> date | None:
    """Return the day of the newest report of claims of an account, or of all."""
    if account is not None:
        return account.claims_day
    days = PlatformAccount.objects.exclude(claims_day=None)
    newest = days.order_by("-claims_day").first()
    return newest.claims_day if newest else None


def match_of(claim: PlatformClaim) -> Match | None:
    """Return the live match of a claim that the viewer may see: same file, same sound."""
    recording = claim.asset.recording
    if claim.scanned_file is None or recording is None:
        return None
    sounds = sounds_of([recording])
    if not sounds:
        return None
    rows = Match.objects.filter(
        scanned_file=claim.scanned_file,
        recording__in=members_of(set(sounds.values())),
    ).exclude(state=MatchState.SUPERSEDED)
    related = rows.select_related("recording", "scanned_file__container", "scan")
    return max(related, key=lambda match: match.is_heard, default=None)


def fitting_recordings(asset: PlatformAsset) -> list[Recording]:
    """Return recordings that an asset's identifiers name, and those of other ISRCs."""
    ids = ids_of(asset)
    customs = [each.value for each in ids if not each.is_isrc]
    isrcs = [each.value for each in ids if each.is_isrc]
    isrcs += [check_isrc(text).normalised for text in asset.other_isrc.split("|")]
    known = [isrc for isrc in isrcs if isrc]
    rows = Recording.objects.exclude(status=RecordingStatus.RETIRED)
    found = rows.filter(
        Q(custom_id__in=customs) | Q(isrc_normalised__in=known) | Q(own_isrc__in=known)
    )
    return list(found.order_by("title", "pk")[:20]) if customs or known else []
