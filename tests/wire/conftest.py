"""The live server that client tests share: one per process, until the last of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures import CopyDatabase
from tests.wire.federation import Federation, federation
from tests.wire.live import Receiver, Server, callback_receiver, running_server
from tests.wire.scene import PROGRAMME, Scene, make_scene


@pytest.fixture(scope="package")
def live(tmp_path_factory: pytest.TempPathFactory, copy_database: CopyDatabase) -> Iterator[Server]:
    """Return a server with a worker, an empty database and an all-powerful token."""
    folder = tmp_path_factory.mktemp("live")
    copy_database(folder)
    with running_server(folder) as server:
        yield server


@pytest.fixture(scope="package")
def two_portals(
    tmp_path_factory: pytest.TempPathFactory, copy_database: CopyDatabase
) -> Iterator[Federation]:
    """Run two linked portals until the last test that needs both."""
    folder = tmp_path_factory.mktemp("federation")
    for name in ("here", "there"):
        (folder / name).mkdir()
        copy_database(folder / name)
    with federation(folder) as running:
        yield running


@pytest.fixture
def both(two_portals: Federation) -> Iterator[Federation]:
    """Return the two portals; the rules that a test sets for calls end with it."""
    yield two_portals
    for way in (two_portals.calls, two_portals.callbacks):
        way.decide = lambda _method, _path: None


@pytest.fixture(scope="package")
def scene(live: Server) -> Scene:
    """Make a small catalogue through the API."""
    return make_scene(live)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with callback_receiver() as running:
        yield running


@pytest.fixture(scope="session")
def programme() -> Path:
    """Return audio that holds the scene's recording."""
    return PROGRAMME
