"""What licences and policies read changes while matches wait or are decided."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from catalogue.changes import move_recordings, retire_recordings, update_recording
from catalogue.models import Bucket, Exclusion, ExclusionReason, Recording
from review import errors, labels
from review.choices import LicenceScope, MatchState, OnExpiry, PolicyAction, QueueReason
from review.models import Licence, Match, Policy
from review.services import (
    applications,
    exclusions,
    file_details,
    licences,
    locks,
    policies,
    transitions,
)
from review.services.folding import fold_scan
from scanning.models import RetroSearch, ScannedFile
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_licence, make_policy
from tests.factories.scanning import ScanFactory, make_detection

pytestmark = pytest.mark.django_db

TWENTY_SECONDS = (70_000, 90_000, 5_000, 25_000)


def fresh(match: Match) -> Match:
    return Match.objects.get(pk=match.pk)


def move(match: Match, target: Bucket, user: User) -> None:
    move_recordings(recordings=[match.recording], target=target, user=user)


def relabel(match: Match, label: str, user: User) -> None:
    update_recording(recording=match.recording, columns={"label": label}, user=user)


def say(match: Match, user: User, *tags: str, programme: str = "") -> None:
    """Change the territories, tags and programme of the match's file."""
    file = ScannedFile.objects.get(pk=match.scanned_file_id)
    details = {"tags": list(tags)} | ({"programme": programme} if programme else {})
    file_details.change(scanned_file=file, details=details, user=user)


def changed_grounds(match: Match) -> list[str]:
    events = Event.objects.filter(case=match.case, action="ground_changed")
    return [labels.done(event) for event in events]


def applied_policy(
    user: User,
    **terms: Any,  # Any: the columns of a policy have different types
) -> Policy:
    policy = make_policy(**terms)
    policies.apply(policy=policy, user=user)
    return policy


def applied_licence(
    user: User,
    **terms: Any,  # Any: as above
) -> Licence:
    licence = make_licence(**terms)
    licences.apply(licence=licence, user=user, reach=licences.Reach.ALL)
    return licence


def undo_application(rule: Policy | Licence, user: User) -> applications.UndoneApplication:
    act = applications.applications(rule)[0].act
    return applications.undo(rule=rule, act=act, user=user)


def exclude(
    match: Match, user: User, interval: tuple[int, int] = (0, 60_000), *chosen: str
) -> Exclusion:
    return exclusions.exclude(
        recording=match.recording,
        interval=interval,
        reason=ExclusionReason.SILENCE,
        user=user,
        chosen=chosen,
    )


# Recordings that move, or get another label


def test_recordings_that_leave_a_licence_give_their_matches_back(manager: User) -> None:
    """Only its end leaves uses in its period cleared, not narrower terms."""
    stays_cleared, stays_decided, taken, named = (make_match() for _ in range(4))
    target = BucketFactory.create()
    relabel(named, "Roads", manager)
    other_licence = make_licence(buckets=[target])
    for licence in (
        make_licence(buckets=[stays_cleared.recording.bucket, taken.recording.bucket]),
        make_licence(buckets=[stays_decided.recording.bucket], on_expiry=OnExpiry.KEEP),
        make_licence(scope=LicenceScope.LABEL, labels=["roads"]),
    ):
        licences.apply(licence=licence, user=manager, reach=licences.Reach.ALL)
    matches = (stays_cleared, stays_decided, taken, named)
    assert {fresh(match).state for match in matches} == {MatchState.CLEARED}

    for match in (stays_cleared, stays_decided):
        move(match, BucketFactory.create(), manager)
    relabel(named, "Other", manager)

    for match in (stays_cleared, stays_decided, named):
        now = fresh(match)
        assert (now.state, now.licence) == (MatchState.PENDING, None)
        assert now.queue_reason == QueueReason.LICENCE_ENDED
    # A licence of the new bucket keeps a match cleared.
    move(taken, target, manager)
    now = fresh(taken)
    assert (now.state, now.licence) == (MatchState.CLEARED, other_licence)


def test_the_preview_of_a_licence_offers_matches_that_come_under_it(
    manager: User, reviewer: User
) -> None:
    """As when its terms are widened, nothing is cleared without being asked."""
    target = BucketFactory.create()
    of_bucket = make_licence(buckets=[target])
    of_label = make_licence(scope=LicenceScope.LABEL, labels=["Roads"])
    for licence in (of_bucket, of_label):
        waiting, claimed = make_match(), make_match()
        deciding.confirm(match=claimed, user=reviewer)
        for match in (waiting, claimed):
            if licence == of_bucket:
                move(match, target, manager)
            else:
                relabel(match, "Roads", manager)

        assert fresh(waiting).state == MatchState.PENDING
        assert fresh(claimed).state == MatchState.CONFIRMED
        seen = licences.preview(licence=licence)
        assert (seen.clearing, seen.offered) == ([waiting], [claimed])
        assert len(changed_grounds(claimed)) == 1
        assert licence.number in changed_grounds(claimed)[0]
        assert changed_grounds(waiting) == []


def test_a_policy_follows_a_recording_that_moves(manager: User) -> None:
    home = BucketFactory.create()
    for action, state in (
        (PolicyAction.REVIEW, MatchState.PENDING),
        (PolicyAction.ESCALATE, MatchState.ESCALATED),
        (PolicyAction.SUPPRESS, MatchState.SUPPRESSED),
        (PolicyAction.CONFIRM, MatchState.CONFIRMED),
    ):
        desk, match = BucketFactory.create(), make_match(recording__bucket=home)
        sets = {"buckets": [str(desk.pk)]}
        policy = make_policy(action=action, sets=sets, priority=4)

        move(match, desk, manager)
        there = fresh(match)
        match.recording.refresh_from_db()
        move(match, home, manager)
        back = fresh(match)

        assert (there.state, there.policy, there.priority) == (state, policy, 4)
        assert (back.state, back.policy, back.priority) == (MatchState.PENDING, None, 0)
        assert back.decided_by_name == ""


def test_what_people_decided_stays_where_its_policy_went(manager: User, reviewer: User) -> None:
    claimed, raised = make_match(), make_match()
    target = BucketFactory.create()
    make_policy(action=PolicyAction.SUPPRESS, sets={"buckets": [str(target.pk)]})
    deciding.confirm(match=claimed, user=reviewer)
    deciding.escalate(match=raised, user=reviewer, note="Look here.")

    for match in (claimed, raised):
        move(match, target, manager)

    assert fresh(claimed).state == MatchState.CONFIRMED
    assert fresh(raised).state == MatchState.ESCALATED
    assert len(changed_grounds(claimed)) == len(changed_grounds(raised)) == 1
    # The last change is still the person's, who may undo it.
    deciding.undo(match=claimed, user=reviewer)
    assert fresh(claimed).state == MatchState.SUPPRESSED


# Details of files


def test_a_match_in_review_gets_its_new_policy_or_licence(manager: User, reviewer: User) -> None:
    match, licensed = make_match(), make_match()
    make_policy(action=PolicyAction.REVIEW, sets={"territories": ["FR"]}, second_approval=True)
    make_licence(recordings=[licensed.recording], territories=["FR"])
    for row in (match, licensed):
        held = locks.take_lock(match=row, user=reviewer)

        say(row, manager, "territory:FR")

        with pytest.raises(errors.StaleMatch, match="mia"):
            deciding.confirm(match=row, user=reviewer, version=held.version)

    # Under the policy it keeps its reviewer; the licence clears it.
    now = fresh(match)
    assert (now.state, now.locked_by) == (MatchState.IN_REVIEW, reviewer)
    deciding.confirm(match=match, user=reviewer, version=now.version)
    assert fresh(match).queue_reason == QueueReason.SECOND_APPROVAL
    now = fresh(licensed)
    assert (now.state, now.locked_by) == (MatchState.CLEARED, None)


def test_what_only_a_policy_decided_is_evaluated_again(manager: User) -> None:
    for code, action in (
        ("ES", PolicyAction.ESCALATE),
        ("IT", PolicyAction.SUPPRESS),
        ("FR", PolicyAction.CONFIRM),
    ):
        match = make_match()
        make_policy(name=f"In {code}", action=action, sets={"territories": [code]})
        say(match, manager, f"territory:{code}")
        assert fresh(match).state != MatchState.PENDING

        say(match, manager, "territory:DE")

        now = fresh(match)
        assert (now.state, now.policy) == (MatchState.PENDING, None)
        assert (now.policy_name, now.decided_at) == ("", None)

    # A match that a policy confirmed says so in plain words.
    event = Event.objects.get(case=match.case, action="policy_ended")
    assert (event.before["state"], event.after["state"]) == ("confirmed", "pending")
    assert labels.done(event) == "returned it to the queue: no policy confirms it now"
    assert (event.actor, event.note) == (manager, "In FR v1")


def test_a_tag_that_no_rule_reads_changes_no_match(manager: User, reviewer: User) -> None:
    decided, suppressed = make_match(), make_match()
    make_policy(action=PolicyAction.SUPPRESS, sets={"territories": ["FR"]})
    deciding.confirm(match=decided, user=reviewer)
    say(suppressed, manager, "territory:FR")
    before = [fresh(decided), fresh(suppressed)]

    say(decided, manager, "news")
    say(suppressed, manager, "territory:FR", "news")

    assert [match.version for match in before] == [fresh(match).version for match in before]
    assert changed_grounds(decided) == []


def test_other_details_do_not_suppress_what_lies_below_a_raised_floor(manager: User) -> None:
    """Raising a floor suppresses no match that waits, so nothing else may."""
    match = make_match(score=Decimal("60.0"))
    container = match.scanned_file.container
    type(container).objects.filter(pk=container.pk).update(score_floor=80)

    say(match, manager, "territory:FR", programme="News")

    assert fresh(match).state == MatchState.PENDING


def test_details_keep_why_a_match_waits_again(manager: User, reviewer: User) -> None:
    match = make_match()
    policy = make_policy(sets={"territories": ["FR"]})
    deciding.reject(match=match, user=reviewer, reason="noise")
    deciding.reopen(match=match, user=manager, reason="Listen again.")

    say(match, manager, "territory:FR")

    now = fresh(match)
    assert (now.policy, now.queue_reason) == (policy, QueueReason.REOPENED)


def test_a_rescan_clears_nothing_that_a_person_reopened(manager: User, reviewer: User) -> None:
    match = make_match()
    deciding.reject(match=match, user=reviewer, reason="noise")
    make_licence(recordings=[match.recording])
    deciding.reopen(match=match, user=manager, reason="Listen again.")
    scan = ScanFactory.create(scanned_file=match.scanned_file)
    make_detection((0, 60_000, 0, 60_000), scan=scan, recording=match.recording)

    fold_scan(scan=scan)

    now = Match.objects.get()
    assert (now.state, now.queue_reason) == (MatchState.PENDING, QueueReason.REOPENED)


def test_undoing_a_decision_evaluates_what_changed_meanwhile(manager: User, reviewer: User) -> None:
    match = make_match()
    licence = make_licence(recordings=[match.recording], territories=["FR"])
    deciding.confirm(match=match, user=reviewer)
    say(match, manager, "territory:FR")

    deciding.undo(match=match, user=reviewer)

    now = fresh(match)
    assert (now.state, now.licence) == (MatchState.CLEARED, licence)


# The end of a licence


def test_policies_see_what_the_end_of_a_licence_gives_back(manager: User, reviewer: User) -> None:
    """A licence comes before policies, so none has treated the match so far."""
    recording = RecordingFactory.create()
    licence = make_licence(recordings=[recording])
    policy = make_policy(second_approval=True, priority=5)
    match = make_match(recording=recording)
    assert match.state == MatchState.CLEARED

    licences.withdraw(licence=licence, user=manager, reason="It was not paid.")

    now = fresh(match)
    assert (now.state, now.queue_reason) == (MatchState.PENDING, QueueReason.LICENCE_ENDED)
    assert (now.policy, now.priority) == (policy, 5)
    deciding.confirm(match=now, user=reviewer)
    assert fresh(match).queue_reason == QueueReason.SECOND_APPROVAL


def test_no_policy_decides_what_the_end_of_a_licence_gives_back(manager: User) -> None:
    for action in (PolicyAction.CONFIRM, PolicyAction.SUPPRESS):
        recording = RecordingFactory.create()
        licence = make_licence(recordings=[recording])
        make_policy(action=action, sets={"buckets": [str(recording.bucket_id)]})
        match = make_match(recording=recording)

        licences.withdraw(licence=licence, user=manager, reason="It was not paid.")

        assert fresh(match).state == MatchState.PENDING, action


# Undo after an application was undone


def test_undoing_a_decision_does_not_bring_an_undone_escalation_back(
    manager: User, reviewer: User
) -> None:
    match = make_match()
    make_user(Role.MANAGER, username="max")
    policy = applied_policy(manager, action=PolicyAction.ESCALATE, priority=7, assignee=reviewer)
    deciding.confirm(match=match, user=manager)
    undo_application(policy, manager)

    deciding.undo(match=match, user=manager)

    now = fresh(match)
    assert (now.state, now.policy, now.policy_name) == (MatchState.PENDING, None, "")
    assert (now.priority, now.assignee) == (0, None)


def test_of_two_applications_only_the_one_that_was_undone_goes(
    manager: User, reviewer: User
) -> None:
    match = make_match()
    first = applied_policy(manager, priority=1, name="First", sets={"relations": ["excerpt"]})
    second = make_policy(priority=2, name="Second")
    policies.switch(policy=first, user=manager, enabled=False)
    policies.apply(policy=second, user=manager)
    assert fresh(match).policy == second
    deciding.confirm(match=match, user=reviewer)
    undo_application(second, manager)

    deciding.undo(match=match, user=reviewer)

    now = fresh(match)
    assert (now.policy, now.priority) == (first, 1)


def test_undoing_an_application_does_not_bring_an_earlier_undone_one_back(manager: User) -> None:
    match = make_match()
    first = applied_policy(manager, priority=1, name="First")
    policies.switch(policy=first, user=manager, enabled=False)
    second = applied_policy(manager, priority=2, name="Second")
    for policy in (first, second):
        undo_application(policy, manager)

    now = fresh(match)
    assert (now.policy, now.policy_name, now.priority) == (None, "", 0)


def test_what_people_did_since_the_application_stays_when_a_decision_is_undone(
    manager: User, reviewer: User
) -> None:
    match = make_match()
    policy = applied_policy(manager, action=PolicyAction.ESCALATE)
    deciding.reopen(match=match, user=manager, reason="Look again.")
    deciding.confirm(match=match, user=reviewer)
    undo_application(policy, manager)

    deciding.undo(match=match, user=reviewer)

    now = fresh(match)
    assert (now.state, now.queue_reason) == (MatchState.PENDING, QueueReason.REOPENED)
    assert (now.policy, now.note) == (None, "Look again.")


# Exclusions


def test_a_licence_for_short_uses_begins_and_ends_with_an_exclusion(manager: User) -> None:
    match = make_match(TWENTY_SECONDS)
    licence = make_licence(recordings=[match.recording], max_seconds=10)

    segment = exclude(match, manager, (5_000, 20_000))

    now = fresh(match)
    assert (now.state, now.licence) == (MatchState.CLEARED, licence)
    exclusions.remove(segment=segment, user=manager, reason="It is music.")
    now = fresh(match)
    assert (now.state, now.licence) == (MatchState.PENDING, None)


def test_an_exclusion_takes_a_match_from_its_reviewer(manager: User, reviewer: User) -> None:
    match = make_match(TWENTY_SECONDS)
    locks.take_lock(match=match, user=reviewer)

    segment = exclude(match, manager)

    assert fresh(match).queue_reason == QueueReason.EXCLUDED
    assert fresh(match).state == MatchState.SUPPRESSED
    exclusions.take_back(segment=segment, user=manager)
    assert (fresh(match).state, fresh(match).locked_by) == (MatchState.PENDING, None)


def test_undoing_a_decision_about_excluded_sound_does_not_ask_about_nothing(
    manager: User, reviewer: User
) -> None:
    match = make_match(TWENTY_SECONDS)
    deciding.confirm(match=match, user=reviewer)
    exclude(match, manager)

    deciding.undo(match=match, user=reviewer)

    now = fresh(match)
    assert now.state == MatchState.SUPPRESSED
    assert now.queue_reason == QueueReason.EXCLUDED


def test_undoing_an_exclusion_restores_no_licence_that_has_ended(manager: User) -> None:
    match = make_match(TWENTY_SECONDS)
    licence = applied_licence(manager, recordings=[match.recording])
    segment = exclude(match, manager, (0, 60_000), match.uid)
    assert fresh(match).state == MatchState.SUPPRESSED
    licences.withdraw(licence=licence, user=manager, reason="It was not paid.")

    exclusions.take_back(segment=segment, user=manager)

    now = fresh(match)
    assert (now.state, now.licence) == (MatchState.PENDING, None)


# Late finds


def late_find(beside: Match, recording: Recording) -> Match:
    """Find a recording in an earlier file, as a search for it does."""
    scan = ScanFactory.create(
        scanned_file=beside.scanned_file, retro_search=RetroSearch.objects.create()
    )
    make_detection((200_000, 220_000, 0, 20_000), scan=scan, recording=recording)
    fold_scan(scan=scan)
    return Match.objects.get(scan=scan)


def test_a_late_find_follows_licences_and_territories_as_they_are_now(
    manager: User, reviewer: User
) -> None:
    recording = RecordingFactory.create()
    make_licence(buckets=[recording.bucket], territories=["FR"])
    for territory, state, reason in (
        ("FR", MatchState.CLEARED, QueueReason.FOUND_LATE),
        ("DE", MatchState.PENDING, QueueReason.LICENCE_PARTIAL),
    ):
        match = make_match()
        deciding.reject(match=match, user=reviewer, version=1, reason="noise")
        say(match, manager, f"territory:{territory}")

        late = late_find(match, recording)

        assert (late.state, late.queue_reason) == (state, reason)
        assert late.found_late
        assert fresh(match).state == MatchState.REJECTED


def test_a_late_find_leaves_a_review_lock_and_goes_with_its_recording(
    manager: User, reviewer: User
) -> None:
    match, recording = make_match(), RecordingFactory.create()
    make_licence(buckets=[recording.bucket])
    held = locks.take_lock(match=match, user=reviewer)
    late = late_find(match, recording)

    move_recordings(recordings=[recording], target=BucketFactory.create(), user=manager)
    retire_recordings(recordings=[recording], user=manager)

    now = fresh(late)
    assert (now.state, now.queue_reason) == (MatchState.PENDING, QueueReason.LICENCE_ENDED)
    assert (fresh(match).locked_by, fresh(match).version) == (reviewer, held.version)
    # Retired, it is searched no more, but what was found is still decided.
    deciding.confirm(match=now, user=reviewer)
    assert fresh(late).state == MatchState.CONFIRMED


# Rescans


def test_a_late_find_keeps_the_policy_for_late_finds_after_a_rescan(
    manager: User, reviewer: User
) -> None:
    late = make_match()
    Match.objects.filter(pk=late.pk).update(found_late=True)
    policy = applied_policy(manager, flags={"found_late": True}, second_approval=True)

    now = rescan(late)

    assert (now.found_late, now.policy, now.needs_approval) == (True, policy, True)
    deciding.confirm(match=now, user=reviewer)
    assert fresh(now).state == MatchState.ESCALATED


def rescan(match: Match, score: str = "87.5") -> Match:
    """Scan the match's file again; return the match that follows."""
    scan = ScanFactory.create(scanned_file=match.scanned_file)
    make_detection(TWENTY_SECONDS, scan=scan, recording=match.recording, score=Decimal(score))
    fold_scan(scan=scan)
    return Match.objects.get(scan=scan)


def test_a_rescan_extends_no_deadline_and_takes_a_match_from_nobody(
    manager: User, reviewer: User
) -> None:
    due = datetime.now(tz=UTC) + timedelta(days=1)
    for action in (PolicyAction.REVIEW, PolicyAction.ESCALATE):
        match = make_match(TWENTY_SECONDS)
        sets = {"buckets": [str(match.recording.bucket_id)]}
        policy = applied_policy(
            manager, action=action, sets=sets, priority=5, due_days=3, assignee=manager
        )
        Match.objects.filter(pk=match.pk).update(due_at=due, assignee=reviewer)

        now = rescan(match)

        assert (now.policy, now.priority) == (policy, 5)
        assert (now.due_at, now.assignee) == (due, reviewer)


def test_a_carried_escalation_keeps_its_priority_where_its_policy_is_off(
    manager: User, reviewer: User
) -> None:
    match = make_match(TWENTY_SECONDS)
    policy = applied_policy(manager, action=PolicyAction.ESCALATE, priority=5, assignee=reviewer)
    policies.switch(policy=policy, user=manager, enabled=False)
    make_policy(name="Other", priority=1, assignee=manager)

    now = rescan(match)

    assert (now.policy, now.priority, now.assignee) == (policy, 5, reviewer)


def test_a_rescan_under_another_version_of_the_policy_treats_the_match_anew(
    manager: User, reviewer: User
) -> None:
    match = make_match(TWENTY_SECONDS)
    policy = applied_policy(manager, due_days=3, assignee=manager)
    Match.objects.filter(pk=match.pk).update(due_at=None, assignee=reviewer)
    policy.priority = 8
    policies.save(policy=policy, user=manager)

    now = rescan(match)

    assert (now.policy_name, now.priority) == (str(policy), 8)
    assert (now.due_at is not None, now.assignee) == (True, manager)


def test_a_rescan_carries_what_a_policy_alone_decided_only_while_the_policy_fits(
    manager: User, reviewer: User
) -> None:
    for action, by_person, score, state in (
        (PolicyAction.CONFIRM, False, "70", MatchState.PENDING),
        (PolicyAction.CONFIRM, False, "85", MatchState.CONFIRMED),
        (PolicyAction.CONFIRM, True, "70", MatchState.CONFIRMED),
        (PolicyAction.ESCALATE, False, "70", MatchState.PENDING),
    ):
        match = make_match(TWENTY_SECONDS, score=Decimal("90"))
        sets = {"buckets": [str(match.recording.bucket_id)]}
        policy = make_policy(action=action, sets=sets, ranges={"score": ("80", None)})
        if by_person:
            deciding.confirm(match=match, user=reviewer)
        else:
            policies.apply(policy=policy, user=manager)
            assert fresh(match).state != MatchState.PENDING

        now = rescan(match, score)

        assert now.state == state, (action, by_person, score)
        if state == MatchState.PENDING:
            assert now.queue_reason == QueueReason.RESCAN_CHANGED


def test_a_rescan_carries_a_policys_confirmation_where_the_policy_is_off(manager: User) -> None:
    match = make_match(TWENTY_SECONDS)
    policy = applied_policy(manager, action=PolicyAction.CONFIRM)
    policies.switch(policy=policy, user=manager, enabled=False)

    assert rescan(match).state == MatchState.CONFIRMED


def test_a_rescan_carries_no_licence_for_shorter_uses_over(manager: User) -> None:
    match = make_match(TWENTY_SECONDS)
    applied_licence(manager, recordings=[match.recording], max_seconds=20)
    scan = ScanFactory.create(scanned_file=match.scanned_file)
    make_detection((70_000, 93_000, 5_000, 28_000), scan=scan, recording=match.recording)

    fold_scan(scan=scan)

    now = Match.objects.get()
    assert (now.state, now.licence) == (MatchState.PENDING, None)
    assert now.queue_reason == QueueReason.LICENCE_ENDED


def test_only_the_end_of_its_policy_moves_a_confirmed_match_back(reviewer: User) -> None:
    match = make_match(state=MatchState.CONFIRMED)
    change = transitions.Change("rule_applied", MatchState.PENDING)

    with pytest.raises(errors.NotPossible, match="cannot become pending"):
        transitions.apply(current=match, change=change, actor=reviewer)


# Facts that change while rules say the same


def confirmed_by_a_policy(user: User) -> Match:
    """Return a match that a policy for uses in France confirmed."""
    match = make_match()
    say(match, user, "territory:FR")
    policy = make_policy(
        name="French uses", action=PolicyAction.CONFIRM, sets={"territories": ["FR"]}
    )
    policies.apply(policy=policy, user=user)
    return fresh(match)


def test_undoing_an_applied_licence_evaluates_what_changed_meanwhile(manager: User) -> None:
    """The licence covered the use before and after, so no event says that it changed."""
    match = confirmed_by_a_policy(manager)
    licence = make_licence(recordings=[match.recording], in_force=False)
    licences.apply(licence=licence, user=manager, reach=licences.Reach.ALL, chosen=[match.uid])
    say(match, manager, "territory:DE")
    assert fresh(match).state == MatchState.CLEARED

    undone = undo_application(licence, manager)

    now = fresh(match)
    assert (undone.taken_back, now.state, now.policy) == (1, MatchState.PENDING, None)


def test_undoing_an_applied_policy_evaluates_recordings_that_changed(manager: User) -> None:
    for how in ("bucket", "label"):
        match = make_match()
        sets = {"buckets": [str(match.recording.bucket_id)], "labels": [""]}
        first = applied_policy(
            manager, name=f"First {how}", action=PolicyAction.ESCALATE, sets=sets
        )
        policies.switch(policy=first, user=manager, enabled=False)
        second = applied_policy(manager, name=f"Second {how}", action=PolicyAction.SUPPRESS)
        assert fresh(match).state == MatchState.SUPPRESSED
        if how == "bucket":
            move(match, BucketFactory.create(), manager)
        else:
            relabel(match, "Roads", manager)
        policies.switch(policy=second, user=manager, enabled=False)

        undo_application(second, manager)

        now = fresh(match)
        assert (now.state, now.policy_name) == (MatchState.PENDING, ""), how


def test_undoing_an_applied_policy_that_is_on_lets_it_act_where_facts_changed(
    manager: User,
) -> None:
    """As if the application had been undone before the change."""
    changed, same = make_match(), make_match()
    policy = applied_policy(manager, action=PolicyAction.ESCALATE)
    say(changed, manager, "territory:FR")
    say(same, manager, "news")

    undo_application(policy, manager)

    assert fresh(changed).state == MatchState.ESCALATED
    assert (fresh(same).state, fresh(same).policy) == (MatchState.PENDING, None)


def test_undoing_an_application_evaluates_what_exclusions_changed(manager: User) -> None:
    match = make_match(TWENTY_SECONDS)
    policy = applied_policy(manager, action=PolicyAction.REVIEW, priority=2)
    exclude(match, manager, (5_000, 20_000))
    policies.switch(policy=policy, user=manager, enabled=False)
    make_policy(action=PolicyAction.CONFIRM, ranges={"matched_s": ("0", "8")})

    undo_application(policy, manager)

    assert fresh(match).state == MatchState.CONFIRMED


def test_undoing_a_decision_evaluates_what_changed_though_rules_say_the_same(
    manager: User, reviewer: User
) -> None:
    decided, waiting = make_match(), make_match()
    policy = applied_policy(manager, action=PolicyAction.ESCALATE)
    make_user(Role.MANAGER, username="max")
    other_user = User.objects.get(username="max")
    deciding.confirm(match=decided, user=other_user)
    policies.switch(policy=policy, user=manager, enabled=False)
    for match in (decided, waiting):
        say(match, manager, "territory:FR")
    assert changed_grounds(decided) == []

    deciding.undo(match=decided, user=other_user)

    # Both wait, although the policy had escalated both.
    assert (fresh(waiting).state, fresh(waiting).policy) == (MatchState.PENDING, None)
    assert (fresh(decided).state, fresh(decided).policy) == (MatchState.PENDING, None)


def test_a_tag_that_no_rule_reads_does_not_evaluate_what_an_undo_restores(
    manager: User, reviewer: User
) -> None:
    match = make_match()
    deciding.confirm(match=match, user=reviewer)
    make_policy(action=PolicyAction.SUPPRESS)
    say(match, manager, "news")

    deciding.undo(match=match, user=reviewer)

    assert fresh(match).state == MatchState.PENDING
