"""What the reports of an account will say after an import that is only checked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date
from decimal import Decimal

from django.db.models import QuerySet

from catalogue.models import Recording
from plugins.claims.choices import ReportKind
from plugins.claims.finding.facts import (
    ClaimsOn,
    LinkedAsset,
    ReportFacts,
    Row,
    WorkingFiles,
    working_file,
)
from plugins.claims.models import PlatformAccount, PlatformAsset, Reported, day_column


class AfterImport(ReportFacts):
    """Reads what is stored, and over it what a report changes of it.

    The rows of ``replaced``, the model of the report, are those that were noted. Of
    assets only those with a recording before or after are kept, for want of memory.
    """

    def __init__(
        self, account: PlatformAccount, kind: ReportKind, replaced: type[Reported], day: date
    ) -> None:
        super().__init__()
        self._account, self._replaced = account, replaced
        setattr(self.accounts[account.pk], day_column(kind), day)
        self.moved: set[int] = set()
        """Stored assets that have another recording or type than before."""
        self.touched: set[int] = set()
        """Recordings of assets that changed, before and after."""
        self._assets: dict[int, LinkedAsset] = {}
        self._at: dict[int, set[int]] = defaultdict(set)
        self._files: dict[int, WorkingFiles] = {}
        self._conflicts: dict[int, tuple[str, str]] = {}
        self._claimed: dict[str, set[int]] = defaultdict(set)
        self._unlinked: dict[str, int] = defaultdict(int)

    def note_asset(self, asset: PlatformAsset, before: LinkedAsset) -> None:
        """Note what becomes of an asset that has the recording where it will belong."""
        after = LinkedAsset.of(asset, self.youtubes)
        if before == after or (before.recording or after.recording) is None:
            return
        self._assets[after.key] = after
        self.touched.update(filter(None, (before.recording, after.recording)))
        if after.recording is not None:
            self._at[after.recording].add(after.key)
        if after.key > 0 and (before.recording, before.asset_type) != (
            after.recording,
            after.asset_type,
        ):
            self.moved.add(after.key)

    def note_file(self, asset: int, status: str, excluded: Decimal | str | None) -> None:
        """Note a reference file of an asset with a recording."""
        if file := working_file(status, excluded):
            self._files[asset] = file.joined(self._files.get(asset))

    def note_conflict(self, asset: int, owner: str, countries: str) -> None:
        """Note who else owns an asset."""
        self._conflicts[asset] = (owner, countries)

    def note_claim(self, link: str, sound: int | None) -> None:
        """Note an active or pending claim on a video, perhaps of no recording."""
        if sound is None:
            self._unlinked[link] += 1
        else:
            self._claimed[link].add(sound)

    def living(self, model: type[Row]) -> QuerySet[Row]:
        rows = super().living(model)
        is_replaced = model is self._replaced
        return rows.exclude(account=self._account) if is_replaced else rows

    def claims_on(self, links: Collection[str]) -> ClaimsOn:
        claimed, unlinked = super().claims_on(links)
        for link in links:
            if link in self._claimed:
                claimed[link] |= self._claimed[link]
            if link in self._unlinked:
                unlinked[link] += self._unlinked[link]
        return claimed, unlinked

    def move(self, assets: Iterable[PlatformAsset]) -> None:
        moved = [asset for asset in assets if asset.pk in self._assets]
        keys = {self._assets[asset.pk].recording for asset in moved} - {None}
        rows = Recording.objects.select_related("merged_into").in_bulk(keys)
        for asset in moved:
            after = self._assets[asset.pk]
            asset.recording = rows.get(after.recording or 0)
            asset.asset_type = after.asset_type

    def reported_conflicts(self, assets: Collection[int]) -> dict[int, tuple[str, str]]:
        noted = {pk: self._conflicts[pk] for pk in assets if pk in self._conflicts}
        return super().reported_conflicts(assets) | noted

    def assets_at(self, recordings: Collection[int]) -> list[LinkedAsset]:
        stored = super().assets_at(recordings)
        keys = {key for recording in recordings for key in self._at.get(recording, ())}
        moved = [self._assets[key] for key in keys]
        return [
            *(asset for asset in stored if asset.key not in self._assets),
            *(asset for asset in moved if asset.is_reported and asset.recording in recordings),
        ]

    def files_of(self, assets: Collection[int]) -> dict[int, WorkingFiles]:
        noted = {key: self._files[key] for key in assets if key in self._files}
        return super().files_of(assets) | noted
