"""Every refusal is JSON with a helpful message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine
from django.core.cache import caches
from django.test import Client
from pytest_django import Settings

from base.accounts.models import ApiToken
from base.accounts.roles import Role
from base.accounts.tokens import create_token, revoke_token
from tests.acrapi.conftest import Api, MakeApi
from tests.factories.scanning import ContainerFactory


def assert_refused(answer: object, status: int, code: str) -> None:
    body = answer.json()  # type: ignore[attr-defined]  # Django's test response
    assert answer.status_code == status  # type: ignore[attr-defined]
    assert (body["code"], body["message"]) == (code, body["error"])
    assert len(body["message"]) > 10
    assert body["request_id"]


def test_only_a_token_in_force_is_let_in(api: Api) -> None:
    def refused() -> Any:  # Any: Django's test response
        answer = api.get("/api/fs-containers")
        assert_refused(answer, 401, "unauthenticated")
        return answer

    for header in ("Bearer", "Basic abc", "Bearer a b", "Bearer \xff"):
        answer = api.get("/api/fs-containers", headers={"Authorization": header})
        assert_refused(answer, 401, "unauthenticated")
    secret, api.secret = api.secret, ""
    assert refused().headers["WWW-Authenticate"].startswith("Bearer")
    browser = Client()
    browser.force_login(api.owner)
    assert_refused(browser.get("/api/fs-containers"), 401, "unauthenticated")
    api.secret = secret

    yesterday = datetime.now(tz=UTC) - timedelta(days=1)
    ApiToken.objects.update(expires_at=yesterday)
    assert f"{yesterday:%Y-%m-%d}" in refused().json()["message"]

    ApiToken.objects.update(expires_at=None)
    api.owner.is_active = False
    api.owner.save()
    refused()

    api.owner.is_active = True
    api.owner.save()
    assert api.get("/api/fs-containers").status_code == 200
    revoke_token(token=ApiToken.objects.get(), actor=api.owner)
    refused()


def test_a_token_without_the_scope_names_it(make_api: MakeApi) -> None:
    api = make_api(Role.ADMIN, "read")

    answer = api.call("POST", "/api/buckets", {})

    assert_refused(answer, 403, "forbidden")
    assert "'catalogue'" in answer.json()["message"]


def test_a_token_never_does_more_than_its_owner(make_api: MakeApi) -> None:
    api = make_api(Role.VIEWER)

    assert api.get("/api/fs-containers").status_code == 200
    assert_refused(api.call("POST", "/api/fs-containers", {}), 403, "forbidden")


def test_unknown_containers_addresses_products_and_methods(api: Api) -> None:
    container = ContainerFactory.create(name="Ours")

    for number in ("999999", "0", "x", "-1", "9" * 30, "%00"):
        answer = api.get(f"/api/fs-containers/{number}/files")
        assert_refused(answer, 404, "unknown_container")
        assert f"{container.pk} Ours" in answer.json()["message"]

    for path in ("/api", "/api/", "/api/nothing", "/api/buckets/", "/v1/x", "/uploads/"):
        assert_refused(api.get(path), 404, "not_found")

    answer = api.get("/api/base-projects")
    assert_refused(answer, 404, "unsupported_product")
    assert "projects" in answer.json()["message"]

    answer = api.call("PATCH", "/api/fs-containers", {})
    assert_refused(answer, 405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]


def test_bodies_of_another_kind_or_size(api: Api, settings: Settings) -> None:
    path = "/api/fs-containers"
    for body in ("{", "[1]", '"a"', "nul\xff", "[" * 100_000):
        answer = api.call("POST", path, body, content_type="application/json")
        assert_refused(answer, 400, "malformed")
    answer = api.call("POST", path, "x", content_type="text/plain")
    assert_refused(answer, 415, "unsupported_content_type")

    path = f"/api/fs-containers/{ContainerFactory.create().pk}/files"
    no_boundary = api.call("POST", path, "x", content_type="multipart/form-data")
    assert_refused(no_boundary, 400, "malformed")

    # Refused before it is read.
    settings.ACRPORTAL_MAX_FILE_BYTES = 1000
    too_large = api.call(
        "POST", path, "x", content_type="multipart/form-data; boundary=a", CONTENT_LENGTH=str(10**9)
    )
    assert_refused(too_large, 413, "file_too_large")


def test_too_many_calls_are_told_when_to_come_back(api: Api, settings: Settings) -> None:
    settings.ACRPORTAL_RATE_LIMITS = True
    settings.ACRPORTAL_API_RATE = 2

    with time_machine.travel("2026-05-04 08:00Z", tick=False):
        answers = [api.get("/api/fs-containers") for _ in range(3)]
    other_token = create_token(owner=api.owner, name="other", scopes=["all"])

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert_refused(answers[-1], 429, "rate_limited")
    assert int(answers[-1].headers["Retry-After"]) >= 1
    api.secret = other_token.secret
    assert api.get("/api/fs-containers").status_code == 200
    caches["process"].clear()


def test_an_unknown_host_is_refused_as_json(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["localhost"]

    answer = Client(headers={"host": "elsewhere.example"}).get("/api/buckets")

    assert_refused(answer, 400, "malformed")


def test_plain_http_is_not_redirected(api: Api, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True

    assert api.get("/api/fs-containers").status_code == 200
