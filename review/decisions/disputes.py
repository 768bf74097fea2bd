"""Records disputes of confirmed matches; managers answer them, deadlines never do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.utils.translation import gettext as _

from base.accounts.models import User
from review import errors
from review.choices import DisputeStatus, MatchState, QueueReason, Verb
from review.decisions.verbs import Decision, refuse_state
from review.models import Dispute, Match
from review.services import transitions
from review.services.transitions import Change

ANSWER_WITHIN = timedelta(days=30)
ANSWER_APPEAL_WITHIN = timedelta(days=7)
ENDS = {
    Verb.UPHOLD: (MatchState.UPHELD, DisputeStatus.UPHELD),
    Verb.WITHDRAW: (MatchState.UPHELD, DisputeStatus.WITHDRAWN),
    Verb.RELEASE: (MatchState.RELEASED, DisputeStatus.RELEASED),
}
"""The states of match and dispute after each answer."""


def record(current: Match, decision: Decision, user: User) -> Match:
    """Record a dispute of a locked claim; the answer is due in 30 days.

    A dispute of a claim that was upheld before is an appeal, due in 7 days.
    """
    refuse_state(current, Verb.DISPUTE)
    received = decision.received_at or datetime.now(tz=UTC)
    # A date in the future would move the due date as well.
    if received > datetime.now(tz=UTC):
        raise errors.NotPossible(
            _("The dispute cannot have arrived in the future. Correct the date.")
        )
    is_appeal = current.state == MatchState.UPHELD
    within = ANSWER_APPEAL_WITHIN if is_appeal else ANSWER_WITHIN
    statement = decision.note.strip()
    dispute = Dispute.objects.create(
        match=current,
        code=decision.code,
        is_appeal=is_appeal,
        statement=statement,
        received_at=received,
        due_at=received + within,
        recorded_by=user,
    )
    change = Change(
        action=Verb.DISPUTE,
        to=MatchState.DISPUTED,
        fields={
            "dispute_id": dispute.pk,
            "due_at": dispute.due_at,
            "queue_reason": QueueReason.DISPUTE,
        },
        reason=decision.code,
        note=statement,
        details={"received_at": received.isoformat()},
    )
    return transitions.apply(current=current, change=change, actor=user)


def answer(current: Match, decision: Decision, user: User) -> Match:
    """Answer the dispute of a locked claim, or give the claim up voluntarily."""
    refuse_state(current, decision.verb)
    text = decision.note.strip()
    state, status = ENDS[decision.verb]
    dispute, at = current.dispute, datetime.now(tz=UTC)
    if dispute is not None and current.state == MatchState.DISPUTED:
        dispute.status = status
        dispute.answer = text
        dispute.answered_by = user
        dispute.answered_at = at
        dispute.save()
        # A merge may have joined two disputed matches.
        still_open = current.disputes.filter(status=DisputeStatus.OPEN)
        if (remaining := still_open.order_by("due_at").first()) is not None:
            return _go_on_with(current, remaining, decision, user)
    change = Change(
        action=decision.verb,
        to=state,
        fields={
            **transitions.decided_by(user, at=at),
            "decision_reason": status,
            "note": text,
            "due_at": None,
        },
        note=text,
    )
    return transitions.apply(current=current, change=change, actor=user)


def _go_on_with(current: Match, dispute: Dispute, decision: Decision, user: User) -> Match:
    """Record an answer to one dispute of a claim that another still contests."""
    change = Change(
        action=decision.verb,
        to=MatchState.DISPUTED,
        fields={"dispute_id": dispute.pk, "due_at": dispute.due_at},
        note=decision.note.strip(),
        free=True,
    )
    return transitions.apply(current=current, change=change, actor=user)
