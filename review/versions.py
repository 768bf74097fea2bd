"""Versions of a recording that fit a match equally: candidates, and answers for pairs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import combinations

from catalogue.models import Recording
from review import figures, intervals
from review.choices import VersionChoice
from review.models import Match, VersionAnswer
from scanning.engines.base import most_bits
from scanning.models import Detection

Pair = frozenset[int]
"""The keys of two recordings."""


@dataclass(frozen=True)
class Candidate:
    """A version that a match may name instead, and what scans found of it."""

    recording: Recording
    detections: tuple[Detection, ...]

    @cached_property
    def score(self) -> Decimal | None:
        """Return the best score of its detections."""
        return figures.best_score(self.detections)[0]

    @cached_property
    def bits(self) -> Decimal:
        """Return the most bits of evidence of its segments."""
        return most_bits(
            segment for detection in self.detections for segment in detection.segments.all()
        )

    @cached_property
    def matched_ms(self) -> int:
        """Return how much of the file it covers."""
        return intervals.length(
            (segment.start_ms, segment.end_ms)
            for detection in self.detections
            for segment in detection.segments.all()
        )


def differ(first: Recording, second: Recording) -> bool:
    """Return whether ISRC or version title tell two recordings apart.

    An ISRC that is not known is no difference.
    """
    if first == second:
        return False
    codes = {first.isrc_normalised, second.isrc_normalised}
    titles = {recording.version_title.strip().casefold() for recording in (first, second)}
    return len(titles) == 2 or ("" not in codes and len(codes) == 2)


def pair_of(first: Recording, second: Recording) -> Pair:
    """Return the pair of two recordings."""
    return frozenset((first.pk, second.pk))


def answers_among(recordings: Iterable[Recording]) -> dict[Pair, int | None]:
    """Return people's answers for pairs of these: what stands for both, if anything.

    Access limits do not count, because an answer is for all files.
    """
    pairs = [sorted(pair) for pair in combinations({recording.pk for recording in recordings}, 2)]
    if not pairs:
        return {}
    rows = VersionAnswer._base_manager.filter(
        one__in={first for first, _second in pairs}, other__in={second for _first, second in pairs}
    )
    answers = rows.values_list("one", "other", "stands")
    return {frozenset((first, second)): stands for first, second, stands in answers}


def led_by_answers(ordered: Iterable[Recording], answers: Mapping[Pair, int | None]) -> Recording:
    """Return the recording that leads: the first, unless answers name another one."""
    leading, *following = ordered
    for recording in following:
        if answers.get(pair_of(leading, recording)) == recording.pk:
            leading = recording
    return leading


def choice_of(
    *, recording: Recording, candidates: Iterable[Detection], former: Match | None = None
) -> VersionChoice | str:
    """Return whether it is settled that a match names a recording beside these.

    What people chose of a ``former`` match holds for the versions that it had then.
    """
    alternatives = standing_among(candidates, beside=recording)
    if former is not None and former.version_choice == VersionChoice.CHOSEN:
        seen = {*standing_among(former.candidates.all()), former.recording.stands_for_it}
        if seen.issuperset({*alternatives, recording.stands_for_it}):
            return VersionChoice.CHOSEN
    return unchosen(recording, alternatives)


def unchosen(recording: Recording, alternatives: Collection[Recording]) -> VersionChoice | str:
    """Return what holds if nobody chose: open, unless answers settle it."""
    if not alternatives:
        return ""
    answers = answers_among([recording, *alternatives])
    if all(
        answers.get(pair_of(recording, alternative)) == recording.pk for alternative in alternatives
    ):
        return VersionChoice.ANSWERED
    return VersionChoice.OPEN


def standing_among(
    candidates: Iterable[Detection], *, beside: Recording | None = None
) -> set[Recording]:
    """Return the recordings that stand for those detected, except one and retired ones."""
    standing = {
        detection.recording.stands_for_it
        for detection in candidates
        if not detection.recording.is_given_up
    }
    return standing - {beside.stands_for_it} if beside is not None else standing


def candidates_of(match: Match) -> list[Candidate]:
    """Return the versions that a match may name instead, the best first.

    Access limits may hide some.
    """
    if not match.version_choice:
        return []
    detections: dict[Recording, list[Detection]] = {}
    rows = match.candidates.select_related("recording__merged_into").order_by("pk")
    for detection in rows.prefetch_related("segments"):
        stays = detection.recording.stands_for_it
        if stays != match.recording.stands_for_it and not stays.is_given_up:
            detections.setdefault(stays, []).append(detection)
    choices = [Candidate(stays, tuple(rows)) for stays, rows in detections.items()]
    return sorted(
        choices,
        key=lambda candidate: (-(candidate.score or 0), -candidate.bits, candidate.recording.pk),
    )


def uids(candidates: Iterable[Detection]) -> list[str]:
    """Return the ids of the recordings detected, for an event."""
    return sorted({detection.recording.uid for detection in candidates})
