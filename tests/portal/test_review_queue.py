"""The review queue: tabs, filters, order, and one decision for many."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from accounts.roles import Role
from review.choices import MatchState
from review.models import Match
from review.services import locks
from scanning.choices import FileStatus
from tests.conftest import MakeClient
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.factories.scanning import ScanFactory, ScannedFileFactory

VIEWER, REVIEWER, MANAGER, ADMIN = Role
QUEUE = "/queue/"
DECIDE = "/queue/decide/"


@pytest.fixture
def ana(db: None) -> User:
    """Return a reviewer."""
    return make_user(REVIEWER, username="ana")


@pytest.fixture
def client(ana: User) -> Client:
    """Return the reviewer's client."""
    client = Client()
    client.force_login(ana)
    return client


def listed(client: Client, query: str = "") -> list[Match]:
    return [row[0] for row in client.get(QUEUE + query).context["rows"]]


def chosen(*matches: Match) -> list[str]:
    return [f"{match.uid}:{match.version}" for match in matches]


def test_queue_holds_what_waits_oldest_first(client: Client) -> None:
    first, second = make_match(), make_match()
    make_match(state=MatchState.CONFIRMED)

    assert listed(client) == [first, second]


def test_tabs_hold_their_own_and_count_it(client: Client, ana: User) -> None:
    mine, _free = make_match(), make_match()
    escalated = make_match(state=MatchState.ESCALATED)
    locks.take_lock(match=mine, user=ana)

    page = client.get(QUEUE)

    assert page.context["tabs"]["waiting"] == 3
    assert page.context["tabs"]["mine"] == 1
    assert listed(client, "?view=mine") == [mine]
    assert listed(client, "?view=escalated") == [escalated]


def test_filters_of_the_address_narrow_the_list(client: Client) -> None:
    make_match(score="90.0")
    low = make_match(score="58.0", match={"queue_reason": "low_score"})

    assert listed(client, "?reason=low_score") == [low]
    assert listed(client, f"?q={low.recording.title}") == [low]
    assert listed(client, "?reason=low_score&score_min=70") == []
    assert len(listed(client, "?reason=nonsense&view=odd&sort=evil&score_min=x")) == 2


@pytest.mark.parametrize(
    "sort", ["found", "reason", "title", "source", "matched", "relation", "score"]
)
def test_each_sort_goes_both_ways(client: Client, sort: str) -> None:
    make_match(score="60.0")
    make_match((0, 9_000, 0, 9_000), score="90.0")

    upwards = listed(client, f"?sort={sort}")
    downwards = listed(client, f"?sort=-{sort}")

    assert upwards == downwards[::-1]


def test_row_shows_who_holds_the_match(client: Client) -> None:
    match = make_match()
    locks.take_lock(match=match, user=make_user(REVIEWER, username="ben"))

    page = client.get(QUEUE)

    assert "ben" in page.content.decode()
    assert page.context["next_url"] == ""


def test_viewer_sees_the_queue_without_ways_to_decide(signed_in: MakeClient) -> None:
    match = make_match()
    viewer = signed_in(VIEWER)

    page = viewer.get(QUEUE).content.decode()
    answer = viewer.post(DECIDE, {"verb": "confirm", "expected": chosen(match)})

    assert 'name="expected"' not in page
    assert answer.status_code == 403


def test_empty_queue_says_what_to_do(client: Client) -> None:
    assert "Nothing waits for you" in client.get(QUEUE).content.decode()
    assert "Nothing here fits" in client.get(f"{QUEUE}?q=zzz").content.decode()


def test_queue_needs_the_same_few_queries_for_any_length(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(6):
        make_match()

    with django_assert_max_num_queries(20):
        client.get(QUEUE)


def test_many_are_shown_before_anything_is_decided(client: Client) -> None:
    first, second = make_match(), make_match()

    page = client.post(DECIDE, {"verb": "confirm", "expected": chosen(first, second)})

    assert "Confirm ours: 2 matches" in page.content.decode()
    assert not Match.objects.filter(state=MatchState.CONFIRMED).exists()


def test_many_are_decided_and_the_refused_named_with_the_cause(client: Client) -> None:
    free, held, changed = make_match(), make_match(), make_match()
    locks.take_lock(match=held, user=make_user(REVIEWER, username="ben"))
    held.refresh_from_db()
    expected = chosen(free, held, changed)
    Match.objects.filter(pk=changed.pk).update(version=changed.version + 1)

    page = client.post(
        DECIDE, {"verb": "confirm", "apply": "yes", "expected": expected}
    ).content.decode()

    assert "1 confirmed, 2 refused" in page
    assert "ben is reviewing this until" in page
    assert "your decision was not saved" in page
    assert [m.pk for m in Match.objects.filter(state=MatchState.CONFIRMED)] == [free.pk]


def test_decision_for_many_is_undone_at_once(client: Client) -> None:
    first, second = make_match(), make_match()
    done = client.post(
        DECIDE,
        {"verb": "confirm", "apply": "yes", "expected": chosen(first, second)},
    ).context["outcome"]

    page = client.post(
        DECIDE, {"verb": "undo", "apply": "yes", "expected": chosen(*done.done)}
    )

    assert "2 back in the queue, 0 refused" in page.content.decode()
    assert Match.objects.filter(state=MatchState.PENDING).count() == 2


def test_reject_of_many_asks_for_its_reason(client: Client) -> None:
    match = make_match()
    data = {"verb": "reject", "apply": "yes", "expected": chosen(match)}

    asked = client.post(DECIDE, {**data, "note": "kept words"})
    client.post(DECIDE, {**data, "reason": "noise"})

    assert "kept words" in asked.content.decode()
    match.refresh_from_db()
    assert (match.state, match.decision_reason) == ("rejected", "noise")


@pytest.mark.parametrize(
    "data",
    [{}, {"verb": "confirm"}, {"verb": "reopen", "expected": "m_1:1"}, {"verb": "x"}],
)
def test_odd_posts_lead_back_with_a_sentence(
    client: Client, data: dict[str, str]
) -> None:
    answer = client.post(f"{DECIDE}?reason=short", data)

    assert answer["Location"] == f"{QUEUE}?reason=short"
    assert client.get(QUEUE).context["messages"]


def test_matches_that_are_gone_are_counted(client: Client) -> None:
    page = client.post(
        DECIDE, {"verb": "confirm", "apply": "yes", "expected": ["m_gone:1", "odd"]}
    )

    assert "1 match no longer exists." in page.content.decode()


@pytest.mark.parametrize(("role", "limit"), [(REVIEWER, 50), (MANAGER, 500)])
def test_more_than_the_limit_is_refused(
    signed_in: MakeClient, role: Role, limit: int
) -> None:
    client = signed_in(role)
    expected = [f"m_{number}:1" for number in range(limit + 1)]

    answer = client.post(DECIDE, {"verb": "confirm", "expected": expected})

    assert answer.status_code == 302
    page = client.get(QUEUE).content.decode()
    assert f"Select at most {limit} matches at once." in page


def test_deciding_many_needs_a_post(client: Client) -> None:
    assert client.get(DECIDE).status_code == 405


def test_files_without_a_match_say_why(client: Client) -> None:
    file = ScannedFileFactory.create(status=FileStatus.NO_MATCH)
    ScanFactory.create(scanned_file=file, no_match_reason="speech_only")
    ScannedFileFactory.create(status=FileStatus.ERROR)

    page = client.get(reverse("portal:queue_files"))

    assert [row[0] for row in page.context["rows"]] == [file]
    assert "Speech only" in page.content.decode()


def test_what_is_due_first_stands_first_then_what_matters_more(client: Client) -> None:
    now = datetime.now(tz=UTC)
    plain = make_match()
    important = make_match(match={"priority": 5})
    later = make_match(match={"due_at": now + timedelta(days=2)})
    overdue = make_match(match={"due_at": now - timedelta(days=3)})

    order = [overdue, later, important, plain]

    assert listed(client) == order
    assert listed(client, "?sort=-due") == order[::-1]
    assert "3\xa0days over" in client.get(QUEUE).content.decode()
    for match, following in itertools.pairwise(order):
        page = client.get(match.review_url, headers={"X-Look-Ahead": "yes"})
        assert page.context["next_url"] == following.review_url


def test_assigned_matches_are_mine(client: Client, ana: User) -> None:
    mine = make_match(match={"assignee": ana})
    make_match()

    assert listed(client, "?view=mine") == [mine]
