"""Folds the detections of a finished scan into matches.

It runs in the transaction that stores the scan's outcome, so a finished scan and its
matches appear together or not at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property

from django.db import transaction
from django.db.models import Q

import catalogue.selectors
from audit.services import record
from catalogue.models import Recording, RecordingStatus
from review.choices import WAITING_STATES, MatchState, QueueReason
from review.counting import source_interval
from review.models import Match
from review.services import evaluation, figures, intervals, licences, transitions
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

    A match of an earlier scan is superseded by its successor, or marked as lost if the
    scan searched for the recording and did not find it. If two engines scan a file, the
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
                queue_reason=QueueReason.ENGINES_DISAGREE, version=match.version + 1
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


def _live_matches(scan: Scan) -> dict[int, Match]:
    """Return the file's live matches by recording, locked."""
    return {
        match.recording_id: match
        for match in Match.objects.select_for_update(of=("self",))
        .filter(scanned_file_id=scan.scanned_file_id)
        .exclude(state=MatchState.SUPERSEDED)
        .select_related("recording", "scan")
    }


def _fold_late(scan: Scan) -> None:
    """Write matches of recordings added after the full scan; leave others alone.

    Detections of the file's other scans in the same interval count as rivals, as if one
    scan had found both.
    """
    live = _live_matches(scan)
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
        if draft.recording.pk not in live and sound not in live:
            earlier = _take_earlier(live, draft.recording, drafts)
            rivals = drafts.rivals(draft) + beside.rivals(draft)
            _fold(scan=scan, draft=draft, replaced=earlier, rivals=rivals)


def _fold_one(*, scan: Scan, partner: Scan | None) -> None:
    live = _live_matches(scan)
    drafts = _drafts(scan)
    for draft in drafts.counting:
        earlier = _take_earlier(live, draft.recording, drafts)
        if not earlier or earlier[0].scan_id not in {scan.pk, _key(partner)}:
            rivals = drafts.rivals(draft)
            _fold(scan=scan, draft=draft, replaced=earlier, rivals=rivals)
        elif earlier[0].scan_id != scan.pk:
            _find_too(match=earlier[0], scan=scan)
    kept = [match for match in live.values() if match.scan_id != _key(partner)]
    for match in kept:
        counts = drafts.copies.get(match.recording_id)
        if counts is not None and match.state in WAITING_STATES:
            _supersede(earlier=match, scan=scan)
            rows = Match.objects.filter(scanned_file_id=scan.scanned_file_id)
            by = rows.filter(recording=counts).exclude(state=MatchState.SUPERSEDED)
            # There is none if the match that stands for the sound is gone too.
            if (follower := by.first()) is not None:
                _lead_to(follower, earlier=match)
    _mark_lost(
        scan=scan,
        matches=[match for match in kept if match.recording_id not in drafts.copies],
    )


def _key(scan: Scan | None) -> int | None:
    return scan.pk if scan is not None else None


def _take_earlier(
    live: dict[int, Match], recording: Recording, drafts: _MatchDrafts
) -> list[Match]:
    """Remove and return the live matches that the recording continues.

    They belong to the same recording and those merged into it; without any, to a copy
    it stands for, or to the stub with its ISRC.
    """
    same = [
        key
        for key, match in live.items()
        if key == recording.pk
        or (
            match.recording.merged_into_id is not None
            and match.recording.stands_for_it == recording
        )
    ]
    if same:
        same.sort(key=lambda key: key != recording.pk)
        return [live.pop(key) for key in same]
    for key in live:
        if drafts.copies.get(key) == recording:
            return [live.pop(key)]
    if recording.status == RecordingStatus.STUB or not recording.isrc_normalised:
        return []
    for key, match in live.items():
        stub = match.recording
        # The cloud knew the recording by its ISRC before it was in our catalogue.
        same_code = stub.isrc_normalised == recording.isrc_normalised
        if stub.status == RecordingStatus.STUB and same_code:
            return [live.pop(key)]
    return []


def _find_too(*, match: Match, scan: Scan) -> None:
    """Note that the other engine found the recording too; score and times stay."""
    if match.second_scan_id == scan.pk:
        return
    Match.objects.filter(pk=match.pk).update(
        second_scan=scan, version=match.version + 1
    )
    record(
        case=match.case,
        action="found_too",
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
    *, scan: Scan, draft: _MatchDraft, replaced: Sequence[Match], rivals: int
) -> None:
    """Create the match of one recording and supersede the earlier ones, if any.

    The first decided one hands on its decision.
    """
    file = scan.scanned_file
    decided = [match for match in replaced if match.state in evaluation.CARRIED_STATES]
    earlier = next(iter([*decided, *replaced]), None)
    worked_out = figures.work_out(
        detections=draft.detections,
        segments=draft.segments,
        source_ms=file.whole_ms,
        reference_ms=draft.recording.duration_ms,
        excluded=catalogue.selectors.excluded_intervals(draft.recording),
    )
    checked = earlier is not None and _keeps_speech(earlier, draft)
    if earlier is not None and checked:
        worked_out = replace(worked_out, under_speech=earlier.under_speech)
    late = (
        _is_late(scan=scan, recording=draft.recording)
        if earlier is None
        else earlier.found_late
    )
    subject = Subject(
        file=file,
        recording=draft.recording,
        scan=scan,
        measured=worked_out,
        rivals=rivals,
        found_late=late,
    )
    outcome = evaluation.evaluate(subject=subject)
    begins: dict[str, object] = {
        **outcome.fields(),
        "found_late": late,
        "speech_checked": checked,
    }
    if earlier is not None:
        begins |= evaluation.carried_fields(
            earlier=earlier,
            earlier_intervals=_agreed_intervals(decided or [earlier]),
            subject=subject,
            new_intervals=draft.source_intervals,
            evaluation=outcome,
        )
        begins.setdefault("assignee_id", earlier.assignee_id)
    for each in replaced:
        _supersede(earlier=each, scan=scan)
    match = Match.objects.create(
        scanned_file=file,
        recording=draft.recording,
        scan=scan,
        source_views=file.views,
        rivals=rivals,
        **asdict(worked_out),
        **begins,
    )
    for each in replaced:
        _lead_to(match, earlier=each)
    if earlier is not None and match.dispute_id is not None:
        # Lead the person who answers the dispute to the live match.
        earlier.disputes.update(match=match)
    _record_found(match=match, scan=scan, earlier=earlier)
    if earlier is not None and match.state == MatchState.CLEARED:
        # It may be used for longer now, or the file's details may have changed.
        licences.reopen_uncovered(Match.objects.filter(pk=match.pk))


def _agreed_intervals(matches: Sequence[Match]) -> list[intervals.Interval]:
    """Return where matches lie; nowhere if they were not decided alike."""
    if len({match.state for match in matches}) > 1:
        return []
    return [each for match in matches for each in _intervals_of(match)]


def _keeps_speech(earlier: Match, draft: _MatchDraft) -> bool:
    """Return whether what a person heard of the earlier match holds for its follower."""
    return (
        earlier.speech_checked
        and intervals.overlap_share(_intervals_of(earlier), draft.source_intervals)
        >= evaluation.SAME_INTERVALS_SHARE
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


def _intervals_of(match: Match) -> list[intervals.Interval]:
    segments = Segment.objects.filter(
        detection__scan_id=match.scan_id, detection__recording_id=match.recording_id
    )
    return [source_interval(segment) for segment in segments]


def _supersede(*, earlier: Match, scan: Scan) -> None:
    before = transitions.snapshot(earlier)
    Match.objects.filter(pk=earlier.pk).update(
        state=MatchState.SUPERSEDED,
        locked_by=None,
        locked_until=None,
        version=earlier.version + 1,
    )
    record(
        case=earlier.case,
        action="superseded",
        before=before,
        after={**before, "state": MatchState.SUPERSEDED.value, "scan": scan.uid},
    )


def _lead_to(follower: Match, *, earlier: Match) -> None:
    """Let the earlier match, and all that it replaced, lead to the one that is live.

    One step then leads from a replaced match to its decision, however many scans and
    merges lie between.
    """
    replaced = Q(pk=earlier.pk) | Q(superseded_by=earlier.pk)
    Match.objects.filter(replaced).update(superseded_by=follower)


def _record_found(*, match: Match, scan: Scan, earlier: Match | None) -> None:
    after: dict[str, object] = {
        **transitions.snapshot(match),
        "scan": scan.uid,
        "recording": match.recording.uid,
        "relation": match.relation,
        "score": None if match.score is None else str(match.score),
        "matched_ms": match.matched_ms,
    }
    if earlier is not None:
        after["follows"] = earlier.uid
    record(case=match.case, action="found", after=after)


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
        Match.objects.filter(pk=match.pk).update(lost=True, version=match.version + 1)
        record(
            case=match.case,
            action="lost",
            before={"lost": False},
            after={"lost": True, "scan": scan.uid},
        )
