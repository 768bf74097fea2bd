"""The changes that decisions make to a waiting match, and who may make them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from accounts.models import User
from accounts.roles import Action
from review import approval, coverage, errors
from review.choices import (
    BY_LICENCE,
    STATED_REASON,
    WAITING_STATES,
    MatchState,
    QueueReason,
    Verb,
)
from review.decisions.verbs import RULES, Decision
from review.models import Licence, Match
from review.services import transitions
from review.services.transitions import Change
from review.subjects import Subject

PROPOSE = "propose"
"""The event of a confirmation that waits for a second approval."""
_ENDS = {
    Verb.CONFIRM: MatchState.CONFIRMED,
    Verb.CLEAR: MatchState.CLEARED,
    Verb.REJECT: MatchState.REJECTED,
    Verb.ESCALATE: MatchState.ESCALATED,
}


def wished(decision: Decision) -> Change:
    """Return the change that confirms, clears, rejects or escalates a match."""
    change = Change(
        decision.verb,
        _ENDS[decision.verb],
        reason=decision.code if decision.verb == Verb.REJECT else "",
        note=decision.note.strip(),
    )
    if decision.verb != Verb.CLEAR:
        return change
    licence = decision.licence
    return replace(
        change,
        fields={"licence_id": licence.pk if licence else None},
        reason=BY_LICENCE if licence else STATED_REASON,
    )


def refuse_foreign_licence(
    match: Match, licence: Licence, in_force: coverage.LicencesInForce
) -> None:
    """Raise ``NotPossible`` if the licence does not cover the use at all.

    A person may choose a licence that covers the use only in part.
    """
    found = coverage.checks(subject=Subject.of(match), licences=in_force)
    check = next((each for each in found if each.licence.pk == licence.pk), None)
    if check is None or check.cover == coverage.Cover.NONE:
        why = check.why if check else "It is for other recordings, or not in force."
        raise errors.NotPossible(
            f"{licence.number} does not cover this use. {why} Choose another licence "
            "or state a reason."
        )


def refuse_state(match: Match, verb: Verb) -> None:
    """Raise ``NotPossible`` if the verb is not for matches in this state."""
    if match.state not in RULES[verb].starts:
        state = match.get_state_display().lower()
        raise errors.NotPossible(RULES[verb].wrong_state.format(state=state))


def settled(current: Match, user: User, change: Change, *, at: datetime) -> Change:
    """Return a waiting match's change with all columns that a decision writes.

    Raise if this person may not make this decision. ``current`` is locked.
    """
    transitions.refuse_foreign_lock(match=current, user=user)
    if current.state not in WAITING_STATES:
        refuse_state(current, Verb.CONFIRM)
    own = False
    if current.state == MatchState.ESCALATED:
        transitions.require(
            user,
            Action.APPROVE,
            why="Somebody escalated this match; a manager decides.",
        )
        own = refuse_own_proposal(current, user)
    elif change.to == MatchState.CONFIRMED and current.needs_approval:
        change = _proposal(change)
    fields: dict[str, object] = {
        "licence_id": None,
        "proposed": "",
        "proposed_by": user if change.to == MatchState.ESCALATED else None,
        **change.fields,
        "decided_by": user,
        "decided_by_name": user.get_username(),
        "decided_at": at,
        "decision_reason": change.reason,
    }
    if change.note:
        fields["note"] = change.note
    details = {**change.details}
    if own:
        details["own_proposal"] = True
    if not _can_be_heard(current):
        details["decided_without_audio"] = True
    return replace(change, fields=fields, details=details)


def reopened(current: Match, user: User, decision: Decision) -> Change:
    """Return the change that puts a match back into the queue."""
    refuse_state(current, Verb.REOPEN)
    refuse_own_proposal(current, user)
    note = decision.note.strip()
    fields = {
        **transitions.UNDECIDED,
        "queue_reason": QueueReason.REOPENED.value,
        "licence_id": None,
        "proposed": "",
        "proposed_by": None,
        "note": note,
    }
    return Change(Verb.REOPEN, MatchState.PENDING, fields=fields, note=note)


def refuse_own_proposal(match: Match, user: User) -> bool:
    """Raise unless another person proposed it; return whether this rule was waived.

    A policy proposes on behalf of the person who applied it, or else who wrote it.
    """
    if match.state != MatchState.ESCALATED or match.proposed_by_id != user.pk:
        return False
    if approval.may_approve_own(user):
        return True
    if match.decided_by_id == user.pk:
        raise errors.NotAllowed(
            "You escalated this match, so another manager must decide it."
        )
    raise errors.NotAllowed(
        f"The policy {match.policy_name} proposed this, and you applied or wrote it. "
        "Ask another manager to decide it."
    )


def _can_be_heard(match: Match) -> bool:
    """Return whether both sides have audio, so that a person could compare them."""
    file, recording = match.scanned_file, match.recording
    return bool((file.media or file.proxy) and (recording.audio or recording.proxy))


def _proposal(change: Change) -> Change:
    """Return the confirmation as a proposal for a second approval."""
    fields: dict[str, object] = {
        "proposed": Verb.CONFIRM,
        "queue_reason": QueueReason.SECOND_APPROVAL,
    }
    return replace(change, action=PROPOSE, to=MatchState.ESCALATED, fields=fields)
