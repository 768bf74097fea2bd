"""NUL characters, which PostgreSQL cannot store in text, never reach it."""

from __future__ import annotations

import pytest
from django.test import Client

from base.accounts.roles import Role
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db


def test_address_with_a_nul_finds_nothing(signed_in: MakeClient) -> None:
    client = signed_in(Role.ADMIN)
    statuses = {
        "/api/portal/v1/reports/a%00b/": 404,
        "/catalogue/recordings/a%00b/": 404,
        "/files/?q=a%00b": 200,
        "/admin/review/match/export/?nothing=1": 405,
        "/admin/scanning/scannedfile/?q=a%00b": 200,
        "/admin/scanning/scannedfile/a%00b/change/": 302,
        "/api/portal/v1/reports/?cursor=%00": 200,
        "/api/buckets?region=%00": 401,
    }

    assert {path: client.get(path).status_code for path in statuses} == statuses


def test_cookie_with_a_nul_opens_nothing() -> None:
    for cookie in ("sessionid", "csrftoken", "messages"):
        # A quoted cookie may encode any character as an octal number.
        header = rf'{cookie}="{"a" * 31}\000"'

        answer = Client().get("/accounts/login/", headers={"Cookie": header})

        assert answer.status_code == 200, cookie
