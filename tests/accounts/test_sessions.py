"""Sessions end after inactivity and after some days, and no cache keeps their pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django.test import Client
from pytest_django import Settings

from base.accounts.roles import Role
from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db

_START = datetime(2026, 5, 4, 8, tzinfo=UTC)


@pytest.fixture
def client() -> Client:
    """Return the client of a reviewer who signed in at ``_START``."""
    make_user(Role.REVIEWER, username="ana")
    client = Client()
    with time_machine.travel(_START, tick=False):
        client.post("/accounts/login/", {"username": "ana", "password": "secret"})
    return client


def _status(client: Client, after: timedelta, **headers: str) -> int:
    with time_machine.travel(_START + after, tick=False):
        return client.get("/queue/", headers=headers).status_code


def test_a_long_pause_ends_a_session_and_the_sign_in_page_says_why(client: Client) -> None:
    assert _status(client, timedelta(hours=11)) == 200
    assert _status(client, timedelta(hours=22)) == 200
    with time_machine.travel(_START + timedelta(hours=35), tick=False):
        page = client.get("/queue/", follow=True)
    assert page.redirect_chain
    assert "Your session has ended" in page.content.decode()
    assert not Session.objects.exists()


def test_a_page_that_asks_for_news_is_no_activity(client: Client) -> None:
    assert _status(client, timedelta(hours=11), **{"HX-Request": "true"}) == 200
    assert _status(client, timedelta(hours=11), **{"Sec-Fetch-Mode": "cors"}) == 200
    with time_machine.travel(_START + timedelta(hours=13), tick=False):
        answer = client.get("/api/portal/v1/matches/m_x/")
    assert answer.status_code in (401, 403)
    assert _status(client, timedelta(hours=13)) == 302


def test_a_session_ends_some_days_after_the_sign_in(client: Client, settings: Settings) -> None:
    settings.ACRPORTAL_SESSION_IDLE_HOURS = 100
    for hours in (1, 90, 167):
        assert _status(client, timedelta(hours=hours)) == 200

    assert _status(client, timedelta(hours=169)) == 302


def test_activity_is_seldom_written(client: Client) -> None:
    _status(client, timedelta(hours=1))
    seen = Session.objects.get().session_data

    _status(client, timedelta(hours=1, minutes=20))

    assert Session.objects.get().session_data == seen


def test_a_page_is_shown_where_activity_cannot_be_written(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_arguments: object, **_options: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.save", locked)

    assert _status(client, timedelta(hours=2)) == 200


def test_no_limit_of_pauses_where_the_setting_is_0(client: Client, settings: Settings) -> None:
    settings.ACRPORTAL_SESSION_IDLE_HOURS = 0

    assert _status(client, timedelta(hours=100)) == 200


def test_passwords_have_twelve_characters() -> None:
    make_user(Role.REVIEWER, username="ana")
    client = Client()
    client.post("/accounts/login/", {"username": "ana", "password": "secret"})

    def changed(new: str) -> bool:
        fields = {"oldpassword": "secret", "password1": new, "password2": new}
        client.post("/accounts/password/", fields)
        return Client().login(username="ana", password=new)

    assert not changed("Xk3-wq8-mnB")
    assert changed("Xk3-wq8-mnBv")
