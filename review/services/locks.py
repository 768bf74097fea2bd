"""Holding a match while one person looks at it, so that two do not decide at once."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from accounts.models import User
from accounts.roles import Action
from review import errors
from review.choices import MatchState
from review.models import Match
from review.services import transitions
from review.services.transitions import Change

LOCK_FOR = timedelta(minutes=15)


@transaction.atomic
def take_lock(*, match: Match, user: User, break_lock: bool = False) -> Match:
    """Hold a waiting match for the user for 15 minutes, or longer if already held.

    Raises ``MatchLocked`` while another person holds it; a manager may break that.
    """
    transitions.require(
        user, Action.DECIDE, why="Your role may look at matches, not decide them."
    )
    current = transitions.locked_row(match=match)
    if break_lock:
        transitions.require(
            user, Action.APPROVE, why="Only a manager may break another's lock."
        )
    else:
        transitions.refuse_foreign_lock(match=current, user=user)
    until = transitions.now() + LOCK_FOR
    if current.state == MatchState.IN_REVIEW and current.locked_by == user:
        Match.objects.filter(pk=current.pk).update(locked_until=until)
        current.locked_until = until
        return current
    if current.state == MatchState.IN_REVIEW:
        current = transitions.apply(
            current=current,
            change=Change(action="lock_ended", to=MatchState.PENDING),
            actor=user,
        )
    return transitions.apply(
        current=current,
        change=Change(
            action="take",
            to=MatchState.IN_REVIEW,
            fields={"locked_by": user, "locked_until": until},
        ),
        actor=user,
    )


@transaction.atomic
def release_lock(*, match: Match, user: User) -> Match:
    """Give the match back to the queue; a manager may do so for another person."""
    current = transitions.locked_row(match=match)
    if current.state != MatchState.IN_REVIEW:
        return current
    if current.locked_by not in (None, user):
        transitions.require(
            user, Action.APPROVE, why="Only a manager may break another's lock."
        )
    return transitions.apply(
        current=current,
        change=Change(action="release", to=MatchState.PENDING),
        actor=user,
    )


def release_expired_locks(**_signal: object) -> int:
    """Give matches back whose lock has ended; return how many."""
    expired = Match.objects.filter(
        state=MatchState.IN_REVIEW, locked_until__lte=transitions.now()
    )
    released = 0
    for match in expired:
        with transaction.atomic():
            try:
                current = transitions.locked_row(match=match, version=match.version)
            except errors.StaleMatch:
                continue
            transitions.apply(
                current=current,
                change=Change(action="lock_ended", to=MatchState.PENDING),
                actor="system",
            )
            released += 1
    return released
