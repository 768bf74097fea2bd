"""Finds what differs between a platform and the portal; writes nothing.

Each function looks at some rows and returns what differs about them now, so that a full
comparison and one of a few rows say the same.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Final

from django.db.models import QuerySet

from catalogue.models import Recording, RecordingStatus
from common.territories import TERRITORIES
from common.zones import office_day
from platforms.choices import (
    DAYS_TO_ANSWER,
    OWN_DETAILS,
    DiscrepancyKind,
    Meaning,
    Platform,
    ValueColumn,
)
from platforms.joining import members_of, platform_of, sounds_of
from platforms.models import (
    AssetConflict,
    PlatformAccount,
    PlatformAsset,
    PlatformClaim,
    PlatformVideo,
    PolicyTerms,
    ReferenceFile,
    ReportedValue,
)
from review import coverage
from review.choices import MatchState
from review.coverage import Cover, LicencesInForce
from review.models import Match
from review.subjects import Subject
from rights import ledger, tis
from rights.choices import Right, ShareKind
from rights.filling import chosen_of, shares_of
from rights.records import rights_records
from scanning.choices import ScanStatus
from scanning.models import Scan, ScannedFile
from scanning.selectors import has_searched, index_positions

ACTIVE, INACTIVE, PENDING = "ACTIVE", "INACTIVE", "PENDING"
YES, NO = "Yes", "No"
"""Whether another owner claims a video (support.google.com 9049701)."""
NOT_SOUND: Final = "VISUAL"
SOUND_RECORDING: Final = "SOUND_RECORDING"
EVERYWHERE: Final = "EVERYWHERE"
DAYS_TO_REPORT: Final = 4
"""A report arrives about 62 hours after its day; claims need their time before."""
MOST_EXCLUDED: Final = 50
"""Own limit: above it, a reference file recognises too little, in percent."""
IDLE_REFERENCES: Final = ("INACTIVE", "DELETED", "DUPLICATE_ON_HOLD")
"""States of reference files that recognise nothing (references of the Content ID API)."""
CLAIM_KINDS: Final = (
    DiscrepancyKind.NOT_HEARD,
    DiscrepancyKind.NOT_SCANNED,
    DiscrepancyKind.BY_OTHERS,
    DiscrepancyKind.DISPUTE_DUE,
    DiscrepancyKind.AGAINST_LICENCE,
)
CLAIM_COLUMNS: Final = (
    *("account", "asset", "terms", "link_key", "status", "status_detail"),
    *("claim_type", "views", "gone_on", "detail_since", "detail_after"),
    *("disputed_on", "dispute_reported_on", "other_claimant", "scanned_file"),
)
"""The columns that ``of_claims`` looks at."""
CLAIMABLE: Final = (MatchState.CONFIRMED, MatchState.UPHELD)
Evidence = dict[str, Any]  # Any: JSON


@dataclass(frozen=True, slots=True)
class Found:
    """A difference; ``evidence`` says the same as long as nothing that matters changes."""

    kind: DiscrepancyKind
    subject: str
    evidence: Evidence = field(default_factory=dict)
    account: int | None = None
    claim: int | None = None
    asset: int | None = None
    video: int | None = None
    match: int | None = None
    recording: int | None = None
    scanned_file: int | None = None
    is_weak: bool = False
    views: int = 0
    due_on: date | None = None

    @property
    def key(self) -> str:
        """Return what names list and subject."""
        return f"{self.kind}:{self.subject}"

    @property
    def basis(self) -> str:
        """Return the digest of the evidence."""
        return _digest(json.dumps([self.evidence, self.is_weak], sort_keys=True))


@lru_cache(maxsize=4096)
def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Grounds:
    """What a comparison reads once for all rows."""

    def __init__(self) -> None:
        self.licences = LicencesInForce()
        values = ReportedValue.objects.exclude(meaning=Meaning.UNEXPLAINED)
        self.meanings = {
            (ValueColumn(column), value): Meaning(meaning)
            for column, value, meaning in values.values_list(
                "column", "value", "meaning"
            )
        }
        accounts = list(PlatformAccount.objects.all())
        self.claims_days: dict[str, date] = {}
        for each in accounts:
            if day := each.claims_day:
                newest = self.claims_days.get(each.platform, day)
                self.claims_days[each.platform] = max(day, newest)
        self.youtubes = {
            each.pk for each in accounts if each.platform == Platform.YOUTUBE
        }
        self.knows_references = any(
            each.assets_day or each.references_day for each in accounts
        )
        self._ours: dict[int, frozenset[str] | None] = {}
        self._outside: dict[tuple[int, int, bool], str] = {}

    def meaning_of(self, claim: PlatformClaim) -> Meaning | None:
        """Return what a claim's status detail means, if it is known."""
        if claim.account_id not in self.youtubes:
            return OWN_DETAILS.get(claim.status_detail)
        return self.meanings.get((ValueColumn.STATUS_DETAIL, claim.status_detail))

    def outside_shares(self, recording: Recording, claim: PlatformClaim) -> str:
        """Return where a policy monetises or blocks though we own nothing there.

        Empty if it does so nowhere, or if our shares are unknown.
        """
        if claim.terms is None:
            return ""
        is_ours = claim.account_id not in self.youtubes
        key = (recording.pk, claim.terms.pk, is_ours)
        if key not in self._outside:
            self._outside[key] = self._find_outside(
                recording, claim.terms, is_ours=is_ours
            )
        return self._outside[key]

    def _find_outside(
        self, recording: Recording, terms: PolicyTerms, *, is_ours: bool
    ) -> str:
        if recording.pk not in self._ours:
            self._ours[recording.pk] = our_countries(recording)
        ours = self._ours[recording.pk]
        acting = frozenset[str]().union(
            *(
                countries_of(cell, is_ours=is_ours)
                for cell in (terms.monetises, terms.blocks)
            )
        )
        return (
            tis.described(acting - ours) if ours is not None and acting - ours else ""
        )


def countries_of(cell: str, *, is_ours: bool) -> frozenset[str]:
    """Return the countries of a policy's cell.

    Cells of our own table hold codes between bars. Of YouTube's only ``EVERYWHERE`` is
    publicly known; others are left alone.
    """
    if cell.strip() == EVERYWHERE:
        return TERRITORIES
    return frozenset(cell.split("|")) - {""} if is_ours else frozenset()


def our_countries(recording: Recording) -> frozenset[str] | None:
    """Return where we own a part of the master right; None if no owner is known."""
    found: list[ledger.Held] = []
    for record in rights_records(recording):
        shares = shares_of(record).filter(right=Right.MASTER, kind=ShareKind.OWNERSHIP)
        found += ledger.held(list(shares), day=office_day(), chosen=chosen_of(record))
    if not found:
        return None
    ours = [each.countries for each in found if each.share.party.is_ours]
    return frozenset[str]().union(*ours)


def video_file_of(link_keys: Iterable[str]) -> dict[str, ScannedFile]:
    """Return the newest present file of each link, if possible one with a finished scan."""
    rows = ScannedFile.objects.present().filter(link_key__in=set(link_keys))
    files = list(rows.select_related("container").order_by("pk"))
    if not files:
        return {}
    scans = Scan.objects.full().filter(
        scanned_file__in=[file.pk for file in files], status=ScanStatus.SUCCEEDED
    )
    finished = set(scans.values_list("scanned_file", flat=True))
    found: dict[str, tuple[bool, ScannedFile]] = {}
    for file in files:
        is_finished = file.pk in finished
        if file.link_key not in found or is_finished >= found[file.link_key][0]:
            found[file.link_key] = (is_finished, file)
    return {key: file for key, (_finished, file) in found.items()}


@dataclass(slots=True)
class Heard:
    """What is known of some claims' videos: files, matches, scans, recordings."""

    claims: Sequence[PlatformClaim]

    files: dict[str, ScannedFile] = field(init=False)
    sounds: dict[int, int] = field(init=False)
    matches: dict[tuple[int, int], Match] = field(init=False)
    scans: dict[int, Scan] = field(init=False)
    entries: dict[tuple[int, int], int | None] = field(init=False)
    recordings: dict[int, Recording] = field(init=False)

    def __post_init__(self) -> None:
        self.files = video_file_of(claim.link_key for claim in self.claims)
        keys = [file.pk for file in self.files.values()]
        named = [
            claim.asset.recording
            for claim in self.claims
            if claim.asset.recording is not None
        ]
        live = list(
            Match.objects.filter(scanned_file__in=keys)
            .exclude(state=MatchState.SUPERSEDED)
            .select_related(
                "recording__merged_into", "scanned_file__container", "scan", "licence"
            )
            .order_by("pk")
        )
        heard = {match.recording_id: match.recording for match in live}
        self.sounds = sounds_of({each.pk: each for each in named}.values())
        self.sounds |= sounds_of(heard.values())
        self.recordings = Recording.objects.in_bulk(set(self.sounds.values()))
        self.matches = {}
        for match in live:
            key = (match.scanned_file_id, self.sounds.get(match.recording_id, 0))
            # Of several copies the one that is heard counts.
            if key not in self.matches or match.is_heard:
                self.matches[key] = match
        full = Scan.objects.full().filter(
            scanned_file__in=keys, status=ScanStatus.SUCCEEDED
        )
        self.scans = {scan.scanned_file_id: scan for scan in full.order_by("pk")}
        self.entries = index_positions(self.recordings)

    def sound(self, claim: PlatformClaim) -> Recording | None:
        """Return the canonical recording of a claim's asset."""
        key = self.sounds.get(claim.asset.recording_id or 0)
        return None if key is None else self.recordings.get(key)

    def match_of(self, claim: PlatformClaim) -> Match | None:
        """Return the match of a claim: same file, same sound."""
        file, sound = self.files.get(claim.link_key), self.sound(claim)
        if file is None or sound is None:
            return None
        return self.matches.get((file.pk, sound.pk))

    def searched(self, scan: Scan, recording: Recording) -> bool:
        """Return whether a scan searched for a recording."""
        return has_searched(scan, recording, self.entries)


def of_claims(
    claims: Sequence[PlatformClaim], grounds: Grounds, heard: Heard
) -> list[Found]:
    """Return what differs about claims; they come with asset and terms."""
    found = []
    for claim in claims:
        if claim.gone_on is not None:
            continue
        if due := _dispute(claim, heard, grounds):
            found.append(due)
        if claim.other_claimant:
            evidence = {"owner": claim.other_claimant}
            found.append(_about(DiscrepancyKind.BY_OTHERS, claim, heard, evidence))
        if claim.status == ACTIVE:
            found += filter(
                None,
                (
                    _not_scanned(claim, heard),
                    _not_heard(claim, heard),
                    _against_licence(claim, heard, grounds),
                ),
            )
    return found


def _about(
    kind: DiscrepancyKind,
    claim: PlatformClaim,
    heard: Heard,
    evidence: Evidence,
    **more: Any,  # Any: other columns
) -> Found:
    file, sound = heard.files.get(claim.link_key), heard.sound(claim)
    match = heard.match_of(claim)
    return Found(
        kind,
        f"c{claim.pk}",
        evidence,
        account=claim.account_id,
        claim=claim.pk,
        asset=claim.asset_id,
        match=match.pk if match else None,
        recording=sound.pk if sound else None,
        scanned_file=file.pk if file else None,
        views=claim.views,
        **more,
    )


def _not_scanned(claim: PlatformClaim, heard: Heard) -> Found | None:
    if claim.link_key in heard.files or claim.claim_type == NOT_SOUND:
        return None
    return _about(DiscrepancyKind.NOT_SCANNED, claim, heard, {})


def _not_heard(claim: PlatformClaim, heard: Heard) -> Found | None:
    file, sound = heard.files.get(claim.link_key), heard.sound(claim)
    scan = heard.scans.get(file.pk) if file is not None else None
    is_sound = claim.asset.asset_type in ("", SOUND_RECORDING)
    if scan is None or sound is None or claim.claim_type == NOT_SOUND or not is_sound:
        return None
    match = heard.match_of(claim)
    if match is not None and match.is_heard:
        return None
    if match is not None and match.state == MatchState.REJECTED:
        evidence = {"match": match.uid, "reason": match.decision_reason}
        return _about(DiscrepancyKind.NOT_HEARD, claim, heard, evidence)
    if not heard.searched(scan, sound):
        return None
    return _about(
        DiscrepancyKind.NOT_HEARD, claim, heard, {"scan": scan.uid}, is_weak=True
    )


def _against_licence(
    claim: PlatformClaim, heard: Heard, grounds: Grounds
) -> Found | None:
    sound = heard.sound(claim)
    if sound is None:
        return None
    evidence: Evidence = {}
    match = heard.match_of(claim)
    if match is not None and match.is_heard:
        check = coverage.best(subject=Subject.of(match), licences=grounds.licences)
        if check is not None and check.cover == Cover.FULL:
            evidence["licence"] = check.licence.uid
            evidence["match"] = match.uid
    if outside := grounds.outside_shares(sound, claim):
        evidence["outside"] = outside
    if not evidence:
        return None
    return _about(DiscrepancyKind.AGAINST_LICENCE, claim, heard, evidence)


def _dispute(claim: PlatformClaim, heard: Heard, grounds: Grounds) -> Found | None:
    meaning = grounds.meaning_of(claim)
    if meaning not in DAYS_TO_ANSWER:
        return None
    stated = claim.disputed_on or claim.dispute_reported_on
    begun = stated or claim.detail_after
    # The periods of other platforms are not public.
    has_period = claim.account_id in grounds.youtubes
    due = (
        begun + timedelta(days=DAYS_TO_ANSWER[meaning])
        if begun and has_period
        else None
    )
    return _about(
        DiscrepancyKind.DISPUTE_DUE,
        claim,
        heard,
        {
            "meaning": meaning.value,
            "since": claim.detail_since.isoformat(),
            "due": due.isoformat() if due else "",
            "is_exact": stated is not None,
        },
        due_on=due,
    )


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
