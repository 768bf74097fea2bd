"""Addresses of pages that people write with a slash at the end."""

from __future__ import annotations

import re

import pytest
from django.urls import get_resolver

from base.accounts.roles import Role
from tests.factories.review import make_match
from tests.fixtures import MakeClient

UUID = "00000000-0000-4000-8000-000000000000"

pytestmark = pytest.mark.django_db


def test_a_short_link_with_a_slash_leads_to_its_page(signed_in: MakeClient) -> None:
    match = make_match()
    client = signed_in(Role.REVIEWER)

    with_query = client.get(f"/m/{match.uid}/?segment=1")
    opened = client.get(f"/m/{match.uid}/", follow=True)

    assert with_query["Location"] == f"/m/{match.uid}?segment=1"
    assert opened.status_code == 200
    assert match.recording.title in opened.content.decode()
    # A redirect would lose a form, so there is none.
    assert client.post(f"/m/{match.uid}/").status_code == 404
    for unknown in ("/nowhere/", "/m/", "/files/x/", "/a/b/c/"):
        assert client.get(unknown).status_code == 404, unknown


def test_every_short_link_of_the_pages_is_known_with_a_slash(signed_in: MakeClient) -> None:
    client = signed_in(Role.ADMIN)
    routes = [
        str(pattern.pattern)
        for part in get_resolver().url_patterns
        for pattern in getattr(part, "url_patterns", [])
        if getattr(part, "namespace", "") == "portal"
    ]
    short = [route for route in routes if route and not route.endswith("/")]
    assert "m/<str:uid>" in short

    for route in short:
        address = re.sub("<uuid:[a-z]+>", UUID, route)
        address = re.sub("<int:[a-z]+>", "1", address)
        address = re.sub("<str:[a-z]+>", "x", address)
        answer = client.get(f"/{address}/")
        assert answer.status_code == 302, route
        assert answer["Location"] == f"/{address}", route
