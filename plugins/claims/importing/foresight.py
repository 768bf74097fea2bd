"""Says which entries of the lists an import of a report would open and close.

It makes the rows that the import would write, unsaved, and has the comparison look at
them; nothing is written.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from django.db.models import Q, QuerySet

from base.common.batches import batched
from catalogue.models import Recording
from catalogue.sounds import sounds_of
from plugins.claims.choices import DiscrepancyKind, DiscrepancyState, LinkedBy, ReportKind
from plugins.claims.comparing import AT_ONCE, CLAIMS_AT_ONCE, by_key
from plugins.claims.finding.claims import (
    CLAIM_COLUMNS,
    CLAIM_KINDS,
    HeardVideos,
    of_claims,
    video_file_of,
)
from plugins.claims.finding.discrepancy import FoundDiscrepancy
from plugins.claims.finding.facts import INACTIVE, LinkedAsset
from plugins.claims.finding.grounds import Grounds
from plugins.claims.finding.matches import CLAIMABLE, of_matches, of_recordings
from plugins.claims.finding.owners import of_assets, of_videos
from plugins.claims.importing.after import AfterImport
from plugins.claims.importing.reports import Values
from plugins.claims.joining import find_links
from plugins.claims.models import (
    AssetConflict,
    Discrepancy,
    PlatformAccount,
    PlatformAsset,
    PlatformClaim,
    PlatformVideo,
    PolicyTerms,
    ReferenceFile,
    Reported,
)
from review.models import Match
from scanning.models import ScannedFile

SHOWN: Final = 100
_OF_ASSETS: Final = (ReportKind.ASSETS, ReportKind.CONFLICTS)
"""Reports that say who else owns assets."""
_BY_OTHERS: Final = (LinkedBy.NOTHING, LinkedBy.AMBIGUOUS, LinkedBy.MERGED)
_Changed = tuple[PlatformAsset, LinkedAsset]
"""An asset as it will be, and what it was."""


@dataclass(slots=True)
class Foresight:
    """Counts entries by list; ``first`` names the first of them.

    ``named`` has the columns of assets that reports of claims fill, and where their
    values are. ``merged`` names assets that the platform merged before or after. Those
    without an identifier of their own wait with their claims for the others' links.
    """

    account: PlatformAccount
    kind: ReportKind
    model: type[Reported]
    day: date
    named: Mapping[str, str]
    merged: set[str]
    opened: Counter[str] = field(default_factory=Counter)
    closed: Counter[str] = field(default_factory=Counter)
    first: list[dict[str, str]] = field(default_factory=list)
    _facts: AfterImport = field(init=False)
    _grounds: Grounds = field(init=False)
    _waiting: dict[str, _Changed] = field(default_factory=dict)
    _late_claims: dict[int, PlatformClaim] = field(default_factory=dict)
    _late_notes: list[tuple[str, PlatformAsset]] = field(default_factory=list)
    _unseen_assets: set[int] = field(init=False)
    """Assets with an entry of their own that was not looked at yet."""
    _settled: Collection[int] = ()
    """Assets that waited."""
    _met: set[int] = field(default_factory=set)
    _gone: set[int] = field(default_factory=set)
    """Claims of merged assets that the report lacks."""
    _keys: Any = field(default_factory=lambda: itertools.count(-1, -1))  # Any: ints
    """Keys of rows that are new."""

    def __post_init__(self) -> None:
        self._facts = AfterImport(self.account, self.kind, self.model, self.day)
        self._grounds = Grounds(self._facts)
        mine = PlatformAsset.objects.filter(account=self.account)
        for asset in mine.exclude(constituents=""):
            self.merged |= {asset.asset_id, *asset.part_ids}
        entries = Discrepancy.objects.filter(
            account=self.account, asset__isnull=False, claim=None, video=None
        ).exclude(state=DiscrepancyState.GONE)
        self._unseen_assets = {row.asset_id for row in entries.only("asset") if row.asset_id}

    def see(
        self,
        rows: Sequence[Values],
        written: Sequence[Values],
        before: Mapping[str, Any],  # Any: rows of the report's model
    ) -> None:
        """Look at a batch of rows; ``written`` are those new or changed."""
        match self.kind:
            case ReportKind.CLAIMS:
                self._see_claims(rows, written, before)
            case ReportKind.VIDEOS:
                self._see_videos(written, before)
            case ReportKind.ASSETS:
                self._see_assets(rows, {values["asset_id"] for values in written})
            case ReportKind.CONFLICTS:
                assets = self._assets_of(written, rows)
                for row in rows:
                    key = assets[row["asset_id"]].pk
                    self._facts.note_conflict(key, row["owner"], row["countries"])
                self._see_same(assets.values())
            case ReportKind.REFERENCES:
                assets = self._assets_of(written, rows)
                for row in rows:
                    asset = assets[row["asset_id"]]
                    if asset.recording_id or asset.asset_id in self.merged:
                        self._facts.note_file(asset.pk, row["status"], row["excluded_pct"])

    def keep(self, rows: QuerySet[Any]) -> None:  # Any: of the report's model
        """Count rows that stay as they are, because those of the report have a fault."""
        rows = rows.filter(gone_on=None)
        if self.kind == ReportKind.ASSETS:
            self._see_same(list(rows.select_related("recording__merged_into")))
            return
        linked = list(rows.select_related("asset__recording__merged_into"))
        self._facts.move(row.asset for row in linked if row.asset)
        for row in linked:
            if isinstance(row, AssetConflict):
                self._facts.note_conflict(row.asset_id, row.owner, row.countries)
            elif isinstance(row, ReferenceFile):
                self._facts.note_file(row.asset_id, row.status, row.excluded_pct)
        if self.kind == ReportKind.CLAIMS:
            self._note_claims((row.link_key, row.asset) for row in linked if row.status != INACTIVE)

    def see_gone(self, keys: Sequence[int]) -> None:
        """Look at rows that the report lacks."""
        match self.kind:
            case ReportKind.CLAIMS:
                self._compare([], Q(claim__in=keys), {})
                rows = PlatformClaim.objects.filter(pk__in=keys)
                if self.merged:
                    late = rows.filter(asset__asset_id__in=self.merged)
                    self._gone |= set(late.values_list("pk", flat=True))
            case ReportKind.VIDEOS:
                self._compare([], Q(video__in=keys), {})
            case ReportKind.ASSETS:
                gone = PlatformAsset.objects.filter(pk__in=keys)
                self._change(
                    (asset, {"gone_on": self.day})
                    for asset in gone.select_related("recording__merged_into")
                )

    def finish(self, heartbeat: Callable[[], None]) -> None:
        """Look at what all rows together change."""
        if self.merged:
            self._settle_merged()
        if self.kind in _OF_ASSETS:
            for some in batched(sorted(self._unseen_assets), AT_ONCE):
                heartbeat()
                self._judge(self._stored(pk__in=some).values())
        self._see_claims_of_moved(heartbeat)
        if self.kind not in (ReportKind.VIDEOS, ReportKind.CONFLICTS):
            self._see_matches(heartbeat)
        self._see_recordings(heartbeat)

    def _see_claims(
        self, rows: Iterable[Values], written: Sequence[Values], before: Mapping[str, PlatformClaim]
    ) -> None:
        rows = [row for row in rows if row["status"] != INACTIVE]
        links = self._links_with_matches(row["link_key"] for row in rows)
        on_links = [row for row in rows if row["link_key"] in links]
        assets = self._assets_of(written, on_links)
        self._note_claims((row["link_key"], assets[row["asset_id"]]) for row in on_links)
        claims, terms = [], {}
        for values in written:
            claim = before.get(values["claim_id"]) or PlatformClaim(
                pk=next(self._keys), claim_id=values["claim_id"], account=self.account
            )
            for name in (*CLAIM_COLUMNS, "title", "video_id"):
                if name in values and name not in ("asset", "account", "terms"):
                    setattr(claim, name, values[name])
            cells = values["cells"]
            key = tuple(cells.values())
            if any(key) and key not in terms:
                terms[key] = PolicyTerms(pk=next(self._keys), **cells)
            claim.terms, claim.gone_on = terms.get(key), None
            claim.asset = assets[values["asset_id"]]
            if self._is_late(claim.asset):
                self._late_claims[claim.pk] = claim
            else:
                claims.append(claim)
        self._compare_claims(claims)

    def _compare_claims(self, claims: Sequence[PlatformClaim]) -> None:
        discrepancies = of_claims(claims, self._grounds, HeardVideos(claims))
        names = {f"c{claim.pk}": str(claim) for claim in claims}
        stored = [claim.pk for claim in claims if claim.pk > 0]
        self._compare(discrepancies, Q(claim__in=stored, kind__in=CLAIM_KINDS), names)

    def _note_claims(self, claims: Iterable[tuple[str, PlatformAsset]]) -> None:
        """Note active and pending claims, by their links and assets, if these matter."""
        some: list[tuple[str, PlatformAsset]] = []
        for link, asset in claims:
            (self._late_notes if self._is_late(asset) else some).append((link, asset))
        self._note_free(some)

    def _note_free(self, some: Sequence[tuple[str, PlatformAsset]]) -> None:
        links = self._links_with_matches(link for link, _asset in some)
        sounds = sounds_of(asset.recording for _link, asset in some if asset.recording)
        for link, asset in some:
            if link in links:
                self._facts.note_claim(link, sounds.get(asset.recording_id or 0))

    def _see_videos(self, written: Sequence[Values], before: Mapping[str, PlatformVideo]) -> None:
        assets = self._assets_of(written)
        videos = []
        for values in written:
            video = before.get(values["video_id"]) or PlatformVideo(
                pk=next(self._keys), video_id=values["video_id"], account=self.account
            )
            for name in ("link_key", "other_owners", "another_owner", "views", "title"):
                setattr(video, name, values.get(name, getattr(video, name)))
            video.asset, video.gone_on = assets.get(values["asset_id"]), None
            videos.append(video)
        files = video_file_of(video.link_key for video in videos)
        discrepancies = of_videos(videos, self._grounds, files)
        names = {f"v{video.pk}": str(video) for video in videos}
        stored = [video.pk for video in videos if video.pk > 0]
        self._compare(discrepancies, Q(video__in=stored), names)

    def _see_assets(self, rows: Iterable[Values], written: set[str]) -> None:
        """Look at a report's assets: also the unchanged may have another owner now."""
        by_id = {row["asset_id"]: row for row in rows}
        stored = self._stored(asset_id__in=by_id)
        self._see_same([stored[key] for key in stored if key not in written])
        self._change(
            (stored.get(key) or self._new_asset(key), {**by_id[key], "gone_on": None})
            for key in by_id
            if key in written
        )

    def _see_same(self, assets: Iterable[PlatformAsset]) -> None:
        self._judge(asset for asset in assets if not self._is_late(asset))

    def _is_late(self, asset: PlatformAsset) -> bool:
        """Return whether an asset's link follows from those of other assets."""
        return asset.asset_id in self.merged and asset.linked_by in _BY_OTHERS

    def _change(self, assets: Iterable[tuple[PlatformAsset, Values]]) -> None:
        """Give assets other values, and the recordings that their identifiers name."""
        changed = []
        for asset, values in assets:
            before = LinkedAsset.of(asset, self._facts.youtubes)
            for name, value in values.items():
                setattr(asset, name, value)
            changed.append((asset, before))
            if asset.asset_id in self.merged:
                self._waiting[asset.asset_id] = (asset, before)
        self._link([asset for asset, _before in changed], [])
        self._settle([pair for pair in changed if not self._is_late(pair[0])])

    def _link(self, assets: Sequence[PlatformAsset], merged: Sequence[PlatformAsset]) -> None:
        links = find_links(assets, merged)
        keys = {recording for _asset, (recording, _how) in links} - {None}
        recordings = Recording.objects.select_related("merged_into").in_bulk(keys)
        for asset, (recording, how) in links:
            asset.recording, asset.linked_by = recordings.get(recording or 0), how

    def _settle(self, changed: Sequence[_Changed]) -> None:
        for asset, before in changed:
            self._facts.note_asset(asset, before)
        self._judge(asset for asset, _before in changed)

    def _settle_merged(self) -> None:
        for key, asset in self._stored(asset_id__in=self.merged - self._waiting.keys()).items():
            before = LinkedAsset.of(asset, self._facts.youtubes)
            self._waiting[key] = (asset, before)
        assets = [asset for asset, _before in self._waiting.values()]
        wholes: dict[str, int] = {}
        # If several assets name it as their part, the last one counts, as in a comparison.
        for whole in sorted(assets, key=lambda asset: (asset.pk < 0, abs(asset.pk))):
            if whole.gone_on is None:
                wholes |= dict.fromkeys(whole.part_ids, whole.pk)
        for part in assets:
            part.whole_id = wholes.get(part.asset_id)
        late = [pair for pair in self._waiting.values() if self._is_late(pair[0])]
        self._link([asset for asset, _before in late], assets)
        self._settle(late)
        self._settled = [asset.pk for asset, _before in late]
        by_id = {asset.asset_id: asset for asset in assets}
        for claim in self._late_claims.values():
            claim.asset = by_id[claim.asset.asset_id]
        for claims in batched(self._late_claims.values(), CLAIMS_AT_ONCE):
            self._compare_claims(claims)
        self._note_free([(link, by_id[asset.asset_id]) for link, asset in self._late_notes])

    def _see_claims_of_moved(self, heartbeat: Callable[[], None]) -> None:
        """Look at claims that the report leaves as they are, of assets that it moves."""
        moved = sorted(self._facts.moved)
        if self.kind == ReportKind.CLAIMS:
            # The report itself has all claims on the other assets that move.
            moved = [key for key in moved if key in self._settled]
        seen = {*self._late_claims, *self._gone}
        for some in batched(moved, AT_ONCE):
            rows = PlatformClaim.objects.filter(asset__in=some, gone_on=None)
            rows = rows.select_related("asset__recording__merged_into", "terms")
            for claims in by_key(rows, at_once=CLAIMS_AT_ONCE):
                heartbeat()
                unseen = [claim for claim in claims if claim.pk not in seen]
                self._facts.move(claim.asset for claim in unseen)
                self._compare_claims(unseen)

    def _see_matches(self, heartbeat: Callable[[], None]) -> None:
        discrepancies = Discrepancy.objects.filter(kind=DiscrepancyKind.NOT_CLAIMED)
        rows = Match.objects.filter(
            Q(state__in=CLAIMABLE) | Q(pk__in=discrepancies.values("match"))
        ).select_related("recording__merged_into", "scanned_file__container", "scan", "licence")
        for some in by_key(rows):
            heartbeat()
            unclaimed = of_matches(some, self._grounds)
            names = {f"m{match.pk}": match.scanned_file.name for match in some}
            self._compare(unclaimed, Q(match__in=some, kind="not_claimed"), names)

    def _see_recordings(self, heartbeat: Callable[[], None]) -> None:
        """Look at the recordings that the platform may recognise now, or no more."""
        rows = Recording.objects.all()
        if self.kind not in (ReportKind.ASSETS, ReportKind.REFERENCES):
            touched = rows.filter(pk__in=self._facts.touched)
            sounds = sounds_of(touched.select_related("merged_into"))
            rows = rows.filter(pk__in=set(sounds.values()))
        for some in by_key(rows):
            heartbeat()
            discrepancies = of_recordings(some, self._grounds)
            names = {f"r{recording.pk}": recording.full_title for recording in some}
            self._compare(discrepancies, Q(recording__in=some, kind="no_reference"), names)

    def _judge(self, assets: Iterable[PlatformAsset]) -> None:
        """Look at who else owns assets."""
        some = list(assets)
        discrepancies = of_assets(some, self._grounds)
        names = {f"a{asset.pk}": str(asset) for asset in some}
        stored = [asset.pk for asset in some if asset.pk in self._unseen_assets]
        self._compare(discrepancies, Q(asset__in=stored, claim=None, video=None), names)
        self._unseen_assets.difference_update(stored)

    def _links_with_matches(self, links: Iterable[str]) -> set[str]:
        files = ScannedFile.objects.filter(link_key__in=set(links), matches__state__in=CLAIMABLE)
        return set(files.values_list("link_key", flat=True))

    def _assets_of(
        self, written: Iterable[Values], unchanged: Iterable[Values] = ()
    ) -> dict[str, PlatformAsset]:
        """Return the assets that rows name, linked as after the import, by their ids.

        Only claims that are written change what is said of an asset, the first of each.
        """
        written_by_id = {row["asset_id"]: row for row in reversed([*written])}
        named = {row["asset_id"]: row for row in unchanged} | written_by_id
        named.pop("", None)
        assets = self._stored(asset_id__in=named)
        self._facts.move(assets.values())
        assets |= {key: self._waiting[key][0] for key in named if key in self._waiting}
        changed = []
        for asset_id, row in named.items():
            says = {to: row.get(name, "") for to, name in self.named.items()}
            is_new = asset_id not in assets
            asset = assets.setdefault(asset_id, self._new_asset(asset_id))
            is_said = (
                self.kind == ReportKind.CLAIMS
                and asset_id in written_by_id
                and asset.pk not in self._met
                and any(getattr(asset, to) != says[to] for to in says)
            )
            if is_new or is_said:
                self._met.add(asset.pk)
                changed.append((asset, says))
        self._change(changed)
        return assets

    def _stored(self, **about: object) -> dict[str, PlatformAsset]:
        rows = PlatformAsset.objects.filter(account=self.account, **about)
        return {asset.asset_id: asset for asset in rows.select_related("recording__merged_into")}

    def _new_asset(self, asset_id: str) -> PlatformAsset:
        return PlatformAsset(pk=next(self._keys), account=self.account, asset_id=asset_id)

    def _compare(
        self, discrepancies: Iterable[FoundDiscrepancy], about: Q, names: Mapping[str, str]
    ) -> None:
        """Count what opens and closes against the entries about some rows."""
        unstored = {discrepancy.key: discrepancy for discrepancy in discrepancies}
        rows = Discrepancy.objects.filter(about).exclude(state=DiscrepancyState.GONE)
        for row in rows.select_related("claim", "video", "scanned_file", "asset", "recording"):
            discrepancy = unstored.pop(row.key, None)
            if discrepancy is None and row.state == DiscrepancyState.OPEN:
                about_row = row.claim or row.video or row.scanned_file or row.asset
                self._note("closes", row.kind, str(about_row or row.recording or ""))
            is_dismissed = row.state == DiscrepancyState.DISMISSED
            if discrepancy is not None and is_dismissed and discrepancy.basis != row.basis:
                self._note("opens", discrepancy.kind, names.get(discrepancy.subject, ""))
        for discrepancy in unstored.values():
            self._note("opens", discrepancy.kind, names.get(discrepancy.subject, ""))

    def _note(self, change: str, kind: str, name: str) -> None:
        counter = self.opened if change == "opens" else self.closed
        counter[str(kind)] += 1
        if len(self.first) < SHOWN:
            self.first.append({"what": change, "list": str(kind), "name": name})
