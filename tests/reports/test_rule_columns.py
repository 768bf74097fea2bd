"""The report columns of licences, policies and disputes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from base.accounts.roles import Role
from catalogue.models import Recording
from reports.evidence.facts import case_json, gather
from reports.rows import Case, RowKind, match_columns
from review.filters import MatchFilter
from review.models import Match
from review.selectors import matches
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_licence, make_policy
from tests.reports.cells import as_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def recording() -> Recording:
    return RecordingFactory.create()


def row(match: Match) -> dict[str, str]:
    """Return the match's written cells, by column."""
    match.refresh_from_db()
    case = Case(
        found=RowKind.YES,
        file=match.scanned_file,
        scan=match.scan,
        match=match,
        recording=match.recording,
        licence=match.licence,
        dispute=match.dispute,
        as_of=datetime.now(tz=UTC),
    )
    return {column.name: as_text(column.value(case), column.kind) for column in match_columns()}


def test_licence_that_cleared_a_match_is_named(recording: Recording) -> None:
    licence = make_licence(recordings=[recording], valid_until=date(2999, 12, 31))

    cells = row(make_match(recording=recording))

    assert cells["licence_id"] == licence.number
    assert cells["licence_valid_until"] == "2999-12-31"
    assert cells["policy_action"] == "clear"
    assert cells["decided_by"] == f"licence:{licence.number}"


def test_share_and_territories_are_those_of_the_recording() -> None:
    match = make_match()
    cases: tuple[tuple[dict[str, object], str, str], ...] = (
        ({"owner_share_pct": "33.3333", "territories": ["GB", "IE"]}, "33.33", "GB|IE"),
        ({"owner_share_pct": 50}, "50.00", ""),
        ({"owner_share_pct": "half", "territories": "GB"}, "", ""),
        ({"owner_share_pct": 101}, "", ""),
        ({}, "", ""),
    )

    for case, share, territories in cases:
        match.recording.user_defined = case
        match.recording.save()
        written = row(Match.objects.get(pk=match.pk))
        assert (written["rights_share_pct"], written["territories"]) == (share, territories)


def test_policy_that_treated_a_match_is_named_with_its_version() -> None:
    before = make_match()
    make_policy(name="Short uses")

    cells = row(make_match())

    assert (cells["policy_action"], cells["policy_name"]) == ("review", "Short uses v1")
    assert cells["queue_reason"] == "policy:Short uses"
    # Where no rule spoke, columns are empty.
    assert {
        row(before)[name]
        for name in (
            *("licence_id", "licence_valid_until", "policy_action", "policy_name"),
            *("dispute_status", "dispute_due_at"),
        )
    } == {""}


def test_dispute_is_open_then_overdue_then_upheld() -> None:
    manager = make_user(Role.MANAGER)
    match = make_match()
    begins = datetime(2026, 5, 1, tzinfo=UTC)
    with time_machine.travel(begins, tick=False) as clock:
        deciding.confirm(match=match, user=manager, version=1)
        match = deciding.record(match=match, user=manager, version=2, code="own_content")

        assert row(match)["dispute_status"] == "open"
        assert row(match)["dispute_due_at"] == "2026-05-31T00:00:00Z"
        clock.move_to(begins + timedelta(days=31))
        assert row(match)["dispute_status"] == "overdue"
        deciding.withdraw(match=match, user=manager, version=match.version, answer="taken back")
        assert row(match)["dispute_status"] == "upheld"


def test_people_can_have_made_up_names(settings: Settings) -> None:
    reviewer = make_user(Role.REVIEWER, username="jkim")
    first, second = make_match(), make_match()
    for match in (first, second):
        deciding.confirm(match=match, user=reviewer, version=1)
    assert row(first)["decided_by"] == "jkim"

    settings.ACRPORTAL_REPORT_PSEUDONYMS = True

    name = row(first)["decided_by"]
    assert name.startswith("person-")
    assert row(second)["decided_by"] == name


def test_an_escalated_match_is_decided_nowhere(client: Client) -> None:
    today, reviewer = datetime.now(tz=UTC).date(), make_user(Role.REVIEWER)
    match = deciding.escalate(match=make_match(), user=reviewer, version=1, note="Ask.")
    client.force_login(reviewer)

    on_the_wire = client.get(reverse("api:match", args=[match.uid])).json()
    in_packs = case_json(gather(match_id=match.pk))["match"]
    filters = (MatchFilter(decided_from=today), MatchFilter(decided_until=today))

    assert row(match)["decided_by"] == row(match)["decided_at"] == ""
    assert (on_the_wire["decided_by_name"], on_the_wire["decided_at"]) == ("", None)
    assert {in_packs[name] for name in ("decided_by", "decider", "decided_at")} == {""}
    assert not any(matches(filters=decided).exists() for decided in filters)
    deciding.confirm(match=match, user=make_user(Role.MANAGER))
    assert all(matches(filters=decided).exists() for decided in filters)
    assert client.get(reverse("api:match", args=[match.uid])).json()["decided_at"]
