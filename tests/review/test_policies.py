"""The effects of policies on matches, and that a dry run predicts them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any  # columns of any type, passed on by name

import pytest
import time_machine
from django.db import IntegrityError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from base.audit.services import first_broken_event
from review import errors
from review.choices import MatchState, PolicyAction, QueueReason
from review.conditions import Conditions
from review.models import Match, Policy
from review.services import policies
from review.subjects import Subject
from scanning.models import ScannedFile
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_licence, make_policy
from tests.factories.scanning import ScanFactory, ScannedFileFactory
from tests.review.conftest import NOON

pytestmark = pytest.mark.django_db


TEN_SECONDS = (70_000, 80_000, 5_000, 15_000)


def state_of(match: Match) -> str:
    return Match.objects.values_list("state", flat=True).get(pk=match.pk)


def test_first_rule_that_fits_treats_a_new_match(
    clock: time_machine.Traveller, reviewer: User
) -> None:
    make_policy(sets={"labels": ["elsewhere"]}, action=PolicyAction.SUPPRESS)
    for action, state in (
        (PolicyAction.REVIEW, MatchState.PENDING),
        (PolicyAction.CONFIRM, MatchState.CONFIRMED),
        (PolicyAction.ESCALATE, MatchState.ESCALATED),
        (PolicyAction.SUPPRESS, MatchState.SUPPRESSED),
    ):
        recording = RecordingFactory.create()
        rule = make_policy(
            name=f"All {state}",
            sets={"buckets": [str(recording.bucket_id)]},
            action=action,
            priority=3,
            due_days=5,
            assignee=reviewer,
        )

        match = make_match(recording=recording)

        assert (match.state, match.queue_reason) == (state, QueueReason.POLICY)
        assert (match.policy, match.policy_name) == (rule, f"All {state} v1")
        assert match.policy_action == action
        assert (match.priority, match.assignee) == (3, reviewer)
        assert match.due_at == NOON + timedelta(days=5)
        assert match.decided_by is None
        decided = f"policy:All {state}" if state == MatchState.CONFIRMED else ""
        assert match.decided_by_name == decided


CONDITIONS: list[tuple[dict[str, Any], bool]] = [
    ({"sets": {"labels": ["NORTH"]}}, True),
    ({"sets": {"labels": ["south"]}}, False),
    ({"sets": {"platforms": ["YouTube", "other"]}}, True),
    ({"sets": {"accounts": ["their channel"]}}, True),
    ({"sets": {"territories": ["gb"]}}, True),
    ({"sets": {"territories": ["FR"]}}, False),
    ({"sets": {"relations": ["excerpt"]}}, True),
    ({"sets": {"engines": ["acrcloud"]}}, False),
    ({"ranges": {"score": ("80", None)}}, True),
    ({"ranges": {"score": ("88", None)}}, False),
    ({"ranges": {"score": ("80", None)}, "score_scale": "other"}, False),
    ({"ranges": {"matched_s": ("20", "20")}}, True),
    ({"ranges": {"longest_s": (None, "19.9")}}, False),
    ({"ranges": {"source_coverage": (None, "3.34")}}, True),
    ({"ranges": {"reference_coverage": ("50", None)}}, False),
    ({"ranges": {"speed_change": (None, "0.5")}}, True),
    ({"ranges": {"pitch_change": ("1", None)}}, False),
    ({"flags": {"found_late": True}}, False),
    ({"flags": {"shared_loop": False}}, True),
    ({"flags": {"edited": False}}, True),
    ({"flags": {"edited": True}}, False),
    ({"sets": {"labels": ["north"]}, "flags": {"found_late": True}}, False),
]


def test_every_condition_named_must_fit() -> None:
    recording, manager = RecordingFactory.create(label="North"), make_user(Role.MANAGER)
    for conditions, fits in CONDITIONS:
        rule = make_policy(**conditions, user=manager)
        file = ScannedFileFactory.create(
            platform="youtube", account="Their Channel", tags=["territory:GB"]
        )

        match = make_match(scan=ScanFactory.create(scanned_file=file), recording=recording)

        assert (match.policy == rule) is fits, conditions
        Policy.objects.update(enabled=False)


def test_a_mean_speed_fits_no_condition_where_the_tempo_drifts() -> None:
    subject = Subject.of(make_match(match={"edit": "drifting", "speed_pct": 0}))

    for name in ("speed_change", "pitch_change"):
        conditions = Conditions.from_json({"ranges": {name: (None, "1")}})
        assert not conditions.fits(subject)


def test_licences_and_the_floor_come_before_any_policy() -> None:
    recording = RecordingFactory.create()
    make_licence(recordings=[recording])
    make_policy(action=PolicyAction.CONFIRM)

    match = make_match(score=Decimal("10.0"))

    assert make_match(recording=recording).state == MatchState.CLEARED
    assert match.state == MatchState.SUPPRESSED
    assert match.queue_reason == QueueReason.BELOW_FLOOR


def test_a_policy_can_never_reject_or_release() -> None:
    values = set(PolicyAction.values)

    assert values == {"review", "confirm", "escalate", "suppress"}
    with pytest.raises(IntegrityError):
        Policy.objects.create(name="Bad", action="reject")


def test_policy_does_not_confirm_what_a_person_decided_otherwise(reviewer: User) -> None:
    match = make_match()
    deciding.reject(match=match, user=reviewer, version=1, reason="noise")
    make_policy(action=PolicyAction.CONFIRM)

    scan = ScanFactory.create(scanned_file=match.scanned_file)
    again = make_match(TEN_SECONDS, scan=scan, recording=match.recording)

    assert again.state == MatchState.PENDING
    assert again.queue_reason == QueueReason.RESCAN_CHANGED


def test_version_grows_with_the_words_and_not_with_the_switch(manager: User) -> None:
    rule = make_policy()

    policies.switch(policy=rule, user=manager, enabled=False)
    rule.refresh_from_db()
    assert rule.version == 1

    rule.priority = 5
    policies.save(policy=rule, user=manager)
    rule.refresh_from_db()
    assert rule.version == 2
    events = Event.objects.filter(case=rule.case).order_by("sequence")
    assert [event.action for event in events] == ["policy.created", "policy.off", "policy.changed"]


def test_saving_keeps_what_others_did_to_the_rule_meanwhile(manager: User) -> None:
    rule = make_policy(enabled=False)
    policies.switch(policy=rule, user=manager, enabled=True)
    other_policy = Policy.objects.get(pk=rule.pk)
    other_policy.priority = 5
    policies.save(policy=other_policy, user=manager)

    policies.save(policy=rule, user=manager)

    rule.refresh_from_db()
    assert (rule.enabled, rule.version) == (True, 3)


def test_applying_a_rule_again_gives_nobody_more_time(
    clock: time_machine.Traveller, manager: User
) -> None:
    rule = make_policy(due_days=5)
    match = make_match()
    clock.shift(timedelta(days=2))

    policies.apply(policy=rule, user=manager)

    match.refresh_from_db()
    assert match.due_at == NOON + timedelta(days=5)
    rule.due_days = 9
    policies.save(policy=rule, user=manager)
    policies.apply(policy=rule, user=manager)
    match.refresh_from_db()
    assert match.due_at == NOON + timedelta(days=2 + 9)


def test_rules_change_places_but_none_hides_another(manager: User) -> None:
    first = make_policy(name="Short uses", ranges={"matched_s": (None, "30")})
    second = make_policy(name="Narrow", sets={"labels": ["north"]})
    wide = make_policy(name="Wide")

    with pytest.raises(errors.RuleUnreachable, match="Short uses comes first"):
        make_policy(name="Very short", ranges={"matched_s": (None, "5")})
    with pytest.raises(errors.RuleUnreachable, match="Narrow could never act"):
        policies.move(policy=wide, user=manager, up=True)
    assert list(Policy.objects.all()) == [first, second, wide]

    for _ in range(2):
        policies.move(policy=second, user=manager, up=True)
    assert list(Policy.objects.all()) == [second, first, wide]


def test_overlapping_rules_with_other_ends_are_named(manager: User) -> None:
    other_policy = make_policy(sets={"labels": ["north"]}, action=PolicyAction.SUPPRESS)
    apart = make_policy(
        sets={"labels": ["south"]}, flags={"found_late": True}, action=PolicyAction.SUPPRESS
    )
    rule = make_policy(flags={"found_late": False})

    assert policies.overlapping(policy=rule) == [other_policy]
    assert apart not in policies.overlapping(policy=rule)


def test_applying_leaves_what_people_decided(manager: User, reviewer: User) -> None:
    confirmed, pending = make_match(), make_match()
    deciding.confirm(match=confirmed, user=reviewer, version=1)
    rule = make_policy(action=PolicyAction.SUPPRESS)

    run = policies.dry_run(policy=rule)
    changed = policies.apply(policy=rule, user=manager)

    assert (run.taken, run.waiting_count, run.differing_count) == (2, 1, 1)
    assert changed == 1
    assert state_of(confirmed) == MatchState.CONFIRMED
    assert state_of(pending) == MatchState.SUPPRESSED


def test_rule_that_is_switched_off_gives_back_what_it_suppressed(manager: User) -> None:
    rule = make_policy(action=PolicyAction.SUPPRESS)
    match = make_match()
    policies.switch(policy=rule, user=manager, enabled=False)

    policies.apply(policy=rule, user=manager)

    match.refresh_from_db()
    assert (match.state, match.policy) == (MatchState.PENDING, None)
    assert match.queue_reason == QueueReason.DEFAULT
    assert first_broken_event(case=match.case) is None


def test_applying_a_review_rule_tells_waiting_matches_of_it(manager: User) -> None:
    match = make_match()
    rule = make_policy(priority=7)

    policies.apply(policy=rule, user=manager)

    match.refresh_from_db()
    assert (match.state, match.priority) == (MatchState.PENDING, 7)
    assert match.queue_reason == QueueReason.POLICY


LABELS = ("north", "south", "")


RULES = st.fixed_dictionaries(
    {
        "action": st.sampled_from(list(PolicyAction)),
        "second_approval": st.booleans(),
        "sets": st.fixed_dictionaries(
            {}, optional={"labels": st.just(["north"]), "platforms": st.just(["tube"])}
        ),
        "ranges": st.fixed_dictionaries(
            {},
            optional={
                "matched_s": st.sampled_from([(None, "15"), ("15", None)]),
                "score": st.sampled_from([("85", None), (None, "60")]),
            },
        ),
    }
)


FINDS = st.lists(
    st.tuples(
        st.sampled_from(LABELS),
        st.sampled_from(["tube", ""]),
        st.sampled_from([10_000, 20_000]),
        st.sampled_from(["40.0", "60.0", "87.5"]),
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.slow
@given(before=st.lists(RULES, max_size=2), rule=RULES, finds=FINDS)
@settings(
    max_examples=6 if settings().derandomize else 300,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_dry_run_is_what_the_policy_then_does(
    db: None,
    before: list[dict[str, Any]],
    rule: dict[str, Any],
    finds: list[tuple[str, str, int, str]],
) -> None:
    Policy.objects.update(enabled=False)
    ScannedFile.objects.update(deleted_at=datetime.now(tz=UTC))
    manager = make_user(Role.MANAGER)
    there = [_find(*find) for find in finds]
    for values in before:
        _made(values, enabled=True)
    tried = _made(rule, enabled=False)
    if tried is None:
        return

    predicted = {
        match.pk: (outcome.policy == tried, outcome.state)
        for match, outcome in policies.outcomes(policy=tried)
    }
    run = policies.dry_run(policy=tried)
    try:
        policies.switch(policy=tried, user=manager, enabled=True)
    except errors.RuleUnreachable:
        return
    waiting = [match for match in there if match.state == MatchState.PENDING]
    changed = policies.apply(policy=tried, user=manager)
    anew = [_find(*find) for find in finds]

    for old, new in zip(there, anew, strict=True):
        is_taken, state = predicted[old.pk]
        assert (new.policy == tried, new.state) == (is_taken, state)
        if is_taken and old in waiting:
            assert state_of(old) == state
        else:
            assert state_of(old) == old.state
    taken = [match for match in waiting if predicted[match.pk][0]]
    assert changed == run.waiting_count == len(taken)
    assert run.taken == sum(is_taken for is_taken, _ in predicted.values())


def _made(words: dict[str, Any], *, enabled: bool) -> Policy | None:
    try:
        return make_policy(**words, enabled=enabled)
    except errors.RuleUnreachable:
        return None


def _find(label: str, platform: str, length: int, score: str) -> Match:
    file = ScannedFileFactory.create(platform=platform)
    return make_match(
        (70_000, 70_000 + length, 5_000, 5_000 + length),
        scan=ScanFactory.create(scanned_file=file),
        recording=RecordingFactory.create(label=label),
        score=Decimal(score),
    )


def test_only_managers_change_policies() -> None:
    rule = make_policy()
    for user in (make_user(Role.VIEWER), make_user(Role.REVIEWER)):
        with pytest.raises(errors.NotAllowed):
            policies.save(policy=rule, user=user)
        with pytest.raises(errors.NotAllowed):
            policies.switch(policy=rule, user=user, enabled=False)
        with pytest.raises(errors.NotAllowed):
            policies.move(policy=rule, user=user, up=True)
        with pytest.raises(errors.NotAllowed):
            policies.apply(policy=rule, user=user)
