"""Giving a match that is there the treatment that its evaluation says."""

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
    "licence_id": None,
}
_UNDECIDED: dict[str, object] = {
    "decision_reason": "",
    "decided_by_id": None,
    "decided_by_name": "",
    "decided_at": None,
}


def treat(*, match: Match, outcome: Evaluation, user: User) -> bool:
    """Write an outcome of the evaluation for a match that waits or is suppressed.

    Tells whether anything changed; nothing does if the match has changed since it was
    read.
    """
    try:
        current = transitions.locked_row(match=match, version=match.version)
    except errors.StaleMatch:
        return False
    if current.state == MatchState.SUPPRESSED:
        if outcome.state == MatchState.SUPPRESSED:
            return False
        fields = {**_UNTREATED, **_UNDECIDED}
        back = Change("unsuppressed", MatchState.PENDING, fields=fields)
        current = transitions.apply(current=current, change=back, actor=user)
    fields = {**_UNTREATED, **outcome.fields()}
    if outcome.policy is not None and current.policy_name == str(outcome.policy):
        # The same words again give nobody more time.
        fields["due_at"] = current.due_at
    state = MatchState(str(fields.pop("state")))
    change = Change(
        action="rule_applied",
        to=state,
        fields=fields,
        # What waited and still waits only learns of its rule.
        free=state == current.state == MatchState.PENDING,
    )
    transitions.apply(current=current, change=change, actor=user)
    return True
