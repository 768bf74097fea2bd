"""Decides how a match starts, and why it waits for a person.

The order is: validity, licence, policy, default. Without a person, a licence can clear
a match, and a policy or the floor can confirm or suppress it; nothing gives a claim up,
and nothing confirms or clears one of two versions of which nobody has chosen one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from base.accounts.reach import working_for
from review import coverage
from review.choices import (
    BY_LICENCE,
    DECIDED_STATES,
    QUESTIONS,
    MatchState,
    PolicyAction,
    QueueReason,
    Relation,
    Verb,
)
from review.conditions import Conditions
from review.models import Licence, Match, Policy
from review.services import transitions
from review.services.questions import StatedSeconds
from review.subjects import Subject

SAME_INTERVALS_SHARE = 0.80
CARRIED_STATES = (*DECIDED_STATES, MatchState.ESCALATED)
OPEN_STATES = (MatchState.PENDING, MatchState.IN_REVIEW)
UNTREATED: dict[str, object] = {
    "policy_id": None,
    "policy_action": "",
    "policy_name": "",
    "priority": 0,
    "due_at": None,
    "needs_approval": False,
    "proposed": "",
    "proposed_by_id": None,
    "licence_id": None,
}
"""The columns of a match that no policy and no licence treats."""
_KEPT_REASONS = (
    QueueReason.DECIDED_BOTH_WAYS,
    QueueReason.RESCAN_CHANGED,
    QueueReason.REOPENED,
    QueueReason.LICENCE_ENDED,
)
SHORT_MS = 5_000
LOW_SCORE_MARGIN = 10
"""Scores less than this above the container's floor count as low."""

OWN_REASONS = frozenset(
    {
        QueueReason.DEFAULT,
        QueueReason.SHORT,
        QueueReason.LOW_SCORE,
        QueueReason.ALTERED,
        QueueReason.UNDER_SPEECH,
        QueueReason.FOUND_LATE,
        QueueReason.TWO_CANDIDATES,
        QueueReason.SHARED_LOOP,
        QueueReason.METADATA_CONFLICT,
    }
)
"""Reasons found in the match itself; a disagreement of engines replaces them."""

# No action rejects or releases: only people give a claim up.
_STATE_OF_ACTION = {
    PolicyAction.REVIEW: MatchState.PENDING,
    PolicyAction.CONFIRM: MatchState.CONFIRMED,
    PolicyAction.ESCALATE: MatchState.ESCALATED,
    PolicyAction.SUPPRESS: MatchState.SUPPRESSED,
}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The initial state, the reason shown with it, and the rule that decided."""

    state: MatchState
    queue_reason: QueueReason
    licence: Licence | None = None
    policy: Policy | None = None

    @property
    def policy_name(self) -> str:
        """Return the policy and its version; empty if none decided."""
        return str(self.policy) if self.policy is not None else ""

    def fields(self) -> dict[str, object]:
        """Return the evaluation as columns of the match."""
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
    """Return the columns of a match that the licence clears."""
    return {
        "licence_id": licence.pk,
        "decision_reason": BY_LICENCE,
        **transitions.decided_by(actor_of(licence), at=datetime.now(tz=UTC)),
    }


def treated_by(policy: Policy, state: MatchState) -> dict[str, object]:
    """Return the columns of a match that the policy brings to this state."""
    due = timedelta(days=policy.due_days) if policy.due_days is not None else None
    # The policy acts as the first of the two who must agree.
    approves = policy.second_approval and policy.action == PolicyAction.CONFIRM
    fields: dict[str, object] = {
        "policy_id": policy.pk,
        "policy_action": policy.action,
        "policy_name": str(policy),
        "priority": policy.priority,
        "due_at": datetime.now(tz=UTC) + due if due is not None else None,
        "needs_approval": policy.second_approval,
        "proposed": Verb.CONFIRM if approves else "",
        "proposed_by_id": policy.changed_by_id if approves else None,
    }
    if policy.assignee_id is not None:
        # Without an assignee, the policy keeps the current one.
        fields["assignee_id"] = policy.assignee_id
    if state == MatchState.CONFIRMED:
        fields |= transitions.decided_by(actor_of(policy), at=datetime.now(tz=UTC))
        fields["decision_reason"] = ""
    return fields


def actor_of(rule: Licence | Policy) -> str:
    """Return the actor name of a licence or policy in decisions and events."""
    if isinstance(rule, Licence):
        return f"licence:{rule.number}"
    return f"policy:{rule.name}"[:150]


def is_of_rules(match: Match) -> bool:
    """Return whether a rule confirmed or cleared the match, and nobody decided it."""
    settled = (MatchState.CONFIRMED, MatchState.CLEARED)
    return match.state in settled and not match.is_decided_alone


def is_of_a_policy_alone(match: Match) -> bool:
    """Return whether a policy brought the match to its state, and nobody since."""
    if match.policy_id is None or match.is_decided_alone:
        return False
    if match.state == MatchState.SUPPRESSED:
        return match.queue_reason == QueueReason.POLICY
    return match.state in (MatchState.ESCALATED, MatchState.CONFIRMED)


def rules_in_force() -> list[Policy]:
    """Return the enabled policies in order, also those that the viewer may not see."""
    with working_for(None):
        return list(Policy.objects.filter(enabled=True).order_by("position", "pk"))


def evaluate(
    *,
    subject: Subject,
    policies: Iterable[Policy] | None = None,
    licences: coverage.LicencesInForce | None = None,
    statements: StatedSeconds | None = None,
    is_new: bool = True,
) -> Evaluation:
    """Return the initial state of a match.

    A dry run passes ``policies`` to use instead of those in force. Pass ``licences`` and
    ``statements`` to evaluate many subjects without queries for each. A floor suppresses only
    what ``is_new``, so that one that was raised since takes nothing from the queue.
    """
    floor = subject.file.container.score_floor
    score = subject.measured.score
    if subject.measured.wholly_excluded:
        return Evaluation(MatchState.SUPPRESSED, QueueReason.EXCLUDED)
    if is_new and score is not None and score < floor:
        return Evaluation(MatchState.SUPPRESSED, QueueReason.BELOW_FLOOR)
    outcome = _by_rules(subject, policies, licences)
    question = _question(subject, statements)
    if question is None:
        return outcome
    if outcome.state not in QUESTIONS[question]:
        return Evaluation(MatchState.PENDING, question)
    if outcome.state == MatchState.SUPPRESSED:
        return outcome
    return replace(outcome, queue_reason=question)


def _question(subject: Subject, statements: StatedSeconds | None) -> QueueReason | None:
    """Return what only a person can answer about a match, if anything."""
    statements = statements or StatedSeconds([subject.file.pk])
    if statements.contradicts(subject.file.pk, subject.heard):
        return QueueReason.NAMES_ENTRY
    return QueueReason.TWO_VERSIONS if subject.has_open_versions else None


def _by_rules(
    subject: Subject, policies: Iterable[Policy] | None, licences: coverage.LicencesInForce | None
) -> Evaluation:
    """Return what a licence, a policy or none of them makes of a match."""
    floor = subject.file.container.score_floor
    # Licences come before policies: a permitted use needs no decision.
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
    """Return the policy's outcome; a required second approval precedes confirming."""
    action = PolicyAction(policy.action)
    if action == PolicyAction.CONFIRM and policy.second_approval:
        reason = QueueReason.SECOND_APPROVAL
        return Evaluation(MatchState.ESCALATED, reason, policy=policy)
    reason = QueueReason.POLICY
    if is_partly_licensed and action == PolicyAction.REVIEW:
        reason = QueueReason.LICENCE_PARTIAL
    return Evaluation(_STATE_OF_ACTION[action], reason, policy=policy)


def own_reason(subject: Subject) -> QueueReason:
    """Return why a match waits, apart from what rules say of it."""
    question = _question(subject, None)
    return question or _reason(subject, subject.file.container.score_floor)


def _reason(subject: Subject, floor: Decimal) -> QueueReason:
    """Return the first reason that fits, those that need most care first."""
    measured, score = subject.measured, subject.measured.score
    if subject.engines_disagree:
        return QueueReason.ENGINES_DISAGREE
    if subject.found_late:
        return QueueReason.FOUND_LATE
    if subject.is_shared_loop:
        return QueueReason.SHARED_LOOP
    if subject.rivals:
        return QueueReason.TWO_CANDIDATES
    if subject.codes_disagree:
        return QueueReason.METADATA_CONFLICT
    if measured.relation == Relation.ALTERED:
        return QueueReason.ALTERED
    if measured.under_speech:
        return QueueReason.UNDER_SPEECH
    if measured.matched_ms < SHORT_MS:
        return QueueReason.SHORT
    is_low = score is not None and score < floor + LOW_SCORE_MARGIN
    return QueueReason.LOW_SCORE if is_low else QueueReason.DEFAULT


def after_rescan(
    *, match: Match, same: bool, subject: Subject, outcome: Evaluation
) -> Evaluation | None:
    """Return what a later scan makes of a match; None if it stays as it is.

    ``same`` says that the relation and at least 80 % of the seconds are the same. Then a
    decision stays, and a policy's decision while the policy fits. Otherwise people decide
    again what they decided, and rules evaluate again what they settled. No scan answers a
    dispute or what somebody escalated. Whoever reviews a match keeps it.
    """
    if match.state == MatchState.IN_REVIEW and outcome.state != MatchState.PENDING:
        return None
    if match.state == MatchState.DISPUTED:
        return None
    if match.state == MatchState.ESCALATED and not is_of_a_policy_alone(match):
        return None
    was_settled = match.state in CARRIED_STATES
    asks_anew = subject.has_open_versions and is_of_rules(match)
    if was_settled and same and not asks_anew and not _lost_its_policy(match, subject, outcome):
        return None
    if needs_person(outcome, match):
        return None
    # Nothing is left to decide of a match whose seconds are all excluded.
    asks_people = match.is_decided_alone and outcome.queue_reason != QueueReason.EXCLUDED
    is_answer_missing = outcome.state == MatchState.PENDING and not asks_anew
    if was_settled and (asks_people or is_answer_missing):
        return replace(outcome, state=MatchState.PENDING, queue_reason=QueueReason.RESCAN_CHANGED)
    evaluated = keeping_reason(outcome, match)
    return evaluated if _differs(evaluated, match) else None


def _differs(outcome: Evaluation, match: Match) -> bool:
    """Return whether an evaluation says something else of a match than its columns."""
    state = MatchState.PENDING if match.state in OPEN_STATES else match.state
    licence = outcome.licence.pk if outcome.licence is not None else None
    return (outcome.state, outcome.queue_reason, outcome.policy_name, licence) != (
        state,
        match.queue_reason,
        match.policy_name,
        match.licence_id,
    )


def _lost_its_policy(earlier: Match, subject: Subject, evaluation: Evaluation) -> bool:
    """Return whether a policy alone decided, and would not decide so now.

    A policy that is off, or comes after another one now, keeps its decisions while its
    conditions fit.
    """
    policy = earlier.policy
    if policy is None or not is_of_a_policy_alone(earlier):
        return False
    if evaluation.state == MatchState.SUPPRESSED and evaluation.policy is None:
        return True
    agrees = evaluation.policy == policy and evaluation.state == earlier.state
    return not agrees and not Conditions.from_json(policy.conditions).fits(subject)


def needs_person(outcome: Evaluation, match: Match) -> bool:
    """Return whether rules would decide what waits for a person.

    No rule answers what people decided both ways, and no policy confirms what a scan
    changed. A policy decides nothing that the end of a licence gave back, and a licence
    clears nothing that a person reopened.
    """
    if match.state not in OPEN_STATES:
        return False
    if match.queue_reason == QueueReason.DECIDED_BOTH_WAYS:
        return outcome.state != MatchState.PENDING
    if match.queue_reason == QueueReason.RESCAN_CHANGED:
        return outcome.state == MatchState.CONFIRMED
    if match.queue_reason == QueueReason.REOPENED:
        return outcome.state == MatchState.CLEARED
    return (
        match.queue_reason == QueueReason.LICENCE_ENDED
        and outcome.state in (MatchState.CONFIRMED, MatchState.SUPPRESSED)
        and outcome.policy is not None
    )


def keeping_reason(evaluation: Evaluation, earlier: Match) -> Evaluation:
    """Return the evaluation with a reason of the match that rules do not replace."""
    if earlier.state == MatchState.SUPPRESSED:
        return evaluation
    if earlier.queue_reason not in _KEPT_REASONS:
        return evaluation
    return replace(evaluation, queue_reason=QueueReason(earlier.queue_reason))
