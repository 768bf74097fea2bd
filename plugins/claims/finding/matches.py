"""Finds which matches nobody claims, and which recordings nothing recognises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from base.common.zones import office_day
from catalogue.models import Recording, RecordingStatus
from catalogue.sounds import sounds_of
from plugins.claims.choices import DiscrepancyKind
from plugins.claims.finding.discrepancy import FoundDiscrepancy
from plugins.claims.finding.facts import Recognition
from plugins.claims.finding.grounds import Grounds
from plugins.claims.joining import platform_of
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
CLAIMABLE: Final = (MatchState.CONFIRMED, MatchState.UPHELD)


def of_matches(matches: Sequence[Match], grounds: Grounds) -> list[FoundDiscrepancy]:
    """Return which matches nobody claims on the platform; they come with their rows."""
    candidates = [
        match
        for match in matches
        if match.state in CLAIMABLE
        and match.scanned_file.deleted_at is None
        and match.scanned_file.link_key
        and _had_time(match.scanned_file, grounds.claims_days)
    ]
    sounds = sounds_of(match.recording for match in candidates)
    candidates = [match for match in candidates if match.recording_id in sounds]
    claimed, unlinked = grounds.facts.claims_on(
        {match.scanned_file.link_key for match in candidates}
    )
    missing = [
        match
        for match in candidates
        if sounds[match.recording_id] not in claimed[match.scanned_file.link_key]
        and not is_licensed(match, grounds)
    ]
    recognition = grounds.facts.recognition_of({sounds[match.recording_id] for match in missing})
    return [
        FoundDiscrepancy(
            DiscrepancyKind.NOT_CLAIMED,
            f"m{match.pk}",
            {
                "has_reference": recognition[sounds[match.recording_id]].is_active,
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
    return claims_day is not None and claims_day >= published + timedelta(days=DAYS_TO_REPORT)


def is_licensed(match: Match, grounds: Grounds) -> bool:
    """Return whether a licence covers the whole use."""
    check = coverage.best(subject=Subject.of(match), licences=grounds.licences)
    return check is not None and check.cover == Cover.FULL


def of_recordings(recordings: Sequence[Recording], grounds: Grounds) -> list[FoundDiscrepancy]:
    """Return which recordings the platform cannot recognise."""
    if not grounds.facts.knows_references:
        return []
    findable = {
        recording.pk
        for recording in recordings
        if recording.status == RecordingStatus.READY
        and not recording.too_little_sound
        and recording.same_sound_as_id is None
    }
    return [
        FoundDiscrepancy(DiscrepancyKind.NO_REFERENCE, f"r{pk}", {"why": why}, recording=pk)
        for pk, recognition in grounds.facts.recognition_of(findable).items()
        if (why := _why_not(recognition))
    ]


def _why_not(recognition: Recognition) -> str:
    """Return why the platform cannot recognise a sound; empty if it can."""
    if not recognition.has_asset:
        return "no_asset"
    if not recognition.is_active:
        return "no_reference"
    return "excluded" if (recognition.excluded or 0) > MOST_EXCLUDED else ""
