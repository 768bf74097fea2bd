"""Groups what a scan detected by recording, before it becomes matches. Writes nothing.

Copies of one sound count once, and of versions that fit equally one leads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property

from catalogue.models import Recording
from catalogue.selectors import excluded_intervals_of
from review import figures, intervals, versions
from review.choices import VersionChoice
from review.counting import source_interval
from review.models import Match
from review.services import evaluation
from scanning.models import Detection, Scan, Segment

EQUAL_SCORES = Decimal(2)
"""Of two versions in the same seconds with scores this near, neither fits better."""


@dataclass(frozen=True)
class MatchDraft:
    """One scan's detections and segments of one recording."""

    scan: Scan
    recording: Recording
    detections: Sequence[Detection]
    segments: Sequence[Segment]
    candidates: Sequence[Detection] = ()
    """What the scan found of other versions that fit equally."""

    @cached_property
    def measured(self) -> figures.Figures:
        """Return the figures that a match of these segments has."""
        return figures.work_out(
            detections=self.detections,
            segments=self.segments,
            source_ms=self.scan.scanned_file.length_ms,
            reference_ms=self.recording.duration_ms,
            excluded=excluded_intervals_of([self.recording.pk]),
        )

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

    def lies_where(self, other: MatchDraft) -> bool:
        """Return whether both were found in the same seconds."""
        shared = intervals.overlap_share(self.source_intervals, other.source_intervals)
        return shared >= evaluation.SAME_INTERVALS_SHARE

    def fits_as(self, other: MatchDraft) -> bool:
        """Return whether neither fits the file better than the other."""
        scale, score = self.score
        other_scale, other_score = other.score
        return (
            scale == other_scale
            and abs(score - other_score) <= EQUAL_SCORES
            and self.lies_where(other)
        )

    def is_copy_of(self, other: MatchDraft) -> bool:
        """Return whether the other, of the same sound, covers its seconds."""
        return (
            self.stays.sound == other.stays.sound
            and self.share_within(other) >= evaluation.SAME_INTERVALS_SHARE
        )

    def share_within(self, other: MatchDraft) -> float:
        """Return how much of its time the other covers."""
        return intervals.share_within(self.source_intervals, other.source_intervals)


@dataclass(frozen=True, slots=True)
class MatchDrafts:
    """Detections that get a match; ``copies`` maps the others to what stands for them."""

    counting: Sequence[MatchDraft]
    copies: Mapping[int, Recording]

    def rivals(self, draft: MatchDraft) -> int:
        """Return how many others cover more than half of the same time."""
        return sum(draft.share_within(rival) > 0.5 for rival in self.counting if rival is not draft)


def drafts_of(scan: Scan, matches: Mapping[int, Match]) -> MatchDrafts:
    """Group the scan's detections by recording, leaving out those without a segment.

    Copies of one sound that match the same interval count once; so do a recording and
    one that was merged into it, and versions of which none fits better.
    """
    detections: dict[Recording, list[Detection]] = defaultdict(list)
    for detection in scan.detections.select_related("recording").prefetch_related("segments"):
        detections[detection.recording].append(detection)
    by_family: dict[int, list[MatchDraft]] = defaultdict(list)
    for recording, group in detections.items():
        segments = sorted(
            (segment for detection in group for segment in detection.segments.all()),
            key=lambda segment: (segment.start_ms, segment.pk),
        )
        # Somebody may have retired or merged it since the scan, or while it ran.
        if segments and not recording.is_given_up:
            draft = MatchDraft(scan, recording, group, segments)
            by_family[family_of(draft)].append(draft)
    counting: list[MatchDraft] = []
    copies: dict[int, Recording] = {}
    for drafts in by_family.values():
        ungrouped = _without_copies(drafts, copies)
        while ungrouped:
            leading, *equal = _leading(ungrouped, matches)
            candidates = [detection for draft in equal for detection in draft.detections]
            counting.append(replace(leading, candidates=candidates))
            # Another version of the same sound that fits worse is a copy.
            worse = [
                draft
                for draft in ungrouped
                if draft.is_copy_of(leading) and versions.differ(draft.stays, leading.stays)
            ]
            for draft in (*equal, *worse):
                copies[draft.recording.pk] = leading.recording
            ungrouped = [draft for draft in ungrouped if draft not in (leading, *equal, *worse)]
    return MatchDrafts(
        counting, {key: _stands_for(recording, copies) for key, recording in copies.items()}
    )


def family_of(draft: MatchDraft) -> int:
    return draft.stays.family_id or draft.stays.sound


def _stands_for(recording: Recording, copies: Mapping[int, Recording]) -> Recording:
    while recording.pk in copies:
        recording = copies[recording.pk]
    return recording


def _without_copies(drafts: Sequence[MatchDraft], copies: dict[int, Recording]) -> list[MatchDraft]:
    """Note copies of one version; return what stands for each, or lies elsewhere."""
    standing: list[MatchDraft] = []
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


def _leading(drafts: Sequence[MatchDraft], matches: Mapping[int, Match]) -> list[MatchDraft]:
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

    def rank(draft: MatchDraft) -> tuple[bool, bool, tuple[int, int, int]]:
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
