"""Whether what was decided about a match still holds for what a later scan found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from review.choices import DECIDED_STATES, MatchState, QueueReason
from review.models import Match
from review.services import snapshots, spans
from review.services.evaluation import Evaluation

SAME_SPANS_SHARE = 0.80
CARRIED_STATES = (*DECIDED_STATES, MatchState.ESCALATED)
_KEPT_REASONS = (
    QueueReason.RESCAN_CHANGED,
    QueueReason.REOPENED,
    QueueReason.LICENCE_ENDED,
)


def carried_fields(
    *,
    earlier: Match,
    earlier_spans: Sequence[spans.Span],
    relation: str,
    new_spans: Sequence[spans.Span],
    evaluation: Evaluation,
) -> dict[str, object]:
    """Return the columns with which the match that follows ``earlier`` begins.

    No policy confirms what a person decided before. A decision is carried on only if
    the relation is the same and the source spans overlap enough; otherwise a person is
    asked again.
    """
    same = (
        earlier.relation == relation
        and spans.overlap_share(earlier_spans, new_spans) >= SAME_SPANS_SHARE
    )
    if earlier.state in CARRIED_STATES and same:
        return snapshots.as_fields(snapshots.take(earlier))
    by_confirming = evaluation.state == MatchState.CONFIRMED
    if evaluation.state != MatchState.PENDING and not (
        by_confirming and earlier.state in CARRIED_STATES
    ):
        return evaluation.fields()
    if earlier.state in CARRIED_STATES:
        asked = replace(
            evaluation,
            state=MatchState.PENDING,
            queue_reason=QueueReason.RESCAN_CHANGED,
        )
        return asked.fields()
    if earlier.state != MatchState.SUPPRESSED and earlier.queue_reason in _KEPT_REASONS:
        kept = QueueReason(earlier.queue_reason)
        return replace(evaluation, queue_reason=kept).fields()
    return evaluation.fields()
