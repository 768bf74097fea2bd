"""Whatever people, policies, scans and the clock do, only people give up a claim."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.services import first_broken_event
from catalogue.models import Exclusion
from review import errors
from review.choices import DECIDED_STATES, MatchState, PolicyAction, Verb
from review.decisions.decide import decide_one
from review.decisions.verbs import Decision
from review.models import Licence, Match, Policy
from review.services import exclusions, licences, policies
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.factories.rules import make_licence, make_policy
from tests.jobs.workers import run_regular_work
from tests.review.test_decisions_property import (
    INTERVALS,
    ONLY_BY_A_PERSON,
    check_moves,
    live,
    rescan,
)

# Each step alone runs on every database in other modules.
pytestmark = pytest.mark.django_db

BEGIN = datetime(2026, 5, 2, 12, 0, tzinfo=UTC)

RULES = (
    *("licence", "narrow", "withdraw", "policy", "apply_policy", "switch_policy"),
    *("exclude", "exclude_part", "remove_exclusion", "reject_and_exclude"),
    *("rescan", "sweep", "day_later"),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from([*Verb, *RULES]),
        st.sampled_from(list(Role)),
        st.sampled_from(list(PolicyAction)),
        st.booleans(),
    ),
    max_size=10,
)


@pytest.mark.slow
@given(steps=STEPS)
@settings(
    max_examples=8 if settings().derandomize else 300,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_rules_decide_nothing_that_only_people_may(
    db: None, steps: list[tuple[str, Role, PolicyAction, bool]]
) -> None:
    Policy.objects.update(enabled=False)
    users = {role: make_user(role) for role in Role}
    match = make_match(INTERVALS[0])

    with time_machine.travel(BEGIN, tick=False) as clock:
        for step, role, action, flag in steps:
            if step == "day_later":
                clock.shift(timedelta(days=1))
                continue
            with contextlib.suppress(errors.ReviewError):
                _doing(live(match), users[role], step, action, flag)()

    for case in Match.objects.filter(scanned_file=match.scanned_file):
        assert first_broken_event(case=case.case) is None
        check_moves(case)
        if case.state in ONLY_BY_A_PERSON:
            assert case.decided_by is not None
        if case.state in DECIDED_STATES:
            assert case.decided_at is not None
        if case.state == MatchState.DISPUTED:
            assert case.dispute is not None


def _doing(
    match: Match, user: User, step: str, action: PolicyAction, flag: bool
) -> Callable[[], object]:
    """Return the step as a function, which may raise a refusal."""
    recording, version = match.recording, match.version
    newest = Licence.objects.filter(built_in=False).order_by("-pk").first()
    policy = Policy.objects.order_by("-pk").first()
    segment = Exclusion.objects.order_by("-pk").first()
    by_rule: dict[str, Callable[[], object]] = {
        "licence": lambda: licences.apply(
            licence=make_licence(recordings=[recording], valid_until=BEGIN.date(), in_force=False),
            user=user,
            reach=licences.Reach.ALL,
            chosen={match.uid} if flag else set(),
        ),
        "narrow": lambda: newest and _narrow(newest, user),
        "withdraw": lambda: newest and licences.withdraw(licence=newest, user=user, reason="x"),
        "policy": lambda: make_policy(action=action, second_approval=flag),
        "apply_policy": lambda: policy and policies.apply(policy=policy, user=user),
        "switch_policy": lambda: policy and policies.switch(policy=policy, user=user, enabled=flag),
        "exclude": lambda: _exclude(match, user, (0, 40_000), flag),
        "exclude_part": lambda: _exclude(match, user, (0, 10_000), flag),
        "remove_exclusion": lambda: (
            segment and exclusions.remove(segment=segment, user=user, reason="x")
        ),
        "reject_and_exclude": lambda: deciding.exclude_part(
            match=match, user=user, version=version, interval=(0, 40_000), reason="ident"
        ),
        "rescan": lambda: rescan(match, INTERVALS[int(flag)]),
        "sweep": run_regular_work,
        Verb.DISPUTE: lambda: deciding.record(
            match=match, user=user, version=version, code="own_content"
        ),
        Verb.UPHOLD: lambda: deciding.uphold(match=match, user=user, version=version, answer="x"),
        Verb.WITHDRAW: lambda: deciding.withdraw(
            match=match, user=user, version=version, answer="x"
        ),
        Verb.RELEASE: lambda: deciding.release(match=match, user=user, version=version, answer="x"),
    }
    return by_rule.get(
        step,
        lambda: decide_one(
            match=match,
            user=user,
            version=version,
            decision=Decision(Verb(step), code="noise", note="x"),
        ),
    )


def _narrow(licence: Licence, user: User) -> int:
    licence.valid_until = date(2026, 1, 1)
    return licences.save(licence=licence, user=user, recordings=licence.recordings.all())


def _exclude(match: Match, user: User, interval: tuple[int, int], is_ticked: bool) -> None:
    exclusions.exclude(
        recording=match.recording,
        interval=interval,
        reason="shared_loop",
        user=user,
        chosen={match.uid} if is_ticked else set(),
    )
