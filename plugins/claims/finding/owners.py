"""Finds which assets and videos of ours others own or claim, as the platform says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from catalogue.sounds import sounds_of
from plugins.claims.choices import DiscrepancyKind, Meaning, ValueColumn
from plugins.claims.finding.discrepancy import FoundDiscrepancy
from plugins.claims.finding.grounds import Grounds
from plugins.claims.models import PlatformAsset, PlatformVideo
from scanning.models import ScannedFile

YES, NO = "Yes", "No"
"""Whether another owner claims a video (support.google.com 9049701)."""


def of_assets(assets: Sequence[PlatformAsset], grounds: Grounds) -> list[FoundDiscrepancy]:
    """Return which assets of our recordings others own too, as the platform says."""
    sounds = sounds_of(asset.recording for asset in assets if asset.recording is not None)
    conflicts = grounds.facts.conflicts_of(assets)
    return [
        FoundDiscrepancy(
            DiscrepancyKind.BY_OTHERS,
            f"a{asset.pk}",
            {"owner": owner, "countries": countries, "ownership": asset.ownership},
            account=asset.account_id,
            asset=asset.pk,
            recording=sounds[asset.recording_id],
        )
        for asset in assets
        if asset.recording_id in sounds
        for owner, countries in [conflicts[asset.pk]]
        if owner
    ]


def of_videos(
    videos: Sequence[PlatformVideo], grounds: Grounds, files: Mapping[str, ScannedFile]
) -> list[FoundDiscrepancy]:
    """Return which of our own videos others claim; they come with their assets.

    ``files`` are those of their links.
    """
    sounds = sounds_of(
        video.asset.recording
        for video in videos
        if video.asset is not None and video.asset.recording is not None
    )
    discrepancies = []
    for video in videos:
        flag = (ValueColumn.ANOTHER_OWNER, video.another_owner)
        is_flagged = video.another_owner == YES or grounds.meanings.get(flag) == Meaning.BY_OTHERS
        owners = "" if video.other_owners == NO else video.other_owners
        if video.gone_on is not None or not (owners or is_flagged):
            continue
        file = files.get(video.link_key)
        recording = video.asset.recording_id if video.asset else None
        discrepancies.append(
            FoundDiscrepancy(
                DiscrepancyKind.BY_OTHERS,
                f"v{video.pk}",
                {"owner": owners},
                account=video.account_id,
                video=video.pk,
                recording=sounds.get(recording or 0),
                scanned_file=file.pk if file else None,
                views=video.views,
            )
        )
    return discrepancies
