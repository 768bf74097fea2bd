"""Undoing what a policy or licence was applied to."""

from __future__ import annotations

import pytest

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from review import errors
from review.choices import MatchState, OnExpiry, PolicyAction, Verb
from review.decisions import assignment
from review.decisions.decide import decide_one
from review.decisions.verbs import Decision
from review.models import Licence, Match, Policy
from review.services import applications, licences, policies, transitions
from review.services.licences import Reach
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.factories.rules import make_licence, make_policy

pytestmark = pytest.mark.django_db


def confirm(match: Match, user: User) -> None:
    decide_one(match=match, version=match.version, decision=Decision(Verb.CONFIRM), user=user)


def row(match: Match) -> dict[str, object]:
    match.refresh_from_db()
    names = ("state", "queue_reason", "policy_name", "priority", "assignee_id")
    texts = ("licence_id", "due_at", "decided_by_name", "proposed", "needs_approval")
    return {name: getattr(match, name) for name in (*names, *texts)}


def undo(rule: Licence | Policy, user: User) -> applications.UndoneApplication:
    newest = applications.applications(rule)[0]
    return applications.undo(rule=rule, act=newest.act, user=user)


def test_matches_are_as_before_the_policy(manager: User) -> None:
    ben = make_user(Role.REVIEWER)
    first, second = make_match(), make_match()
    Match.objects.filter(pk=second.pk).update(priority=4, assignee=ben)
    before = [row(first), row(second)]
    rule = make_policy(action=PolicyAction.ESCALATE, priority=7, due_days=2)
    Policy.objects.filter(pk=rule.pk).update(assignee=manager)
    assert policies.apply(policy=rule, user=manager) == 2
    assert row(second)["priority"] == 7
    with pytest.raises(errors.NotAllowed):
        undo(rule, ben)

    outcome = undo(rule, manager)

    assert (outcome.taken_back, outcome.untouched) == (2, [])
    assert [row(first), row(second)] == before
    # Each match and the act have one event, and the act is undone once.
    undone = Event.objects.filter(action="application_undone", actor=manager)
    for match in (first, second):
        assert undone.filter(case=match.case).count() == 1
    act = Event.objects.get(case=rule.case, action="application.undone")
    assert act.after["taken_back"] == 2
    with pytest.raises(errors.NotPossible):
        undo(rule, manager)
    with pytest.raises(errors.NothingToUndo):
        applications.undo(rule=rule, act="a_unknown", user=manager)


def test_what_people_decided_wrote_and_chose_since_stays(manager: User) -> None:
    ben = make_user(Role.REVIEWER)
    decided, waiting, noted = make_match(), make_match(), make_match()
    rule = make_policy(action=PolicyAction.REVIEW, priority=3)
    Policy.objects.filter(pk=rule.pk).update(assignee=manager)
    policies.apply(policy=rule, user=manager)
    decided.refresh_from_db()
    confirm(decided, make_user(Role.REVIEWER, username="ana"))
    transitions.add_note(match=noted, user=ben, note="Ask the station.")
    assignment.bulk_assign(uids=[noted.uid], user=manager, assignee=ben)

    outcome = undo(rule, manager)

    assert [(left_alone.match, left_alone.why) for left_alone in outcome.untouched] == [
        (decided, "ana has changed it since.")
    ]
    assert outcome.taken_back == 2
    assert row(decided)["state"] == MatchState.CONFIRMED
    for match in (waiting, noted):
        assert (row(match)["policy_name"], row(match)["priority"]) == ("", 0)
    assert (noted.note, noted.assignee) == ("Ask the station.", ben)


def test_a_suppressed_match_comes_back_in_one_step(manager: User) -> None:
    match = make_match()
    rule = make_policy(action=PolicyAction.SUPPRESS)
    policies.apply(policy=rule, user=manager)
    suppressed = row(match)
    policies.switch(policy=rule, user=manager, enabled=False)
    policies.apply(policy=rule, user=manager)
    assert row(match)["state"] == MatchState.PENDING

    undo(rule, manager)

    assert row(match) == suppressed


def test_a_licence_is_a_draft_again_and_decisions_return(manager: User) -> None:
    """Whatever it says about its end: undone, it counts as never granted."""
    waiting, confirmed = make_match(), make_match()
    confirm(confirmed, make_user(Role.REVIEWER, username="ana"))
    licence = make_licence(
        recordings=[waiting.recording, confirmed.recording], in_force=False, on_expiry=OnExpiry.KEEP
    )
    cleared = licences.apply(licence=licence, user=manager, reach=Reach.ALL, chosen={confirmed.uid})
    later = make_match(recording=waiting.recording)
    assert (cleared, later.state) == (2, MatchState.CLEARED)

    undo(licence, manager)

    assert row(confirmed)["state"] == MatchState.CONFIRMED
    assert row(confirmed)["decided_by_name"] == "ana"
    for match in (waiting, later):
        assert row(match)["state"] == MatchState.PENDING
        assert row(match)["licence_id"] is None
    licence.refresh_from_db()
    assert not licence.active


def test_applying_the_same_version_again_changes_nothing(manager: User) -> None:
    match = make_match()
    rule = make_policy(action=PolicyAction.REVIEW, priority=3)
    assert policies.dry_run(policy=rule).waiting_count == 1
    assert policies.apply(policy=rule, user=manager) == 1
    match.refresh_from_db()
    version = match.version

    assert policies.dry_run(policy=rule).waiting_count == 0
    assert policies.apply(policy=rule, user=manager) == 0
    match.refresh_from_db()
    assert match.version == version
