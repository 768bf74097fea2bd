"""Bodies that are no requests get an answer, never an error of the server."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.roles import Role
from tests.conftest import MakeClient


@pytest.mark.parametrize("body", ["[" * 20_000, '{"a":' * 20_000, "nonsense", ""])
def test_what_is_no_json_is_refused(signed_in: MakeClient, body: str) -> None:
    client: Client = signed_in(Role.ADMIN)

    answer = client.post("/api/portal/v1/links/", body, content_type="application/json")

    assert answer.status_code in (400, 422)
