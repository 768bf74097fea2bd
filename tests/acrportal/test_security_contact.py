"""Strangers find out whom to tell about a vulnerability."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine
from django.test import Client
from pytest_django import Settings

ADDRESS = "/.well-known/security.txt"


@pytest.mark.django_db
def test_the_contact_is_shown_and_expires(client: Client, settings: Settings) -> None:
    settings.ACRPORTAL_SECURITY_CONTACT = "mailto:security@example.org"

    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC)):
        answer = client.get(ADDRESS)

    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.content.decode().splitlines()[:2] == [
        "Contact: mailto:security@example.org",
        "Expires: 2026-06-30T00:00:00Z",
    ]


@pytest.mark.django_db
def test_without_a_contact_there_is_nothing(client: Client) -> None:
    assert client.get(ADDRESS).status_code == 404
