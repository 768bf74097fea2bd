"""Finds which assets and videos of ours others own or claim, as the platform says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from platforms.choices import DiscrepancyKind, Meaning, ValueColumn
from platforms.finding.found import Found
from platforms.finding.grounds import Grounds
from platforms.joining import sounds_of
from platforms.models import (
    AssetConflict,
    PlatformAccount,
    PlatformAsset,
    PlatformVideo,
)
from scanning.models import ScannedFile

YES, NO = "Yes", "No"
"""Whether another owner claims a video (support.google.com 9049701)."""


def of_assets(assets: Sequence[PlatformAsset]) -> list[Found]:
    """Return which assets of our recordings others own too, as the platform says."""
    linked = [each.recording for each in assets if each.recording is not None]
    sounds = sounds_of({each.pk: each for each in linked}.values())
    conflicts = _conflicts_of(assets)
    return [
        Found(
            DiscrepancyKind.BY_OTHERS,
            f"a{asset.pk}",
            {
                "owner": owner,
                "countries": countries,
                "ownership": asset.ownership,
            },
            account=asset.account_id,
            asset=asset.pk,
            recording=sounds[asset.recording_id],
        )
        for asset in assets
        if asset.recording_id in sounds
        for owner, countries in [conflicts[asset.pk]]
        if owner
    ]


def _conflicts_of(assets: Sequence[PlatformAsset]) -> dict[int, tuple[str, str]]:
    """Return other owners and their countries, as the newest report has them.

    Both the report of assets and that of conflicts are whole, so the newer one decides;
    of one day that of conflicts.
    """
    rows = AssetConflict.objects.filter(asset__in=assets, gone_on=None)
    reported = {row.asset_id: (row.owner, row.countries) for row in rows}
    accounts = PlatformAccount.objects.in_bulk({each.account_id for each in assets})
    found = {}
    for asset in assets:
        account = accounts[asset.account_id]
        day = account.conflicts_day
        if day is not None and day >= (account.assets_day or date.min):
            found[asset.pk] = reported.get(asset.pk, ("", ""))
        elif asset.gone_on is None:
            found[asset.pk] = (asset.conflicting_owner, asset.conflicting_countries)
        else:
            found[asset.pk] = ("", "")
    return found


def of_videos(
    videos: Sequence[PlatformVideo], grounds: Grounds, files: Mapping[str, ScannedFile]
) -> list[Found]:
    """Return which of our own videos others claim; they come with their assets.

    ``files`` are those of their links.
    """
    linked = [
        video.asset.recording
        for video in videos
        if video.asset is not None and video.asset.recording is not None
    ]
    sounds = sounds_of({each.pk: each for each in linked}.values())
    found = []
    for video in videos:
        flag = (ValueColumn.ANOTHER_OWNER, video.another_owner)
        is_flagged = (
            video.another_owner == YES
            or grounds.meanings.get(flag) == Meaning.BY_OTHERS
        )
        owners = "" if video.other_owners == NO else video.other_owners
        if video.gone_on is not None or not (owners or is_flagged):
            continue
        file = files.get(video.link_key)
        recording = video.asset.recording_id if video.asset else None
        found.append(
            Found(
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
    return found
