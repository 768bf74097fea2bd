"""Fixtures for each index store and the servers that some stores need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from catalogue.clickhouse.address import parse_index_url
from catalogue.clickhouse.store import ClickHouseStore
from recognition.index.store import SegmentStore
from recognition.types import IndexStore
from tests.index.servers import (
    ClickHouse,
    chdb_behind_http,
    chdb_is_there,
    server_is_there,
    two_servers,
)

PARAMS = "0123456789abcdef"

OpenStore = Callable[[], IndexStore]


@pytest.fixture(scope="session")
def chdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    """Return chdb, the current version of ClickHouse, behind HTTP."""
    if not chdb_is_there():
        pytest.skip("needs today's ClickHouse: make clickhouse")
    with chdb_behind_http(tmp_path_factory.mktemp("chdb")) as found:
        yield found


@pytest.fixture(scope="session")
def two_shards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    """Return two real servers that form one cluster."""
    if not server_is_there():
        pytest.skip("needs clickhouse-server, such as Debian's package of this name")
    with two_servers(tmp_path_factory.mktemp("clickhouse")) as found:
        yield found


@pytest.fixture
def two_shards_url(two_shards: ClickHouse) -> Iterator[str]:
    """Return the address of an empty database on two servers."""
    with two_shards.database() as url:
        yield url


def open_clickhouse(url: str, params_hash: str = PARAMS) -> ClickHouseStore:
    """Open the ClickHouse index, as each process does for itself."""
    return ClickHouseStore(
        parse_index_url(url), params_hash=params_hash, rebuild_command="rebuild it"
    )


@pytest.fixture(params=["segments", "chdb", "two_shards"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    """Return a function that opens the same index again."""
    if request.param == "segments":
        yield lambda: SegmentStore(tmp_path / "index", params_hash=PARAMS)
        return
    servers: ClickHouse = request.getfixturevalue(request.param)
    with servers.database() as url:
        yield lambda: open_clickhouse(url)


@pytest.fixture
def store(open_store: OpenStore) -> IndexStore:
    """Return an empty index."""
    return open_store()
