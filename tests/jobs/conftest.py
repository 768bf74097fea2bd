"""Job kinds for tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jobs import resources
from jobs.kinds import Kind
from tests.jobs.work import MIRRORED, PLAIN, registered


@pytest.fixture
def plain(db: None) -> Iterator[Kind]:
    """Return a kind whose jobs work on buckets."""
    with registered(PLAIN) as kind:
        yield kind


@pytest.fixture
def mirrored(db: None) -> Iterator[Kind]:
    """Return a kind that copies the job's state to a recording's row."""
    with registered(MIRRORED) as kind:
        yield kind


@pytest.fixture(autouse=True)
def nothing_is_blocked() -> Iterator[None]:
    """Forget which resources were unavailable."""
    yield
    resources.unblock([resources.INDEX, "server"])
