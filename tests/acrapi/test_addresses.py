"""Addresses of both APIs: spelt with more slashes, or unknown."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from tests.acrapi.conftest import Api

pytestmark = pytest.mark.django_db


def ask(
    method: str, path: str, body: str = "{}", kind: str = "application/json", **options: Any
) -> Any:
    """Ask for a path as it is; the test client takes two slashes for a host.

    Any: the test client's.
    """
    path, _mark, query = path.partition("?")
    return Client().generic(method, "/", body, kind, PATH_INFO=path, QUERY_STRING=query, **options)


def by_token(api: Api) -> dict[str, str]:
    return {"Authorization": f"Bearer {api.secret}"}


@pytest.mark.parametrize(
    "path",
    [
        "//api/fs-containers",
        "/api//fs-containers",
        "///api///fs-containers?page=1",
        "//api/portal/v1/reports/",
        "/api/portal//v1//reports/",
    ],
)
def test_several_slashes_are_one(api: Api, path: str) -> None:
    assert ask("GET", path, headers=by_token(api)).status_code == 200


@pytest.mark.parametrize("host", ["api-v2.acrcloud.com", "identify-x.acrcloud.cn"])
def test_names_of_acrcloud_are_answered_only_if_the_operator_says_so(
    host: str, api: Api, settings: Settings
) -> None:
    before = ask("GET", "/api/buckets", headers=by_token(api) | {"Host": host})
    settings.ALLOWED_HOSTS = [".acrcloud.com", ".acrcloud.cn"]
    after = ask("GET", "/api/buckets", headers=by_token(api) | {"Host": host})

    assert (before.status_code, before.json()["code"]) == (400, "malformed")
    assert after.status_code == 200


def test_slashes_of_pages_stay() -> None:
    assert ask("GET", "//healthz").status_code != 200


@pytest.mark.parametrize(
    "path",
    [
        *("/api", "/api/nothing", "/api/fs-containers/1//files", "//api//nothing"),
        *("/api/portal", "/api/portal/v1", "/api/portal/v1/", "/api/portal/v1/nothing"),
        *("/api/portal/v1/reports", "/api/portal/v1/files/not-a-uid/"),
        *("/uploads", "/uploads/", "/api/portal/v2/reports/"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_what_is_unknown_is_told_as_json(method: str, path: str) -> None:
    answer = ask(method, path)

    assert answer.status_code == 404
    body = answer.json()
    assert body["code"] == "not_found"
    assert body["message"] == body["error"]
    assert body["request_id"]


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/nothing", "//v1//nothing"])
def test_clients_of_identify_find_their_status(path: str) -> None:
    answer = ask("POST", path)

    assert answer.status_code == 404
    status = answer.json()["status"]
    assert (status["code"], status["version"]) == (3000, "1.0")
    assert status["msg"]


@pytest.mark.parametrize(
    "kind",
    [
        *("text/json", "application/vnd.api+json", "application/problem+json"),
        *("Application/JSON; charset=UTF-8", "text/x-json"),
    ],
)
def test_every_type_of_json_is_json(api: Api, kind: str) -> None:
    body = '{"name": "News", "type": "File", "region": "eu-west-1"}'
    headers = by_token(api)

    wire = ask("POST", "/api/buckets", body, kind, headers=headers)
    portal = ask("POST", "/api/portal/v1/reports/", "[]", kind, headers=headers)

    # The body was read: a list is no report.
    unknown = kind == "text/x-json"
    assert wire.status_code == (415 if unknown else 201), wire.content
    assert portal.status_code == (415 if unknown else 422), portal.content
