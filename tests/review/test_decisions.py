"""The decisions that people may make, their requirements, and their events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.roles import Role
from audit.models import Event
from audit.services import first_broken_event
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

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 5, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def viewer() -> User:
    return make_user(Role.VIEWER)


@pytest.fixture
def colleague() -> User:
    return make_user(Role.REVIEWER, username="ben")


@pytest.fixture
def manager() -> User:
    return make_user(Role.MANAGER)


@pytest.fixture
def match() -> Match:
    return make_match()


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def last_event(match: Match) -> Event:
    """Return the newest event of the match."""
    event = Event.objects.filter(case=match.case).order_by("-sequence").first()
    assert event is not None
    return event


def test_confirm_says_who_and_when(
    match: Match, reviewer: User, clock: time_machine.Traveller
) -> None:
    decided = deciding.confirm(match=match, user=reviewer, version=1)

    assert decided.state == MatchState.CONFIRMED
    assert (decided.decided_by, decided.decided_by_name) == (reviewer, "ana")
    assert decided.decided_at == NOON
    assert decided.decision_reason == ""
    assert decided.version == 2


def test_each_decision_is_one_event_with_before_and_after(
    match: Match, reviewer: User
) -> None:
    deciding.reject(
        match=match, user=reviewer, version=1, reason="other", note="a jingle"
    )

    event = last_event(match)
    assert Event.objects.filter(case=match.case).count() == 2
    assert (event.action, event.actor) == ("reject", reviewer)
    assert (event.before["state"], event.after["state"]) == ("pending", "rejected")
    assert (event.reason, event.note) == ("other", "a jingle")


def test_clear_needs_a_reason(match: Match, reviewer: User) -> None:
    with pytest.raises(errors.ReasonMissing):
        deciding.clear(match=match, user=reviewer, version=1, reason="  ")

    cleared = deciding.clear(
        match=match, user=reviewer, version=1, reason="paid for by invoice 7"
    )

    assert cleared.state == MatchState.CLEARED
    assert cleared.decision_reason == "stated_reason"
    assert cleared.note == "paid for by invoice 7"


@pytest.mark.parametrize(
    ("reason", "note"), [("", ""), ("because", ""), ("other", " ")]
)
def test_reject_needs_a_code_and_other_a_note(
    match: Match, reviewer: User, reason: str, note: str
) -> None:
    with pytest.raises(errors.ReasonMissing):
        deciding.reject(match=match, user=reviewer, version=1, reason=reason, note=note)

    match.refresh_from_db()
    assert match.state == MatchState.PENDING
    assert Event.objects.filter(case=match.case).count() == 1


def test_escalate_needs_a_note(match: Match, reviewer: User) -> None:
    with pytest.raises(errors.ReasonMissing):
        deciding.escalate(match=match, user=reviewer, version=1, note="")


def test_note_over_the_limit_is_refused(match: Match, reviewer: User) -> None:
    with pytest.raises(errors.NoteTooLong, match="4001 characters"):
        deciding.confirm(match=match, user=reviewer, version=1, note="x" * 4001)


def test_decision_without_note_keeps_the_one_that_is_there(
    match: Match, reviewer: User, manager: User
) -> None:
    deciding.escalate(match=match, user=reviewer, version=1, note="whose is it?")

    decided = deciding.confirm(match=match, user=manager, version=2)

    assert decided.note == "whose is it?"


def test_viewer_may_not_decide(match: Match, viewer: User) -> None:
    with pytest.raises(errors.NotAllowed):
        deciding.confirm(match=match, user=viewer, version=1)


def test_stale_version_saves_nothing_and_names_who_was_first(
    match: Match, reviewer: User, colleague: User, clock: time_machine.Traveller
) -> None:
    deciding.confirm(match=match, user=reviewer, version=1)

    with pytest.raises(errors.StaleMatch) as caught:
        deciding.reject(match=match, user=colleague, version=1, reason="noise")

    assert caught.value.message == (
        "Changed by ana at 2 May 2026 12:00 UTC; nothing was saved."
    )
    match.refresh_from_db()
    assert match.state == MatchState.CONFIRMED


def test_decided_match_is_not_decided_again(match: Match, reviewer: User) -> None:
    deciding.confirm(match=match, user=reviewer, version=1)

    with pytest.raises(errors.NotPossible, match="already confirmed"):
        deciding.reject(match=match, user=reviewer, version=2, reason="noise")


def test_escalated_match_waits_for_a_manager(
    match: Match, reviewer: User, manager: User
) -> None:
    deciding.escalate(match=match, user=reviewer, version=1, note="whose is it?")

    with pytest.raises(errors.NotAllowed):
        deciding.confirm(match=match, user=reviewer, version=2)
    decided = deciding.confirm(match=match, user=manager, version=2)

    assert decided.state == MatchState.CONFIRMED
    assert decided.decided_by == manager


def test_manager_may_not_decide_own_escalation(match: Match, manager: User) -> None:
    deciding.escalate(match=match, user=manager, version=1, note="second pair of eyes")

    with pytest.raises(errors.NotAllowed, match="another manager must decide"):
        deciding.confirm(match=match, user=manager, version=2)
    with pytest.raises(errors.NotAllowed, match="another manager must decide"):
        deciding.reopen(match=match, user=manager, version=2, reason="mine")


def test_manager_reopens_a_rejected_match(
    match: Match, reviewer: User, manager: User
) -> None:
    deciding.reject(match=match, user=reviewer, version=1, reason="noise")

    with pytest.raises(errors.NotAllowed):
        deciding.reopen(match=match, user=reviewer, version=2, reason="look again")
    reopened = deciding.reopen(
        match=match, user=manager, version=2, reason="look again"
    )

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


def test_confirmed_match_is_not_reopened(
    match: Match, reviewer: User, manager: User
) -> None:
    deciding.confirm(match=match, user=reviewer, version=1)

    with pytest.raises(errors.NotPossible):
        deciding.reopen(match=match, user=manager, version=2, reason="look again")


def test_lock_keeps_others_from_deciding(
    match: Match, reviewer: User, colleague: User, clock: time_machine.Traveller
) -> None:
    held = locks.take_lock(match=match, user=reviewer)

    assert held.state == MatchState.IN_REVIEW
    with pytest.raises(errors.MatchLocked, match="ana is reviewing this until"):
        deciding.confirm(match=match, user=colleague, version=held.version)
    with pytest.raises(errors.MatchLocked):
        locks.take_lock(match=match, user=colleague)


def test_holder_decides_and_the_lock_ends(match: Match, reviewer: User) -> None:
    held = locks.take_lock(match=match, user=reviewer)

    decided = deciding.confirm(match=match, user=reviewer, version=held.version)

    assert decided.locked_by is None
    assert decided.locked_until is None


def test_taking_an_own_lock_again_only_extends_it(
    match: Match, reviewer: User, clock: time_machine.Traveller
) -> None:
    held = locks.take_lock(match=match, user=reviewer)
    clock.shift(timedelta(minutes=10))

    again = locks.take_lock(match=match, user=reviewer)

    assert again.version == held.version
    assert again.locked_until == NOON + timedelta(minutes=25)


def test_ended_lock_can_be_taken_by_another(
    match: Match, reviewer: User, colleague: User, clock: time_machine.Traveller
) -> None:
    locks.take_lock(match=match, user=reviewer)
    clock.shift(timedelta(minutes=15))

    held = locks.take_lock(match=match, user=colleague)

    assert held.locked_by == colleague
    assert [
        event.action
        for event in Event.objects.filter(case=match.case).order_by("sequence")
    ] == ["found", "take", "lock_ended", "take"]


def test_only_a_manager_breaks_a_lock(
    match: Match, reviewer: User, colleague: User, manager: User
) -> None:
    locks.take_lock(match=match, user=reviewer)

    with pytest.raises(errors.NotAllowed):
        locks.take_lock(match=match, user=colleague, break_lock=True)
    with pytest.raises(errors.NotAllowed):
        locks.release_lock(match=match, user=colleague)
    held = locks.take_lock(match=match, user=manager, break_lock=True)

    assert held.locked_by == manager


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


def test_undo_puts_back_what_was_there(match: Match, reviewer: User) -> None:
    deciding.reject(match=match, user=reviewer, version=1, reason="noise")

    undone = deciding.undo(match=match, user=reviewer, version=2)

    assert undone.state == MatchState.PENDING
    assert (undone.decided_by, undone.decided_at) == (None, None)
    assert undone.decision_reason == ""
    assert last_event(match).action == "undo"


def test_undo_of_a_managers_decision_returns_the_proposal(
    match: Match, reviewer: User, manager: User
) -> None:
    deciding.escalate(match=match, user=reviewer, version=1, note="whose is it?")
    deciding.confirm(match=match, user=manager, version=2)

    undone = deciding.undo(match=match, user=manager, version=3)

    assert undone.state == MatchState.ESCALATED
    assert undone.decided_by == reviewer


def test_undo_ends_after_ten_minutes_but_not_for_managers(
    match: Match, reviewer: User, manager: User, clock: time_machine.Traveller
) -> None:
    deciding.confirm(match=match, user=reviewer, version=1)
    clock.shift(timedelta(minutes=10, seconds=1))

    with pytest.raises(errors.NotAllowed):
        deciding.undo(match=match, user=reviewer, version=2)
    undone = deciding.undo(match=match, user=manager, version=2)

    assert undone.state == MatchState.PENDING


def test_colleague_may_not_undo(match: Match, reviewer: User, colleague: User) -> None:
    deciding.confirm(match=match, user=reviewer, version=1)

    with pytest.raises(errors.NotAllowed):
        deciding.undo(match=match, user=colleague, version=2)


def test_undo_is_not_undone(match: Match, reviewer: User) -> None:
    deciding.confirm(match=match, user=reviewer, version=1)
    deciding.undo(match=match, user=reviewer, version=2)

    with pytest.raises(errors.NothingToUndo):
        deciding.undo(match=match, user=reviewer, version=3)


def test_bulk_tells_what_was_refused_and_why(
    match: Match, reviewer: User, colleague: User
) -> None:
    locked = make_match()
    locks.take_lock(match=locked, user=colleague)
    stale = make_match()
    expected = {match.uid: 1, locked.uid: 2, stale.uid: 7}

    outcome = deciding.bulk_decide(
        expected=expected,
        user=reviewer,
        decision=Decision(Verb.REJECT, code="noise"),
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
    assert not deciding.bulk_decide(
        expected=fifty_one, user=manager, decision=confirm
    ).done


def test_bulk_without_a_reason_changes_nothing(match: Match, reviewer: User) -> None:
    with pytest.raises(errors.ReasonMissing):
        deciding.bulk_decide(
            expected={match.uid: 1},
            user=reviewer,
            decision=Decision(Verb.CLEAR),
        )


def test_bulk_can_be_undone_in_bulk(reviewer: User) -> None:
    expected = {make_match().uid: 1 for _ in range(3)}
    done = deciding.bulk_decide(
        expected=expected, user=reviewer, decision=Decision(Verb.CONFIRM)
    ).done

    undone = deciding.bulk_decide(
        expected={match.uid: match.version for match in done},
        user=reviewer,
        decision=Decision(Verb.UNDO),
    )

    assert len(undone.done) == 3
    assert {match.state for match in undone.done} == {MatchState.PENDING}


def test_bulk_asks_the_database_as_often_for_many_as_for_two(reviewer: User) -> None:
    asked = []
    for count in (1, 2, 12):
        expected = {make_match().uid: 1 for _ in range(count)}
        with CaptureQueriesContext(connection) as queries:
            done = deciding.bulk_decide(
                expected=expected,
                user=reviewer,
                decision=Decision(Verb.REJECT, code="noise"),
            ).done
        asked.append(len(queries))
        assert all(first_broken_event(case=match.case) is None for match in done)
        assert {match.version for match in done} == {2}

    # The first request reads the permissions too.
    assert asked[1] == asked[2]


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
    MatchState.SUPERSEDED: {},
}


@pytest.mark.parametrize("state", MatchState)
def test_what_is_offered_in_a_state_is_what_can_be_done(
    state: MatchState, manager: User
) -> None:
    unchanged = make_match(state=state)
    reached = {}
    # An exclusion needs sound; an undo has tests of its own.
    for verb in set(Verb) - {Verb.EXCLUDE, Verb.UNDO}:
        match = Match.objects.get(pk=unchanged.pk)
        rule = RULES[verb]
        code = rule.codes.values[0] if rule.codes else ""
        decision = Decision(verb, code=code, note="because")
        offered = verb in allowed_verbs(match=match, user=manager)
        with transaction.atomic():
            try:
                changed = decide_one(
                    match=match, user=manager, version=1, decision=decision
                )
            except errors.NotPossible:
                match.refresh_from_db()
                assert (match.state, match.version) == (state, 1)
                assert not offered
            else:
                assert offered
                reached[verb] = MatchState(changed.state)
            # The next verb meets the same match.
            transaction.set_rollback(True)

    assert reached == _ENDS[state]


@pytest.mark.parametrize("many", [False, True])
def test_undo_keeps_the_note_that_somebody_wrote_since(
    match: Match, reviewer: User, *, many: bool
) -> None:
    deciding.confirm(match=match, user=reviewer, version=1, note="it is ours")
    match.refresh_from_db()
    transitions.add_note(match=match, user=reviewer, note="No: a cover.")

    undo = Decision(Verb.UNDO)
    versions = {match.uid: match.version}
    if many:
        other = make_match()
        deciding.confirm(match=other, user=reviewer, version=1, note="ours, too")
        versions[other.uid] = 2
    decided = decide(versions=versions, decision=undo, user=reviewer)

    assert [undone.state for undone in decided.done] == ["pending"] * len(versions)
    assert [undone.note for undone in decided.done] == ["No: a cover.", ""][: 1 + many]
