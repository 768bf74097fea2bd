"""What a trial's judged rows say of both engines. Pure functions.

Differences are judged one by one, agreements by a sample. A judged row stands for the
rows of its kind that were not judged, so it weighs as many as there are for each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from base.common.statistics import sign_test, wilson_interval
from plugins.moving.models import Judgement, TrialKind

LEAST_DECISIONS: Final = 200
LEAST_PROBABLE: Final = 0.05
SAMPLE_SHARE: Final = 0.05
LEAST_SAMPLE: Final = 200

AGREED: Final = (TrialKind.BOTH, TrialKind.TIMES)
OURS_ALONE: Final = (TrialKind.ONLY_OURS, TrialKind.OTHER_OURS)
THEIRS_ALONE: Final = (TrialKind.ONLY_THEIRS, TrialKind.OTHER_THEIRS)


class Outcome(StrEnum):
    """The verdict of a trial."""

    OURS = "ours"
    THEIRS = "theirs"
    TOO_CLOSE = "too_close"


@dataclass(frozen=True, slots=True)
class MeasuredShare:
    """A share with its 95 % interval, from 0 to 1; None where nothing was decided."""

    value: float | None
    low: float
    high: float

    @classmethod
    def of(cls, part: Mapping[str, float], whole: Mapping[str, float]) -> MeasuredShare:
        """Return the share of weighted rows, each as a sum of weights and squares."""
        if not whole["sum"]:
            return cls(None, 0.0, 1.0)
        value = part["sum"] / whole["sum"]
        # Kish: unequal weights are worth as many equal ones.
        effective = whole["sum"] ** 2 / whole["squares"]
        return cls(value, *wilson_interval(value, effective))


@dataclass(frozen=True, slots=True)
class EngineFigures:
    """What one engine found, and how much of that is right."""

    precision: MeasuredShare
    found: MeasuredShare
    wrong: int


@dataclass(frozen=True, slots=True)
class TrialFigures:
    """All figures of a trial; counts are of rows, one recording in one file each."""

    kinds: dict[str, int]
    heard: dict[str, int]
    wrong: dict[str, int]
    waiting: int
    decided: int
    confirmed: int
    ours: EngineFigures
    theirs: EngineFigures
    probability: float
    outcome: Outcome


def sample_size(agreements: int) -> int:
    """Return how many agreements people judge."""
    return min(agreements, max(LEAST_SAMPLE, -int(-agreements * SAMPLE_SHARE // 1)))


def figures_of(rows: Iterable[tuple[str, str, bool, int]]) -> TrialFigures:
    """Return the figures of counted rows: kind, judgement, whether sampled, how many."""
    kinds, heard, wrong = Counter[str](), Counter[str](), Counter[str]()
    waiting = 0
    for kind, judged, sampled, count in rows:
        kinds[kind] += count
        # Outside the sample, a judgement would count agreements that people chose.
        if sampled and judged == Judgement.HEARD:
            heard[kind] += count
        elif sampled and judged == Judgement.WRONG:
            wrong[kind] += count
        elif sampled:
            waiting += count
    decided = heard.total() + wrong.total()
    weights = {
        kind: kinds[kind] / (heard[kind] + wrong[kind])
        for kind in kinds
        if heard[kind] + wrong[kind]
    }
    all_heard = _weighed(heard, weights, TrialKind.values)
    our_alone = sum(heard[kind] for kind in OURS_ALONE)
    their_alone = sum(heard[kind] for kind in THEIRS_ALONE)
    probability = sign_test(our_alone, their_alone)
    # Kinds of which nothing was judged are missing from every figure.
    is_close = (
        decided < LEAST_DECISIONS or probability > LEAST_PROBABLE or len(weights) < len(kinds)
    )
    leads = Outcome.OURS if our_alone > their_alone else Outcome.THEIRS
    engines = [
        _engine(heard, wrong, weights, all_heard, (*AGREED, *alone))
        for alone in (OURS_ALONE, THEIRS_ALONE)
    ]
    return TrialFigures(
        kinds=dict(kinds),
        heard=dict(heard),
        wrong=dict(wrong),
        waiting=waiting,
        decided=decided,
        confirmed=round(all_heard["sum"]),
        ours=engines[0],
        theirs=engines[1],
        probability=probability,
        outcome=Outcome.TOO_CLOSE if is_close else leads,
    )


def _engine(
    heard: Counter[str],
    wrong: Counter[str],
    weights: Mapping[str, float],
    all_heard: Mapping[str, float],
    kinds: Sequence[str],
) -> EngineFigures:
    right, false = _weighed(heard, weights, kinds), _weighed(wrong, weights, kinds)
    decided = {name: right[name] + false[name] for name in right}
    return EngineFigures(
        precision=MeasuredShare.of(right, decided),
        found=MeasuredShare.of(right, all_heard),
        wrong=round(false["sum"]),
    )


def _weighed(
    counts: Counter[str], weights: Mapping[str, float], kinds: Iterable[str]
) -> dict[str, float]:
    """Return the sum of the weights of rows of these kinds, and of their squares."""
    weighted = [kind for kind in kinds if kind in weights]
    return {
        "sum": sum(counts[kind] * weights[kind] for kind in weighted),
        "squares": sum(counts[kind] * weights[kind] ** 2 for kind in weighted),
    }
