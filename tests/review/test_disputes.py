"""Disputes: who records and answers them, their deadlines, and their effects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from base.audit.services import first_broken_event
from review import errors, selectors
from review.choices import CLAIM_VERBS, DisputeStatus, MatchState, Verb
from review.decisions.decide import allowed_verbs
from review.models import Dispute, Match
from review.services import locks
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.factories.scanning import ScanFactory
from tests.jobs.workers import run_regular_work
from tests.review.conftest import NOON

pytestmark = pytest.mark.django_db


def _claim_verbs(*, match: Match, user: User) -> list[str]:
    return [verb for verb in allowed_verbs(match=match, user=user) if verb in CLAIM_VERBS]


@pytest.fixture
def confirmed(reviewer: User) -> Match:
    return deciding.confirm(match=make_match(), user=reviewer, version=1)


@pytest.fixture
def disputed(confirmed: Match, reviewer: User) -> Match:
    return deciding.record(
        match=confirmed, user=reviewer, code="own_content", statement="It is our own recording."
    )


def test_dispute_says_what_when_and_by_when_and_an_appeal_too(
    clock: time_machine.Traveller, confirmed: Match, reviewer: User, manager: User
) -> None:
    received = NOON - timedelta(days=2)

    match = deciding.record(match=confirmed, user=reviewer, code="licensed", received_at=received)

    assert match.state == MatchState.DISPUTED
    dispute = match.dispute
    assert dispute is not None
    assert (dispute.code, dispute.recorded_by) == ("licensed", reviewer)
    assert dispute.due_at == match.due_at == received + timedelta(days=30)
    event = Event.objects.filter(case=match.case).latest("sequence")
    assert (event.action, event.reason) == ("dispute", "licensed")

    # An appeal is due in seven days.
    upheld = deciding.uphold(match=match, user=manager, answer="It is ours.")
    appealed = deciding.record(match=upheld, user=manager, code="wrong_owner")
    assert appealed.dispute is not None
    assert appealed.dispute.is_appeal
    assert appealed.dispute.due_at == NOON + timedelta(days=7)
    assert Dispute.objects.count() == 2


def test_missed_day_raises_a_flag_and_changes_nothing(
    clock: time_machine.Traveller, disputed: Match
) -> None:
    assert not selectors.open_disputes(overdue=True).exists()

    clock.move_to(NOON + timedelta(days=31))
    run_regular_work()

    disputed.refresh_from_db()
    assert disputed.state == MatchState.DISPUTED
    assert [dispute.match for dispute in selectors.open_disputes(overdue=True)] == [disputed]
    assert disputed.dispute is not None
    assert disputed.dispute.is_overdue


def test_manager_answers_with_words_and_a_reviewer_not(
    disputed: Match, manager: User, reviewer: User
) -> None:
    match = disputed
    for answer, state, status in (
        (deciding.uphold, MatchState.UPHELD, DisputeStatus.UPHELD),
        (deciding.withdraw, MatchState.UPHELD, DisputeStatus.WITHDRAWN),
        (deciding.release, MatchState.RELEASED, DisputeStatus.RELEASED),
    ):
        version = match.version
        with pytest.raises(errors.NotAllowed):
            answer(match=match, user=reviewer, version=version, answer="no")
        with pytest.raises(errors.ReasonMissing):
            answer(match=match, user=manager, version=version, answer=" ")

        match = answer(match=match, user=manager, version=version, answer="We hold it.")

        assert (match.state, match.decided_by) == (state, manager)
        dispute = Dispute.objects.get()
        assert (dispute.status, dispute.answer) == (status, "We hold it.")
        assert dispute.answered_by == manager
        match = deciding.undo(match=match, user=manager)
        dispute.refresh_from_db()
        assert (match.state, dispute.status) == (MatchState.DISPUTED, "open")
        assert first_broken_event(case=match.case) is None


def test_undo_of_a_dispute_leaves_it_as_recorded_by_mistake(
    disputed: Match, reviewer: User, manager: User
) -> None:
    match = deciding.undo(match=disputed, user=reviewer)

    assert (match.state, match.dispute) == (MatchState.CONFIRMED, None)
    assert Dispute.objects.get().status == DisputeStatus.UNDONE
    # The claim can be released without a dispute.
    released = deciding.release(match=match, user=manager, answer="a favour")
    assert released.state == MatchState.RELEASED
    reopened = deciding.reopen(match=released, user=manager, reason="a mistake")
    assert reopened.state == MatchState.PENDING


def test_what_cannot_be_disputed_is_refused(confirmed: Match, reviewer: User) -> None:
    version = confirmed.version
    for code, words in (("because", "x"), ("other", " ")):
        with pytest.raises(errors.ReasonMissing):
            deciding.record(
                match=confirmed, user=reviewer, version=version, code=code, statement=words
            )
    with pytest.raises(errors.NotPossible):
        deciding.record(
            match=confirmed,
            user=reviewer,
            version=version,
            code="licensed",
            received_at=datetime.now(tz=UTC) + timedelta(days=1),
        )
    with pytest.raises(errors.StaleMatch):
        deciding.record(match=confirmed, user=reviewer, version=1, code="licensed")
    with pytest.raises(errors.NotPossible):
        deciding.record(match=make_match(), user=reviewer, version=1, code="licensed")
    assert not Dispute.objects.exists()


def test_possible_moves_follow_state_and_role(
    confirmed: Match, disputed: Match, reviewer: User, manager: User
) -> None:
    fresh = make_match()

    assert _claim_verbs(match=fresh, user=manager) == []
    assert _claim_verbs(match=disputed, user=reviewer) == []
    assert _claim_verbs(match=disputed, user=manager) == [Verb.UPHOLD, Verb.WITHDRAW, Verb.RELEASE]
    claim = make_match(state=MatchState.CONFIRMED)
    assert _claim_verbs(match=claim, user=reviewer) == [Verb.DISPUTE]
    viewer = make_user(Role.VIEWER)
    assert _claim_verbs(match=claim, user=viewer) == []


def test_no_scan_ends_a_dispute(disputed: Match, manager: User) -> None:
    scan = ScanFactory.create(scanned_file=disputed.scanned_file)
    make_match((200_000, 220_000, 0, 20_000), scan=scan, recording=disputed.recording)

    (dispute,) = selectors.open_disputes()
    assert (dispute.match, dispute.match.state) == (disputed, MatchState.DISPUTED)
    answered = deciding.uphold(match=dispute.match, user=manager, answer="It is ours.")

    assert answered.state == MatchState.UPHELD


def test_rescan_carries_the_open_dispute_along(disputed: Match) -> None:
    scan = ScanFactory.create(scanned_file=disputed.scanned_file)

    again = make_match(scan=scan, recording=disputed.recording)

    assert (again.state, again.dispute) == (MatchState.DISPUTED, disputed.dispute)
    assert [dispute.match for dispute in selectors.open_disputes()] == [again]
    assert locks.release_expired_locks() == 0
