"""Every error page shows the request id that the log has for the request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.http import HttpRequest
from django.test import Client
from pytest_django import Settings

from base.accounts.roles import Role
from tests.fixtures import MakeClient
from web.portal.dashboard import views

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse


@pytest.fixture
def client(signed_in: MakeClient) -> Client:
    client = signed_in(Role.VIEWER)
    client.raise_request_exception = False
    return client


def _assert_names_request(answer: _MonkeyPatchedWSGIResponse, status: int) -> None:
    assert answer.status_code == status
    assert f"req {answer['X-Request-Id']}" in answer.content.decode()


def test_the_page_of_a_fault_of_ours_shows_the_request_id(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_request: HttpRequest, *_message: object, **_named: object) -> None:
        raise ValueError

    monkeypatch.setattr(views, "render", fail)

    answer = client.get("/")

    _assert_names_request(answer, 500)
    assert "<title>" in answer.content.decode()


def test_a_missing_page_shows_the_request_id_that_the_log_has(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.get("/nothing/")

    _assert_names_request(answer, 404)
    (record,) = (record for record in caplog.records if record.name == "django.request")
    # The filter of the log has added it.
    assert vars(record)["request_id"] == answer["X-Request-Id"]


def test_a_refused_page_shows_the_request_id(client: Client) -> None:
    _assert_names_request(client.get("/links/"), 403)


def test_an_unreadable_request_shows_the_request_id(client: Client, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["portal.example"]

    _assert_names_request(client.get("/", headers={"host": "other.example"}), 400)


def test_a_form_without_its_token_shows_the_request_id() -> None:
    client = Client(enforce_csrf_checks=True)

    _assert_names_request(client.post("/accounts/login/", {}), 403)
