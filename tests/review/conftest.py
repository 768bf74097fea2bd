"""People who decide about matches."""

from __future__ import annotations

import pytest

from accounts.models import User
from accounts.roles import Role
from tests.factories.accounts import make_user


@pytest.fixture
def manager() -> User:
    return make_user(Role.MANAGER, username="mia")


@pytest.fixture
def reviewer() -> User:
    return make_user(Role.REVIEWER, username="ana")
