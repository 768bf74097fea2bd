"""Applies an evaluation to an existing match."""

from __future__ import annotations

from base.accounts.models import User
from review import errors, match_events
from review.choices import POLICY_ENDED, MatchState
from review.models import Match
from review.services import locks, transitions
from review.services.evaluation import UNTREATED, Evaluation
from review.services.transitions import Change

# Events that take back what a policy alone decided.
_TAKEN_BACK = {MatchState.SUPPRESSED: "unsuppressed", MatchState.CONFIRMED: POLICY_ENDED}


def treat(
    *,
    match: Match,
    outcome: Evaluation,
    user: User | str,
    proposed_by: User | None = None,
    act: str = "",
) -> bool:
    """Write an evaluation to a match that no person decided; return whether it changed.

    ``proposed_by`` replaces the policy's author as the proposer; ``act`` names the
    application that the events belong to. Whoever reviews a match keeps it as long as
    it waits. Nothing is written if the match has changed since it was read.
    """
    try:
        current = transitions.locked_row(match=match, version=match.version)
    except errors.StaleMatch:
        return False
    details = transitions.act_details(act, current) if act else {}
    if current.state == outcome.state == MatchState.SUPPRESSED:
        return False
    # These become pending first; TRANSITIONS knows no other way.
    if (back := _TAKEN_BACK.get(MatchState(current.state))) is not None:
        fields = {**UNTREATED, **transitions.UNDECIDED}
        change = Change(
            back, MatchState.PENDING, fields=fields, note=current.policy_name, details=details
        )
        current = transitions.apply(current=current, change=change, actor=user)
    # The policy's treatment replaces an earlier escalation by a person.
    fields = {**UNTREATED, **transitions.UNDECIDED, **outcome.fields()}
    if fields["proposed"] and proposed_by is not None:
        fields["proposed_by_id"] = proposed_by.pk
    if outcome.policy is not None and current.policy_name == str(outcome.policy):
        # Applying the same version again does not extend the deadline.
        fields["due_at"] = current.due_at
    state = MatchState(str(fields.pop("state")))
    if current.state == MatchState.IN_REVIEW:
        if state == MatchState.PENDING:
            state = MatchState.IN_REVIEW
            fields |= transitions.lock_of(current)
        else:
            current = locks.let_go(current, match_events.LOCK_ENDED, user)
    change = Change(
        action="rule_applied",
        to=state,
        fields=fields,
        # TRANSITIONS has no move to the same state; the match only gets its policy.
        free=state == current.state,
        details=details,
    )
    transitions.apply(current=current, change=change, actor=user)
    return True
