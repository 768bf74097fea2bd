"""What happens to a match before a person sees it, and why it waits for one.

The order: validity, licence, default. What is decided here without a person is
``cleared`` by a licence, or ``suppressed``; never anything that gives a claim up.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from review import coverage
from review.choices import BY_LICENCE, MatchState, QueueReason, Relation
from review.models import Licence
from review.services import transitions
from review.subjects import Subject

SHORT_MS = 5_000
LOW_SCORE_MARGIN = 10
"""A score less than this above the container's floor is called low."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The state a match begins in, the reason shown with it, and what decided."""

    state: MatchState
    queue_reason: QueueReason
    licence: Licence | None = None

    def fields(self) -> dict[str, object]:
        """Return the evaluation as values of the match's own columns."""
        fields: dict[str, object] = {
            "state": self.state,
            "queue_reason": self.queue_reason,
            "licence_id": None,
        }
        if self.licence is not None:
            fields |= cleared_by(self.licence)
        return fields


def cleared_by(licence: Licence) -> dict[str, object]:
    """Return the columns of a match that a licence has cleared."""
    return {
        "licence_id": licence.pk,
        "decision_reason": BY_LICENCE,
        "decided_by_id": None,
        "decided_by_name": actor_of(licence),
        "decided_at": transitions.now(),
    }


def actor_of(licence: Licence) -> str:
    """Return the name under which a licence acts."""
    return f"licence:{licence.number}"


def evaluate(*, subject: Subject) -> Evaluation:
    """Return where a match of this subject begins."""
    floor = subject.file.container.score_floor
    score = subject.measured.score
    if score is not None and score < floor:
        return Evaluation(MatchState.SUPPRESSED, QueueReason.BELOW_FLOOR)
    reason = _reason(subject, floor)
    licensed = coverage.best(subject=subject)
    if licensed is not None and licensed.cover == coverage.Cover.FULL:
        return Evaluation(MatchState.CLEARED, reason, licence=licensed.licence)
    if licensed is not None:
        reason = QueueReason.LICENCE_PARTIAL
    return Evaluation(MatchState.PENDING, reason)


def _reason(subject: Subject, floor: Decimal) -> QueueReason:
    """Return the first reason that fits, the one that needs most care first."""
    measured, score = subject.measured, subject.measured.score
    checks = (
        (QueueReason.ALTERED, measured.relation == Relation.ALTERED),
        (QueueReason.UNDER_SPEECH, bool(measured.under_speech)),
        (QueueReason.SHORT, measured.matched_ms < SHORT_MS),
        (
            QueueReason.LOW_SCORE,
            score is not None and score < floor + LOW_SCORE_MARGIN,
        ),
        (QueueReason.FOUND_LATE, subject.found_late),
    )
    return next((reason for reason, fits in checks if fits), QueueReason.DEFAULT)
