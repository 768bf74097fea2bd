"""Key X on the review page: an interval is excluded or proposed after a preview."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags
from lxml import html
from pytest_django import Settings

from base.accounts.roles import Role
from catalogue.models import Exclusion
from review.choices import MatchState
from review.models import Match
from review.services import locks
from tests import pseudo_language
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.fixtures import MakeClient
from web.portal.pictures.exclusion import MediaTimeField

pytestmark = pytest.mark.django_db

JSON = {"Accept": "application/json"}
INTERVAL = {"start": "0:05.000", "end": "25", "reason": "shared_loop", "note": "a loop"}
SEEN = "5000-25000"


def post(client: Client, match: Match, **fields: object) -> Any:  # Any: the test client's response
    match.refresh_from_db()
    data = {**INTERVAL, "version": match.version, "seen": SEEN, **fields}
    data["match"] = data.pop("tick", [])
    return client.post(reverse("portal:match_exclude", args=[match.uid]), data)


def page(client: Client, match: Match) -> str:
    return client.get(match.review_url).content.decode()


def test_strip_begins_at_the_segment_and_its_interval_is_heard(manager: Client) -> None:
    match = make_match(recording__proxy="recordings/a.webm")

    text = page(manager, match)

    assert 'name="start" value="0:05.000"' in text
    assert 'name="end" value="0:25.000"' in text
    assert "Exclude this interval" in text
    strip = text.partition('data-decide="exclude"')[2].partition("</form>")[0]
    assert f"/catalogue/recordings/{match.recording.uid}/audio?v=" in strip
    assert 'data-from="5000"' in strip
    assert 'data-to="25000"' in strip


def test_manager_looks_excludes_and_undoes(manager: Client) -> None:
    match = make_match()
    settled = make_match(recording=match.recording, state=MatchState.CONFIRMED)
    url = reverse("portal:match_exclude", args=[match.uid])

    # The preview tells what is touched and saves nothing; without scripts it comes first.
    page = manager.get(url, INTERVAL).content.decode()
    assert f'name="seen" value="{SEEN}"' in page
    assert "<strong>1 other match</strong> is affected" in page
    assert "Nothing of this match is left, so it is rejected." in page
    assert " ." not in strip_tags(page)
    assert f'name="match" value="{settled.uid}"' in page
    looked = post(manager, match, seen="", look="yes")
    content = looked.content.decode()
    assert looked.status_code == 200
    assert 'data-ask="exclude" open' in content
    assert f'name="seen" value="{SEEN}"' in content
    assert "Error:" not in content.split("</title>")[0]
    assert not Exclusion.objects.exists()

    post(manager, match, tick=settled.uid)

    match.refresh_from_db()
    settled.refresh_from_db()
    assert match.state == MatchState.REJECTED
    assert settled.state == MatchState.SUPPRESSED
    undo = reverse("portal:match_decide", args=[match.uid])
    manager.post(undo, {"verb": "undo", "version": match.version})
    match.refresh_from_db()
    settled.refresh_from_db()
    assert match.state == MatchState.PENDING
    assert settled.state == MatchState.CONFIRMED


def test_the_last_exclusion_is_named_in_the_language_of_the_page(
    settings: Settings, manager: Client
) -> None:
    match = make_match()
    data = {**INTERVAL, "version": match.version, "seen": SEEN}

    with pseudo_language.spoken(settings):
        language = {"Accept-Language": pseudo_language.CODE}
        answer = manager.post(
            reverse("portal:match_exclude", args=[match.uid]), data, headers={**JSON, **language}
        )

    summary = html.fromstring(answer.json()["last"]).find_class("bar__what")[0].text
    assert summary.strip() == pseudo_language.disguise("0:05 – 0:25 excluded")


def test_match_stays_where_something_of_it_is_left(manager: Client) -> None:
    match = make_match()
    page(manager, match)

    answer = post(manager, match, end="10", seen="5000-10000")

    assert answer["Location"] == match.review_url
    text = page(manager, match)
    assert "0:05 – 0:10 excluded" in text
    assert "Yours until" in text


def test_a_reviewers_interval_is_a_proposal_that_a_manager_sees_before_agreeing(
    signed_in: MakeClient, manager: Client
) -> None:
    match = make_match()
    reviewer = signed_in(Role.REVIEWER)
    assert "Propose and escalate" in page(reviewer, match)

    post(reviewer, match)

    match.refresh_from_db()
    proposal = Exclusion.objects.get()
    assert (match.state, proposal.approved) == (MatchState.ESCALATED, False)
    settled = make_match(recording=match.recording, state=MatchState.CONFIRMED)
    url = reverse("portal:exclusion_approve", args=[proposal.uid])
    answer = manager.get(url)
    assert settled.scanned_file.name in answer.content.decode()
    mark = answer.context["consequences"].mark
    manager.post(url, {"match": settled.uid, "agreed": mark})
    match.refresh_from_db()
    settled.refresh_from_db()
    assert match.state == settled.state == MatchState.SUPPRESSED


def test_what_is_wrong_is_said_and_the_text_kept(manager: Client) -> None:
    match = make_match()
    page(manager, match)

    for fields, status, message in (
        ({"seen": "0-5"}, 409, "Preview this interval, then exclude it"),
        ({"end": "1:2:3:4"}, 400, "Enter a time as 1:02.500"),
        ({"end": "0:99"}, 400, "A number after a colon is at most 59."),
        ({"end": "0:60:10"}, 400, "A number after a colon is at most 59."),
        ({"end": "3"}, 400, "The end must be after the start."),
        ({"end": "9:00"}, 400, "The recording is shorter than that."),
        ({"reason": ""}, 400, "This field is required."),
        ({"version": "9"}, 409, "nothing was saved"),
        ({"version": ""}, 400, "did not say which version"),
        ({"version": "9" * 5000}, 400, "did not say which version"),
    ):
        answer = post(manager, match, **fields)

        assert answer.status_code == status, message
        content = answer.content.decode()
        assert message in content
        assert ">a loop</textarea>" in content
        assert not Exclusion.objects.exists()
        match.refresh_from_db()
        assert match.state == MatchState.IN_REVIEW


def test_foreign_lock_keeps_the_interval_from_being_excluded(manager: Client) -> None:
    match = make_match()
    locks.take_lock(match=match, user=make_user(Role.REVIEWER))
    url = reverse("portal:match_exclude", args=[match.uid])
    match.refresh_from_db()

    for end, seen in (("25", SEEN), ("10", "5000-10000")):
        fields = {**INTERVAL, "end": end, "seen": seen, "version": match.version}
        answer = manager.post(url, fields, headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (409, "locked")

    assert not Exclusion.objects.exists()


def test_viewer_and_wrong_method(signed_in: MakeClient) -> None:
    match = make_match()
    viewer = signed_in(Role.VIEWER)
    url = reverse("portal:match_exclude", args=[match.uid])

    assert viewer.get(url).status_code == viewer.post(url).status_code == 403
    assert viewer.put(url).status_code == 405
    assert "data-ask=" not in page(viewer, match)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("62.5", 62_500),
        ("1:02.500", 62_500),
        ("1:00:02,5", 3_602_500),
        ("75:30", 4_530_000),
        ("0", 0),
    ],
)
def test_times_are_read_as_people_write_them(text: str, ms: int) -> None:
    assert MediaTimeField().clean(text) == ms
