"""Job kinds for tests, and installations of their own for tests with real workers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from base.jobs.kinds import Kind
from tests.fixtures import CopyDatabase
from tests.jobs.chaos import Chaos, postgres_database
from tests.jobs.work import MIRRORED, PLAIN, registered


@pytest.fixture
def plain(db: None) -> Iterator[Kind]:
    with registered(PLAIN) as kind:
        yield kind


@pytest.fixture
def mirrored(db: None) -> Iterator[Kind]:
    """Return a kind that copies the job's state to a recording's row."""
    with registered(MIRRORED) as kind:
        yield kind


@pytest.fixture
def on_postgres(tmp_path: Path) -> Iterator[Chaos]:
    """Return an installation on PostgreSQL."""
    with postgres_database() as url:
        chaos = Chaos(tmp_path, url)
        yield chaos
        chaos.end_all()


@pytest.fixture
def on_sqlite(tmp_path: Path, copy_database: CopyDatabase) -> Iterator[Chaos]:
    """Return an installation on SQLite."""
    chaos = Chaos(tmp_path, f"sqlite:///{copy_database(tmp_path)}")
    yield chaos
    chaos.end_all()


@pytest.fixture(params=["on_sqlite", pytest.param("on_postgres", marks=pytest.mark.soak)])
def chaos(request: pytest.FixtureRequest) -> Chaos:
    """Return an installation on each database."""
    chaos: Chaos = request.getfixturevalue(request.param)
    return chaos
