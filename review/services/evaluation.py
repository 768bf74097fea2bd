"""What happens to a new match before a person sees it, and why it waits for one."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from review.choices import MatchState, QueueReason, Relation
from review.services.figures import Figures

SHORT_MS = 5_000
LOW_SCORE_MARGIN = 10
"""A score less than this above the container's floor is called low."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The state a match begins in, and the reason shown with it."""

    state: MatchState
    queue_reason: QueueReason


def evaluate(*, figures: Figures, floor: Decimal, found_late: bool) -> Evaluation:
    """Return where a match with these figures begins."""
    if figures.score is not None and figures.score < floor:
        return Evaluation(MatchState.SUPPRESSED, QueueReason.BELOW_FLOOR)
    reason = _reason(figures=figures, floor=floor, found_late=found_late)
    return Evaluation(MatchState.PENDING, reason)


def _reason(*, figures: Figures, floor: Decimal, found_late: bool) -> QueueReason:
    """Return the first reason that fits, the one that needs most care first."""
    score = figures.score
    checks = (
        (QueueReason.ALTERED, figures.relation == Relation.ALTERED),
        (QueueReason.UNDER_SPEECH, bool(figures.under_speech)),
        (QueueReason.SHORT, figures.matched_ms < SHORT_MS),
        (
            QueueReason.LOW_SCORE,
            score is not None and score < floor + LOW_SCORE_MARGIN,
        ),
        (QueueReason.FOUND_LATE, found_late),
    )
    return next((reason for reason, fits in checks if fits), QueueReason.DEFAULT)
