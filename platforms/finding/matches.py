"""Finds which matches nobody claims, and which recordings nothing recognises."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from django.db.models import QuerySet

from catalogue.models import Recording, RecordingStatus
from common.zones import office_day
from platforms.choices import DiscrepancyKind
from platforms.finding.claims import INACTIVE
from platforms.finding.found import Found
from platforms.finding.grounds import Grounds
from platforms.joining import members_of, platform_of, sounds_of
from platforms.models import (
    PlatformAccount,
    PlatformAsset,
    PlatformClaim,
    ReferenceFile,
)
from review import coverage
from review.choices import MatchState
from review.coverage import Cover
from review.models import Match
from review.subjects import Subject
from scanning.models import ScannedFile

DAYS_TO_REPORT: Final = 4
"""A report arrives about 62 hours after its day; claims need their time before."""
MOST_EXCLUDED: Final = 50
"""Own limit: above it, a reference file recognises too little, in percent."""
IDLE_REFERENCES: Final = ("INACTIVE", "DELETED", "DUPLICATE_ON_HOLD")
"""States of reference files that recognise nothing (references of the Content ID API)."""
CLAIMABLE: Final = (MatchState.CONFIRMED, MatchState.UPHELD)
ClaimsOn = tuple[dict[str, set[int]], dict[str, int]]


def claims_on(
    links: Collection[str], without: PlatformAccount | None = None
) -> ClaimsOn:
    """Return which sounds are claimed on videos, and how many claims have no recording.

    Claims of the account ``without`` do not count.
    """
    claimed: dict[str, set[int]] = defaultdict(set)
    unlinked: dict[str, int] = defaultdict(int)
    rows = PlatformClaim.objects.filter(link_key__in=links, gone_on=None)
    rows = rows.exclude(status=INACTIVE)
    if without is not None:
        rows = rows.exclude(account=without)
    claims = list(rows.select_related("asset__recording__merged_into"))
    linked = [claim.asset.recording for claim in claims if claim.asset.recording]
    of_assets = sounds_of({each.pk: each for each in linked}.values())
    for claim in claims:
        sound = of_assets.get(claim.asset.recording_id or 0)
        if sound is None:
            unlinked[claim.link_key] += 1
        else:
            claimed[claim.link_key].add(sound)
    return claimed, unlinked


def of_matches(
    matches: Sequence[Match],
    grounds: Grounds,
    read_claims: Callable[[Collection[str]], ClaimsOn] = claims_on,
) -> list[Found]:
    """Return which matches nobody claims on the platform; they come with their rows."""
    candidates = [
        match
        for match in matches
        if match.state in CLAIMABLE
        and match.scanned_file.deleted_at is None
        and match.scanned_file.link_key
        and _had_time(match.scanned_file, grounds.claims_days)
    ]
    sounds = sounds_of(
        {each.recording_id: each.recording for each in candidates}.values()
    )
    candidates = [match for match in candidates if match.recording_id in sounds]
    claimed, unlinked = read_claims(
        {match.scanned_file.link_key for match in candidates}
    )
    missing = [
        match
        for match in candidates
        if sounds[match.recording_id] not in claimed[match.scanned_file.link_key]
        and not _is_licensed(match, grounds)
    ]
    referenced = _with_reference({sounds[match.recording_id] for match in missing})
    return [
        Found(
            DiscrepancyKind.NOT_CLAIMED,
            f"m{match.pk}",
            {
                "has_reference": sounds[match.recording_id] in referenced,
                "unlinked": unlinked[match.scanned_file.link_key],
            },
            match=match.pk,
            recording=match.recording_id,
            scanned_file=match.scanned_file_id,
            is_weak=bool(unlinked[match.scanned_file.link_key]),
            views=match.scanned_file.views,
        )
        for match in missing
    ]


def _had_time(file: ScannedFile, claims_days: Mapping[str, date]) -> bool:
    """Return whether the newest report of the file's platform could have its claim."""
    claims_day = claims_days.get(platform_of(file.source_url) or "")
    published = office_day(file.published_at or file.created_at)
    return claims_day is not None and claims_day >= published + timedelta(
        days=DAYS_TO_REPORT
    )


def _is_licensed(match: Match, grounds: Grounds) -> bool:
    check = coverage.best(subject=Subject.of(match), licences=grounds.licences)
    return check is not None and check.cover == Cover.FULL


def _with_reference(sounds: set[int]) -> set[int]:
    """Return those of some sounds that an active reference file recognises."""
    members = members_of(sounds)
    assets = PlatformAsset.objects.filter(recording__in=members, gone_on=None)
    active = assets.filter(active_references__gt=0).values_list("recording", flat=True)
    named = working_references(assets).values_list("asset__recording", flat=True)
    return {members[pk] for pk in (*active, *named) if pk is not None}


def working_references(assets: QuerySet[PlatformAsset]) -> QuerySet[ReferenceFile]:
    """Return the reference files of assets, without those that recognise nothing."""
    files = ReferenceFile.objects.filter(asset__in=assets.values("pk"), gone_on=None)
    for state in IDLE_REFERENCES:
        files = files.exclude(status__iexact=state)
    return files


def of_recordings(recordings: Sequence[Recording], grounds: Grounds) -> list[Found]:
    """Return which recordings the platform cannot recognise."""
    if not grounds.knows_references:
        return []
    findable = {
        recording.pk: recording
        for recording in recordings
        if recording.status == RecordingStatus.READY
        and not recording.too_little_sound
        and recording.same_sound_as_id is None
    }
    members = members_of(set(findable))
    assets = PlatformAsset.objects.filter(
        recording__in=members, gone_on=None, account__in=grounds.youtubes
    )
    # A work has no reference files.
    with_asset = {
        members[each.recording_id]
        for each in assets
        if each.recording_id and not each.is_composition
    }
    active = _with_reference(set(findable))
    excluded = _most_excluded(assets, members)
    found = []
    for pk in findable:
        why = ""
        if pk not in with_asset:
            why = "no_asset"
        elif pk not in active:
            why = "no_reference"
        elif excluded.get(pk, 0) > MOST_EXCLUDED:
            why = "excluded"
        if why:
            found.append(
                Found(
                    DiscrepancyKind.NO_REFERENCE,
                    f"r{pk}",
                    {"why": why},
                    recording=pk,
                )
            )
    return found


def _most_excluded(
    assets: QuerySet[PlatformAsset], members: Mapping[int, int]
) -> dict[int, float]:
    """Return the least excluded part of each sound's reference files, in percent."""
    rows = working_references(assets).filter(excluded_pct__isnull=False)
    found: dict[int, float] = {}
    for pk, excluded in rows.values_list("asset__recording", "excluded_pct"):
        sound = members[pk or 0]
        found[sound] = min(float(excluded or 0), found.get(sound, 100.0))
    return found
