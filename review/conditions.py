"""The conditions of policies: reading, testing and comparing them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self

from review.edits import MIXED
from review.subjects import Subject

# A subject can have several of these values, so two sets without a common value can
# still fit the same match.
_SEVERAL = ("territories",)


@dataclass(frozen=True, slots=True)
class Range:
    """A closed range; None leaves an end open."""

    low: Decimal | None = None
    high: Decimal | None = None

    def holds(self, value: Decimal | None) -> bool:
        """Return whether the range holds a value; an unknown value never fits."""
        if value is None:
            return False
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def contains(self, other: Range) -> bool:
        """Return whether the other range lies inside this one."""
        low_fits = self.low is None or (other.low is not None and other.low >= self.low)
        high_fits = self.high is None or (other.high is not None and other.high <= self.high)
        return low_fits and high_fits

    def meets(self, other: Range) -> bool:
        """Return whether the two ranges share a value."""
        return not _is_above(self.low, other.high) and not _is_above(other.low, self.high)


def _is_above(low: Decimal | None, high: Decimal | None) -> bool:
    return low is not None and high is not None and low > high


@dataclass(frozen=True, slots=True)
class Conditions:
    """Conditions that must all hold; conditions left out always do.

    ``sets`` hold alternatives, compared without regard to case. Scores only compare on
    ``score_scale``.
    """

    sets: Mapping[str, frozenset[str]] = field(default_factory=dict)
    ranges: Mapping[str, Range] = field(default_factory=dict)
    flags: Mapping[str, bool] = field(default_factory=dict)
    score_scale: str = ""

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:  # Any: JSON
        """Read conditions that ``as_json`` wrote."""
        return cls(
            sets={
                name: frozenset(str(value).casefold() for value in values)
                for name, values in stored.get("sets", {}).items()
            },
            ranges={
                name: Range(*(None if edge is None else Decimal(edge) for edge in edges))
                for name, edges in stored.get("ranges", {}).items()
            },
            flags=dict(stored.get("flags", {})),
            score_scale=stored.get("score_scale", ""),
        )

    def fits(self, subject: Subject) -> bool:
        """Return whether all conditions hold for the subject."""
        # A score of another scale is not comparable, so the condition cannot hold.
        if "score" in self.ranges and subject.measured.score_scale != self.score_scale:
            return False
        texts, numbers = _texts(subject), _numbers(subject)
        truths = {
            "edited": subject.is_edited,
            "found_late": subject.found_late,
            "shared_loop": subject.is_shared_loop,
            # What is not judged fits neither.
            "under_speech": subject.measured.under_speech,
        }
        return (
            all(self.sets[name] & texts[name] for name in self.sets)
            and all(self.ranges[name].holds(numbers[name]) for name in self.ranges)
            and all(self.flags[name] == truths[name] for name in self.flags)
        )

    def contains(self, other: Conditions) -> bool:
        """Return whether every match that fits ``other`` fits these conditions too."""
        return (
            all(name in other.sets and other.sets[name] <= self.sets[name] for name in self.sets)
            and all(
                name in other.ranges and self.ranges[name].contains(other.ranges[name])
                for name in self.ranges
            )
            and all(other.flags.get(name) == self.flags[name] for name in self.flags)
            and ("score" not in self.ranges or self.score_scale == other.score_scale)
        )

    def overlaps(self, other: Conditions) -> bool:
        """Return whether some match could fit both."""
        both_scored = "score" in self.ranges and "score" in other.ranges
        if both_scored and self.score_scale != other.score_scale:
            return False
        sets_meet = all(
            # A use in two territories can fit two disjoint sets.
            name in _SEVERAL or self.sets[name] & other.sets[name]
            for name in self.sets.keys() & other.sets.keys()
        )
        ranges_meet = all(
            self.ranges[name].meets(other.ranges[name])
            for name in self.ranges.keys() & other.ranges.keys()
        )
        flags_agree = all(
            self.flags[name] == other.flags[name] for name in self.flags.keys() & other.flags.keys()
        )
        return sets_meet and ranges_meet and flags_agree


def as_json(
    *,
    sets: Mapping[str, list[str]],
    ranges: Mapping[str, tuple[Decimal | None, Decimal | None]],
    flags: Mapping[str, bool | None],
    score_scale: str = "",
) -> dict[str, Any]:  # Any: JSON
    """Return conditions as a policy stores them, without empty ones."""
    conditions: dict[str, Any] = {
        "sets": {name: values for name, values in sets.items() if values},
        "ranges": {
            name: [None if edge is None else str(edge) for edge in edges]
            for name, edges in ranges.items()
            if edges != (None, None)
        },
        "flags": {name: value for name, value in flags.items() if value is not None},
    }
    if "score" in conditions["ranges"]:
        conditions["score_scale"] = score_scale
    return conditions


def _texts(subject: Subject) -> dict[str, frozenset[str]]:
    file, recording = subject.file, subject.recording
    singles = {
        "buckets": str(recording.bucket_id),
        "labels": recording.label,
        "relations": subject.measured.relation,
        "platforms": file.platform,
        "accounts": file.account,
        "programmes": file.programme,
        "engines": subject.scan.engine,
    }
    texts = {name: frozenset({text.casefold()}) for name, text in singles.items()}
    texts["territories"] = frozenset(code.casefold() for code in subject.territories)
    return texts


def _numbers(subject: Subject) -> dict[str, Decimal | None]:
    measured = subject.measured
    speed, pitch = measured.speed_pct, measured.pitch_cents
    if measured.edit in MIXED:
        # A policy must not decide on a mean, which is 0 where a tape speeds up and slows.
        speed = pitch = None
    return {
        "score": measured.score,
        "matched_s": Decimal(measured.matched_ms) / 1000,
        "longest_s": Decimal(measured.longest_ms) / 1000,
        "source_coverage": measured.source_coverage_pct,
        "reference_coverage": measured.reference_coverage_pct,
        "speed_change": None if speed is None else abs(speed),
        "pitch_change": None if pitch is None else Decimal(abs(pitch)),
    }
