"""Folds the detections of a finished scan into matches.

It runs in the transaction that stores the scan's outcome, so a finished scan and its
matches appear together or not at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property

from django.db import transaction

from audit.services import SYSTEM, record
from catalogue.models import Recording, RecordingStatus
from catalogue.selectors import excluded_intervals_of
from review.choices import MatchState, QueueReason
from review.counting import source_interval
from review.models import Match
from review.services import (
    evaluation,
    figures,
    intervals,
    joining,
    rescans,
    transitions,
)
from review.services.rescans import Finding
from review.subjects import Subject
from scanning import selectors
from scanning.choices import (
    ACTIVE_SCAN_STATUSES,
    COMBINED_ENGINES,
    EngineChoice,
    ScanStatus,
)
from scanning.models import Detection, Scan, ScannedFile, Segment

NOT_A_COPY = 0.2
"""A copy with this share of its time outside the other's gets its own match."""


@dataclass(frozen=True)
class _MatchDraft:
    """One scan's detections and segments of one recording."""

    recording: Recording
    detections: Sequence[Detection]
    segments: Sequence[Segment]

    @cached_property
    def source_intervals(self) -> list[intervals.Interval]:
        return [source_interval(segment) for segment in self.segments]

    @cached_property
    def length(self) -> int:
        """Return the matched source time in milliseconds."""
        return intervals.length(self.source_intervals)

    def length_beside(self, other: _MatchDraft) -> int:
        """Return how much of that time the other does not cover."""
        return intervals.length(
            intervals.without(self.source_intervals, other.source_intervals)
        )


@dataclass(frozen=True, slots=True)
class _MatchDrafts:
    """Detections that get a match; ``copies`` maps the others to what stands for them."""

    counting: Sequence[_MatchDraft]
    copies: Mapping[int, Recording]

    def rivals(self, draft: _MatchDraft) -> int:
        """Return how many others cover more than half of the same time."""
        return sum(
            2 * draft.length_beside(other) < draft.length
            for other in self.counting
            if other is not draft
        )


@transaction.atomic
def fold_scan(*, scan: Scan, **_signal: object) -> None:
    """Write the matches of a finished scan; running it again changes nothing.

    The match of an earlier scan gets the new evidence, or is marked as lost if the scan
    searched for the recording and did not find it. If two engines scan a file, the
    embedded engine's match leads and ACRCloud's detection is noted on it; ACRCloud's
    scan therefore waits until the embedded scan has ended.
    """
    # Lock the file so that two scans of it do not fold at the same time.
    ScannedFile.objects.select_for_update().get(pk=scan.scanned_file_id)
    if scan.retro_search_id is not None:
        _fold_late(scan)
        return
    current = selectors.current_scans(scan.scanned_file)
    if scan not in current:
        return
    embedded_runs = any(
        other.status in ACTIVE_SCAN_STATUSES and other.engine == EngineChoice.EMBEDDED
        for other in current
    )
    for each in current:
        waits = embedded_runs and each.engine == EngineChoice.ACRCLOUD
        if each.status == ScanStatus.SUCCEEDED and not waits:
            partner = next((other for other in current if other != each), None)
            _fold_one(scan=each, partner=partner)
    _note_disagreements(scan)


def _note_disagreements(scan: Scan) -> None:
    """Set the reason of earlier matches that the second engine's result contradicts."""
    if scan.scanned_file.engine not in COMBINED_ENGINES:
        return
    pending = Match.objects.filter(
        scanned_file_id=scan.scanned_file_id,
        state=MatchState.PENDING,
        queue_reason__in=evaluation.OWN_REASONS,
    )
    for match in pending.select_related("recording", "scan", "scanned_file"):
        if Subject.of(match).engines_disagree:
            Match.objects.filter(pk=match.pk).update(
                queue_reason=QueueReason.ENGINES_DISAGREE,
                version=match.version + 1,
                updated_at=datetime.now(tz=UTC),
            )
            record(
                case=match.case,
                action="engines_disagree",
                before={"queue_reason": match.queue_reason},
                after={"queue_reason": QueueReason.ENGINES_DISAGREE.value},
            )


def fold_waiting(*, scan: Scan, **_signal: object) -> None:
    """Fold the result that waited for a scan which then ended without one."""
    if scan.status != ScanStatus.SUCCEEDED:
        fold_scan(scan=scan)


def keep_views(*, file: ScannedFile, **_signal: object) -> None:
    """Copy the source's view count to its matches, so that lists can sort by it."""
    Match.objects.filter(scanned_file=file).update(source_views=file.views)


def _matches_of(file: int) -> dict[int, Match]:
    """Return the file's matches by recording, locked."""
    return {
        match.recording_id: match
        for match in Match.objects.select_for_update(of=("self",))
        .filter(scanned_file_id=file)
        .select_related("recording", "scan", "scanned_file__container")
    }


def _fold_late(scan: Scan) -> None:
    """Write matches of recordings added after the full scan, and of those lost since.

    Other matches stay as they are.

    Detections of the file's other scans in the same interval count as rivals, as if one
    scan had found both.
    """
    matches = _matches_of(scan.scanned_file_id)
    drafts = _drafts(scan)
    others = [
        *selectors.current_scans(scan.scanned_file),
        *selectors.late_scans(scan.scanned_file),
    ]
    found = [_drafts(other).counting for other in others if other != scan]
    beside = _MatchDrafts([draft for each in found for draft in each], {})
    for draft in drafts.counting:
        stays = draft.recording.stands_for_it
        sound = stays.same_sound_as_id or stays.pk
        # A match for the recording or its canonical one already stands for the sound.
        standing = matches.get(draft.recording.pk) or matches.get(sound)
        if standing is None or standing.lost:
            rivals = drafts.rivals(draft) + beside.rivals(draft)
            _fold(scan, draft, _take_earlier(matches, draft, drafts), rivals)


def _fold_one(*, scan: Scan, partner: Scan | None) -> None:
    matches = _matches_of(scan.scanned_file_id)
    drafts = _drafts(scan)
    for draft in drafts.counting:
        earlier = _take_earlier(matches, draft, drafts, partner=partner)
        if not earlier or earlier[0].scan_id not in {scan.pk, _key(partner)}:
            _fold(scan, draft, earlier, drafts.rivals(draft), partner=partner)
        elif earlier[0].scan_id != scan.pk:
            _find_too(match=earlier[0], scan=scan)
    _mark_lost(
        scan=scan,
        matches=[match for match in matches.values() if match.scan_id != _key(partner)],
    )


def _key(scan: Scan | None) -> int | None:
    return scan.pk if scan is not None else None


def _take_earlier(
    matches: dict[int, Match],
    draft: _MatchDraft,
    drafts: _MatchDrafts,
    *,
    partner: Scan | None = None,
) -> list[Match]:
    """Remove and return the matches that go on as one of the draft's recording.

    They belong to the recording itself, which comes first, to recordings merged into it,
    to copies that it stands for, and to the stub with its ISRC.
    """
    recording = draft.recording
    keys = [
        key
        for key, match in matches.items()
        if key == recording.pk
        or match.recording.stands_for_it == recording
        or drafts.copies.get(key) == recording
    ]
    if recording.status != RecordingStatus.STUB and recording.isrc_normalised:
        # The cloud knew the recording by its ISRC before it was in our catalogue.
        keys += [
            key
            for key, match in matches.items()
            if match.recording.status == RecordingStatus.STUB
            and match.recording.isrc_normalised == recording.isrc_normalised
            # The other engine still finds the stub beside a match of the recording.
            and not (keys and match.scan_id == _key(partner))
        ]
    keys.sort(key=lambda key: (key != recording.pk, matches[key].pk))
    return [matches.pop(key) for key in keys]


def _find_too(*, match: Match, scan: Scan) -> None:
    """Note that the other engine found the recording too; score and times stay."""
    if match.second_scan_id == scan.pk:
        return
    Match.objects.filter(pk=match.pk).update(
        second_scan=scan,
        version=match.version + 1,
        updated_at=datetime.now(tz=UTC),
    )
    record(
        case=match.case,
        action=transitions.FOUND_TOO,
        after={"scan": scan.uid, "engine": scan.engine},
    )


def _drafts(scan: Scan) -> _MatchDrafts:
    """Group the scan's detections by recording, leaving out those without a segment.

    Copies of one sound that match the same interval count once; so do a recording and
    one that was merged into it.
    """
    detections: dict[Recording, list[Detection]] = defaultdict(list)
    for detection in scan.detections.select_related("recording").prefetch_related(
        "segments"
    ):
        detections[detection.recording].append(detection)
    by_sound: dict[int, list[_MatchDraft]] = defaultdict(list)
    for recording, group in detections.items():
        segments = sorted(
            (segment for detection in group for segment in detection.segments.all()),
            key=lambda segment: (segment.start_ms, segment.pk),
        )
        # Somebody may have retired or merged it since the scan, or while it ran.
        if segments and not recording.is_given_up:
            stays = recording.stands_for_it
            sound = stays.same_sound_as_id or stays.pk
            by_sound[sound].append(_MatchDraft(recording, group, segments))
    counting: list[_MatchDraft] = []
    copies: dict[int, Recording] = {}
    for sound, drafts in by_sound.items():
        # Prefer the group's canonical recording, then the longest detection.
        first = max(
            drafts, key=lambda draft: (draft.recording.pk == sound, draft.length)
        )
        counting.append(first)
        for draft in drafts:
            if draft is first:
                continue
            if draft.length_beside(first) < NOT_A_COPY * draft.length:
                copies[draft.recording.pk] = first.recording
            else:
                counting.append(draft)
    return _MatchDrafts(counting, copies)


def _fold(
    scan: Scan,
    draft: _MatchDraft,
    earlier: Sequence[Match],
    rivals: int,
    *,
    partner: Scan | None = None,
) -> None:
    """Write what a scan found of one recording to its match.

    Of several earlier matches, which are one now, the first survives.
    """
    file = scan.scanned_file
    measured = figures.work_out(
        detections=draft.detections,
        segments=draft.segments,
        source_ms=file.whole_ms,
        reference_ms=draft.recording.duration_ms,
        excluded=excluded_intervals_of([draft.recording.pk]),
    )
    finding = Finding(
        scan=scan,
        recording=draft.recording,
        detections=draft.detections,
        source_intervals=draft.source_intervals,
        measured=measured,
        rivals=rivals,
    )
    if not earlier:
        _create(file, finding)
        return
    survivor, *others = earlier
    before = rescans.intervals_of(earlier)
    joining.join([(other, survivor) for other in others], actor=SYSTEM, scan=scan)
    rescans.update(match=survivor, finding=finding, before=before, partner=partner)


def _create(file: ScannedFile, finding: Finding) -> None:
    scan, recording = finding.scan, finding.recording
    late = _is_late(scan=scan, recording=recording)
    subject = Subject(
        file=file,
        recording=recording,
        scan=scan,
        measured=finding.measured,
        rivals=finding.rivals,
        found_late=late,
    )
    match = Match.objects.create(
        scanned_file=file,
        recording=recording,
        scan=scan,
        source_views=file.views,
        rivals=finding.rivals,
        found_late=late,
        **asdict(finding.measured),
        **evaluation.evaluate(subject=subject).fields(),
    )
    match.detections.set(finding.detections)
    record(
        case=match.case,
        action="found",
        after={
            **transitions.snapshot(match),
            "scan": scan.uid,
            "recording": recording.uid,
            "relation": match.relation,
            "score": None if match.score is None else str(match.score),
            "matched_ms": match.matched_ms,
        },
    )


def _is_late(*, scan: Scan, recording: Recording) -> bool:
    """Return whether a change of catalogue or engine made this match possible."""
    if scan.retro_search_id is not None:
        return True
    earlier = Scan.objects.full().filter(
        scanned_file_id=scan.scanned_file_id,
        status=ScanStatus.SUCCEEDED,
        pk__lt=scan.pk,
    )
    if scan.scanned_file.engine in COMBINED_ENGINES:
        # With two engines, the second engine's first scan is not late.
        earlier = earlier.filter(engine=scan.engine)
    first = earlier.order_by("pk").first()
    if first is None:
        return False
    other_engine = (first.engine, first.engine_version) != (
        scan.engine,
        scan.engine_version,
    )
    return other_engine or recording.created_at > (
        first.finished_at or first.created_at
    )


def _mark_lost(*, scan: Scan, matches: Sequence[Match]) -> None:
    """Mark matches whose recording the scan searched for but did not find."""
    searched = {bucket["id"] for bucket in scan.buckets}
    for match in matches:
        looked_for = (
            match.recording.bucket_id in searched
            if searched
            else match.scan.engine == scan.engine
        )
        # A retro search that ended after this scan began knew more recordings.
        if match.lost or match.scan_id >= scan.pk or not looked_for:
            continue
        Match.objects.filter(pk=match.pk).update(
            lost=True, version=match.version + 1, updated_at=datetime.now(tz=UTC)
        )
        record(
            case=match.case,
            action=transitions.LOST,
            before={"lost": False},
            after={"lost": True, "scan": scan.uid},
        )
