"""What licences and policies read changes while matches wait or are decided."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from accounts.roles import Role
from audit.models import Event
from catalogue.changes import (
    move_recordings,
    retire_recordings,
    update_recording,
)
from catalogue.models import Bucket, ExclusionReason, Recording
from review import errors, words
from review.choices import (
    LicenceScope,
    MatchState,
    OnExpiry,
    PolicyAction,
    QueueReason,
)
from review.models import Match
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
from scanning.services.filing import details_of
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
    details = details_of(file)
    details = type(details)(
        programme=programme or details.programme,
        account=details.account,
        external_id=details.external_id,
        platform=details.platform,
        published_at=details.published_at,
        tags=list(tags),
    )
    file_details.change(scanned_file=file, details=details, user=user)


def changed_grounds(match: Match) -> list[str]:
    events = Event.objects.filter(case=match.case, action="ground_changed")
    return [words.done(event) for event in events]


# Recordings that move, or get another label


def test_a_recording_that_leaves_the_bucket_of_a_licence_gives_its_matches_back(
    manager: User,
) -> None:
    match = make_match()
    licence = make_licence(buckets=[match.recording.bucket])
    licences.apply(licence=licence, user=manager, reach=licences.Reach.ALL)

    move(match, BucketFactory.create(), manager)

    now = fresh(match)
    assert (now.state, now.licence) == (MatchState.PENDING, None)
    assert now.queue_reason == QueueReason.LICENCE_ENDED


def test_another_label_gives_back_what_a_licence_of_the_label_cleared(
    manager: User,
) -> None:
    match = make_match()
    relabel(match, "Roads", manager)
    licence = make_licence(scope=LicenceScope.LABEL, labels=["roads"])
    licences.apply(licence=licence, user=manager, reach=licences.Reach.ALL)
    assert fresh(match).state == MatchState.CLEARED

    relabel(match, "Other", manager)

    assert fresh(match).state == MatchState.PENDING


def test_a_licence_of_the_new_bucket_keeps_a_match_cleared(manager: User) -> None:
    match, target = make_match(), BucketFactory.create()
    licence = make_licence(buckets=[match.recording.bucket])
    other = make_licence(buckets=[target])
    licences.apply(licence=licence, user=manager, reach=licences.Reach.ALL)

    move(match, target, manager)

    now = fresh(match)
    assert (now.state, now.licence) == (MatchState.CLEARED, other)


def test_a_licence_that_keeps_its_uses_keeps_none_that_it_does_not_cover(
    manager: User,
) -> None:
    """Only its end leaves uses in its period cleared, not narrower terms."""
    match = make_match()
    licence = make_licence(buckets=[match.recording.bucket], on_expiry=OnExpiry.KEEP)
    licences.apply(licence=licence, user=manager, reach=licences.Reach.ALL)

    move(match, BucketFactory.create(), manager)

    assert fresh(match).state == MatchState.PENDING


@pytest.mark.parametrize("how", ["bucket", "label"])
def test_the_preview_of_a_licence_offers_matches_that_come_under_it(
    how: str, manager: User, reviewer: User
) -> None:
    """As when its terms are widened, nothing is cleared without being asked."""
    waiting, claimed, target = make_match(), make_match(), BucketFactory.create()
    deciding.confirm(match=claimed, user=reviewer, version=claimed.version)
    if how == "bucket":
        licence = make_licence(buckets=[target])
        for match in (waiting, claimed):
            move(match, target, manager)
    else:
        licence = make_licence(scope=LicenceScope.LABEL, labels=["Roads"])
        for match in (waiting, claimed):
            relabel(match, "Roads", manager)

    assert fresh(waiting).state == MatchState.PENDING
    assert fresh(claimed).state == MatchState.CONFIRMED
    seen = licences.preview(licence=licence)
    assert (seen.clearing, seen.offered) == ([waiting], [claimed])
    assert len(changed_grounds(claimed)) == 1
    assert licence.number in changed_grounds(claimed)[0]
    assert changed_grounds(waiting) == []


@pytest.mark.parametrize(
    ("action", "state"),
    [
        (PolicyAction.REVIEW, MatchState.PENDING),
        (PolicyAction.ESCALATE, MatchState.ESCALATED),
        (PolicyAction.SUPPRESS, MatchState.SUPPRESSED),
        (PolicyAction.CONFIRM, MatchState.CONFIRMED),
    ],
)
def test_a_policy_follows_a_recording_that_moves(
    action: PolicyAction, state: MatchState, manager: User
) -> None:
    home, desk = BucketFactory.create_batch(2)
    policy = make_policy(action=action, sets={"buckets": [str(desk.pk)]}, priority=4)
    match = make_match(recording__bucket=home)

    move(match, desk, manager)
    there = fresh(match)
    match.recording.refresh_from_db()
    move(match, home, manager)
    back = fresh(match)

    assert (there.state, there.policy, there.priority) == (state, policy, 4)
    assert (back.state, back.policy, back.priority) == (MatchState.PENDING, None, 0)
    assert back.decided_by_name == ""


def test_what_people_decided_stays_where_its_policy_went(
    manager: User, reviewer: User
) -> None:
    claimed, raised = make_match(), make_match()
    target = BucketFactory.create()
    make_policy(action=PolicyAction.SUPPRESS, sets={"buckets": [str(target.pk)]})
    deciding.confirm(match=claimed, user=reviewer, version=claimed.version)
    deciding.escalate(
        match=raised, user=reviewer, version=raised.version, note="Look here."
    )

    for match in (claimed, raised):
        move(match, target, manager)

    assert fresh(claimed).state == MatchState.CONFIRMED
    assert fresh(raised).state == MatchState.ESCALATED
    assert len(changed_grounds(claimed)) == len(changed_grounds(raised)) == 1
    # The last change is still the person's, who may undo it.
    deciding.undo(match=claimed, user=reviewer, version=fresh(claimed).version)
    assert fresh(claimed).state == MatchState.SUPPRESSED


# Details of files


def test_a_match_in_review_keeps_its_reviewer_and_gets_its_new_policy(
    manager: User, reviewer: User
) -> None:
    match = make_match()
    make_policy(
        action=PolicyAction.REVIEW, sets={"territories": ["FR"]}, second_approval=True
    )
    held = locks.take_lock(match=match, user=reviewer)

    say(match, manager, "territory:FR")

    now = fresh(match)
    assert (now.state, now.locked_by) == (MatchState.IN_REVIEW, reviewer)
    with pytest.raises(errors.StaleMatch, match="mia"):
        deciding.confirm(match=match, user=reviewer, version=held.version)
    deciding.confirm(match=match, user=reviewer, version=now.version)
    assert fresh(match).queue_reason == QueueReason.SECOND_APPROVAL


def test_a_licence_clears_a_match_that_somebody_reviews(
    manager: User, reviewer: User
) -> None:
    match = make_match()
    make_licence(recordings=[match.recording], territories=["FR"])
    held = locks.take_lock(match=match, user=reviewer)

    say(match, manager, "territory:FR")

    now = fresh(match)
    assert (now.state, now.locked_by) == (MatchState.CLEARED, None)
    with pytest.raises(errors.StaleMatch, match="mia"):
        deciding.confirm(match=match, user=reviewer, version=held.version)


@pytest.mark.parametrize(
    "action", [PolicyAction.ESCALATE, PolicyAction.SUPPRESS, PolicyAction.CONFIRM]
)
def test_what_only_a_policy_decided_is_evaluated_again(
    action: PolicyAction, manager: User
) -> None:
    match = make_match()
    make_policy(action=action, sets={"territories": ["FR"]})
    say(match, manager, "territory:FR")
    assert fresh(match).state != MatchState.PENDING

    say(match, manager, "territory:DE")

    now = fresh(match)
    assert (now.state, now.policy, now.policy_name) == (MatchState.PENDING, None, "")
    assert now.decided_at is None


def test_a_tag_that_no_rule_reads_changes_no_match(
    manager: User, reviewer: User
) -> None:
    decided, suppressed = make_match(), make_match()
    make_policy(action=PolicyAction.SUPPRESS, sets={"territories": ["FR"]})
    deciding.confirm(match=decided, user=reviewer, version=decided.version)
    say(suppressed, manager, "territory:FR")
    before = [fresh(decided), fresh(suppressed)]

    say(decided, manager, "news")
    say(suppressed, manager, "territory:FR", "news")

    assert [match.version for match in before] == [
        fresh(match).version for match in before
    ]
    assert changed_grounds(decided) == []


def test_other_details_do_not_suppress_what_lies_below_a_raised_floor(
    manager: User,
) -> None:
    """Raising a floor suppresses no match that waits, so nothing else may."""
    match = make_match(score=Decimal("60.0"))
    container = match.scanned_file.container
    type(container).objects.filter(pk=container.pk).update(score_floor=80)

    say(match, manager, "territory:FR", programme="News")

    assert fresh(match).state == MatchState.PENDING


def test_details_keep_why_a_match_waits_again(manager: User, reviewer: User) -> None:
    match = make_match()
    policy = make_policy(sets={"territories": ["FR"]})
    deciding.reject(match=match, user=reviewer, version=match.version, reason="noise")
    deciding.reopen(
        match=match, user=manager, version=fresh(match).version, reason="Listen again."
    )

    say(match, manager, "territory:FR")

    now = fresh(match)
    assert (now.policy, now.queue_reason) == (policy, QueueReason.REOPENED)


def test_undoing_a_decision_evaluates_what_changed_meanwhile(
    manager: User, reviewer: User
) -> None:
    match = make_match()
    licence = make_licence(recordings=[match.recording], territories=["FR"])
    deciding.confirm(match=match, user=reviewer, version=match.version)
    say(match, manager, "territory:FR")

    deciding.undo(match=match, user=reviewer, version=fresh(match).version)

    now = fresh(match)
    assert (now.state, now.licence) == (MatchState.CLEARED, licence)


# The end of a licence


def test_policies_see_what_the_end_of_a_licence_gives_back(
    manager: User, reviewer: User
) -> None:
    """A licence comes before policies, so none has treated the match so far."""
    recording = RecordingFactory.create()
    licence = make_licence(recordings=[recording])
    policy = make_policy(second_approval=True, priority=5)
    match = make_match(recording=recording)
    assert match.state == MatchState.CLEARED

    licences.withdraw(licence=licence, user=manager, reason="It was not paid.")

    now = fresh(match)
    assert (now.state, now.queue_reason) == (
        MatchState.PENDING,
        QueueReason.LICENCE_ENDED,
    )
    assert (now.policy, now.priority) == (policy, 5)
    deciding.confirm(match=now, user=reviewer, version=now.version)
    assert fresh(match).queue_reason == QueueReason.SECOND_APPROVAL


@pytest.mark.parametrize("action", [PolicyAction.CONFIRM, PolicyAction.SUPPRESS])
def test_no_policy_decides_what_the_end_of_a_licence_gives_back(
    action: PolicyAction, manager: User
) -> None:
    recording = RecordingFactory.create()
    licence = make_licence(recordings=[recording])
    make_policy(action=action)
    match = make_match(recording=recording)

    licences.withdraw(licence=licence, user=manager, reason="It was not paid.")

    assert fresh(match).state == MatchState.PENDING


# Undo after an application was undone


def test_undoing_a_decision_does_not_bring_an_undone_escalation_back(
    manager: User, reviewer: User
) -> None:
    match = make_match()
    make_user(Role.MANAGER, username="max")
    policy = make_policy(action=PolicyAction.ESCALATE, priority=7, assignee=reviewer)
    policies.apply(policy=policy, user=manager)
    deciding.confirm(match=match, user=manager, version=fresh(match).version)
    act = applications.applications(policy)[0].act
    applications.undo(rule=policy, act=act, user=manager)

    deciding.undo(match=match, user=manager, version=fresh(match).version)

    now = fresh(match)
    assert (now.state, now.policy, now.policy_name) == (MatchState.PENDING, None, "")
    assert (now.priority, now.assignee) == (0, None)


def test_of_two_applications_only_the_one_that_was_undone_goes(
    manager: User, reviewer: User
) -> None:
    match = make_match()
    first = make_policy(priority=1, name="First", sets={"relations": ["excerpt"]})
    policies.apply(policy=first, user=manager)
    second = make_policy(priority=2, name="Second")
    policies.switch(policy=first, user=manager, enabled=False)
    policies.apply(policy=second, user=manager)
    assert fresh(match).policy == second
    deciding.confirm(match=match, user=reviewer, version=fresh(match).version)
    act = applications.applications(second)[0].act
    applications.undo(rule=second, act=act, user=manager)

    deciding.undo(match=match, user=reviewer, version=fresh(match).version)

    now = fresh(match)
    assert (now.policy, now.priority) == (first, 1)


def test_undoing_an_application_does_not_bring_an_earlier_undone_one_back(
    manager: User,
) -> None:
    match = make_match()
    first = make_policy(priority=1, name="First")
    policies.apply(policy=first, user=manager)
    policies.switch(policy=first, user=manager, enabled=False)
    second = make_policy(priority=2, name="Second")
    policies.apply(policy=second, user=manager)
    for policy in (first, second):
        act = applications.applications(policy)[0].act
        applications.undo(rule=policy, act=act, user=manager)

    now = fresh(match)
    assert (now.policy, now.policy_name, now.priority) == (None, "", 0)


def test_what_people_did_since_the_application_stays_when_a_decision_is_undone(
    manager: User, reviewer: User
) -> None:
    match = make_match()
    policy = make_policy(action=PolicyAction.ESCALATE)
    policies.apply(policy=policy, user=manager)
    deciding.reopen(
        match=match, user=manager, version=fresh(match).version, reason="Look again."
    )
    deciding.confirm(match=match, user=reviewer, version=fresh(match).version)
    act = applications.applications(policy)[0].act
    applications.undo(rule=policy, act=act, user=manager)

    deciding.undo(match=match, user=reviewer, version=fresh(match).version)

    now = fresh(match)
    assert (now.state, now.queue_reason) == (MatchState.PENDING, QueueReason.REOPENED)
    assert (now.policy, now.note) == (None, "Look again.")


# Exclusions


def test_a_longer_use_ends_the_licence_for_shorter_ones(manager: User) -> None:
    match = make_match(TWENTY_SECONDS)
    segment = exclusions.exclude(
        recording=match.recording,
        interval=(5_000, 20_000),
        reason=ExclusionReason.SPOKEN,
        user=manager,
    )
    licence = make_licence(recordings=[match.recording], max_seconds=10)
    licences.apply(licence=licence, user=manager, reach=licences.Reach.ALL)
    assert fresh(match).state == MatchState.CLEARED

    exclusions.remove(segment=segment, user=manager, reason="It is music.")

    now = fresh(match)
    assert (now.state, now.licence) == (MatchState.PENDING, None)


def test_an_exclusion_lets_a_licence_for_short_uses_clear(manager: User) -> None:
    match = make_match(TWENTY_SECONDS)
    licence = make_licence(recordings=[match.recording], max_seconds=10)

    exclusions.exclude(
        recording=match.recording,
        interval=(5_000, 20_000),
        reason=ExclusionReason.SPOKEN,
        user=manager,
    )

    assert fresh(match).licence == licence


def test_an_exclusion_takes_a_match_from_its_reviewer(
    manager: User, reviewer: User
) -> None:
    match = make_match(TWENTY_SECONDS)
    locks.take_lock(match=match, user=reviewer)

    segment = exclusions.exclude(
        recording=match.recording,
        interval=(0, 60_000),
        reason=ExclusionReason.SILENCE,
        user=manager,
    )

    assert fresh(match).queue_reason == QueueReason.EXCLUDED
    assert fresh(match).state == MatchState.SUPPRESSED
    exclusions.take_back(segment=segment, user=manager)
    assert (fresh(match).state, fresh(match).locked_by) == (MatchState.PENDING, None)


def test_undoing_a_decision_about_excluded_sound_does_not_ask_about_nothing(
    manager: User, reviewer: User
) -> None:
    match = make_match(TWENTY_SECONDS)
    deciding.confirm(match=match, user=reviewer, version=match.version)
    exclusions.exclude(
        recording=match.recording,
        interval=(0, 60_000),
        reason=ExclusionReason.SILENCE,
        user=manager,
    )

    deciding.undo(match=match, user=reviewer, version=fresh(match).version)

    now = fresh(match)
    assert (now.state, now.queue_reason) == (
        MatchState.SUPPRESSED,
        QueueReason.EXCLUDED,
    )


def test_undoing_an_exclusion_restores_no_licence_that_has_ended(
    manager: User,
) -> None:
    match = make_match(TWENTY_SECONDS)
    licence = make_licence(recordings=[match.recording])
    licences.apply(licence=licence, user=manager, reach=licences.Reach.ALL)
    segment = exclusions.exclude(
        recording=match.recording,
        interval=(0, 60_000),
        reason=ExclusionReason.SILENCE,
        user=manager,
        chosen=[match.uid],
    )
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


@pytest.mark.parametrize(
    ("territory", "state", "reason"),
    [
        ("FR", MatchState.CLEARED, QueueReason.FOUND_LATE),
        ("DE", MatchState.PENDING, QueueReason.LICENCE_PARTIAL),
    ],
)
def test_a_late_find_follows_licences_and_territories_as_they_are_now(
    territory: str, state: str, reason: str, manager: User, reviewer: User
) -> None:
    match, recording = make_match(), RecordingFactory.create()
    deciding.reject(match=match, user=reviewer, version=match.version, reason="noise")
    say(match, manager, f"territory:{territory}")
    make_licence(buckets=[recording.bucket], territories=["FR"])

    late = late_find(match, recording)

    assert (late.state, late.queue_reason, late.found_late) == (state, reason, True)
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
    assert (now.state, now.queue_reason) == (
        MatchState.PENDING,
        QueueReason.LICENCE_ENDED,
    )
    assert (fresh(match).locked_by, fresh(match).version) == (reviewer, held.version)
    # Retired, it is searched no more, but what was found is still decided.
    deciding.confirm(match=now, user=reviewer, version=now.version)
    assert fresh(late).state == MatchState.CONFIRMED


# Rescans


def test_a_late_find_keeps_the_policy_for_late_finds_after_a_rescan(
    manager: User, reviewer: User
) -> None:
    late = make_match()
    Match.objects.filter(pk=late.pk).update(found_late=True)
    policy = make_policy(flags={"found_late": True}, second_approval=True)
    policies.apply(policy=policy, user=manager)
    scan = ScanFactory.create(scanned_file=late.scanned_file)
    make_detection(TWENTY_SECONDS, scan=scan, recording=late.recording)

    fold_scan(scan=scan)

    now = Match.objects.exclude(state=MatchState.SUPERSEDED).get()
    assert (now.found_late, now.policy, now.needs_approval) == (True, policy, True)
    deciding.confirm(match=now, user=reviewer, version=now.version)
    assert fresh(now).state == MatchState.ESCALATED


def rescan(match: Match) -> Match:
    """Scan the match's file again, with the same result; return the match that follows."""
    scan = ScanFactory.create(scanned_file=match.scanned_file)
    make_detection(TWENTY_SECONDS, scan=scan, recording=match.recording)
    fold_scan(scan=scan)
    return Match.objects.get(scan=scan)


@pytest.mark.parametrize("action", [PolicyAction.REVIEW, PolicyAction.ESCALATE])
def test_a_rescan_extends_no_deadline_and_takes_a_match_from_nobody(
    action: PolicyAction, manager: User, reviewer: User
) -> None:
    match = make_match(TWENTY_SECONDS)
    policy = make_policy(action=action, priority=5, due_days=3, assignee=manager)
    policies.apply(policy=policy, user=manager)
    due = datetime.now(tz=UTC) + timedelta(days=1)
    Match.objects.filter(pk=match.pk).update(due_at=due, assignee=reviewer)

    now = rescan(match)

    assert (now.policy, now.priority) == (policy, 5)
    assert (now.due_at, now.assignee) == (due, reviewer)


def test_a_carried_escalation_keeps_its_priority_where_its_policy_is_off(
    manager: User, reviewer: User
) -> None:
    match = make_match(TWENTY_SECONDS)
    policy = make_policy(action=PolicyAction.ESCALATE, priority=5, assignee=reviewer)
    policies.apply(policy=policy, user=manager)
    policies.switch(policy=policy, user=manager, enabled=False)
    make_policy(name="Other", priority=1, assignee=manager)

    now = rescan(match)

    assert (now.policy, now.priority, now.assignee) == (policy, 5, reviewer)


def test_a_rescan_under_another_version_of_the_policy_treats_the_match_anew(
    manager: User, reviewer: User
) -> None:
    match = make_match(TWENTY_SECONDS)
    policy = make_policy(due_days=3, assignee=manager)
    policies.apply(policy=policy, user=manager)
    Match.objects.filter(pk=match.pk).update(due_at=None, assignee=reviewer)
    policy.priority = 8
    policies.save(policy=policy, user=manager)

    now = rescan(match)

    assert (now.policy_name, now.priority) == (str(policy), 8)
    assert (now.due_at is not None, now.assignee) == (True, manager)


@pytest.mark.parametrize(
    ("action", "by_person", "score", "state"),
    [
        (PolicyAction.CONFIRM, False, "70", MatchState.PENDING),
        (PolicyAction.CONFIRM, False, "85", MatchState.CONFIRMED),
        (PolicyAction.CONFIRM, True, "70", MatchState.CONFIRMED),
        (PolicyAction.ESCALATE, False, "70", MatchState.PENDING),
    ],
)
def test_a_rescan_carries_what_a_policy_alone_decided_only_while_the_policy_fits(
    action: PolicyAction,
    by_person: bool,
    score: str,
    state: str,
    manager: User,
    reviewer: User,
) -> None:
    match = make_match(TWENTY_SECONDS, score=Decimal("90"))
    policy = make_policy(action=action, ranges={"score": ("80", None)})
    if by_person:
        deciding.confirm(match=match, user=reviewer, version=match.version)
    else:
        policies.apply(policy=policy, user=manager)
        assert fresh(match).state != MatchState.PENDING
    scan = ScanFactory.create(scanned_file=match.scanned_file)
    make_detection(
        TWENTY_SECONDS, scan=scan, recording=match.recording, score=Decimal(score)
    )

    fold_scan(scan=scan)

    now = Match.objects.exclude(state=MatchState.SUPERSEDED).get()
    assert now.state == state
    if state == MatchState.PENDING:
        assert now.queue_reason == QueueReason.RESCAN_CHANGED


def test_a_rescan_carries_a_policys_confirmation_where_the_policy_is_off(
    manager: User,
) -> None:
    match = make_match(TWENTY_SECONDS)
    policy = make_policy(action=PolicyAction.CONFIRM)
    policies.apply(policy=policy, user=manager)
    policies.switch(policy=policy, user=manager, enabled=False)

    assert rescan(match).state == MatchState.CONFIRMED


def test_a_rescan_carries_no_licence_for_shorter_uses_over(manager: User) -> None:
    match = make_match(TWENTY_SECONDS)
    licence = make_licence(recordings=[match.recording], max_seconds=20)
    licences.apply(licence=licence, user=manager, reach=licences.Reach.ALL)
    scan = ScanFactory.create(scanned_file=match.scanned_file)
    make_detection(
        (70_000, 93_000, 5_000, 28_000), scan=scan, recording=match.recording
    )

    fold_scan(scan=scan)

    now = Match.objects.exclude(state=MatchState.SUPERSEDED).get()
    assert (now.state, now.licence) == (MatchState.PENDING, None)
    assert now.queue_reason == QueueReason.LICENCE_ENDED


# What only a policy confirmed


def test_what_a_policy_confirmed_returns_to_the_queue_in_plain_words(
    manager: User,
) -> None:
    match = make_match()
    make_policy(
        name="French uses", action=PolicyAction.CONFIRM, sets={"territories": ["FR"]}
    )
    say(match, manager, "territory:FR")

    say(match, manager, "territory:DE")

    event = Event.objects.get(case=match.case, action="policy_ended")
    assert (event.before["state"], event.after["state"]) == ("confirmed", "pending")
    assert words.done(event) == "returned it to the queue: no policy confirms it now"
    assert (event.actor, event.note) == (manager, "French uses v1")


def test_only_the_end_of_its_policy_moves_a_confirmed_match_back(
    reviewer: User,
) -> None:
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


def test_undoing_an_applied_licence_evaluates_what_changed_meanwhile(
    manager: User,
) -> None:
    """The licence covered the use before and after, so no event says that it changed."""
    match = confirmed_by_a_policy(manager)
    licence = make_licence(recordings=[match.recording], in_force=False)
    licences.apply(
        licence=licence, user=manager, reach=licences.Reach.ALL, chosen=[match.uid]
    )
    say(match, manager, "territory:DE")
    assert fresh(match).state == MatchState.CLEARED

    act = applications.applications(licence)[0].act
    undone = applications.undo(rule=licence, act=act, user=manager)

    now = fresh(match)
    assert (undone.taken_back, now.state, now.policy) == (1, MatchState.PENDING, None)


@pytest.mark.parametrize("how", ["bucket", "label"])
def test_undoing_an_applied_policy_evaluates_recordings_that_changed(
    how: str, manager: User
) -> None:
    match, target = make_match(), BucketFactory.create()
    sets = {"buckets": [str(match.recording.bucket_id)], "labels": [""]}
    first = make_policy(name="First", action=PolicyAction.ESCALATE, sets=sets)
    policies.apply(policy=first, user=manager)
    policies.switch(policy=first, user=manager, enabled=False)
    second = make_policy(name="Second", action=PolicyAction.SUPPRESS)
    policies.apply(policy=second, user=manager)
    assert fresh(match).state == MatchState.SUPPRESSED
    if how == "bucket":
        move(match, target, manager)
    else:
        relabel(match, "Roads", manager)
    policies.switch(policy=second, user=manager, enabled=False)

    act = applications.applications(second)[0].act
    applications.undo(rule=second, act=act, user=manager)

    now = fresh(match)
    assert (now.state, now.policy_name) == (MatchState.PENDING, "")


def test_undoing_an_applied_policy_that_is_on_lets_it_act_where_facts_changed(
    manager: User,
) -> None:
    """As if the application had been undone before the change."""
    changed, same = make_match(), make_match()
    policy = make_policy(action=PolicyAction.ESCALATE)
    policies.apply(policy=policy, user=manager)
    say(changed, manager, "territory:FR")
    say(same, manager, "news")

    act = applications.applications(policy)[0].act
    applications.undo(rule=policy, act=act, user=manager)

    assert fresh(changed).state == MatchState.ESCALATED
    assert (fresh(same).state, fresh(same).policy) == (MatchState.PENDING, None)


def test_undoing_an_application_evaluates_what_exclusions_changed(
    manager: User,
) -> None:
    match = make_match(TWENTY_SECONDS)
    policy = make_policy(action=PolicyAction.REVIEW, priority=2)
    policies.apply(policy=policy, user=manager)
    exclusions.exclude(
        recording=match.recording,
        interval=(5_000, 20_000),
        reason=ExclusionReason.SPOKEN,
        user=manager,
    )
    policies.switch(policy=policy, user=manager, enabled=False)
    make_policy(action=PolicyAction.CONFIRM, ranges={"matched_s": ("0", "8")})

    act = applications.applications(policy)[0].act
    applications.undo(rule=policy, act=act, user=manager)

    assert fresh(match).state == MatchState.CONFIRMED


def test_undoing_a_decision_evaluates_what_changed_though_rules_say_the_same(
    manager: User, reviewer: User
) -> None:
    decided, waiting = make_match(), make_match()
    policy = make_policy(action=PolicyAction.ESCALATE)
    policies.apply(policy=policy, user=manager)
    make_user(Role.MANAGER, username="max")
    other = User.objects.get(username="max")
    deciding.confirm(match=decided, user=other, version=fresh(decided).version)
    policies.switch(policy=policy, user=manager, enabled=False)
    for match in (decided, waiting):
        say(match, manager, "territory:FR")
    assert changed_grounds(decided) == []

    deciding.undo(match=decided, user=other, version=fresh(decided).version)

    # Both wait, although the policy had escalated both.
    assert (fresh(waiting).state, fresh(waiting).policy) == (MatchState.PENDING, None)
    assert (fresh(decided).state, fresh(decided).policy) == (MatchState.PENDING, None)


def test_a_tag_that_no_rule_reads_does_not_evaluate_what_an_undo_restores(
    manager: User, reviewer: User
) -> None:
    match = make_match()
    deciding.confirm(match=match, user=reviewer, version=match.version)
    make_policy(action=PolicyAction.SUPPRESS)
    say(match, manager, "news")

    deciding.undo(match=match, user=reviewer, version=fresh(match).version)

    assert fresh(match).state == MatchState.PENDING
