"""A proposed exclusion as a manager sees it: on the match's page and in the queue."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Role
from catalogue.models import Exclusion
from review.choices import MatchState
from review.models import Match
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.fixtures import MakeClient
from web.portal.review.reasons import shown_reason

pytestmark = pytest.mark.django_db

JSON = {"Accept": "application/json"}
SEEN = "5000-25000"


@pytest.fixture
def match(ana: User) -> Match:
    """Return a match that is escalated for ana's proposal."""
    return deciding.exclude_part(
        match=make_match(),
        user=ana,
        version=1,
        interval=(5_000, 25_000),
        reason="shared_loop",
        note="a sample pack",
    )


def address_of(match: Match, query: str = "") -> str:
    segment = Exclusion.objects.get()
    return reverse("portal:match_proposal", args=[match.uid, segment.uid]) + query


def answer(
    client: Client, about: Match, verb: str, query: str = "", **fields: object
) -> Any:  # Any: the test client's response
    about.refresh_from_db()
    data = {"verb": verb, "version": about.version, "seen": SEEN, **fields}
    return client.post(address_of(about, query), data)


def page(client: Client, address: str) -> str:
    return client.get(address).content.decode()


def state_of(match: Match) -> str:
    match.refresh_from_db()
    return match.state


def test_who_sees_a_proposal_and_who_may_answer(
    manager: Client, match: Match, ana: User, signed_in: MakeClient
) -> None:
    text = page(manager, match.review_url)
    assert "ana proposes to exclude 0:05.0 – 0:25.0" in text
    assert "Shared loop or sample" in text
    assert "a sample pack" in text
    assert 'data-ask="proposal"' in text
    assert address_of(match) in text
    assert "Nobody has" not in text

    queue = page(manager, f"{reverse('portal:queue')}?view=escalated")
    assert "Exclusion proposed" in queue
    assert "ana proposes an exclusion" in " ".join(queue.split())
    assert "Answer 0:05" not in queue
    assert address_of(match, "?view=escalated&amp;leads=queue") in queue

    viewer = signed_in(Role.VIEWER)
    assert viewer.get(address_of(match)).status_code == 403
    assert manager.put(address_of(match)).status_code == 405
    assert manager.get(address_of(make_match())).status_code == 404
    assert "ana proposes to exclude" in page(viewer, match.review_url)

    # The proposer neither as a reviewer nor as the manager that they become.
    proposer = Client()
    proposer.force_login(ana)
    text = page(proposer, match.review_url)
    assert "ana proposes to exclude" in text
    assert "A manager decides it." in text
    assert 'data-ask="proposal"' not in text
    assert answer(proposer, match, "approve_exclusion").status_code == 409
    ana.groups.set(make_user(Role.MANAGER).groups.all())
    text = page(proposer, match.review_url)
    assert "You proposed this. Another manager must decide." in text
    assert answer(proposer, match, "approve_exclusion").status_code == 409
    by_recording = proposer.post(
        reverse("portal:exclusion_approve", args=[Exclusion.objects.get().uid]), follow=True
    )
    refused = "You proposed this exclusion, so another manager must decide."
    assert refused in by_recording.content.decode()
    assert state_of(match) == MatchState.ESCALATED


def test_own_page_shows_what_it_touches_then_approves(manager: Client, match: Match) -> None:
    other_match = make_match(recording=match.recording, state=MatchState.CONFIRMED)

    text = page(manager, address_of(match))
    answer(manager, match, "approve_exclusion", match=other_match.uid)

    assert f'name="seen" value="{SEEN}"' in text
    assert f'name="match" value="{other_match.uid}"' in text
    assert "<strong>1 other match</strong> is affected" in text
    assert "Nothing of this match is left, so it is rejected." in text
    assert state_of(match) == MatchState.REJECTED
    assert state_of(other_match) == MatchState.SUPPRESSED
    history = page(manager, match.review_url)
    assert "approved the exclusion of 0:05 – 0:25" in history


def test_a_script_learns_the_refusal_and_the_undo(manager: Client, match: Match) -> None:
    data = {"verb": "refuse_exclusion", "version": match.version, "note": "ours"}
    body = manager.post(address_of(match), data, headers=JSON).json()

    assert (body["state"], body["stays"]) == ("pending", True)
    assert "Exclusion refused" in body["last"]
    undo = reverse("portal:match_decide", args=[match.uid])
    match.refresh_from_db()
    manager.post(undo, {"verb": "undo", "version": match.version})
    assert state_of(match) == MatchState.ESCALATED
    assert "ana proposes to exclude" in page(manager, match.review_url)

    # A refusal without a script returns to the match and says why.
    answered = answer(manager, match, "refuse_exclusion", note="our own melody")
    assert answered["Location"] == match.review_url
    assert state_of(match) == MatchState.PENDING
    text = page(manager, match.review_url)
    assert "refused the exclusion of 0:05 – 0:25" in text
    assert "our own melody" in text
    assert "Exclusion refused" in text


def test_a_wrong_answer_is_said_and_the_right_one_leads_back_to_the_queue(
    manager: Client, match: Match
) -> None:
    for fields, status, message in (
        ({"seen": "0-5"}, 409, "Preview this exclusion, then approve it"),
        ({"version": "1"}, 409, "nothing was saved"),
        ({"version": ""}, 400, "did not say which version"),
        ({"verb": "confirm"}, 400, "did not say"),
        ({"verb": "refuse_exclusion", "note": ""}, 409, "Say why"),
    ):
        data = {"verb": "approve_exclusion", "version": match.version, "seen": SEEN}
        data |= fields
        answered = manager.post(address_of(match), data, headers=JSON)
        assert answered.status_code == status, fields
        assert message in answered.content.decode(), fields
        assert state_of(match) == MatchState.ESCALATED, fields

    query = "?view=escalated&leads=queue"
    answered = answer(manager, match, "approve_exclusion", query)
    assert answered["Location"] == f"{reverse('portal:queue')}?view=escalated"
    assert "The interval was excluded." in page(manager, answered["Location"])

    # Its page leads to the match by now, and takes no second answer.
    text = manager.get(address_of(match), follow=True).content.decode()
    assert "has already answered" in text
    again = answer(manager, match, "refuse_exclusion", note="too late")
    assert again.status_code == 409


def test_page_of_the_recording_refuses_a_proposal_too(manager: Client, match: Match) -> None:
    segment = Exclusion.objects.get()

    manager.post(reverse("portal:exclusion_remove", args=[segment.uid]), {"reason": "ours"})

    assert state_of(match) == MatchState.PENDING


def test_decided_match_does_not_say_that_nobody_decided_it(manager: Client) -> None:
    match = make_match(match={"queue_reason": "default"})
    text = page(manager, match.review_url)
    assert "Nobody has" in text
    assert "Here because" in text

    for state in ("pending", "escalated", "confirmed", "rejected"):
        match.state = state
        reason = shown_reason(match)
        assert ("Nobody has" in reason.sentence) is (state == "pending"), state
        waits = state in {"pending", "escalated"}
        assert ("Here because" in reason.heading) is waits, state
