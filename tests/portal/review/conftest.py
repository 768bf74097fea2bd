"""A signed-in reviewer for the pages on which reviewers work."""

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
