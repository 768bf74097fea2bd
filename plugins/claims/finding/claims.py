"""Finds which claims differ from what the portal heard, licensed and decided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from catalogue.models import Recording
from catalogue.sounds import sounds_of
from plugins.claims.choices import DAYS_TO_ANSWER, DiscrepancyKind
from plugins.claims.finding.discrepancy import Evidence, FoundDiscrepancy
from plugins.claims.finding.grounds import Grounds
from plugins.claims.models import PlatformClaim
from review import coverage
from review.choices import MatchState
from review.coverage import Cover
from review.models import Match
from review.subjects import Subject
from scanning.choices import ScanStatus
from scanning.models import Scan, ScannedFile
from scanning.selectors import has_searched, index_positions

ACTIVE, PENDING = "ACTIVE", "PENDING"
NOT_SOUND: Final = "VISUAL"
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
    by_link: dict[str, tuple[bool, ScannedFile]] = {}
    for file in files:
        is_finished = file.pk in finished
        if file.link_key not in by_link or is_finished >= by_link[file.link_key][0]:
            by_link[file.link_key] = (is_finished, file)
    return {key: file for key, (_finished, file) in by_link.items()}


@dataclass(slots=True)
class HeardVideos:
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
        live = list(
            Match.objects.filter(scanned_file__in=keys)
            .select_related("recording__merged_into", "scanned_file__container", "scan", "licence")
            .order_by("pk")
        )
        self.sounds = sounds_of(
            claim.asset.recording for claim in self.claims if claim.asset.recording is not None
        )
        self.sounds |= sounds_of(match.recording for match in live)
        self.recordings = Recording.objects.in_bulk(set(self.sounds.values()))
        self.matches = {}
        for match in live:
            key = (match.scanned_file_id, self.sounds.get(match.recording_id, 0))
            # Of several copies the one that is heard counts.
            if key not in self.matches or match.is_heard:
                self.matches[key] = match
        full = Scan.objects.full().filter(scanned_file__in=keys, status=ScanStatus.SUCCEEDED)
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
    claims: Sequence[PlatformClaim], grounds: Grounds, heard: HeardVideos
) -> list[FoundDiscrepancy]:
    """Return the differences of claims, whose assets and policy terms are loaded."""
    discrepancies = []
    for claim in claims:
        if claim.gone_on is not None:
            continue
        if due := _dispute(claim, heard, grounds):
            discrepancies.append(due)
        if claim.other_claimant:
            evidence = {"owner": claim.other_claimant}
            discrepancies.append(_about(DiscrepancyKind.BY_OTHERS, claim, heard, evidence))
        if claim.status == ACTIVE:
            discrepancies += filter(
                None,
                (
                    _not_scanned(claim, heard),
                    _not_heard(claim, heard),
                    _against_licence(claim, heard, grounds),
                ),
            )
    return discrepancies


def _about(
    kind: DiscrepancyKind,
    claim: PlatformClaim,
    heard: HeardVideos,
    evidence: Evidence,
    **columns: Any,  # Any: other columns
) -> FoundDiscrepancy:
    file, sound = heard.files.get(claim.link_key), heard.sound(claim)
    match = heard.match_of(claim)
    return FoundDiscrepancy(
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
        **columns,
    )


def _not_scanned(claim: PlatformClaim, heard: HeardVideos) -> FoundDiscrepancy | None:
    if claim.link_key in heard.files or claim.claim_type == NOT_SOUND:
        return None
    return _about(DiscrepancyKind.NOT_SCANNED, claim, heard, {})


def _not_heard(claim: PlatformClaim, heard: HeardVideos) -> FoundDiscrepancy | None:
    file, sound = heard.files.get(claim.link_key), heard.sound(claim)
    scan = heard.scans.get(file.pk) if file is not None else None
    is_sound = claim.claim_type != NOT_SOUND and claim.asset.may_be_sound
    if scan is None or sound is None or not is_sound:
        return None
    match = heard.match_of(claim)
    if match is not None and match.is_heard:
        return None
    if match is not None and match.state == MatchState.REJECTED:
        evidence = {"match": match.uid, "reason": match.decision_reason, "by": match.decider}
        return _about(DiscrepancyKind.NOT_HEARD, claim, heard, evidence)
    evidence = {"scan": scan.uid}
    if match is not None and match.state == MatchState.SUPPRESSED and not match.lost:
        evidence["suppressed"] = match.uid
    elif not heard.searched(scan, sound):
        return None
    return _about(DiscrepancyKind.NOT_HEARD, claim, heard, evidence, is_weak=True)


def _against_licence(
    claim: PlatformClaim, heard: HeardVideos, grounds: Grounds
) -> FoundDiscrepancy | None:
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


def _dispute(claim: PlatformClaim, heard: HeardVideos, grounds: Grounds) -> FoundDiscrepancy | None:
    meaning = grounds.meaning_of(claim)
    if meaning not in DAYS_TO_ANSWER:
        return None
    stated = claim.disputed_on or claim.dispute_reported_on
    begun = stated or claim.detail_after
    # The periods of other platforms are not public.
    has_period = claim.account_id in grounds.youtubes
    due = begun + timedelta(days=DAYS_TO_ANSWER[meaning]) if begun and has_period else None
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
