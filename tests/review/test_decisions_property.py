"""Whatever people and scans do, in any order, the record stays consistent."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from base.audit.services import first_broken_event
from review import errors
from review.choices import DECIDED_STATES, TRANSITIONS, MatchState, RejectCode, Verb
from review.decisions.decide import decide_one
from review.decisions.verbs import Decision
from review.models import Match
from review.services import locks
from review.services.folding import fold_scan
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.factories.scanning import ScanFactory, make_detection

# Each step alone runs on every database in other modules.
pytestmark = pytest.mark.django_db

ONLY_BY_A_PERSON = (MatchState.REJECTED, MatchState.RELEASED, MatchState.UPHELD)
INTERVALS = ((70_000, 90_000, 5_000, 25_000), (300_000, 340_000, 0, 40_000))

STEPS = st.lists(
    st.tuples(
        st.sampled_from([*Verb, "take", "release", "rescan", "rescan_empty"]),
        st.sampled_from(list(Role)),
        st.sampled_from([*RejectCode.values, ""]),
        st.sampled_from(["", "because"]),
        st.integers(0, 1),
        st.booleans(),
    ),
    max_size=8,
)


def live(match: Match) -> Match:
    return Match.objects.get(scanned_file_id=match.scanned_file_id, recording_id=match.recording_id)


def rescan(match: Match, *intervals: tuple[int, int, int, int]) -> None:
    scan = ScanFactory.create(scanned_file=match.scanned_file)
    if intervals:
        make_detection(*intervals, scan=scan, recording=match.recording)
    fold_scan(scan=scan)


@given(steps=STEPS)
@settings(
    max_examples=10 if settings().derandomize else 300,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_only_people_decide_and_every_chain_is_whole(
    db: None, steps: list[tuple[str, Role, str, str, int, bool]]
) -> None:
    users = {role: make_user(role) for role in Role}
    match = make_match(INTERVALS[0])

    for step, role, reason, note, interval, is_stale in steps:
        _act(live(match), users[role], step, (reason, note), interval, is_stale)

    for case in Match.objects.filter(scanned_file=match.scanned_file):
        assert first_broken_event(case=case.case) is None
        check_moves(case)
        if case.state in ONLY_BY_A_PERSON:
            assert case.decided_by is not None
        if case.state in DECIDED_STATES:
            assert case.decided_at is not None


def _act(
    match: Match, user: User, step: str, words: tuple[str, str], interval: int, is_stale: bool
) -> None:
    reason, note = words
    version = match.version + int(is_stale)
    doings: dict[str, Callable[[], object]] = {
        "take": lambda: locks.take_lock(match=match, user=user),
        "release": lambda: locks.release_lock(match=match, user=user),
        "rescan": lambda: rescan(match, INTERVALS[interval]),
        "rescan_empty": lambda: rescan(match),
    }
    act = doings.get(
        step,
        lambda: decide_one(
            match=match,
            user=user,
            version=version,
            decision=Decision(Verb(step), code=reason, note=note),
        ),
    )
    before = live(match)
    events = Event.objects.count()
    try:
        act()
    except errors.ReviewError:
        after = live(match)
        assert (after.pk, after.state, after.version) == (before.pk, before.state, before.version)
        assert Event.objects.count() == events


def check_moves(case: Match) -> None:
    """Check that every event continues its predecessor and is a permitted transition."""
    state = None
    for event in Event.objects.filter(case=case.case).order_by("sequence"):
        if "state" not in event.after:
            continue
        begins, ends = event.before.get("state"), event.after["state"]
        assert begins == state
        # A case begins, ends or goes back outside the table; what waits may be told of.
        waits = begins == ends == MatchState.PENDING and event.action == "rule_applied"
        if event.action not in ("found", "asked_again", "undo") and not waits:
            assert ends in TRANSITIONS[MatchState(begins)]
        if ends in ONLY_BY_A_PERSON and event.action != "found":
            assert event.actor is not None
        state = ends
    assert state == case.state
