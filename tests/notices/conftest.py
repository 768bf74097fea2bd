"""People who prepare and sign notices."""

from __future__ import annotations

import pytest

from accounts.models import User
from accounts.roles import Role
from tests.factories.accounts import make_user


@pytest.fixture
def reviewer(db: None) -> User:
    return make_user(Role.REVIEWER)


@pytest.fixture
def manager(db: None) -> User:
    return make_user(Role.MANAGER)
