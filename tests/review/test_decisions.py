"""The decisions that people may make, their requirements, and their events."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from base.audit.services import first_broken_event
from review import errors
from review.choices import MatchState, Verb
from review.decisions.decide import allowed_verbs, decide, decide_one
from review.decisions.verbs import RULES, Decision
from review.models import Match
from review.services import locks, transitions
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.jobs.workers import run_regular_work
from tests.review.conftest import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def colleague() -> User:
    return make_user(Role.REVIEWER, username="ben")


def last_event(match: Match) -> Event:
    event = Event.objects.filter(case=match.case).order_by("-sequence").first()
    assert event is not None
    return event


def test_a_decision_says_who_when_and_why_and_is_one_event(
    match: Match, reviewer: User, clock: time_machine.Traveller
) -> None:
    decided = deciding.confirm(match=match, user=reviewer, version=1)

    assert decided.state == MatchState.CONFIRMED
    assert (decided.decided_by, decided.decided_by_name) == (reviewer, "ana")
    assert decided.decided_at == NOON
    assert decided.decision_reason == ""
    assert decided.version == 2

    other_match = make_match()
    deciding.reject(match=other_match, user=reviewer, version=1, reason="other", note="a jingle")
    event = last_event(other_match)
    assert Event.objects.filter(case=other_match.case).count() == 2
    assert (event.action, event.actor) == ("reject", reviewer)
    assert (event.before["state"], event.after["state"]) == ("pending", "rejected")
    assert (event.reason, event.note) == ("other", "a jingle")


def test_what_lacks_its_words_or_its_permission_changes_nothing(
    match: Match, reviewer: User
) -> None:
    for decision in (
        Decision(Verb.CLEAR, note="  "),
        Decision(Verb.REJECT),
        Decision(Verb.REJECT, code="because"),
        Decision(Verb.REJECT, code="other", note=" "),
        Decision(Verb.ESCALATE),
    ):
        with pytest.raises(errors.ReasonMissing):
            decide_one(match=match, user=reviewer, version=1, decision=decision)
    with pytest.raises(errors.ReasonMissing):
        deciding.bulk_decide(expected={match.uid: 1}, user=reviewer, decision=Decision(Verb.CLEAR))
    with pytest.raises(errors.NoteTooLong, match="4001 characters"):
        deciding.confirm(match=match, user=reviewer, version=1, note="x" * 4001)
    with pytest.raises(errors.NotAllowed):
        deciding.confirm(match=match, user=make_user(Role.VIEWER), version=1)

    match.refresh_from_db()
    assert match.state == MatchState.PENDING
    assert Event.objects.filter(case=match.case).count() == 1
    cleared = deciding.clear(match=match, user=reviewer, version=1, reason="paid for by invoice 7")
    assert cleared.state == MatchState.CLEARED
    assert cleared.decision_reason == "stated_reason"
    assert cleared.note == "paid for by invoice 7"


def test_escalated_match_waits_for_a_manager_whose_undo_returns_it(
    match: Match, reviewer: User, manager: User
) -> None:
    deciding.escalate(match=match, user=reviewer, version=1, note="whose is it?")

    with pytest.raises(errors.NotAllowed):
        deciding.confirm(match=match, user=reviewer, version=2)
    decided = deciding.confirm(match=match, user=manager, version=2)

    assert decided.state == MatchState.CONFIRMED
    assert decided.decided_by == manager
    # Without a note of its own, a decision keeps the one that is there.
    assert decided.note == "whose is it?"
    undone = deciding.undo(match=match, user=manager, version=3)
    assert undone.state == MatchState.ESCALATED
    assert undone.decided_by == reviewer


def test_a_decided_match_stays_until_its_decision_is_undone(
    match: Match, reviewer: User, colleague: User, manager: User, clock: time_machine.Traveller
) -> None:
    deciding.confirm(match=match, user=reviewer, version=1)

    # A stale version saves nothing and names who was first.
    with pytest.raises(errors.StaleMatch) as caught:
        deciding.reject(match=match, user=colleague, version=1, reason="noise")
    assert caught.value.message == ("Changed by ana at 2 May 2026 12:00 UTC; nothing was saved.")
    with pytest.raises(errors.NotPossible, match="already confirmed"):
        deciding.reject(match=match, user=reviewer, version=2, reason="noise")
    with pytest.raises(errors.NotPossible):
        deciding.reopen(match=match, user=manager, version=2, reason="look again")
    with pytest.raises(errors.NotAllowed):
        deciding.undo(match=match, user=colleague, version=2)
    # After ten minutes only managers undo it.
    clock.shift(timedelta(minutes=10, seconds=1))
    with pytest.raises(errors.NotAllowed):
        deciding.undo(match=match, user=reviewer, version=2)
    match.refresh_from_db()
    assert (match.state, match.version) == (MatchState.CONFIRMED, 2)

    undone = deciding.undo(match=match, user=manager, version=2)

    assert undone.state == MatchState.PENDING
    with pytest.raises(errors.NothingToUndo):
        deciding.undo(match=match, user=manager, version=3)


def test_manager_may_not_decide_own_escalation(match: Match, manager: User) -> None:
    deciding.escalate(match=match, user=manager, version=1, note="second pair of eyes")

    with pytest.raises(errors.NotAllowed, match="another manager must decide"):
        deciding.confirm(match=match, user=manager, version=2)
    with pytest.raises(errors.NotAllowed, match="another manager must decide"):
        deciding.reopen(match=match, user=manager, version=2, reason="mine")


def test_a_rejected_match_is_undone_or_reopened_by_a_manager(
    match: Match, reviewer: User, manager: User
) -> None:
    deciding.reject(match=match, user=reviewer, version=1, reason="noise")

    undone = deciding.undo(match=match, user=reviewer, version=2)

    assert undone.state == MatchState.PENDING
    assert (undone.decided_by, undone.decided_at) == (None, None)
    assert undone.decision_reason == ""
    assert last_event(match).action == "undo"

    deciding.reject(match=match, user=reviewer, version=3, reason="noise")
    with pytest.raises(errors.NotAllowed):
        deciding.reopen(match=match, user=reviewer, version=4, reason="look again")
    reopened = deciding.reopen(match=match, user=manager, version=4, reason="look again")
    assert reopened.state == MatchState.PENDING
    assert reopened.queue_reason == "reopened"
    assert reopened.decided_by is None


def test_a_match_that_is_open_again_proposes_nothing(
    match: Match, reviewer: User, manager: User
) -> None:
    Match.objects.update(needs_approval=True)
    proposed = deciding.confirm(match=match, user=reviewer, version=1)

    reopened = deciding.reopen(
        match=proposed, user=manager, version=proposed.version, reason="look again"
    )

    assert (proposed.proposed, reopened.proposed) == ("confirm", "")


def test_lock_keeps_others_from_deciding_until_it_ends_or_a_manager_breaks_it(
    match: Match, reviewer: User, colleague: User, manager: User, clock: time_machine.Traveller
) -> None:
    held = locks.take_lock(match=match, user=reviewer)

    assert held.state == MatchState.IN_REVIEW
    with pytest.raises(errors.MatchLocked, match="ana is reviewing this until"):
        deciding.confirm(match=match, user=colleague, version=held.version)
    with pytest.raises(errors.MatchLocked):
        locks.take_lock(match=match, user=colleague)
    with pytest.raises(errors.NotAllowed):
        locks.take_lock(match=match, user=colleague, break_lock=True)
    with pytest.raises(errors.NotAllowed):
        locks.release_lock(match=match, user=colleague)

    # Taking the own lock again only extends it.
    clock.shift(timedelta(minutes=10))
    again = locks.take_lock(match=match, user=reviewer)
    assert again.version == held.version
    assert again.locked_until == NOON + timedelta(minutes=25)

    # Once it has ended, another takes it, and a manager breaks that one.
    clock.shift(timedelta(minutes=15))
    assert locks.take_lock(match=match, user=colleague).locked_by == colleague
    assert [
        event.action for event in Event.objects.filter(case=match.case).order_by("sequence")
    ] == ["found", "take", "lock_ended", "take"]
    held = locks.take_lock(match=match, user=manager, break_lock=True)
    assert held.locked_by == manager

    decided = deciding.confirm(match=match, user=manager, version=held.version)
    assert (decided.locked_by, decided.locked_until) == (None, None)


def test_release_gives_the_match_back(match: Match, reviewer: User) -> None:
    locks.take_lock(match=match, user=reviewer)

    released = locks.release_lock(match=match, user=reviewer)

    assert released.state == MatchState.PENDING
    assert locks.release_lock(match=match, user=reviewer).version == 3


def test_worker_ends_locks_that_are_over(
    match: Match, reviewer: User, clock: time_machine.Traveller
) -> None:
    still_held = make_match()
    locks.take_lock(match=match, user=reviewer)
    clock.shift(timedelta(minutes=14))
    locks.take_lock(match=still_held, user=reviewer)
    clock.shift(timedelta(minutes=2))

    run_regular_work()

    match.refresh_from_db()
    still_held.refresh_from_db()
    assert match.state == MatchState.PENDING
    assert still_held.state == MatchState.IN_REVIEW


def test_bulk_tells_what_was_refused_and_why(match: Match, reviewer: User, colleague: User) -> None:
    locked = make_match()
    locks.take_lock(match=locked, user=colleague)
    stale = make_match()
    expected = {match.uid: 1, locked.uid: 2, stale.uid: 7}

    outcome = deciding.bulk_decide(
        expected=expected, user=reviewer, decision=Decision(Verb.REJECT, code="noise")
    )

    assert [done.uid for done in outcome.done] == [match.uid]
    assert {refusal.match.uid: refusal.error.code for refusal in outcome.refused} == {
        locked.uid: "locked",
        stale.uid: "stale",
    }


def test_bulk_limits_depend_on_the_role(reviewer: User, manager: User) -> None:
    fifty_one = {f"m_{number}": 1 for number in range(51)}
    five_hundred_one = {f"m_{number}": 1 for number in range(501)}
    confirm = Decision(Verb.CONFIRM)

    with pytest.raises(errors.BulkLimit, match="50 matches"):
        deciding.bulk_decide(expected=fifty_one, user=reviewer, decision=confirm)
    with pytest.raises(errors.BulkLimit, match="500 matches"):
        deciding.bulk_decide(expected=five_hundred_one, user=manager, decision=confirm)
    assert not deciding.bulk_decide(expected=fifty_one, user=manager, decision=confirm).done


def test_bulk_asks_the_database_as_often_for_many_as_for_two_and_is_undone(reviewer: User) -> None:
    counts = []
    for count in (1, 2, 12):
        expected = {make_match().uid: 1 for _ in range(count)}
        with CaptureQueriesContext(connection) as queries:
            done = deciding.bulk_decide(
                expected=expected, user=reviewer, decision=Decision(Verb.REJECT, code="noise")
            ).done
        counts.append(len(queries))
        assert all(first_broken_event(case=match.case) is None for match in done)
        assert {match.version for match in done} == {2}

    # The first request reads the permissions too.
    assert counts[1] == counts[2]
    undone = deciding.bulk_decide(
        expected={match.uid: match.version for match in done},
        user=reviewer,
        decision=Decision(Verb.UNDO),
    )
    assert len(undone.done) == 12
    assert {match.state for match in undone.done} == {MatchState.PENDING}


_WAITING = {
    Verb.CONFIRM: MatchState.CONFIRMED,
    Verb.CLEAR: MatchState.CLEARED,
    Verb.REJECT: MatchState.REJECTED,
}
_CLAIM = {Verb.DISPUTE: MatchState.DISPUTED, Verb.RELEASE: MatchState.RELEASED}
_REOPEN = {Verb.REOPEN: MatchState.PENDING}
# What a manager can make of a match in each state; everything else is refused.
_ENDS: dict[MatchState, dict[Verb, MatchState]] = {
    MatchState.PENDING: _WAITING | {Verb.ESCALATE: MatchState.ESCALATED},
    MatchState.IN_REVIEW: _WAITING | {Verb.ESCALATE: MatchState.ESCALATED},
    MatchState.ESCALATED: _WAITING | _REOPEN,
    MatchState.CONFIRMED: _CLAIM,
    MatchState.UPHELD: _CLAIM,
    MatchState.DISPUTED: {
        Verb.UPHOLD: MatchState.UPHELD,
        Verb.WITHDRAW: MatchState.UPHELD,
        Verb.RELEASE: MatchState.RELEASED,
    },
    MatchState.REJECTED: _REOPEN,
    MatchState.RELEASED: _REOPEN,
    MatchState.CLEARED: _REOPEN,
    MatchState.SUPPRESSED: {},
}


def test_what_is_offered_in_a_state_is_what_can_be_done(match: Match, manager: User) -> None:
    for state in MatchState:
        Match.objects.update(state=state, decision_reason="noise" if state == "rejected" else "")
        reached = {}
        # An exclusion needs sound; an undo has tests of its own.
        for verb in set(Verb) - {Verb.EXCLUDE, Verb.UNDO}:
            now = Match.objects.get(pk=match.pk)
            rule = RULES[verb]
            code = rule.codes.values[0] if rule.codes else ""
            decision = Decision(verb, code=code, note="because")
            offered = verb in allowed_verbs(match=now, user=manager)
            with transaction.atomic():
                try:
                    changed = decide_one(match=now, user=manager, version=1, decision=decision)
                except errors.NotPossible:
                    now.refresh_from_db()
                    assert (now.state, now.version) == (state, 1)
                    assert not offered
                else:
                    assert offered
                    reached[verb] = MatchState(changed.state)
                # The next verb meets the same match.
                transaction.set_rollback(True)

        assert reached == _ENDS[state], state


def test_undo_keeps_the_note_that_somebody_wrote_since(match: Match, reviewer: User) -> None:
    alone, other_match = make_match(), make_match()
    for item in (alone, match, other_match):
        deciding.confirm(match=item, user=reviewer, version=1, note="it is ours")
    for item in (alone, match):
        item.refresh_from_db()
        noted = transitions.add_note(match=item, user=reviewer, note="No: a cover.")
        assert noted.note == "it is ours\nNo: a cover."

    for versions, notes in (
        ({alone.uid: alone.version}, ["No: a cover."]),
        ({match.uid: match.version, other_match.uid: 2}, ["No: a cover.", ""]),
    ):
        undo = Decision(Verb.UNDO)
        decided = decide(versions=versions, decision=undo, user=reviewer)
        assert [undone.state for undone in decided.done] == ["pending"] * len(versions)
        assert [undone.note for undone in decided.done] == notes
