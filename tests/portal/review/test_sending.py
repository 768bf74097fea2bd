"""Decisions that a browser sends again, and undo: what it names, reaches and asks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from catalogue.models import Exclusion
from reports.cue_sheets import listed_cues
from reports.cue_statement import issue_version
from review.choices import MatchState
from review.models import Match
from review.services import locks
from statements.choices import StatementState
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.portal.review.reviewing import JSON, decide, page_of
from web.portal.review.queue import Queue

NAME = {"name": "7d9f6a52-5a0e-4a0b-8f0e-0d5a3a3f9c11"}
INTERVAL = {"start": "5", "end": "25", "reason": "shared_loop", "seen": "5000-25000"}


@pytest.fixture
def mira(db: None) -> User:
    return make_user(Role.MANAGER, username="mira")


@pytest.fixture
def manager(mira: User) -> Client:
    client = Client()
    client.force_login(mira)
    return client


def test_a_decision_that_is_sent_twice_is_made_once(client: Client) -> None:
    for number, (kind, fields) in enumerate(
        (
            ("decide", {"verb": "confirm"}),
            ("decide", {"verb": "reject", "code": "noise"}),
            ("note", {"note": "heard under speech"}),
            ("exclude", INTERVAL),
        )
    ):
        match = make_match()
        url = reverse(f"portal:match_{kind}", args=[match.uid])
        name = {"name": f"{NAME['name'][:-1]}{number}"}
        data = {"version": match.version, **fields, **name}

        answers = [client.post(url, data, headers=JSON) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [200, 200]
        bodies = [answer.json() for answer in answers]
        assert bodies[0].get("version") == bodies[1].get("version")
        events = Event.objects.filter(case=match.case, actor__username="ana")
        assert events.count() == 1, fields
        assert Exclusion.objects.count() == (kind == "exclude")


def test_an_answer_to_a_proposal_that_is_sent_twice_is_made_once(
    manager: Client, ana: User
) -> None:
    match = deciding.exclude_part(
        match=make_match(), user=ana, interval=(5_000, 25_000), reason="shared_loop"
    )
    url = reverse("portal:match_proposal", args=[match.uid, Exclusion.objects.get().uid])
    data = {"verb": "refuse_exclusion", "version": match.version, "note": "ours", **NAME}

    answers = [manager.post(url, data, headers=JSON) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert Event.objects.filter(case=match.case, actor__username="mira").count() == 1


def test_a_repeated_undo_undoes_nothing_more(client: Client) -> None:
    match = make_match()
    decide(client, match, "confirm")
    match.refresh_from_db()
    url = reverse("portal:match_decide", args=[match.uid])
    data = {"verb": "undo", "version": match.version, **NAME}
    assert client.post(url, data, headers=JSON).status_code == 200
    decide(client, match, "reject", code="noise")

    assert client.post(url, data, headers=JSON).status_code == 200

    match.refresh_from_db()
    assert match.state == MatchState.REJECTED


def test_nothing_is_decided_in_the_name_of_another_user(
    client: Client, manager: Client, ana: User, mira: User
) -> None:
    match = make_match()
    url = reverse("portal:match_decide", args=[match.uid])
    data = {"verb": "confirm", "version": match.version, **NAME}

    answer = client.post(url, data, headers={**JSON, "X-Sent-By": str(mira.pk)})

    assert (answer.status_code, answer.json()["code"]) == (409, "other_user")
    match.refresh_from_db()
    assert match.state == MatchState.PENDING
    client.post(url, data, headers={**JSON, "X-Sent-By": str(ana.pk)})
    match.refresh_from_db()
    assert match.state == MatchState.CONFIRMED
    # The name of another person's decision means nothing.
    rejection = {**data, "verb": "reject", "code": "noise"}
    assert manager.post(url, rejection, headers=JSON).json()["code"] == "stale"


def take_back(client: Client, match: Match) -> Any:  # Any: test response
    url = reverse("portal:match_take_back", args=[match.uid])
    return client.post(url, {"verb": "undo", **NAME}, headers=JSON)


def test_a_decision_that_is_taken_back_before_it_arrives_leaves_no_mark(client: Client) -> None:
    match = make_match()
    url = reverse("portal:match_decide", args=[match.uid])

    answer = take_back(client, match)
    late = client.post(url, {"verb": "confirm", "version": match.version, **NAME}, headers=JSON)

    assert (answer.status_code, answer.json()["undone"]) == (200, False)
    assert (late.status_code, late.json()["code"]) == (409, "taken_back")
    assert not Event.objects.filter(case=match.case, actor__username="ana").exists()
    match.refresh_from_db()
    assert match.state == MatchState.PENDING


def test_a_decision_that_is_taken_back_after_it_arrived_is_undone_once(client: Client) -> None:
    match = make_match()
    decide(client, match, "confirm", **NAME)

    answers = [take_back(client, match) for _ in range(2)]

    assert [answer.json()["undone"] for answer in answers] == [True, True]
    events = Event.objects.filter(case=match.case, actor__username="ana")
    actions = events.order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["confirm", "undo"]
    match.refresh_from_db()
    assert match.state == MatchState.PENDING


def test_what_others_decided_since_is_not_taken_back(client: Client, mira: User) -> None:
    match = make_match()
    decide(client, match, "confirm", **NAME)
    match.refresh_from_db()
    deciding.undo(match=match, user=mira)
    deciding.escalate(match=match, user=mira, note="Whose is it?")

    answer = take_back(client, match)

    assert (answer.status_code, answer.json()["code"]) == (409, "stale")
    assert take_back(Client(), match).status_code == 302


def test_what_a_browser_keeps_is_not_kept_for_signing_in(ana: User) -> None:
    match = make_match()
    client = Client()
    url = reverse("portal:match_decide", args=[match.uid])
    data = {"verb": "escalate", "note": "whose?", "version": 1, **NAME}

    answer = client.post(url, data, headers={**JSON, "X-Sent-By": str(ana.pk)})

    assert answer.status_code == 302
    fields = {"username": "ana", "password": "secret"}
    page = client.post(answer["Location"], fields, follow=True).content.decode()
    assert "nothing was saved" not in page


def undo(client: Client, match: Match, **fields: str) -> Any:  # Any: test response
    return decide(client, match, "undo", **fields)


def test_undo_reaches_the_last_decision_of_this_list_only(client: Client) -> None:
    decided, other_match = make_match(), make_match()
    client.post(
        f"{reverse('portal:match_decide', args=[decided.uid])}?reason=default",
        {"verb": "confirm", "version": decided.version},
    )

    here = client.get(page_of(other_match, "?reason=default"))
    elsewhere = client.get(page_of(other_match, "?reason=short"))

    assert here.context["last"].match == decided
    assert f"Undo: Confirmed, {decided.recording.title} in " in here.content.decode()
    assert elsewhere.context["last"] is None
    beside = reverse("portal:match_preview", args=[other_match.uid])
    assert client.get(f"{beside}?reason=default").context["last"].match == decided
    assert client.get(f"{beside}?list=/matches/?q=a").context["last"] is None


def test_undo_ends_with_its_time_also_for_a_manager(manager: Client) -> None:
    decided, other_match = make_match(), make_match()
    with time_machine.travel(datetime(2026, 5, 2, 12, tzinfo=UTC)) as clock:
        decide(manager, decided, "confirm")
        beside = reverse("portal:match_preview", args=[other_match.uid])
        assert manager.get(beside).context["last"].match == decided
        clock.shift(timedelta(minutes=24))
        assert manager.get(beside).context["last"] is None

        question = undo(manager, decided)
        page = manager.get(page_of(decided)).content.decode()
        assert question.status_code == 409
        assert "mira decided this:" in page
        undo(manager, decided, agreed="yes")

    decided.refresh_from_db()
    assert decided.state == MatchState.PENDING


def test_undo_asks_before_it_opens_a_dispute_again(
    client: Client, manager: Client, ana: User
) -> None:
    match = make_match(state=MatchState.CONFIRMED)
    deciding.record(match=match, user=ana, code="licensed")
    decide(manager, match, "uphold", note="It is ours.")

    question = undo(manager, match)

    page = question.content.decode()
    assert question.status_code == 409
    assert f"Undo “Upheld”: {match.recording.title} in {match.scanned_file.name}?" in page
    assert "The dispute is open again, and its answer is deleted." in page
    match.refresh_from_db()
    assert match.state == MatchState.UPHELD
    undo(manager, match, agreed="yes")
    match.refresh_from_db()
    assert match.state == MatchState.DISPUTED


def test_undo_asks_before_it_touches_an_approved_cue_sheet(manager: Client, mira: User) -> None:
    match = deciding.confirm(match=make_match(), user=mira)
    sheet = issue_version(
        sheet=listed_cues(match.scanned_file), user=mira, state=StatementState.APPROVED
    )

    question = undo(manager, match)

    assert question.status_code == 409
    message = f"Cue sheet “{sheet}” states this match as confirmed."
    assert message in question.content.decode()


def test_the_list_of_own_decisions_undoes_what_can_be_undone(
    client: Client,
    ana: User,
    mira: User,
    django_assert_max_num_queries: Any,  # Any: pytest-django's fixture
) -> None:
    unchanged, changed, foreign = make_match(), make_match(), make_match()
    with time_machine.travel(datetime(2026, 5, 2, 12, tzinfo=UTC), tick=False):
        for match in (unchanged, changed):
            decide(client, match, "confirm")
        changed.refresh_from_db()
        deciding.undo(match=changed, user=mira)
        deciding.confirm(match=foreign, user=mira, version=1)

        with django_assert_max_num_queries(24):
            page = client.get(reverse("portal:my_decisions"))

        rows = page.context["decisions"]
        assert [row.match for row in rows] == [changed, unchanged]
        assert rows[0].undoing is None
        assert rows[0].why_not == "Something else has happened to the match since."
        assert rows[1].undoing.match == unchanged
    client.force_login(ana)
    late = client.get(reverse("portal:my_decisions")).context["decisions"]
    # No manager can undo the first one, either.
    assert [row.why_not for row in late] == [
        "Something else has happened to the match since.",
        "Your 10 minutes are over. Ask a manager to undo it.",
    ]


def test_next_and_previous_both_pass_over_what_another_holds(ana: User) -> None:
    first, held, last = make_match(), make_match(), make_match()
    locks.take_lock(match=held, user=make_user(Role.REVIEWER, username="ben"))

    assert Queue(ana).next_to(first) == last
    assert Queue(ana).before(last) == first
