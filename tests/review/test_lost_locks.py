"""Deciding after one's own lock ended or was released, and after others took it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.db import connection

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from base.audit.services import first_broken_event
from review import errors
from review.choices import MatchState, Verb
from review.decisions.decide import decide_one
from review.decisions.verbs import Decision
from review.models import Match
from review.services import locks
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.review import make_match

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> User:
    return make_user(Role.REVIEWER, username="ana")


@pytest.fixture
def mira() -> User:
    return make_user(Role.MANAGER, username="mira")


def seen_by(user: User, match: Match) -> int:
    """Open the match as the user; return the version on the page."""
    return locks.take_lock(match=match, user=user).version


def actions(match: Match) -> list[str]:
    events = Event.objects.filter(case=match.case).order_by("sequence")
    return [event.action for event in events]


def release(match: Match, user: User, _clock: time_machine.Traveller) -> None:
    """Release the match, as in another tab."""
    locks.release_lock(match=match, user=user)


def expire(_match: Match, _user: User, clock: time_machine.Traveller) -> None:
    """Let the lock expire and the worker end it."""
    clock.shift(timedelta(minutes=16))
    locks.release_expired_locks()


def run_out(_match: Match, _user: User, clock: time_machine.Traveller) -> None:
    """Let the lock expire before the worker ends it."""
    clock.shift(timedelta(minutes=16))


def take_again(match: Match, user: User, clock: time_machine.Traveller) -> None:
    """Release the match and open it again, as in another tab."""
    release(match, user, clock)
    locks.take_lock(match=match, user=user)


LOSSES = {
    release: Decision(Verb.CONFIRM),
    expire: Decision(Verb.CLEAR, note="our own channel"),
    run_out: Decision(Verb.REJECT, code="noise"),
    take_again: Decision(Verb.ESCALATE, note="whose is it?"),
}
"""The ways to lose a lock, each with a decision that one then makes."""


def test_decisions_are_saved_though_the_own_lock_is_gone(
    ana: User, clock: time_machine.Traveller
) -> None:
    for lose, decision in LOSSES.items():
        match = make_match()
        version = seen_by(ana, match)
        lose(match, ana, clock)
        decided = decide_one(match=match, user=ana, version=version, decision=decision)
        assert decided.decided_by == ana
        assert actions(match).count(decision.verb) == 1
        assert first_broken_event(case=match.case) is None

        # A part is proposed.
        match = make_match()
        version = seen_by(ana, match)
        lose(match, ana, clock)
        proposed = deciding.exclude_part(
            match=match, user=ana, version=version, interval=(5_000, 9_000), reason="ident"
        )
        assert proposed.state == MatchState.ESCALATED

        # Many are decided though one was opened since.
        match = make_match()
        number = match.version
        seen_by(ana, match)
        lose(match, ana, clock)
        outcome = deciding.bulk_decide(
            expected={match.uid: number}, user=ana, decision=Decision(Verb.CONFIRM)
        )
        assert (len(outcome.done), outcome.refused) == (1, [])


def test_match_is_decided_if_another_only_looked_at_it(
    match: Match, ana: User, mira: User, clock: time_machine.Traveller
) -> None:
    version = seen_by(ana, match)
    locks.take_lock(match=match, user=mira, break_lock=True)

    with pytest.raises(errors.StaleMatch, match="Taken over by mira"):
        deciding.confirm(match=match, user=ana, version=version)

    match.refresh_from_db()
    assert (match.state, match.locked_by) == (MatchState.IN_REVIEW, mira)
    locks.release_lock(match=match, user=mira)
    decided = deciding.confirm(match=match, user=ana, version=version)
    assert decided.state == MatchState.CONFIRMED


def test_refusal_names_who_decided_and_never_the_own_lock(
    match: Match, ana: User, mira: User, clock: time_machine.Traveller
) -> None:
    version = seen_by(ana, match)
    held = locks.take_lock(match=match, user=mira, break_lock=True)
    rejected = deciding.reject(match=match, user=mira, version=held.version, reason="noise")
    deciding.reopen(match=match, user=mira, version=rejected.version, reason="look again")
    locks.take_lock(match=match, user=ana)
    locks.release_lock(match=match, user=ana)

    with pytest.raises(errors.StaleMatch, match="Changed by mira"):
        deciding.confirm(match=match, user=ana, version=version)


def test_version_that_no_event_explains_is_refused(
    match: Match, ana: User, clock: time_machine.Traveller
) -> None:
    version = seen_by(ana, match)

    with pytest.raises(errors.StaleMatch):
        deciding.confirm(match=match, user=ana, version=version + 1)
    locks.release_lock(match=match, user=ana)
    match.refresh_from_db()
    Match.objects.filter(pk=match.pk).update(version=match.version + 1)
    with pytest.raises(errors.StaleMatch):
        deciding.confirm(match=match, user=ana, version=version)


def test_lock_extended_while_the_worker_looks_is_kept(
    match: Match, ana: User, clock: time_machine.Traveller
) -> None:
    seen_by(ana, match)
    clock.shift(timedelta(minutes=16))
    count = itertools.count(1)

    def extend_before_the_row_is_locked(execute: Callable[..., object], *query: object) -> object:
        if next(count) == 2:
            locks.take_lock(match=match, user=ana)
        return execute(*query)

    with connection.execute_wrapper(extend_before_the_row_is_locked):
        released = locks.release_expired_locks()

    match.refresh_from_db()
    assert (released, match.state) == (0, MatchState.IN_REVIEW)


def test_undo_reaches_back_over_locks_but_not_into_anothers(
    match: Match, ana: User, mira: User, clock: time_machine.Traveller
) -> None:
    version = seen_by(mira, match)
    exclude_part = deciding.exclude_part(
        match=match, user=mira, version=version, interval=(5_000, 9_000), reason="ident"
    )
    locks.release_lock(match=match, user=mira)
    locks.take_lock(match=match, user=ana)

    with pytest.raises(errors.StaleMatch, match="Taken over by ana"):
        deciding.undo(match=match, user=mira, version=exclude_part.version)
    match.refresh_from_db()
    with pytest.raises(errors.MatchLocked):
        deciding.undo(match=match, user=mira, version=match.version)
    locks.release_lock(match=match, user=ana)
    undone = deciding.undo(match=match, user=mira, version=exclude_part.version)

    assert (undone.state, undone.excluded_ms) == (MatchState.PENDING, 0)
