"""Reading claims, assets and differences, within the viewer's access limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from django.db.models import Count, Q, QuerySet

from base.accounts.reach import sees_everything
from catalogue.identifiers import check_isrc
from catalogue.models import Recording, RecordingStatus
from catalogue.sounds import members_of, sounds_of
from plugins.claims.choices import DiscrepancyKind, DiscrepancyState, RowAnswer
from plugins.claims.finding.claims import ACTIVE, PENDING
from plugins.claims.finding.facts import INACTIVE
from plugins.claims.joining import Code, ids_of, platform_of, recordings_of_iswcs
from plugins.claims.models import (
    ClaimFile,
    ClaimFileRow,
    Discrepancy,
    PlatformAccount,
    PlatformAsset,
    PlatformClaim,
)
from review.models import Match
from scanning.models import ScannedFile

NO_CLAIM: Final = "none"
_STRENGTH: Final = {ACTIVE: 0, PENDING: 1, INACTIVE: 3}


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
            | Q(video__title__icontains=text)
            | Q(video__video_id=text)
            | Q(recording__title__icontains=text)
            | Q(recording__isrc_normalised=text.replace("-", "").upper())
            | Q(scanned_file__name__icontains=text)
        )
    return rows.select_related(
        *("account", "claim", "asset", "video__asset__account", "recording"),
        *("scanned_file", "match"),
    )


def list_assets() -> QuerySet[PlatformAsset]:
    """Return the assets; people with limits see those of their recordings."""
    return PlatformAsset.objects.filter(gone_on=None).select_related("recording", "account")


def list_claims(*, account: PlatformAccount) -> QuerySet[PlatformClaim]:
    """Return the claims of an account, also those that are no longer reported."""
    return all_claims().filter(account=account)


def all_claims() -> QuerySet[PlatformClaim]:
    """Return the claims of all accounts, also those that are no longer reported."""
    return PlatformClaim.objects.select_related("account", "asset__recording", "scanned_file")


def list_files() -> QuerySet[ClaimFile]:
    """Return files with the numbers of entries, of confirmed and of refused ones."""
    return ClaimFile.objects.annotate(
        entries=Count("rows"),
        confirmed=Count("rows", filter=Q(rows__discrepancy__state=DiscrepancyState.GONE)),
        refused=Count("rows", filter=Q(rows__answer=RowAnswer.ERRORS)),
    )


def rows_of_file(file: ClaimFile) -> QuerySet[ClaimFileRow]:
    """Return a file's rows whose entries the viewer may see."""
    rows = ClaimFileRow.objects.filter(file=file, discrepancy__in=Discrepancy.objects.all())
    return rows.select_related(
        *("discrepancy__account", "discrepancy__claim", "discrepancy__asset__account"),
        *("discrepancy__video__asset__account", "discrepancy__recording"),
        *("discrepancy__scanned_file", "discrepancy__match"),
    )


def files_of(rows: Sequence[Discrepancy]) -> dict[int, ClaimFile]:
    """Return the file that keeps each difference out of others, by key."""
    living = ClaimFileRow.objects.living().filter(
        discrepancy__in=[row.pk for row in rows], file__in=ClaimFile.objects.all()
    )
    return {row.discrepancy_id: row.file for row in living.select_related("file")}


def claims_of_match(match: Match) -> QuerySet[PlatformClaim]:
    """Return the claims on a match's video, of any recording."""
    rows = PlatformClaim.objects.filter(scanned_file=match.scanned_file_id)
    return rows.select_related("asset__recording", "account").order_by("-views", "pk")


def claims_of_matches(
    matches: Sequence[Match], files: Mapping[int, ScannedFile], recordings: Mapping[int, Recording]
) -> dict[int, list[PlatformClaim]]:
    """Return the claims of each match: same video, same sound; the strongest first.

    ``files`` and ``recordings`` are those of the matches, by key.
    """
    links = {file.link_key for file in files.values()} - {""}
    rows = PlatformClaim.objects.filter(link_key__in=links, asset__recording__isnull=False)
    claims = sorted(
        rows.select_related("account", "asset__recording__merged_into"),
        key=lambda claim: (_STRENGTH.get(claim.status, 2), claim.claim_id),
    )
    linked = [claim.asset.recording for claim in claims if claim.asset.recording]
    sounds = sounds_of([*recordings.values(), *linked])
    by_video_and_sound: dict[tuple[str, int | None], list[PlatformClaim]] = {}
    for claim in claims:
        sound = sounds.get(claim.asset.recording_id or 0)
        by_video_and_sound.setdefault((claim.link_key, sound), []).append(claim)
    return {
        match.pk: by_video_and_sound.get(
            (files[match.scanned_file_id].link_key, sounds[match.recording_id]), []
        )
        for match in matches
        if match.recording_id in sounds
    }


def claim_statuses(
    matches: Sequence[Match], files: Mapping[int, ScannedFile], recordings: Mapping[int, Recording]
) -> dict[int, str]:
    """Return the status of each match's claim as the newest report has it, by key.

    ``NO_CLAIM`` if it has none. A match is missing if it is not of a video, if no report
    was imported, or if the viewer may not see whether there is a claim.
    """
    reported_on = PlatformAccount.objects.exclude(claims_day=None)
    platforms = set(reported_on.values_list("platform", flat=True))
    if not platforms:
        return {}
    claims = claims_of_matches(matches, files, recordings)
    statuses = {}
    for match in matches:
        reported = [claim for claim in claims.get(match.pk, ()) if claim.gone_on is None]
        if reported:
            statuses[match.pk] = reported[0].status.lower()
        elif sees_everything() and (
            platform_of(files[match.scanned_file_id].source_url) in platforms
        ):
            statuses[match.pk] = NO_CLAIM
    return statuses


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
        scanned_file=claim.scanned_file, recording__in=members_of(set(sounds.values()))
    )
    related = rows.select_related("recording", "scanned_file__container", "scan")
    return max(related, key=lambda match: match.is_heard, default=None)


def fitting_recordings(asset: PlatformAsset) -> list[Recording]:
    """Return recordings that an asset's identifiers name, and those of other ISRCs."""
    ids = ids_of(asset)
    customs = [identifier.value for identifier in ids if identifier.code == Code.OWN]
    isrcs = [identifier.value for identifier in ids if identifier.code == Code.ISRC]
    isrcs += [check_isrc(text).normalised for text in asset.other_isrc.split("|")]
    valid_isrcs = [isrc for isrc in isrcs if isrc]
    rows = Recording.objects.exclude(status=RecordingStatus.RETIRED)
    iswcs = {identifier.value for identifier in ids if identifier.code == Code.ISWC}
    of_works = [recording.pk for some in recordings_of_iswcs(iswcs).values() for recording in some]
    recordings = rows.filter(
        Q(custom_id__in=customs)
        | Q(isrc_normalised__in=valid_isrcs)
        | Q(own_isrc__in=valid_isrcs)
        | Q(pk__in=of_works)
    )
    is_named = customs or valid_isrcs or of_works
    return list(recordings.order_by("title", "pk")[:20]) if is_named else []
