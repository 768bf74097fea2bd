"""People who decide about matches, a match, and the time at which they do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine

from base.accounts.models import User
from base.accounts.roles import Role
from catalogue.models import Recording
from review.models import Match
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match

NOON = datetime(2026, 5, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def manager() -> User:
    return make_user(Role.MANAGER, username="mia")


@pytest.fixture
def reviewer() -> User:
    return make_user(Role.REVIEWER, username="ana")


@pytest.fixture
def recording() -> Recording:
    return RecordingFactory.create()


@pytest.fixture
def match(recording: Recording) -> Match:
    return make_match(recording=recording)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller
