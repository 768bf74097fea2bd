"""Review locks: one person at a time reviews a match."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.roles import Action
from base.audit.services import SYSTEM
from review import errors, match_events
from review.choices import MatchState
from review.models import Match
from review.services import transitions
from review.services.transitions import Change

LOCK_FOR = timedelta(minutes=15)
_SAME = timedelta(milliseconds=1)  # JSON keeps no smaller part of a time


@transaction.atomic
def take_lock(*, match: Match, user: User, break_lock: bool = False) -> Match:
    """Lock a waiting match for the user for 15 minutes, or extend the user's lock.

    Raise ``MatchLocked`` if another person holds it; a manager may break that lock.
    """
    transitions.require(
        user, Action.DECIDE, why=_("Your role may view matches but not decide them.")
    )
    current = transitions.locked_row(match=match)
    if break_lock:
        transitions.require(
            user, Action.APPROVE, why=_("Only a manager may break somebody else's lock.")
        )
    else:
        transitions.refuse_foreign_lock(match=current, user=user)
    until = datetime.now(tz=UTC) + LOCK_FOR
    if current.state == MatchState.IN_REVIEW and current.locked_by == user:
        # A lock that goes on is no change for programs that follow matches.
        unchanged = current.updated_at
        Match.objects.filter(pk=current.pk).update(locked_until=until, updated_at=unchanged)
        current.locked_until = until
        return current
    if current.state == MatchState.IN_REVIEW:
        current = let_go(current, match_events.LOCK_ENDED, user)
    change = _change(
        current, match_events.TAKE, MatchState.IN_REVIEW, {"locked_by": user, "locked_until": until}
    )
    return transitions.apply(current=current, change=change, actor=user)


@transaction.atomic
def release_lock(*, match: Match, user: User, until: datetime | None = None) -> Match:
    """Return the match to the queue; a manager may release anybody's lock.

    With ``until``, only a lock that lasts until then: a page that is left must not
    release what the next page of the same user has extended.
    """
    current = transitions.locked_row(match=match)
    lasts = current.locked_until
    if current.state != MatchState.IN_REVIEW:
        return current
    if until and lasts and abs(lasts - until) >= _SAME:
        return current
    if current.locked_by not in (None, user):
        transitions.require(
            user, Action.APPROVE, why=_("Only a manager may break somebody else's lock.")
        )
    return let_go(current, match_events.RELEASE, user)


def release_expired_locks() -> int:
    """Return matches to the queue whose lock has expired; return how many."""
    expired = Match.objects.filter(
        state=MatchState.IN_REVIEW, locked_until__lte=datetime.now(tz=UTC)
    )
    released = 0
    for match in expired:
        with transaction.atomic():
            try:
                current = transitions.locked_row(match=match, version=match.version)
            except errors.StaleMatch:
                continue
            # The holder may just have extended the lock, which changes no version.
            until = current.locked_until
            if until is None or until > datetime.now(tz=UTC):
                continue
            let_go(current, match_events.LOCK_ENDED, SYSTEM)
            released += 1
    return released


def let_go(current: Match, action: str, actor: User | str) -> Match:
    """Return a locked match to the queue; ``current`` comes from ``locked_row``."""
    change = _change(current, action, MatchState.PENDING, {})
    return transitions.apply(current=current, change=change, actor=actor)


def _change(current: Match, action: str, to: MatchState, fields: dict[str, object]) -> Change:
    """Return a change of the lock; its event records the version it leads to.

    ``transitions.only_asides_since`` uses these versions to see that nobody decided.
    """
    details: dict[str, object] = {"version": current.version + 1}
    return Change(action, to, fields=fields, details=details)
