"""NUL characters, which PostgreSQL cannot store in text, never reach it."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.roles import Role
from tests.conftest import MakeClient

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/portal/v1/reports/a%00b/", 404),
        ("/catalogue/recordings/a%00b/", 404),
        ("/files/?q=a%00b", 200),
        ("/admin/review/match/export/?nothing=1", 405),
        ("/admin/scanning/scannedfile/?q=a%00b", 200),
        ("/admin/scanning/scannedfile/a%00b/change/", 302),
        ("/api/portal/v1/reports/?cursor=%00", 200),
        ("/api/buckets?region=%00", 401),
    ],
)
def test_address_with_a_nul_finds_nothing(
    signed_in: MakeClient, path: str, status: int
) -> None:
    answer = signed_in(Role.ADMIN).get(path)

    assert answer.status_code == status


@pytest.mark.parametrize("cookie", ["sessionid", "csrftoken", "messages"])
def test_cookie_with_a_nul_opens_nothing(cookie: str) -> None:
    # A quoted cookie may encode any character as an octal number.
    header = rf'{cookie}="{"a" * 31}\000"'

    answer = Client().get("/accounts/login/", headers={"Cookie": header})

    assert answer.status_code == 200
