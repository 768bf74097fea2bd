"""The pages a reviewer works on: their client is signed in."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User


@pytest.fixture
def client(ana: User) -> Client:
    """Return the reviewer's client."""
    client = Client()
    client.force_login(ana)
    return client
