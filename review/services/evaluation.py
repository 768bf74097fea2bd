"""What happens to a match before a person sees it, and why it waits for one.

The order: validity, licence, policy, default. What is decided here without a person
is ``cleared`` by a licence, ``confirmed`` by a policy that says so, or
``suppressed``; never anything that gives a claim up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from review import coverage
from review.choices import (
    BY_LICENCE,
    MatchState,
    PolicyAction,
    QueueReason,
    Relation,
    Verb,
)
from review.conditions import Conditions
from review.models import Licence, Policy
from review.services import transitions
from review.subjects import Subject

SHORT_MS = 5_000
LOW_SCORE_MARGIN = 10
"""A score less than this above the container's floor is called low."""

OWN_REASONS = frozenset(
    {
        *(QueueReason.DEFAULT, QueueReason.SHORT, QueueReason.LOW_SCORE),
        *(QueueReason.ALTERED, QueueReason.UNDER_SPEECH, QueueReason.FOUND_LATE),
        *(QueueReason.TWO_CANDIDATES, QueueReason.SHARED_LOOP),
        QueueReason.METADATA_CONFLICT,
    }
)
"""Reasons that lie in the match itself; that the engines disagree outweighs them."""

_STATE_OF_ACTION = {
    PolicyAction.REVIEW: MatchState.PENDING,
    PolicyAction.CONFIRM: MatchState.CONFIRMED,
    PolicyAction.ESCALATE: MatchState.ESCALATED,
    PolicyAction.SUPPRESS: MatchState.SUPPRESSED,
}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The state a match begins in, the reason shown with it, and what decided."""

    state: MatchState
    queue_reason: QueueReason
    licence: Licence | None = None
    policy: Policy | None = None

    def fields(self) -> dict[str, object]:
        """Return the evaluation as values of the match's own columns."""
        fields: dict[str, object] = {
            "state": self.state,
            "queue_reason": self.queue_reason,
            "licence_id": None,
        }
        if self.policy is not None:
            fields |= treated_by(self.policy, self.state)
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


def treated_by(policy: Policy, state: MatchState) -> dict[str, object]:
    """Return the columns of a match that a policy treats so."""
    due = timedelta(days=policy.due_days) if policy.due_days is not None else None
    approves = policy.second_approval and policy.action == PolicyAction.CONFIRM
    fields: dict[str, object] = {
        "policy_id": policy.pk,
        "policy_action": policy.action,
        "policy_name": str(policy),
        "priority": policy.priority,
        "due_at": transitions.now() + due if due is not None else None,
        "needs_approval": policy.second_approval,
        "proposed": Verb.CONFIRM if approves else "",
    }
    if policy.assignee_id is not None:
        # A rule that names nobody leaves a match with whom it was given to.
        fields["assignee_id"] = policy.assignee_id
    if state == MatchState.CONFIRMED:
        fields |= {
            "decided_by_id": None,
            "decided_by_name": actor_of(policy),
            "decided_at": transitions.now(),
            "decision_reason": "",
        }
    return fields


def actor_of(rule: Licence | Policy) -> str:
    """Return the name under which a licence or a policy acts."""
    if isinstance(rule, Licence):
        return f"licence:{rule.number}"
    return f"policy:{rule.name}"[:150]


def rules_in_force() -> list[Policy]:
    """Return the enabled policies in their order."""
    return list(Policy.objects.filter(enabled=True).order_by("position", "pk"))


def evaluate(
    *,
    subject: Subject,
    policies: Iterable[Policy] | None = None,
    licences: coverage.LicencesInForce | None = None,
) -> Evaluation:
    """Return where a match of this subject begins.

    ``policies`` stand in for those in force, in their order, for a dry run;
    ``licences`` are those in force, read once where many are evaluated.
    """
    floor = subject.file.container.score_floor
    score = subject.measured.score
    if subject.measured.wholly_excluded:
        return Evaluation(MatchState.SUPPRESSED, QueueReason.EXCLUDED)
    if score is not None and score < floor:
        return Evaluation(MatchState.SUPPRESSED, QueueReason.BELOW_FLOOR)
    licensed = coverage.best(subject=subject, licences=licences)
    if licensed is not None and licensed.cover == coverage.Cover.FULL:
        reason = _reason(subject, floor)
        return Evaluation(MatchState.CLEARED, reason, licence=licensed.licence)
    ordered = rules_in_force() if policies is None else policies
    for policy in ordered:
        if Conditions.from_json(policy.conditions).fits(subject):
            return _treatment(policy, is_partly_licensed=licensed is not None)
    if licensed is not None:
        return Evaluation(MatchState.PENDING, QueueReason.LICENCE_PARTIAL)
    return Evaluation(MatchState.PENDING, _reason(subject, floor))


def _treatment(policy: Policy, *, is_partly_licensed: bool) -> Evaluation:
    """Return what the policy does; a second approval stands before a confirmation."""
    action = PolicyAction(policy.action)
    if action == PolicyAction.CONFIRM and policy.second_approval:
        reason = QueueReason.SECOND_APPROVAL
        return Evaluation(MatchState.ESCALATED, reason, policy=policy)
    reason = QueueReason.POLICY
    if is_partly_licensed and action == PolicyAction.REVIEW:
        reason = QueueReason.LICENCE_PARTIAL
    return Evaluation(_STATE_OF_ACTION[action], reason, policy=policy)


def _reason(subject: Subject, floor: Decimal) -> QueueReason:
    """Return the first reason that fits: why it came now, then what needs most care."""
    return next(_reasons(subject, floor), QueueReason.DEFAULT)


def _reasons(subject: Subject, floor: Decimal) -> Iterator[QueueReason]:
    measured, score = subject.measured, subject.measured.score
    if subject.engines_disagree:
        yield QueueReason.ENGINES_DISAGREE
    if subject.found_late:
        yield QueueReason.FOUND_LATE
    if subject.is_shared_loop:
        yield QueueReason.SHARED_LOOP
    if subject.rivals:
        yield QueueReason.TWO_CANDIDATES
    if subject.codes_disagree:
        yield QueueReason.METADATA_CONFLICT
    if measured.relation == Relation.ALTERED:
        yield QueueReason.ALTERED
    if measured.under_speech:
        yield QueueReason.UNDER_SPEECH
    if measured.matched_ms < SHORT_MS:
        yield QueueReason.SHORT
    if score is not None and score < floor + LOW_SCORE_MARGIN:
        yield QueueReason.LOW_SCORE
