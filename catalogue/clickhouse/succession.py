"""A new index beside the one in use, filled at leisure and then put in its place."""

from __future__ import annotations

from collections.abc import Callable

from catalogue.clickhouse import schema
from catalogue.clickhouse.address import Address
from catalogue.clickhouse.schema import Stage
from catalogue.clickhouse.server import Server
from catalogue.clickhouse.store import ClickHouseStore


def index_beside(
    address: Address, *, params_hash: str, rebuild_command: str, resume: bool
) -> tuple[ClickHouseStore, Callable[[], None]]:
    """Return an index that nobody asks yet, and what makes it the one in use.

    With ``resume`` it is the one whose filling was broken off, where there is one.
    """
    server = Server(address)
    broken_off = [one for one in schema.listed(server) if one.stage == Stage.FILLING]
    fitting = [
        one.number
        for one in broken_off
        if resume and (one.params, one.shards) == (params_hash, server.shards)
    ]
    number = max(fitting) if fitting else schema.next_number(server)
    for one in broken_off:
        if one.number != number:
            schema.drop(server, one)
    if not fitting:
        schema.make(server, number)
        schema.announce(server, number, params_hash, Stage.FILLING)
    store = ClickHouseStore(
        address,
        params_hash=params_hash,
        rebuild_command=rebuild_command,
        number=number,
    )

    def put_in_place() -> None:
        schema.announce(server, number, params_hash, Stage.CURRENT)
        for one in schema.listed(server):
            if one.number != number and one.stage != Stage.DROPPED:
                schema.drop(server, one)

    return store, put_in_place
