"""An installation to back up or move, and a database server to put it on."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psycopg
import pytest

from accounts.models import User
from tests import audio
from tests.conftest import Catalogue, Worker, submit_sound

_SERVER = os.environ.get(
    "TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres"
)


@pytest.fixture
def installation(catalogue: Catalogue, run_worker: Worker, admin: User) -> Catalogue:
    """Return an installation with recordings, a scanned file and its matches."""
    submit_sound(catalogue.container, audio.tune(1, 12), admin)
    run_worker()
    return catalogue


@pytest.fixture
def empty_postgres() -> Iterator[str]:
    name = f"elsewhere_{os.getpid()}"
    try:
        server = psycopg.connect(_SERVER, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        pytest.skip(f"needs a PostgreSQL server: {error}")
    with server:
        server.execute(f"CREATE DATABASE {name}")
        yield f"{_SERVER.rpartition('/')[0]}/{name}"
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")
