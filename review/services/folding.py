"""Folds the detections of a finished scan into matches.

It runs in the transaction that stores the scan's outcome, so a finished scan and its
matches appear together or not at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property

from django.db import transaction
from django.db.models import Max, Q

from base.audit.services import SYSTEM, record
from catalogue.models import Recording, RecordingStatus
from catalogue.selectors import excluded_intervals_of
from review import versions
from review.choices import MatchState, QueueReason, VersionChoice
from review.counting import source_interval
from review.models import Match
from review.services import choosing, evaluation, figures, intervals, joining, rescans, transitions
from review.services.rescans import Finding
from review.subjects import Subject
from scanning import selectors
from scanning.choices import ACTIVE_SCAN_STATUSES, COMBINED_ENGINES, EngineChoice, ScanStatus
from scanning.models import Detection, Scan, ScannedFile, Segment

EQUAL_SCORES = Decimal(2)
"""Of two versions in the same seconds with scores this near, neither fits better."""


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

    @cached_property
    def stays(self) -> Recording:
        """Return the recording that the detected one was merged into, or itself."""
        return self.recording.stands_for_it

    @cached_property
    def score(self) -> tuple[str, Decimal]:
        """Return the best score, after its scale."""
        score, scale = figures.best_score(self.detections)
        return scale, score if score is not None else Decimal(0)

    @property
    def order(self) -> tuple[int, int, int]:
        """Sort what fits equally: more of the file, then the longer run, then the older.

        In whole seconds, because milliseconds differ between encodings of one sound.
        """
        longest = max(end - start for start, end in intervals.union(self.source_intervals))
        return -(self.length // 1000), -(longest // 1000), self.recording.pk

    def lies_where(self, other: _MatchDraft) -> bool:
        """Return whether both were found in the same seconds."""
        shared = intervals.overlap_share(self.source_intervals, other.source_intervals)
        return shared >= evaluation.SAME_INTERVALS_SHARE

    def fits_as(self, other: _MatchDraft) -> bool:
        """Return whether neither fits the file better than the other."""
        scale, score = self.score
        other_scale, other_score = other.score
        return (
            scale == other_scale
            and abs(score - other_score) <= EQUAL_SCORES
            and self.lies_where(other)
        )

    def is_copy_of(self, other: _MatchDraft) -> bool:
        """Return whether the other, of the same sound, covers its seconds."""
        return (
            self.stays.sound == other.stays.sound
            and self.share_within(other) >= evaluation.SAME_INTERVALS_SHARE
        )

    def share_within(self, other: _MatchDraft) -> float:
        """Return how much of its time the other covers."""
        return intervals.share_within(self.source_intervals, other.source_intervals)


@dataclass(frozen=True, slots=True)
class _MatchDrafts:
    """Detections that get a match; ``copies`` maps the others to what stands for them.

    ``candidates`` has, by recording, the versions that a match may name instead.
    """

    counting: Sequence[_MatchDraft]
    copies: Mapping[int, Recording]
    candidates: Mapping[int, Sequence[_MatchDraft]]

    def found_of_candidates(self, draft: _MatchDraft) -> list[Detection]:
        """Return the detections of the versions that a draft's match may name instead."""
        versions = self.candidates.get(draft.recording.pk, ())
        return [detection for version in versions for detection in version.detections]

    def rivals(self, draft: _MatchDraft) -> int:
        """Return how many others cover more than half of the same time."""
        return sum(draft.share_within(rival) > 0.5 for rival in self.counting if rival is not draft)


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
    scan.scanned_file.lengthen_to(_last_end(scan))
    if scan.retro_search_id is not None:
        _fold_late(scan)
        return
    current = selectors.current_scans(scan.scanned_file)
    if scan not in current:
        return
    embedded_runs = any(
        running.status in ACTIVE_SCAN_STATUSES and running.engine == EngineChoice.EMBEDDED
        for running in current
    )
    for current_scan in current:
        waits = embedded_runs and current_scan.engine == EngineChoice.ACRCLOUD
        if current_scan.status == ScanStatus.SUCCEEDED and not waits:
            partner = next((candidate for candidate in current if candidate != current_scan), None)
            _fold_one(scan=current_scan, partner=partner)
    _note_disagreements(scan)


def _last_end(scan: Scan) -> int:
    """Return where the last segment of the scan or of the file's matches ends."""
    of_file = Q(detection__matches__scanned_file=scan.scanned_file_id)
    segments = Segment.objects.filter(Q(detection__scan=scan) | of_file)
    return segments.aggregate(end=Max("end_ms"))["end"] or 0


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
        .prefetch_related("candidates__recording")
    }


def _fold_late(scan: Scan) -> None:
    """Write matches of recordings added after the full scan, and of those lost since.

    Other matches stay as they are.

    Detections of the file's other scans in the same interval count as rivals, as if one
    scan had found both.
    """
    matches = _matches_of(scan.scanned_file_id)
    drafts = _drafts(scan, matches)
    scans = [*selectors.current_scans(scan.scanned_file), *selectors.late_scans(scan.scanned_file)]
    drafts_by_scan = [
        _drafts(earlier_scan, matches).counting for earlier_scan in scans if earlier_scan != scan
    ]
    beside = _MatchDrafts(
        [draft for earlier_drafts in drafts_by_scan for draft in earlier_drafts], {}, {}
    )
    for draft in drafts.counting:
        equal = _match_of_equal(draft, beside.counting, matches)
        if equal is not None:
            own = matches.get(draft.recording.pk)
            if own is not None and own != equal and not own.is_decided_alone:
                # It was found before its recording was a version of the other.
                joining.join([(matches.pop(own.recording_id), equal)], actor=SYSTEM)
            versions_found = [*draft.detections, *drafts.found_of_candidates(draft)]
            choosing.add_candidates(equal, versions_found)
            continue
        # A match for the recording or its canonical one already stands for the sound.
        sound = draft.stays.sound
        standing = matches.get(draft.recording.pk) or matches.get(sound)
        if standing is None or standing.lost:
            rivals = drafts.rivals(draft) + beside.rivals(draft)
            _fold(
                scan,
                draft,
                _take_earlier(matches, draft, drafts),
                rivals,
                candidates=drafts.found_of_candidates(draft),
            )


def _match_of_equal(
    draft: _MatchDraft, beside: Sequence[_MatchDraft], matches: Mapping[int, Match]
) -> Match | None:
    """Return the match of another version that fits as well as this one."""
    for version in beside:
        match = matches.get(version.recording.pk)
        if (
            match is not None
            and not match.lost
            and _family(draft) == _family(version)
            and versions.differ(draft.stays, version.stays)
            and draft.fits_as(version)
        ):
            return match
    return None


def _fold_one(*, scan: Scan, partner: Scan | None) -> None:
    matches = _matches_of(scan.scanned_file_id)
    drafts = _drafts(scan, matches)
    for draft in drafts.counting:
        earlier = _take_earlier(matches, draft, drafts, partner=partner)
        is_grouped_since = any(match.scan_id == scan.pk for match in earlier[1:])
        if not earlier or is_grouped_since or earlier[0].scan_id not in {scan.pk, _key(partner)}:
            _fold(
                scan,
                draft,
                earlier,
                drafts.rivals(draft),
                candidates=drafts.found_of_candidates(draft),
                partner=partner,
            )
        elif earlier[0].scan_id != scan.pk:
            _find_too(match=earlier[0], scan=scan)
    _mark_lost(
        scan=scan, matches=[match for match in matches.values() if match.scan_id != _key(partner)]
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
    to copies that it stands for, to a version that fitted as well and is not found any
    more, and to the stub with its ISRC.
    """
    recording = draft.recording
    drafted = {counting.recording.pk for counting in drafts.counting}
    keys = [
        key
        for key, match in matches.items()
        if key == recording.pk
        or match.recording.stands_for_it == recording
        or drafts.copies.get(key) == recording
        or (
            key not in drafted
            and not match.is_decided_alone
            and any(candidate.recording == recording for candidate in match.candidates.all())
        )
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
        second_scan=scan, version=match.version + 1, updated_at=datetime.now(tz=UTC)
    )
    record(
        case=match.case,
        action=transitions.FOUND_TOO,
        after={"scan": scan.uid, "engine": scan.engine},
    )


def _drafts(scan: Scan, matches: Mapping[int, Match]) -> _MatchDrafts:
    """Group the scan's detections by recording, leaving out those without a segment.

    Copies of one sound that match the same interval count once; so do a recording and
    one that was merged into it, and versions of which none fits better.
    """
    detections: dict[Recording, list[Detection]] = defaultdict(list)
    for detection in scan.detections.select_related("recording").prefetch_related("segments"):
        detections[detection.recording].append(detection)
    by_family: dict[int, list[_MatchDraft]] = defaultdict(list)
    for recording, group in detections.items():
        segments = sorted(
            (segment for detection in group for segment in detection.segments.all()),
            key=lambda segment: (segment.start_ms, segment.pk),
        )
        # Somebody may have retired or merged it since the scan, or while it ran.
        if segments and not recording.is_given_up:
            draft = _MatchDraft(recording, group, segments)
            by_family[_family(draft)].append(draft)
    counting: list[_MatchDraft] = []
    copies: dict[int, Recording] = {}
    candidates: dict[int, list[_MatchDraft]] = {}
    for drafts in by_family.values():
        ungrouped = _without_copies(drafts, copies)
        while ungrouped:
            leading, *equal = _leading(ungrouped, matches)
            counting.append(leading)
            candidates[leading.recording.pk] = equal
            # Another version of the same sound that fits worse is a copy.
            worse = [
                draft
                for draft in ungrouped
                if draft.is_copy_of(leading) and versions.differ(draft.stays, leading.stays)
            ]
            for draft in (*equal, *worse):
                copies[draft.recording.pk] = leading.recording
            ungrouped = [draft for draft in ungrouped if draft not in (leading, *equal, *worse)]
    return _MatchDrafts(
        counting,
        {key: _stands_for(recording, copies) for key, recording in copies.items()},
        candidates,
    )


def _family(draft: _MatchDraft) -> int:
    return draft.stays.family_id or draft.stays.sound


def _stands_for(recording: Recording, copies: Mapping[int, Recording]) -> Recording:
    while recording.pk in copies:
        recording = copies[recording.pk]
    return recording


def _without_copies(
    drafts: Sequence[_MatchDraft], copies: dict[int, Recording]
) -> list[_MatchDraft]:
    """Note copies of one version; return what stands for each, or lies elsewhere."""
    standing: list[_MatchDraft] = []
    # Prefer the group's canonical recording, then the longest detection.
    for draft in sorted(
        drafts, key=lambda draft: (draft.recording.pk != draft.stays.sound, -draft.length)
    ):
        original = next(
            (
                original
                for original in standing
                if draft.is_copy_of(original) and not versions.differ(draft.stays, original.stays)
            ),
            None,
        )
        if original is None:
            standing.append(draft)
        else:
            copies[draft.recording.pk] = original.recording
    return standing


def _leading(drafts: Sequence[_MatchDraft], matches: Mapping[int, Match]) -> list[_MatchDraft]:
    """Return the version that fits best, then the others that fit as well.

    Of equal ones, what people decided or chose in this file leads, then what their
    answers for the pair say, then what the file's match names, then ``order``.
    """
    longest = min(drafts, key=lambda draft: draft.order)
    beside = [
        draft
        for draft in drafts
        if draft.lies_where(longest) and draft.score[0] == longest.score[0]
    ]
    best = min(beside, key=lambda draft: (-draft.score[1], draft.order))

    def rank(draft: _MatchDraft) -> tuple[bool, bool, tuple[int, int, int]]:
        match = matches.get(draft.recording.pk)
        is_chosen = match is not None and (
            match.is_decided_alone or match.version_choice == VersionChoice.CHOSEN
        )
        return not is_chosen, match is None, draft.order

    equal = sorted((draft for draft in beside if draft.fits_as(best)), key=rank)
    if rank(equal[0])[0]:
        named = {draft.stays: draft for draft in equal}
        answers = versions.answers_among(named)
        leading = named[versions.led_by_answers(named, answers)]
    else:
        leading = equal[0]
    alternatives = [draft for draft in equal if versions.differ(draft.stays, leading.stays)]
    return [leading, *alternatives]


def _fold(
    scan: Scan,
    draft: _MatchDraft,
    earlier: Sequence[Match],
    rivals: int,
    *,
    candidates: Sequence[Detection] = (),
    partner: Scan | None = None,
) -> None:
    """Write what a scan found of one recording to its match.

    Of several earlier matches, which are one now, the first survives.
    """
    file = scan.scanned_file
    measured = figures.work_out(
        detections=draft.detections,
        segments=draft.segments,
        source_ms=file.length_ms,
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
        candidates=candidates,
    )
    if not earlier:
        _create(file, finding)
        return
    survivor, *joined = earlier
    before = rescans.intervals_of(earlier)
    joining.join([(match, survivor) for match in joined], actor=SYSTEM, scan=scan)
    rescans.update(match=survivor, finding=finding, before=before, partner=partner)


def _create(file: ScannedFile, finding: Finding) -> None:
    scan, recording = finding.scan, finding.recording
    late = _is_late(scan=scan, recording=recording)
    choice = versions.choice_of(recording=recording, candidates=finding.candidates)
    subject = Subject(
        file=file,
        recording=recording,
        scan=scan,
        measured=finding.measured,
        rivals=finding.rivals,
        found_late=late,
        has_open_versions=choice == VersionChoice.OPEN,
        heard=lambda: finding.source_intervals,
    )
    match = Match.objects.create(
        scanned_file=file,
        recording=recording,
        scan=scan,
        source_views=file.views,
        rivals=finding.rivals,
        found_late=late,
        version_choice=choice,
        **asdict(finding.measured),
        **evaluation.evaluate(subject=subject).fields(),
    )
    if match.decided_at is not None:
        # A rule decided while the row was made, not before it was found.
        match.decided_at = match.created_at
        match.save(update_fields=["decided_at"])
    match.detections.set(finding.detections)
    match.candidates.set(finding.candidates)
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
            "candidates": versions.uids(finding.candidates),
        },
    )


def _is_late(*, scan: Scan, recording: Recording) -> bool:
    """Return whether a change of catalogue or engine made this match possible."""
    if scan.retro_search_id is not None:
        return True
    earlier = Scan.objects.full().filter(
        scanned_file_id=scan.scanned_file_id, status=ScanStatus.SUCCEEDED, pk__lt=scan.pk
    )
    if scan.scanned_file.engine in COMBINED_ENGINES:
        # With two engines, the second engine's first scan is not late.
        earlier = earlier.filter(engine=scan.engine)
    first = earlier.order_by("pk").first()
    if first is None:
        return False
    other_engine = (first.engine, first.engine_version) != (scan.engine, scan.engine_version)
    return other_engine or recording.created_at > (first.finished_at or first.created_at)


def _mark_lost(*, scan: Scan, matches: Sequence[Match]) -> None:
    """Mark matches whose recording the scan searched for but did not find."""
    searched = {bucket["id"] for bucket in scan.buckets}
    for match in matches:
        looked_for = (
            match.recording.bucket_id in searched if searched else match.scan.engine == scan.engine
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
