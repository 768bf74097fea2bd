"""The tables of the index, and which of several indexes is current.

A rebuild fills its own tables beside the current ones; a row in ``landmark_index`` then
makes them current.

- ``landmark_postings_N``: one row per posting, sorted by hash.
- ``landmark_recordings_N``: the history of each recording's versions: claimed, live,
  removed, erased.

On a cluster each of them is a local table (``…_local``) on every server, and a
``Distributed`` table that shards by recording.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

from catalogue.clickhouse.server import NoSuchTable, Server
from recognition.errors import IndexCorrupt, ParamsMismatch

# The dtypes equal ClickHouse's RowBinary layout, so arrays are sent as they are.
POSTING: Final = np.dtype(
    [(name, "<u4") for name in ("bucket", "hash", "recording", "version", "frame")]
)
ENTRY: Final = np.dtype(
    [
        ("bucket", "<u4"),
        ("recording", "<u4"),
        ("version", "<u4"),
        ("token", "<u8"),
        ("state", "u1"),
        ("postings", "<u4"),
        ("checksum", "<u8"),
    ]
)
_LIST: Final = "landmark_index"
_TYPES: Final = {"|u1": "UInt8", "<u4": "UInt32", "<u8": "UInt64"}


class State(IntEnum):
    """The state of a recording's version; a higher state replaces a lower one."""

    CLAIMED = 0
    LIVE = 1
    REMOVED = 2
    ERASED = 3


class IndexStage(IntEnum):
    """The stage of an index."""

    FILLING = 0
    CURRENT = 1
    DROPPED = 2


@dataclass(frozen=True, slots=True)
class Listed:
    """One index in this database."""

    number: int
    params: str
    shards: int
    stage: IndexStage


@dataclass(frozen=True, slots=True)
class Tables:
    """The names of an index's tables: the shared ones, and those of a single server."""

    postings: str
    recordings: str
    own_postings: str
    own_recordings: str


def tables(server: Server, number: int) -> Tables:
    """Return the names of an index's tables."""
    postings = f"{server.address.database}.landmark_postings_{number}"
    recordings = f"{server.address.database}.landmark_recordings_{number}"
    local = "_local" if server.address.cluster else ""
    return Tables(postings, recordings, f"{postings}{local}", f"{recordings}{local}")


def listed(server: Server) -> list[Listed]:
    """Return every index that ever existed in this database, oldest first."""
    name = f"{server.address.database}.{_LIST}"
    try:
        rows = server.rows(
            f"SELECT number, any(params), any(shards), max(state) FROM {name} "
            "GROUP BY number ORDER BY number"
        )
    except NoSuchTable:
        return []
    return [Listed(n, params, shards, IndexStage(s)) for n, params, shards, s in rows]


def current(server: Server, params_hash: str, *, rebuild: str) -> int | None:
    """Return the number of the current index, or None if there is none yet.

    Raises ``ParamsMismatch`` if another engine built it, ``IndexCorrupt`` if the number
    of shards changed since.
    """
    known = [index for index in listed(server) if index.stage == IndexStage.CURRENT]
    if not known:
        return None
    newest = known[-1]
    where = f"The index in {server.address.database} on {server.address.host}"
    if newest.params != params_hash:
        raise ParamsMismatch(
            where, found=newest.params, expected=params_hash, remedy=rebuild
        )
    # With another number of shards, recordings would be looked for on wrong servers.
    if newest.shards != server.shards:
        raise IndexCorrupt(
            f"{where} was spread over {newest.shards} shards, and the cluster has "
            f"{server.shards}; {rebuild}."
        )
    return newest.number


def next_number(server: Server) -> int:
    """Return a number that no index here has or ever had."""
    return 1 + max((index.number for index in listed(server)), default=0)


def make(server: Server, number: int) -> None:
    """Create the tables of an index if they do not exist."""
    names = tables(server, number)
    # Old servers reject settings that they do not know.
    durable = (
        ", fsync_after_insert = 1, fsync_part_directory = 1"
        if server.knows("merge_tree_settings", "fsync_part_directory")
        else ""
    )
    # Smaller granules than the default 8192: a lookup reads a few postings per hash.
    settings = f"SETTINGS index_granularity = 1024{durable}"
    _make_table(
        server,
        names.postings,
        names.own_postings,
        ", ".join(f"{name} UInt32" for name in POSTING.names or ()),
        # A partition per bucket, so that maintenance works on one bucket at a time.
        "MergeTree PARTITION BY bucket ORDER BY (hash, recording, version, frame) "
        + settings,
    )
    _make_table(
        server,
        names.recordings,
        names.own_recordings,
        _columns(ENTRY) + ", at DateTime DEFAULT now()",
        "ReplacingMergeTree(state) ORDER BY (bucket, recording, version, token) "
        + settings,
    )


def announce(server: Server, number: int, params_hash: str, stage: IndexStage) -> None:
    """Record the stage of an index; all servers follow it from then on."""
    name = f"{server.address.database}.{_LIST}"
    local = f"{name}_local" if server.address.cluster else name
    columns = "number UInt32, shards UInt32, state UInt8, params String"
    _make_table(
        server, name, local, columns, "MergeTree ORDER BY number", shard_by="number"
    )
    server.do(
        f"INSERT INTO {name} (number, shards, state, params) VALUES "
        f"({number}, {server.shards}, {int(stage)}, '{params_hash}')",
        settings={"insert_distributed_sync": 1},
    )


def drop(server: Server, index: Listed) -> None:
    """Remove an index's tables and mark it as dropped."""
    names = tables(server, index.number)
    for host in server.hosts:
        for name in dict.fromkeys(
            (names.postings, names.recordings, names.own_postings, names.own_recordings)
        ):
            server.do(f"DROP TABLE IF EXISTS {name}", host=host)
    announce(server, index.number, index.params, IndexStage.DROPPED)


def _columns(dtype: np.dtype[np.void]) -> str:
    kinds = {name: dtype[name].str for name in dtype.names or ()}
    return ", ".join(f"{name} {_TYPES[kind]}" for name, kind in kinds.items())


def _make_table(
    server: Server,
    name: str,
    local: str,
    columns: str,
    engine: str,
    shard_by: str = "intHash64(recording)",
) -> None:
    for host in server.hosts:
        server.do(
            f"CREATE TABLE IF NOT EXISTS {local} ({columns}) ENGINE = {engine}",
            host=host,
        )
    if name == local:
        return
    address = server.address
    table = local.partition(".")[2]
    for host in server.hosts:
        server.do(
            f"CREATE TABLE IF NOT EXISTS {name} ({columns}) ENGINE = Distributed("
            f"{address.cluster}, {address.database}, {table}, {shard_by})",
            host=host,
        )
