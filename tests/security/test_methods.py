"""Every address refuses unsupported methods, without details of the server."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from base.common.api_errors import is_api_path
from tests.security.addresses import every_address

pytestmark = pytest.mark.django_db


def _paths() -> list[str]:
    """Return one path for each address, with arbitrary values."""
    routes = {re.sub(r"\^|\$|\\Z|\(\?:.*\)\?", "", address.route) for address in every_address()}
    return sorted("/" + re.sub(r"<[^>]*>|\(\?P<.*?\)", "1", route) for route in routes)


# One that HTTP knows, and one that it does not.
@pytest.mark.parametrize("method", ["TRACE", "BREW"])
def test_no_address_takes_a_method_it_does_not_know(method: str) -> None:
    client = Client()

    answers = {path: client.generic(method, path) for path in _paths()}

    assert len(answers) > 150
    assert {answer.status_code for answer in answers.values()} == {405}
    assert all(answer["Allow"] for answer in answers.values())
    codes = {answer.json()["code"] for path, answer in answers.items() if is_api_path(path)}
    assert codes == {"method_not_allowed"}


@pytest.mark.parametrize("path", ["/static/css/base.css", "/nothing/here", "/api/odd"])
def test_trace_sends_nothing_back(path: str) -> None:
    answer = Client().generic("TRACE", path, headers={"X-Secret": "open sesame"})

    assert answer.status_code == 405
    assert b"open sesame" not in answer.getvalue()
