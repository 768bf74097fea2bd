"""Build a new index beside the current one, then switch to it."""

from __future__ import annotations

from collections.abc import Callable

from catalogue.clickhouse import schema
from catalogue.clickhouse.address import Address
from catalogue.clickhouse.schema import IndexStage
from catalogue.clickhouse.server import Server
from catalogue.clickhouse.store import ClickHouseStore


def index_beside(
    address: Address, *, params_hash: str, rebuild_command: str, resume: bool
) -> tuple[ClickHouseStore, Callable[[], None]]:
    """Return an index that is not in use yet, and a function that makes it current.

    With ``resume`` it is the one whose filling was interrupted, if there is one.
    """
    server = Server(address)
    unfinished = [
        index for index in schema.listed(server) if index.stage == IndexStage.FILLING
    ]
    fitting = [
        index.number
        for index in unfinished
        if resume and (index.params, index.shards) == (params_hash, server.shards)
    ]
    # An unfinished index with other parameters or shards cannot be continued.
    number = max(fitting) if fitting else schema.next_number(server)
    for index in unfinished:
        if index.number != number:
            schema.drop(server, index)
    if not fitting:
        schema.make(server, number)
        schema.announce(server, number, params_hash, IndexStage.FILLING)
    store = ClickHouseStore(
        address,
        params_hash=params_hash,
        rebuild_command=rebuild_command,
        number=number,
    )

    def put_in_place() -> None:
        schema.announce(server, number, params_hash, IndexStage.CURRENT)
        for index in schema.listed(server):
            if index.number != number and index.stage != IndexStage.DROPPED:
                schema.drop(server, index)

    return store, put_in_place
