"""Second approval: who proposed a decision, and who may approve it."""

from __future__ import annotations

from typing import Any  # columns of any type, passed on by name

import pytest

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from review import errors, selectors
from review.choices import MatchState, PolicyAction, QueueReason
from review.decisions.decide import allowed_verbs
from review.models import Match, Policy
from review.services import exclusions, policies
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_policy
from tests.factories.scanning import ScanFactory

pytestmark = pytest.mark.django_db


def state_of(match: Match) -> str:
    return Match.objects.values_list("state", flat=True).get(pk=match.pk)


def test_confirmation_under_second_approval_waits_for_another_manager(
    reviewer: User, manager: User
) -> None:
    make_policy(second_approval=True, user=manager)
    match, own = make_match(), make_match()

    proposed = deciding.confirm(match=match, user=reviewer, version=1)

    assert (proposed.state, proposed.proposed) == (MatchState.ESCALATED, "confirm")
    assert proposed.queue_reason == QueueReason.SECOND_APPROVAL
    # Who made it can undo it.
    undone = deciding.undo(match=match, user=reviewer, version=proposed.version)
    assert (undone.state, undone.proposed) == (MatchState.PENDING, "")
    proposed = deciding.confirm(match=match, user=reviewer, version=undone.version)
    approved = deciding.confirm(match=match, user=manager, version=proposed.version)
    assert (approved.state, approved.proposed) == (MatchState.CONFIRMED, "")
    assert approved.decided_by == manager

    # Nobody approves an own proposal.
    proposed = deciding.confirm(match=own, user=manager, version=1)
    with pytest.raises(errors.NotAllowed):
        deciding.confirm(match=own, user=manager, version=proposed.version)


def test_setting_lets_the_only_manager_approve_and_says_so(
    settings: Any,  # Any: the fixture of pytest-django
    manager: User,
) -> None:
    settings.ACRPORTAL_APPROVE_OWN = True
    recordings = RecordingFactory.create_batch(2)
    buckets = [str(recording.bucket_id) for recording in recordings]
    make_policy(second_approval=True, user=manager, sets={"buckets": buckets})
    make_policy(action=PolicyAction.CONFIRM, second_approval=True, user=manager)
    match, other_match = (
        deciding.confirm(match=make_match(recording=recording), user=manager, version=1)
        for recording in recordings
    )

    for proposed in (match, make_match()):
        assert proposed.state == MatchState.ESCALATED
        deciding.confirm(match=proposed, user=manager)
        assert state_of(proposed) == MatchState.CONFIRMED
        event = Event.objects.filter(case=proposed.case).latest("sequence")
        assert event.after["own_proposal"] is True

    make_user(Role.ADMIN)
    with pytest.raises(errors.NotAllowed):
        deciding.confirm(match=other_match, user=manager)


def test_who_wrote_a_policy_is_no_second_person_for_what_it_proposes(manager: User) -> None:
    make_policy(action=PolicyAction.CONFIRM, second_approval=True, user=manager)
    match = make_match()
    assert (match.state, match.proposed) == (MatchState.ESCALATED, "confirm")
    assert (match.decided_by_name, match.proposed_by) == ("", manager)

    with pytest.raises(errors.NotAllowed, match="you applied or wrote it"):
        deciding.confirm(match=match, user=manager)

    assert allowed_verbs(match=match, user=manager) == {}
    assert not Match.objects.filter(selectors.open_to(manager)).exists()
    other_user = make_user(Role.MANAGER)
    assert Match.objects.filter(selectors.open_to(other_user)).get() == match
    approved = deciding.confirm(match=match, user=other_user)
    assert approved.state == MatchState.CONFIRMED
    assert (approved.decided_by, approved.proposed_by) == (other_user, None)


def test_who_applied_a_policy_is_no_second_person_for_what_it_proposes(manager: User) -> None:
    match = make_match()
    author = make_user(Role.MANAGER)
    policy = make_policy(action=PolicyAction.CONFIRM, second_approval=True, user=author)
    policies.apply(policy=policy, user=manager)
    match.refresh_from_db()
    assert match.proposed_by == manager

    with pytest.raises(errors.NotAllowed):
        deciding.confirm(match=match, user=manager)

    deciding.confirm(match=match, user=author)
    assert state_of(match) == MatchState.CONFIRMED


def test_who_words_a_policy_anew_proposes_what_it_then_does(manager: User) -> None:
    policy = make_policy(action=PolicyAction.CONFIRM, second_approval=True)
    policies.save(policy=policy, user=manager)
    assert policy.changed_by != manager
    policy.priority = 5

    policies.save(policy=policy, user=manager)

    assert make_match().proposed_by == manager


def test_undoing_an_approval_and_a_rescan_keep_who_proposed(manager: User) -> None:
    make_policy(action=PolicyAction.CONFIRM, second_approval=True, user=manager)
    match, other_user = make_match(), make_user(Role.MANAGER)
    approved = deciding.confirm(match=match, user=other_user)

    undone = deciding.undo(match=match, user=other_user, version=approved.version)

    assert (undone.state, undone.proposed_by) == (MatchState.ESCALATED, manager)
    with pytest.raises(errors.NotAllowed):
        deciding.confirm(match=match, user=manager, version=undone.version)

    Policy.objects.update(changed_by=None)
    scan = ScanFactory.create(scanned_file=match.scanned_file)
    again = make_match(scan=scan, recording=match.recording)
    assert (again.state, again.proposed_by) == (MatchState.ESCALATED, manager)


def test_what_a_rule_suppresses_names_nobody_who_escalated_it(
    manager: User, reviewer: User
) -> None:
    excluded, ruled = make_match(), make_match()
    for match in (excluded, ruled):
        deciding.escalate(match=match, user=reviewer, version=1, note="Ours?")
    exclusions.exclude(
        recording=excluded.recording, interval=(0, 180_000), reason="shared_loop", user=manager
    )

    policy = make_policy(action=PolicyAction.SUPPRESS)
    policies.apply(policy=policy, user=manager)

    for match in (excluded, ruled):
        match.refresh_from_db()
        assert match.state == MatchState.SUPPRESSED
        assert (match.decided_by, match.proposed_by) == (None, None)
        assert match.decided_by_name == ""
