"""Typed text survives an ended session, a lost lock and a deleted recording."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from catalogue.models import Recording, RecordingStatus
from review.choices import MatchState
from review.models import Match
from review.services import locks
from scanning.models import ScannedFile
from tests.factories.accounts import make_user
from tests.factories.review import make_match

JSON = {"Accept": "application/json"}
TYPED = "whose mix is this?"


@pytest.fixture
def match(ana: User) -> Match:
    """Return a match that the reviewer has open."""
    match = make_match()
    locks.take_lock(match=match, user=ana)
    match.refresh_from_db()
    return match


def sign_in_again(answer: Any) -> str:  # Any: the test client's response
    """Sign in at the redirect, and return the page that follows."""
    fields = {"username": "ana", "password": "secret"}
    page: bytes = answer.client.post(answer["Location"], fields, follow=True).content
    return page.decode()


def test_form_comes_back_filled_after_signing_in(client: Client, match: Match) -> None:
    for name, fields, text in (
        ("decide", {"verb": "escalate", "note": TYPED}, f">{TYPED}</textarea>"),
        ("decide", {"verb": "clear", "note": TYPED}, f">{TYPED}</textarea>"),
        (
            "decide",
            {"verb": "reject", "code": "noise", "note": TYPED},
            'value="noise" required checked',
        ),
        ("note", {"note": TYPED}, f'value="{TYPED}"'),
        (
            "exclude",
            {"verb": "exclude", "start": "7", "end": "9", "note": TYPED},
            'name="start" value="7"',
        ),
    ):
        client.cookies.pop(settings.SESSION_COOKIE_NAME)
        url = reverse(f"portal:match_{name}", args=[match.uid])

        answer = client.post(f"{url}?reason=short", {"version": match.version, **fields})
        page = sign_in_again(answer)

        assert "You were signed out, so nothing was saved." in page
        assert text in page
        assert TYPED in page
        match.refresh_from_db()
        assert match.state == MatchState.IN_REVIEW
        assert not Event.objects.filter(case=match.case, note=TYPED).exists()

    assert "You were signed out" not in client.get(match.review_url).content.decode()


def test_decisions_of_a_lost_session_decide_nothing(client: Client, match: Match) -> None:
    client.cookies.pop(settings.SESSION_COOKIE_NAME)
    url = reverse("portal:match_decide", args=[match.uid])
    answer = client.post(url, {"verb": "confirm", "version": match.version})
    assert "nothing was saved" in sign_in_again(answer)

    # A decision for many comes back filled.
    client.cookies.pop(settings.SESSION_COOKIE_NAME)
    expected = f"{match.uid}:{match.version}"
    data = {"verb": "clear", "apply": "yes", "note": TYPED, "expected": expected}
    page = sign_in_again(client.post("/queue/decide/?reason=short", data))
    assert f"{TYPED}</textarea>" in page
    assert f'name="expected" value="{expected}"' in page

    match.refresh_from_db()
    assert match.state == MatchState.IN_REVIEW


def test_form_waits_for_its_own_page_only(client: Client, match: Match) -> None:
    other_match = make_match()
    client.cookies.pop(settings.SESSION_COOKIE_NAME)
    url = reverse("portal:match_note", args=[match.uid])
    client.post(url, {"note": TYPED})
    client.post("/accounts/login/", {"username": "ana", "password": "secret"})

    assert TYPED not in client.get(other_match.review_url).content.decode()
    assert TYPED in client.get(match.review_url).content.decode()


def test_without_a_session_all_are_sent_to_sign_in(match: Match) -> None:
    client, url = Client(), reverse("portal:match_decide", args=[match.uid])

    answer = client.post(url, {"verb": "confirm", "version": 2}, headers=JSON)

    assert answer["Location"].startswith("/accounts/login/")
    match.refresh_from_db()
    assert match.state == MatchState.IN_REVIEW
    for url in ("/m/m_x/decide", "/queue/decide/"):
        assert client.get(url)["Location"].startswith("/accounts/login/")


def test_an_expired_lock_decides_unless_another_took_it(
    client: Client, ana: User, match: Match
) -> None:
    free = make_match()
    locks.take_lock(match=free, user=ana)
    past = datetime.now(tz=UTC) - timedelta(minutes=1)
    Match.objects.update(locked_until=past)
    locks.take_lock(match=match, user=make_user(Role.REVIEWER, username="ben"))
    url = reverse("portal:match_decide", args=[match.uid])

    answer = client.post(url, {"verb": "escalate", "note": TYPED, "version": match.version})

    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Taken over by ben at" in page
    assert "nothing was saved" in page
    assert TYPED in page
    match.refresh_from_db()
    assert match.locked_by is not None
    assert match.locked_by.username == "ben"

    # Where nobody took it, the page still decides.
    free.refresh_from_db()
    url = reverse("portal:match_decide", args=[free.uid])
    client.post(url, {"verb": "confirm", "version": free.version})
    free.refresh_from_db()
    assert free.state == MatchState.CONFIRMED


@pytest.mark.parametrize("gone", ["retired", "deleted"])
def test_what_went_under_review_is_told_before_anything_is_decided(
    client: Client, match: Match, gone: str
) -> None:
    if gone == "retired":
        Recording.objects.update(status=RecordingStatus.RETIRED)
    else:
        ScannedFile.objects.update(deleted_at=datetime.now(tz=UTC))
    url = reverse("portal:match_decide", args=[match.uid])
    data = {"verb": "escalate", "note": TYPED, "version": match.version}

    answer = client.post(url, {**data, "standing": ""})

    page = answer.content.decode()
    assert answer.status_code == 409
    assert f"was {gone} in the meantime, so nothing was saved" in page
    assert TYPED in page
    match.refresh_from_db()
    assert match.state == MatchState.IN_REVIEW
    client.post(url, {**data, "standing": gone})
    match.refresh_from_db()
    assert match.state == MatchState.ESCALATED
