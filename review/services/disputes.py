"""Records disputes of confirmed matches; managers answer them, deadlines never do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import transaction

from accounts.models import User
from accounts.roles import Action
from review import errors
from review.choices import (
    DisputeCode,
    DisputeStatus,
    DisputeVerb,
    MatchState,
    QueueReason,
)
from review.models import Dispute, Match
from review.services import transitions
from review.services.decisions import check_note
from review.services.transitions import Change

ANSWER_WITHIN = timedelta(days=30)
ANSWER_APPEAL_WITHIN = timedelta(days=7)
_CLAIMS = (MatchState.CONFIRMED, MatchState.UPHELD)
_ONLY_MANAGERS = "Only a manager may answer a dispute or release a claim."


def possible_moves(*, match: Match, user: User) -> list[DisputeVerb]:
    """Return the user's possible moves on the claim, in the order of the buttons."""
    moves: list[DisputeVerb] = []
    manages = user.has_perm(Action.APPROVE)
    if match.state in _CLAIMS and user.has_perm(Action.DECIDE):
        moves.append(DisputeVerb.DISPUTE)
    if match.state == MatchState.DISPUTED and manages:
        moves += [DisputeVerb.UPHOLD, DisputeVerb.WITHDRAW]
    if match.state in (*_CLAIMS, MatchState.DISPUTED) and manages:
        moves.append(DisputeVerb.RELEASE)
    if manages and _was_left_open(match):
        moves += _ENDS
    return moves


def _was_left_open(match: Match) -> bool:
    """Return whether a rescan superseded the match without taking over its dispute."""
    dispute = match.dispute if match.state == MatchState.SUPERSEDED else None
    return (
        dispute is not None
        and dispute.match_id == match.pk
        and dispute.status == DisputeStatus.OPEN
    )


@transaction.atomic
def record(
    *,
    match: Match,
    user: User,
    version: int,
    code: str,
    statement: str = "",
    received_at: datetime | None = None,
) -> Match:
    """Record a dispute; the answer is due in 30 days.

    A dispute of a claim that was upheld before is an appeal, due in 7 days.
    """
    if code not in DisputeCode.values:
        raise errors.ReasonMissing("Choose the grounds of the dispute.")
    if code == DisputeCode.OTHER and not statement.strip():
        raise errors.ReasonMissing("Say what the other side objects to.")
    current = _held(match, user, version, statement, Action.DECIDE)
    if current.state not in _CLAIMS:
        raise errors.NotPossible("Only a confirmed match can be disputed.")
    received = received_at or datetime.now(tz=UTC)
    # A date in the future would move the due date as well.
    if received > datetime.now(tz=UTC):
        raise errors.NotPossible(
            "The dispute cannot have arrived in the future. Correct the date."
        )
    is_appeal = current.state == MatchState.UPHELD
    within = ANSWER_APPEAL_WITHIN if is_appeal else ANSWER_WITHIN
    dispute = Dispute.objects.create(
        match=current,
        code=code,
        is_appeal=is_appeal,
        statement=statement.strip(),
        received_at=received,
        due_at=received + within,
        recorded_by=user,
    )
    change = Change(
        action=DisputeVerb.DISPUTE,
        to=MatchState.DISPUTED,
        fields={
            "dispute_id": dispute.pk,
            "due_at": dispute.due_at,
            "queue_reason": QueueReason.DISPUTE,
        },
        reason=code,
        note=statement.strip(),
        details={"received_at": received.isoformat()},
    )
    return transitions.apply(current=current, change=change, actor=user)


def uphold(*, match: Match, user: User, version: int, answer: str) -> Match:
    """Answer the dispute: the claim stays."""
    return _answer(
        match=match,
        user=user,
        version=version,
        answer=answer,
        verb=DisputeVerb.UPHOLD,
    )


def withdraw(*, match: Match, user: User, version: int, answer: str) -> Match:
    """Record that the other side withdrew the dispute: the claim stays."""
    return _answer(
        match=match,
        user=user,
        version=version,
        answer=answer,
        verb=DisputeVerb.WITHDRAW,
    )


def release(*, match: Match, user: User, version: int, answer: str) -> Match:
    """Give the claim up, after a dispute or voluntarily."""
    return _answer(
        match=match,
        user=user,
        version=version,
        answer=answer,
        verb=DisputeVerb.RELEASE,
    )


_ENDS = {
    DisputeVerb.UPHOLD: (MatchState.UPHELD, DisputeStatus.UPHELD),
    DisputeVerb.WITHDRAW: (MatchState.UPHELD, DisputeStatus.WITHDRAWN),
    DisputeVerb.RELEASE: (MatchState.RELEASED, DisputeStatus.RELEASED),
}


@transaction.atomic
def _answer(
    *, match: Match, user: User, version: int, answer: str, verb: DisputeVerb
) -> Match:
    """Check and write an answer, and end the dispute."""
    text = answer.strip()
    if not text:
        raise errors.ReasonMissing("Give the reason, as the other side will read it.")
    current = _held(match, user, version, text, Action.APPROVE)
    if verb not in possible_moves(match=current, user=user):
        raise errors.NotPossible(
            f"This match is {current.get_state_display().lower()}, so this answer is "
            "not possible."
        )
    state, status = _ENDS[verb]
    dispute = current.dispute
    is_replaced = current.state == MatchState.SUPERSEDED
    if dispute is not None and (is_replaced or current.state == MatchState.DISPUTED):
        dispute.status = status
        dispute.answer = text
        dispute.answered_by = user
        dispute.answered_at = datetime.now(tz=UTC)
        dispute.save()
    change = Change(
        action=verb,
        # A new match replaced this one and waits for its own decision.
        to=MatchState.SUPERSEDED if is_replaced else state,
        free=is_replaced,
        fields={
            "decided_by_id": user.pk,
            "decided_by_name": user.get_username(),
            "decided_at": datetime.now(tz=UTC),
            "decision_reason": status,
            "note": text,
            "due_at": None,
        },
        note=text,
    )
    return transitions.apply(current=current, change=change, actor=user)


def _held(match: Match, user: User, version: int, text: str, action: Action) -> Match:
    """Return the match locked at this version, if the user may act on it."""
    check_note(text)
    why = (
        _ONLY_MANAGERS
        if action == Action.APPROVE
        else "Your role may look at matches, not record disputes."
    )
    transitions.require(user, action, why=why)
    return transitions.locked_row(match=match, version=version, user=user)
