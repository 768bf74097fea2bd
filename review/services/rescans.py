"""Decides whether earlier decisions still hold for the matches of a later scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from review.choices import DECIDED_STATES, MatchState, QueueReason
from review.models import Match
from review.services import intervals, transitions
from review.services.evaluation import Evaluation

SAME_INTERVALS_SHARE = 0.80
CARRIED_STATES = (*DECIDED_STATES, MatchState.ESCALATED)
_KEPT_REASONS = (
    QueueReason.RESCAN_CHANGED,
    QueueReason.REOPENED,
    QueueReason.LICENCE_ENDED,
)


def carried_fields(
    *,
    earlier: Match,
    earlier_intervals: Sequence[intervals.Interval],
    relation: str,
    new_intervals: Sequence[intervals.Interval],
    evaluation: Evaluation,
) -> dict[str, object]:
    """Return the initial columns of the match that follows ``earlier``.

    A decision carries over only if the relation is the same and the source intervals
    overlap enough; otherwise a person decides again. A policy never confirms what a
    person decided before.
    """
    same = (
        earlier.relation == relation
        and intervals.overlap_share(earlier_intervals, new_intervals)
        >= SAME_INTERVALS_SHARE
    )
    if earlier.state in CARRIED_STATES and same:
        return transitions.restored(transitions.snapshot(earlier))
    # Suppressing or clearing needs no person, but a policy must not confirm this match.
    by_confirming = evaluation.state == MatchState.CONFIRMED
    if evaluation.state != MatchState.PENDING and not (
        by_confirming and earlier.state in CARRIED_STATES
    ):
        return evaluation.fields()
    if earlier.state in CARRIED_STATES:
        reopened = replace(
            evaluation,
            state=MatchState.PENDING,
            queue_reason=QueueReason.RESCAN_CHANGED,
        )
        return reopened.fields()
    if earlier.state != MatchState.SUPPRESSED and earlier.queue_reason in _KEPT_REASONS:
        reason = QueueReason(earlier.queue_reason)
        return replace(evaluation, queue_reason=reason).fields()
    return evaluation.fields()
