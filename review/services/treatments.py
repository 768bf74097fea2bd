"""Applies an evaluation to an existing match."""

from __future__ import annotations

from accounts.models import User
from review import errors
from review.choices import MatchState
from review.models import Match
from review.services import transitions
from review.services.evaluation import Evaluation
from review.services.transitions import Change

_UNTREATED: dict[str, object] = {
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


def treat(
    *,
    match: Match,
    outcome: Evaluation,
    user: User,
    proposed_by: User | None = None,
    act: str = "",
) -> bool:
    """Write an evaluation to a waiting or suppressed match; return whether it changed.

    ``proposed_by`` replaces the policy's author as the proposer; ``act`` names the
    application that the events belong to. Nothing is written if the match has changed
    since it was read.
    """
    try:
        current = transitions.locked_row(match=match, version=match.version)
    except errors.StaleMatch:
        return False
    details = transitions.act_details(act, current) if act else {}
    # Suppressed matches become pending first; TRANSITIONS knows no other way.
    if current.state == MatchState.SUPPRESSED:
        if outcome.state == MatchState.SUPPRESSED:
            return False
        fields = {**_UNTREATED, **transitions.UNDECIDED}
        back = Change(
            "unsuppressed", MatchState.PENDING, fields=fields, details=details
        )
        current = transitions.apply(current=current, change=back, actor=user)
    # The policy's treatment replaces an earlier escalation by a person.
    fields = {**_UNTREATED, **transitions.UNDECIDED, **outcome.fields()}
    if fields["proposed"] and proposed_by is not None:
        fields["proposed_by_id"] = proposed_by.pk
    if outcome.policy is not None and current.policy_name == str(outcome.policy):
        # Applying the same version again does not extend the deadline.
        fields["due_at"] = current.due_at
    state = MatchState(str(fields.pop("state")))
    change = Change(
        action="rule_applied",
        to=state,
        fields=fields,
        # Pending to pending is not in TRANSITIONS; the match only gets its policy.
        free=state == current.state == MatchState.PENDING,
        details=details,
    )
    transitions.apply(current=current, change=change, actor=user)
    return True
