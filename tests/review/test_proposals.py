"""A reviewer proposes an exclusion from a match; a manager approves or refuses it."""

from __future__ import annotations

import pytest

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from base.audit.services import first_broken_event
from catalogue.models import Exclusion
from catalogue.selectors import excluded_segments
from review import errors, selectors
from review.choices import MatchState, ProposalVerb, Verb
from review.decisions import proposals
from review.decisions.verbs import Decision
from review.models import Match
from review.services import exclusions, locks, transitions
from review.services.folding import fold_scan
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.review import DEFAULT_INTERVAL, make_match
from tests.factories.scanning import ScanFactory, make_detection

pytestmark = pytest.mark.django_db

WHOLE = (5_000, 25_000)
"""Where the matches of the tests lie in the recording: nothing of them is left."""
PART = (5_000, 15_000)


@pytest.fixture
def mira() -> User:
    return make_user(Role.MANAGER, username="mira")


@pytest.fixture
def ana() -> User:
    return make_user(Role.REVIEWER, username="ana")


def propose(match: Match, user: User, interval: tuple[int, int] = WHOLE) -> tuple[Match, Exclusion]:
    """Return the escalated match and the exclusion proposed from it."""
    escalated = deciding.exclude_part(
        match=match, user=user, interval=interval, reason="shared_loop", note="a sample pack"
    )
    proposed = Exclusion.objects.filter(approved=False, created_by=user)
    return escalated, proposed.latest("pk")


def approve(match: Match, segment: Exclusion, user: User) -> Match:
    return proposals.approve_from_match(
        match=match, segment=segment, user=user, version=match.version
    )


def refuse(match: Match, segment: Exclusion, user: User) -> Match:
    return proposals.refuse_from_match(
        match=match, segment=segment, user=user, version=match.version, note="it is our own melody"
    )


def undo(match: Match, user: User) -> Match:
    match.refresh_from_db()
    return deciding.undo(match=match, user=user)


def rescan(match: Match, interval: tuple[int, int, int, int] = DEFAULT_INTERVAL) -> None:
    scan = ScanFactory.create(scanned_file=match.scanned_file)
    make_detection(interval, scan=scan, recording=match.recording)
    fold_scan(scan=scan)


def state_of(match: Match) -> str:
    match.refresh_from_db()
    return match.state


def test_approval_rejects_the_match_and_its_undo_proposes_again(
    match: Match, ana: User, mira: User
) -> None:
    other_match = make_match(recording=match.recording)
    escalated, segment = propose(match, ana)

    decided = approve(escalated, segment, mira)

    assert (decided.state, decided.decided_by) == (MatchState.REJECTED, mira)
    assert decided.decision_reason == "shared_loop"
    assert state_of(other_match) == MatchState.SUPPRESSED
    segment.refresh_from_db()
    assert segment.approved
    event = transitions.last_event(match)
    assert event is not None
    assert (event.action, event.actor) == (ProposalVerb.APPROVE, mira)
    assert first_broken_event(case=match.case) is None

    undone = undo(match, mira)
    assert (undone.state, undone.decided_by) == (MatchState.ESCALATED, ana)
    assert state_of(other_match) == MatchState.PENDING
    segment.refresh_from_db()
    assert (segment.approved, segment.removed_at) == (False, None)
    assert selectors.proposals_behind([undone]) == {undone.pk: segment}
    decided = approve(undone, segment, mira)
    assert decided.state == MatchState.REJECTED
    assert first_broken_event(case=match.case) is None

    # Many are undone with their exclusions, too.
    outcome = deciding.bulk_decide(
        expected={decided.uid: decided.version}, user=mira, decision=Decision(Verb.UNDO)
    )
    assert [match.state for match in outcome.done] == [MatchState.ESCALATED]
    segment.refresh_from_db()
    assert not segment.approved


def test_approval_gives_back_the_match_of_which_something_is_left(
    match: Match, ana: User, mira: User
) -> None:
    escalated, segment = propose(match, ana, PART)

    approved = approve(escalated, segment, mira)

    assert (approved.state, approved.matched_ms) == (MatchState.PENDING, 10_000)
    assert (approved.decided_by, approved.decided_by_name) == (None, "")
    # The proposer does not undo the manager's answer.
    with pytest.raises(errors.NotAllowed):
        undo(match, ana)


def test_approval_elsewhere_leaves_no_match_waiting_for_an_answer(
    match: Match, ana: User, mira: User
) -> None:
    _escalated, segment = propose(match, ana, PART)
    proposals.approve(segment=segment, user=mira)
    assert state_of(match) == MatchState.PENDING

    # From another match of the recording.
    escalated_match = make_match()
    other_match = make_match(recording=escalated_match.recording)
    _escalated, segment = propose(escalated_match, ana, PART)
    approved = approve(other_match, segment, mira)
    assert (approved.state, approved.matched_ms) == (MatchState.PENDING, 10_000)
    assert state_of(escalated_match) == MatchState.PENDING


def test_refusal_gives_the_match_back_and_says_why(match: Match, ana: User, mira: User) -> None:
    escalated, segment = propose(match, ana)
    with pytest.raises(errors.ReasonMissing):
        proposals.refuse_from_match(
            match=escalated, segment=segment, user=mira, version=escalated.version, note="  "
        )
    assert state_of(match) == MatchState.ESCALATED

    back = refuse(escalated, segment, mira)

    assert (back.state, back.note) == (MatchState.PENDING, "it is our own melody")
    assert back.queue_reason == "default"
    assert back.excluded_ms == 0
    segment.refresh_from_db()
    assert (segment.approved, segment.removed_at is None) == (False, False)
    event = Event.objects.filter(case=match.case).order_by("-sequence").first()
    assert event is not None
    assert (event.action, event.actor) == (ProposalVerb.REFUSE, mira)
    assert event.after["span"] == list(WHOLE)

    # Its undo proposes again.
    undone = undo(match, mira)
    assert (undone.state, undone.decided_by) == (MatchState.ESCALATED, ana)
    segment.refresh_from_db()
    assert segment.removed_at is None
    assert selectors.proposals_behind([undone]) == {undone.pk: segment}
    back = refuse(undone, segment, mira)
    assert deciding.confirm(match=back, user=ana)


def test_other_managers_answer_alone(match: Match, ana: User, mira: User) -> None:
    escalated, segment = propose(match, ana)
    for user in (ana, make_user(Role.REVIEWER), make_user(Role.VIEWER)):
        for answer in (approve, refuse):
            with pytest.raises(errors.NotAllowed):
                answer(escalated, segment, user)
    assert state_of(match) == MatchState.ESCALATED

    # Nor does who proposed it, even as a manager.
    match = make_match()
    segment = exclusions.propose(
        recording=match.recording, interval=WHOLE, reason="ident", user=mira
    )
    for answer in (approve, refuse):
        with pytest.raises(errors.NotAllowed, match="You proposed this exclusion"):
            answer(match, segment, mira)
    with pytest.raises(errors.NotAllowed, match="You proposed this exclusion"):
        exclusions.approve(segment=segment, user=mira)
    assert state_of(match) == MatchState.PENDING


def test_proposal_is_answered_once(ana: User, mira: User) -> None:
    for first in (approve, refuse):
        escalated, segment = propose(make_match(), ana, PART)
        answered = first(escalated, segment, mira)
        events = Event.objects.count()

        for then in (approve, refuse):
            with pytest.raises(errors.NotPossible):
                then(answered, segment, mira)

        assert Event.objects.count() == events


def test_stale_page_answers_nothing(match: Match, ana: User, mira: User) -> None:
    escalated, segment = propose(match, ana)
    pia = make_user(Role.MANAGER, username="pia")
    deciding.confirm(match=match, user=pia, version=escalated.version)

    with pytest.raises(errors.StaleMatch, match="Changed by pia"):
        approve(escalated, segment, mira)

    segment.refresh_from_db()
    assert not segment.approved


def test_foreign_lock_and_foreign_recording_answer_nothing(
    match: Match, ana: User, mira: User
) -> None:
    other_match = make_match(recording=match.recording)
    elsewhere = make_match()
    _escalated, segment = propose(match, ana)
    held = locks.take_lock(match=other_match, user=ana)

    with pytest.raises(errors.MatchLocked):
        approve(held, segment, mira)
    with pytest.raises(errors.NotPossible):
        approve(elsewhere, segment, mira)


def test_matches_show_the_proposals_that_concern_them(match: Match, ana: User) -> None:
    escalated, segment = propose(match, ana)
    same_part = make_match(recording=match.recording)
    other_part = make_match((0, 9_000, 60_000, 69_000), recording=match.recording)

    def proposals_of(match: Match) -> list[Exclusion]:
        excluded = excluded_segments(match.recording)
        segments = selectors.with_segments([match])[0].segments
        return selectors.proposals_touching(match, segments, excluded)

    assert proposals_of(escalated) == proposals_of(same_part) == [segment]
    assert proposals_of(other_part) == []
    assert selectors.proposals_behind([escalated, same_part]) == {escalated.pk: segment}


def test_a_match_that_a_rescan_carries_on_still_waits_for_the_answer(ana: User, mira: User) -> None:
    for answer in ("approved", "refused", "after an undo"):
        match = make_match()
        _escalated, segment = propose(match, ana, PART)
        for _ in range(2):
            rescan(match)
        carried = match.recording.matches.get()
        assert carried.state == MatchState.ESCALATED
        if answer == "after an undo":
            deciding.confirm(match=carried, user=mira)
            undo(carried, mira)

        if answer == "refused":
            proposals.refuse(segment=segment, user=mira, note="it is our own melody")
        else:
            proposals.approve(segment=segment, user=mira)

        assert state_of(carried) == MatchState.PENDING, answer


def test_a_scan_that_differs_leaves_what_waits_for_a_manager(
    match: Match, ana: User, mira: User
) -> None:
    _escalated, segment = propose(match, ana, PART)

    rescan(match, (70_000, 110_000, 5_000, 45_000))

    assert state_of(match) == MatchState.ESCALATED
    assert list(selectors.proposals_behind([Match.objects.get()]).values()) == [segment]
    proposals.approve(segment=segment, user=mira)
    assert state_of(match) != MatchState.ESCALATED
