"""Says which entries of the lists an import of claims or videos would open and close.

It makes the rows that the import would write, unsaved, and has the comparison look at
them; nothing is written.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from django.db.models import Q

from catalogue.models import Recording
from imports.platforms.reports import Values
from platforms import finding
from platforms.choices import DiscrepancyKind, DiscrepancyState
from platforms.finding import (
    CLAIM_KINDS,
    CLAIMABLE,
    INACTIVE,
    ClaimsOn,
    Found,
    Grounds,
    Heard,
)
from platforms.joining import find_links, sounds_of
from platforms.models import (
    Discrepancy,
    PlatformAccount,
    PlatformAsset,
    PlatformClaim,
    PlatformVideo,
    PolicyTerms,
)
from review.models import Match
from scanning.models import ScannedFile

SHOWN: Final = 100
_AT_ONCE: Final = 500


@dataclass(slots=True)
class Foresight:
    """Counts entries by list; ``first`` names the first of them.

    ``named`` has the columns of assets that reports of claims fill, and where their
    values are.
    """

    account: PlatformAccount
    day: date
    named: Mapping[str, str]
    is_of_claims: bool
    opened: Counter[str] = field(default_factory=Counter)
    closed: Counter[str] = field(default_factory=Counter)
    first: list[dict[str, str]] = field(default_factory=list)
    _grounds: Grounds = field(init=False)
    _claimed: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    _unlinked: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _keys: Any = field(default_factory=lambda: itertools.count(-1, -1))  # Any: ints
    """Keys of rows that are new."""

    def __post_init__(self) -> None:
        self._grounds = Grounds()
        days = self._grounds.claims_days
        known = days.get(self.account.platform, self.day)
        days[self.account.platform] = max(known, self.day)

    def see_claims(
        self,
        rows: Iterable[Values],
        written: Sequence[Values],
        before: Mapping[str, PlatformClaim],
    ) -> None:
        """Look at the claims of a batch; ``written`` are those new or changed."""
        links = self._links_with_matches(row["link_key"] for row in rows)
        on_links = [row for row in rows if row["link_key"] in links]
        assets = self._assets_of(written, on_links)
        linked = [each.recording for each in assets.values() if each.recording]
        sounds = sounds_of({each.pk: each for each in linked}.values())
        for row in on_links:
            if row["status"] != INACTIVE:
                asset = assets[row["asset_id"]]
                self._see_claim(row["link_key"], sounds.get(asset.recording_id or 0))
        claims, terms = [], {}
        for values in written:
            claim = before.get(values["claim_id"]) or PlatformClaim(
                pk=next(self._keys), claim_id=values["claim_id"], account=self.account
            )
            for name in finding.CLAIM_COLUMNS:
                if name in values and name not in ("asset", "account", "terms"):
                    setattr(claim, name, values[name])
            cells = values["cells"]
            key = tuple(cells.values())
            if any(key) and key not in terms:
                terms[key] = PolicyTerms(pk=next(self._keys), **cells)
            claim.terms, claim.gone_on = terms.get(key), None
            claim.asset = assets[values["asset_id"]]
            claims.append(claim)
        found = finding.of_claims(claims, self._grounds, Heard(claims))
        names = {f"c{each.pk}": each.claim_id for each in claims}
        known = [each.pk for each in claims if each.pk > 0]
        self._compare(found, Q(claim__in=known, kind__in=CLAIM_KINDS), names)

    def keep_claims(self, rows: Iterable[PlatformClaim]) -> None:
        """Count claims that stay as they are, because their row has a fault."""
        rows = [row for row in rows if row.status != INACTIVE and row.gone_on is None]
        links = self._links_with_matches(row.link_key for row in rows)
        linked = [row.asset.recording for row in rows if row.asset.recording]
        sounds = sounds_of({each.pk: each for each in linked}.values())
        for row in rows:
            if row.link_key in links:
                self._see_claim(row.link_key, sounds.get(row.asset.recording_id or 0))

    def _see_claim(self, link: str, sound: int | None) -> None:
        if sound is None:
            self._unlinked[link] += 1
        else:
            self._claimed[link].add(sound)

    def see_videos(
        self, written: Sequence[Values], before: Mapping[str, PlatformVideo]
    ) -> None:
        """Look at the new and changed videos of a batch."""
        assets = self._assets_of(written)
        videos = []
        for values in written:
            video = before.get(values["video_id"]) or PlatformVideo(
                pk=next(self._keys), video_id=values["video_id"], account=self.account
            )
            for name in ("link_key", "other_owners", "another_owner", "views"):
                setattr(video, name, values.get(name, getattr(video, name)))
            video.asset, video.gone_on = assets.get(values["asset_id"]), None
            videos.append(video)
        files = finding.video_file_of(video.link_key for video in videos)
        found = finding.of_videos(videos, self._grounds, files)
        names = {f"v{each.pk}": each.video_id for each in videos}
        known = [each.pk for each in videos if each.pk > 0]
        self._compare(found, Q(video__in=known), names)

    def see_gone(self, about: Q) -> None:
        """Count the open entries about rows that the report lacks."""
        self._compare([], about, {})

    def see_matches(self, heartbeat: Callable[[], None]) -> None:
        """Look at all matches that should be claimed, after all claims."""
        listed = Discrepancy.objects.filter(kind=DiscrepancyKind.NOT_CLAIMED)
        rows = Match.objects.filter(
            Q(state__in=CLAIMABLE) | Q(pk__in=listed.values("match"))
        ).select_related(
            "recording__merged_into", "scanned_file__container", "scan", "licence"
        )
        last = 0
        while some := list(rows.filter(pk__gt=last).order_by("pk")[:_AT_ONCE]):
            heartbeat()
            last = some[-1].pk
            found = finding.of_matches(some, self._grounds, self._claims_on)
            names = {f"m{each.pk}": each.scanned_file.name for each in some}
            self._compare(found, Q(match__in=some, kind="not_claimed"), names)

    def _claims_on(self, links: Collection[str]) -> ClaimsOn:
        """Return the claims of other accounts, and those of the report."""
        claimed, unlinked = finding.claims_on(links, without=self.account)
        for link in links:
            if link in self._claimed:
                claimed[link] |= self._claimed[link]
            if link in self._unlinked:
                unlinked[link] += self._unlinked[link]
        return claimed, unlinked

    def _links_with_matches(self, links: Iterable[str]) -> set[str]:
        files = ScannedFile.objects.filter(
            link_key__in=set(links), matches__state__in=CLAIMABLE
        )
        return set(files.values_list("link_key", flat=True))

    def _assets_of(
        self, written: Iterable[Values], others: Iterable[Values] = ()
    ) -> dict[str, PlatformAsset]:
        """Return the assets that rows name, linked as after the import, by their ids.

        Only claims that are written change what is said of an asset, the first of each.
        """
        said = {row["asset_id"]: row for row in reversed([*written])}
        named = {row["asset_id"]: row for row in others} | said
        named.pop("", None)
        known = PlatformAsset.objects.filter(account=self.account, asset_id__in=named)
        found = {each.asset_id: each for each in known}
        changed = []
        for asset_id, row in named.items():
            says = {to: row.get(name, "") for to, name in self.named.items()}
            asset = found.setdefault(
                asset_id,
                PlatformAsset(
                    pk=next(self._keys), account=self.account, asset_id=asset_id
                ),
            )
            is_new = asset.pk < 0
            is_said = self.is_of_claims and asset_id in said
            if is_new or (
                is_said and any(getattr(asset, to) != says[to] for to in says)
            ):
                for to, value in says.items():
                    setattr(asset, to, value)
                changed.append(asset)
        for asset, (recording, how) in find_links(changed):
            asset.recording_id, asset.linked_by = recording, how
        keys = {each.recording_id for each in found.values() if each.recording_id}
        recordings = Recording.objects.select_related("merged_into").in_bulk(keys)
        for asset in found.values():
            if asset.recording_id:
                asset.recording = recordings[asset.recording_id]
        return found

    def _compare(
        self, found: Iterable[Found], about: Q, names: Mapping[str, str]
    ) -> None:
        """Count what opens and closes against the entries about some rows."""
        wanted = {each.key: each for each in found}
        rows = Discrepancy.objects.filter(about).exclude(state=DiscrepancyState.GONE)
        for row in rows.select_related("claim", "video", "scanned_file"):
            each = wanted.pop(row.key, None)
            if each is None and row.state == DiscrepancyState.OPEN:
                about_row = row.claim or row.video or row.scanned_file
                self._note("closes", row.kind, str(about_row or ""))
            is_dismissed = row.state == DiscrepancyState.DISMISSED
            if each is not None and is_dismissed and each.basis != row.basis:
                self._note("opens", each.kind, names.get(each.subject, ""))
        for each in wanted.values():
            self._note("opens", each.kind, names.get(each.subject, ""))

    def _note(self, what: str, kind: str, name: str) -> None:
        counter = self.opened if what == "opens" else self.closed
        counter[str(kind)] += 1
        if len(self.first) < SHOWN:
            self.first.append({"what": what, "list": str(kind), "name": name})
