"""Fixtures that several tests of pages share."""

from __future__ import annotations

import pytest
from django.test import Client

from base.accounts.models import User
from base.accounts.roles import Role
from tests.factories.accounts import make_user
from tests.fixtures import MakeClient
from tests.portal.admin_matches import SignIn
from tests.scanning.conftest import podcast, vendor

__all__ = ["ana", "podcast", "sign_in", "vendor"]


@pytest.fixture
def sign_in(client: Client) -> SignIn:
    """Return a function that signs in a new user with a role."""

    def enter(role: Role) -> Client:
        user = User.objects.filter(username=f"the-{role}").first()
        client.force_login(user or make_user(role, username=f"the-{role}"))
        return client

    return enter


@pytest.fixture
def ana(db: None) -> User:
    return make_user(Role.REVIEWER, username="ana")


@pytest.fixture
def reviewer(signed_in: MakeClient) -> Client:
    return signed_in(Role.REVIEWER)


@pytest.fixture
def manager(signed_in: MakeClient) -> Client:
    return signed_in(Role.MANAGER)
