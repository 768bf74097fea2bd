"""What the newest reports say beside the rows that a comparison looks at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, TypeVar

from django.db.models import QuerySet

from catalogue.sounds import members_of, sounds_of
from plugins.claims.choices import Platform
from plugins.claims.models import (
    AssetConflict,
    PlatformAccount,
    PlatformAsset,
    PlatformClaim,
    ReferenceFile,
    Reported,
)

INACTIVE: Final = "INACTIVE"
IDLE_REFERENCES: Final = ("INACTIVE", "DELETED", "DUPLICATE_ON_HOLD")
"""States of reference files that recognise nothing (references of the Content ID API)."""
_ASSET_COLUMNS: Final = (
    *("account", "recording", "gone_on", "active_references", "asset_type"),
    *("your_isrc", "display_isrc", "claimed_isrc", "claimed_iswc"),
)
Row = TypeVar("Row", bound=Reported)
ClaimsOn = tuple[dict[str, set[int]], dict[str, int]]


@dataclass(frozen=True, slots=True)
class LinkedAsset:
    """What an asset says of its recording; ``can_have_files`` unless it is a work's."""

    key: int
    recording: int | None
    asset_type: str
    is_reported: bool
    can_have_files: bool
    is_active: bool

    @classmethod
    def of(cls, asset: PlatformAsset, youtubes: Collection[int]) -> LinkedAsset:
        return cls(
            asset.pk,
            asset.recording_id,
            asset.asset_type,
            is_reported=asset.gone_on is None,
            can_have_files=asset.account_id in youtubes and not asset.is_composition,
            is_active=asset.active_references > 0,
        )


@dataclass(frozen=True, slots=True)
class WorkingFiles:
    """The working reference files of an asset: the least that is excluded, in percent.

    ``excluded`` is None if reports do not say it of any.
    """

    excluded: float | None = None

    def joined(self, files: WorkingFiles | None) -> WorkingFiles:
        """Return what both say."""
        shares = [
            working.excluded
            for working in (self, files)
            if working is not None and working.excluded is not None
        ]
        return WorkingFiles(min(shares, default=None))


@dataclass(slots=True)
class Recognition:
    """How well the platform can recognise a sound."""

    has_asset: bool = False
    is_active: bool = False
    excluded: float | None = None


class ReportFacts:
    """Reads what the reports say, as they are imported."""

    def __init__(self) -> None:
        self.accounts = PlatformAccount.objects.in_bulk()
        self.youtubes = {
            account.pk for account in self.accounts.values() if account.platform == Platform.YOUTUBE
        }

    @property
    def claims_days(self) -> dict[str, date]:
        """Return the day of each platform's newest report of claims."""
        days: dict[str, date] = {}
        for account in self.accounts.values():
            if day := account.claims_day:
                days[account.platform] = max(day, days.get(account.platform, day))
        return days

    @property
    def knows_references(self) -> bool:
        """Return whether any report could name a reference file."""
        return any(
            account.assets_day or account.references_day for account in self.accounts.values()
        )

    def claims_on(self, links: Collection[str]) -> ClaimsOn:
        """Return which sounds are claimed on videos, and how many claims have no recording."""
        claimed: dict[str, set[int]] = defaultdict(set)
        unlinked: dict[str, int] = defaultdict(int)
        rows = self.living(PlatformClaim).filter(link_key__in=links)
        rows = rows.exclude(status=INACTIVE)
        claims = list(rows.select_related("asset__recording__merged_into"))
        self.move([claim.asset for claim in claims])
        sounds = sounds_of(claim.asset.recording for claim in claims if claim.asset.recording)
        for claim in claims:
            sound = sounds.get(claim.asset.recording_id or 0)
            if sound is None:
                unlinked[claim.link_key] += 1
            else:
                claimed[claim.link_key].add(sound)
        return claimed, unlinked

    def living(self, model: type[Row]) -> QuerySet[Row]:
        """Return the rows that the newest reports have."""
        return model._default_manager.filter(gone_on=None)

    def move(self, assets: Iterable[PlatformAsset]) -> None:
        """Point assets at their recordings; those that are stored already do."""

    def conflicts_of(self, assets: Sequence[PlatformAsset]) -> dict[int, tuple[str, str]]:
        """Return other owners and their countries, as the newest report has them.

        Both the report of assets and that of conflicts are whole, so the newer one
        decides; of one day that of conflicts.
        """
        reported = self.reported_conflicts([asset.pk for asset in assets])
        by_asset = {}
        for asset in assets:
            account = self.accounts[asset.account_id]
            day = account.conflicts_day
            if day is not None and day >= (account.assets_day or date.min):
                by_asset[asset.pk] = reported.get(asset.pk, ("", ""))
            elif asset.gone_on is None:
                by_asset[asset.pk] = (asset.conflicting_owner, asset.conflicting_countries)
            else:
                by_asset[asset.pk] = ("", "")
        return by_asset

    def reported_conflicts(self, assets: Collection[int]) -> dict[int, tuple[str, str]]:
        """Return what the report of conflicts says of assets."""
        rows = self.living(AssetConflict).filter(asset__in=assets)
        return {row.asset_id: (row.owner, row.countries) for row in rows}

    def recognition_of(self, sounds: Collection[int]) -> dict[int, Recognition]:
        """Return how well the platform can recognise each sound."""
        by_sound = {sound: Recognition() for sound in sounds}
        members = members_of(by_sound)
        assets = self.assets_at(members)
        files = self.files_of([asset.key for asset in assets])
        for asset in assets:
            recognition = by_sound[members[asset.recording or 0]]
            recognition.has_asset |= asset.can_have_files
            recognition.is_active |= asset.is_active
            if file := files.get(asset.key):
                recognition.is_active = True
                if file.excluded is not None:
                    excluded = 100.0 if recognition.excluded is None else recognition.excluded
                    recognition.excluded = min(excluded, file.excluded)
        return by_sound

    def assets_at(self, recordings: Collection[int]) -> list[LinkedAsset]:
        """Return the reported assets of recordings."""
        rows = PlatformAsset.objects.filter(recording__in=recordings, gone_on=None)
        rows = rows.only(*_ASSET_COLUMNS)
        return [LinkedAsset.of(row, self.youtubes) for row in rows]

    def files_of(self, assets: Collection[int]) -> dict[int, WorkingFiles]:
        """Return what is known of the working reference files of assets, if they have any."""
        by_asset: dict[int, WorkingFiles] = {}
        rows = self.living(ReferenceFile).filter(asset__in=assets)
        for row in rows.only("asset", "status", "excluded_pct"):
            if file := working_file(row.status, row.excluded_pct):
                by_asset[row.asset_id] = file.joined(by_asset.get(row.asset_id))
        return by_asset


def working_file(status: str, excluded: Decimal | str | None) -> WorkingFiles | None:
    """Return what one reference file says; None if it recognises nothing."""
    if status.upper() in IDLE_REFERENCES:
        return None
    return WorkingFiles(None if excluded is None else float(excluded))
