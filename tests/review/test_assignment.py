"""Assigning matches to people, and marking intervals as without a match."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from base.accounts.models import AccessLimit
from base.accounts.roles import Role
from base.audit.models import Event
from review import errors
from review.choices import MatchState
from review.decisions import assignment
from review.models import Match
from review.services import file_details
from scanning.choices import FileStatus
from scanning.models import ScannedFile
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.factories.scanning import ScannedFileFactory

pytestmark = pytest.mark.django_db


def test_assigning_is_an_event_and_leaves_the_version() -> None:
    ana, ben, match = make_user(Role.REVIEWER), make_user(Role.REVIEWER), make_match()

    assignment.assign(match=match, user=ana, assignee=ben, note=" You know this. ")

    match.refresh_from_db()
    event = Event.objects.get(case=match.case, action="assign")
    assert (match.assignee, match.version, match.state) == (ben, 1, MatchState.PENDING)
    assert event.before == {"assignee": ""}
    assert event.after == {"assignee": ben.get_username()}
    assert event.note == "You know this."


def test_assigning_to_whom_it_is_assigned_tells_nothing_new() -> None:
    ana, match = make_user(Role.REVIEWER), make_match()
    for _ in range(2):
        assignment.assign(match=match, user=ana, assignee=ana)

    assert Event.objects.filter(case=match.case, action="assign").count() == 1

    taken = assignment.assign(match=match, user=ana, assignee=None)
    assert taken.assignee is None


def test_only_people_who_decide_assign_and_are_assigned() -> None:
    viewer, ana, match = make_user(Role.VIEWER), make_user(Role.REVIEWER), make_match()
    for user, assignee in ((ana, viewer), (viewer, ana)):
        with pytest.raises(errors.NotAllowed):
            assignment.assign(match=match, user=user, assignee=assignee)


def test_a_match_is_assigned_to_a_person_who_sees_it() -> None:
    manager, seen, hidden = make_user(Role.MANAGER), make_match(), make_match()
    ana = make_user(Role.REVIEWER, username="ana")
    group = Group.objects.create(name="Desk")
    AccessLimit.objects.create(group=group, containers=[seen.scanned_file.container_id])
    ana.groups.add(group)

    with pytest.raises(errors.NotPossible, match="ana may not see this match"):
        assignment.assign(match=hidden, user=manager, assignee=ana)
    outcome = assignment.bulk_assign(uids=[seen.uid, hidden.uid], user=manager, assignee=ana)

    assert outcome.done == [seen]
    assert [refusal.match for refusal in outcome.refused] == [hidden]


def test_many_are_assigned_and_the_refused_are_named() -> None:
    ana, waiting, decided = make_user(Role.REVIEWER), make_match(), make_match()
    deciding.confirm(match=decided, user=ana, version=1)
    with pytest.raises(errors.NotPossible, match="confirmed"):
        assignment.assign(match=decided, user=ana, assignee=ana)
    many = [waiting.uid, *(f"m_{number}" for number in range(50))]
    with pytest.raises(errors.BulkLimit):
        assignment.bulk_assign(uids=many, user=ana, assignee=ana)
    assert not Match.objects.filter(assignee=ana).exists()

    outcome = assignment.bulk_assign(uids=[waiting.uid, decided.uid], user=ana, assignee=ana)

    assert outcome.done == [waiting]
    assert [(refusal.match, refusal.error.code) for refusal in outcome.refused] == [
        (decided, "not_possible")
    ]
    assert Match.objects.get(pk=waiting.pk).assignee == ana


def test_a_decision_can_be_undone_though_the_match_was_assigned_again() -> None:
    ana, manager = make_user(Role.REVIEWER), make_user(Role.MANAGER)
    match = make_match()
    escalated = deciding.escalate(match=match, user=ana, version=1, note="Ours?")
    assignment.assign(match=escalated, user=ana, assignee=manager)

    back = deciding.undo(match=match, user=ana, version=2)

    assert (back.state, back.assignee) == (MatchState.PENDING, manager)


def test_a_file_without_a_match_is_marked_as_expected_and_back() -> None:
    ana = make_user(Role.REVIEWER)
    file = ScannedFileFactory.create(status=FileStatus.NO_MATCH)
    with pytest.raises(errors.NotAllowed):
        file_details.mark_expected(scanned_file=file, user=make_user(Role.VIEWER))

    file_details.mark_expected(scanned_file=file, user=ana, note="Speech only")
    file_details.mark_expected(scanned_file=file, user=ana)

    assert ScannedFile.objects.get().no_match_expected
    events = Event.objects.filter(case=f"file:{file.uid}")
    assert [(event.action, event.note) for event in events] == [("expected", "Speech only")]
    file_details.mark_expected(scanned_file=file, user=ana, expected=False)
    assert not ScannedFile.objects.get().no_match_expected
    assert events.all().count() == 2
    # A file with matches cannot be marked.
    with pytest.raises(errors.NotPossible):
        file_details.mark_expected(scanned_file=ScannedFileFactory.create(), user=ana)
