"""An installation to back up or move, and a database server to put it on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from base.accounts.models import User
from tests import audio
from tests.fixtures import Catalogue, Worker, submit_sound
from tests.jobs.chaos import postgres_database


@pytest.fixture
def installation(catalogue: Catalogue, run_worker: Worker, admin: User) -> Catalogue:
    """Return an installation with recordings, a scanned file and its matches."""
    submit_sound(catalogue.container, audio.tune(1, 12), admin)
    run_worker()
    return catalogue


@pytest.fixture
def empty_postgres() -> Iterator[str]:
    with postgres_database(is_empty=True) as url:
        yield url
