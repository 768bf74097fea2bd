"""ClickHouse's own behaviour: several servers, server faults, interrupted adds."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from django.core.exceptions import ImproperlyConfigured
from numpy.typing import NDArray

from catalogue.clickhouse import schema, upkeep
from catalogue.clickhouse.address import Address, parse_index_url
from catalogue.clickhouse.schema import State
from catalogue.clickhouse.server import Server
from catalogue.clickhouse.store import ClickHouseStore
from catalogue.clickhouse.succession import index_beside
from recognition.errors import IndexCorrupt, IndexUnavailable, ParamsMismatch
from recognition.types import Vote
from tests.index.conftest import PARAMS, open_clickhouse
from tests.index.servers import HOSTS, ClickHouse
from tests.index.sounds import best, music


@pytest.fixture
def sharded(two_shards_url: str) -> ClickHouseStore:
    """Return an index on two servers that holds twelve recordings."""
    store = open_clickhouse(two_shards_url)
    store.add_many(1, [(n, *music(n, n=300)) for n in range(12)])
    return store


def held(
    servers: ClickHouse, url: str, table: str = "landmark_postings_1"
) -> list[int]:
    """Return the number of rows on each server."""
    name = f"{parse_index_url(url).database}.{table}_local"
    return [int(servers.ask(f"SELECT count() FROM {name}", host)) for host in HOSTS]


def test_recordings_are_spread_whole_over_the_servers(
    sharded: ClickHouseStore, two_shards: ClickHouse, two_shards_url: str
) -> None:
    postings = held(two_shards, two_shards_url)

    assert sum(postings) == 12 * 300
    assert min(postings) > 0
    assert all(count % 300 == 0 for count in postings)
    assert sharded.stats(1).postings == 12 * 300
    assert [best(sharded, music(n, n=300)) for n in range(12)] == [
        (n, 0) for n in range(12)
    ]


def test_any_server_of_the_cluster_may_be_asked(
    sharded: ClickHouseStore, two_shards_url: str
) -> None:
    other = open_clickhouse(two_shards_url.replace(HOSTS[0], HOSTS[1]))

    other.add(1, 50, *music(50, n=300))
    other.remove(1, 3)

    assert best(sharded, music(50, n=300)) == (50, 0)
    assert best(other, music(4, n=300)) == (4, 0)
    assert sharded.query([1], *music(3, n=300)) == []
    assert list(sharded.recordings(1)) == [0, 1, 2, *range(4, 12), 50]


def test_the_best_of_all_servers_are_found_when_each_has_several(
    sharded: ClickHouseStore,
) -> None:
    hashes, frames = music(99, n=400)
    for number in range(20, 28):
        some = slice(0, 20 * (number - 19))
        sharded.add(1, number, hashes[some], frames[some])

    found = sharded.query([1], hashes, frames, top=3)

    assert found == [Vote(1, 27, 0, 160), Vote(1, 26, 0, 140), Vote(1, 25, 0, 120)]


def test_a_hash_is_common_by_what_all_servers_hold(sharded: ClickHouseStore) -> None:
    hashes, frames = np.full(40, 5, dtype=np.uint32), np.arange(40, dtype=np.int32)
    sharded.add_many(1, [(n, hashes, frames) for n in range(20, 24)])

    assert sharded.query([1], hashes, frames, max_list=159) == []
    assert len(sharded.query([1], hashes, frames, top=4, max_list=160)) == 4


def test_maintenance_deletes_on_every_server(
    sharded: ClickHouseStore, two_shards: ClickHouse, two_shards_url: str
) -> None:
    before = held(two_shards, two_shards_url)
    for number in range(11):
        sharded.remove(1, number)
    assert held(two_shards, two_shards_url) == before

    sharded.maintain(1)

    assert sum(held(two_shards, two_shards_url)) == 300
    assert best(sharded, music(11, n=300)) == (11, 0)


def test_verify_names_what_was_lost_changed_or_doubled(
    sharded: ClickHouseStore, two_shards: ClickHouse, two_shards_url: str
) -> None:
    assert sharded.verify(1) == []
    database = parse_index_url(two_shards_url).database
    rows = f"{database}.landmark_postings_1"
    entries = f"{database}.landmark_recordings_1"
    two_shards.ask(f"INSERT INTO {rows} VALUES (1, 7, 2, 1, 9)")
    two_shards.ask(
        f"INSERT INTO {entries} (bucket, recording, version, token, state, postings, "
        "checksum) VALUES (1, 77, 1, 5, 1, 10, 10)"
    )
    for host in HOSTS:
        two_shards.ask(
            f"INSERT INTO {entries}_local (bucket, recording, version, token, state, "
            "postings, checksum) VALUES (1, 88, 1, 5, 1, 0, 0)",
            host,
        )

    assert sharded.verify(1) == [
        "bucket 1: recording 2 has other postings than were added",
        "bucket 1: recording 77 has lost its postings",
        "bucket 1: recording 88 is indexed twice",
    ]


def test_another_number_of_servers_needs_a_rebuild(
    sharded: ClickHouseStore, monkeypatch: pytest.MonkeyPatch, two_shards_url: str
) -> None:
    monkeypatch.setattr(Server, "shards", 3)

    with pytest.raises(IndexCorrupt, match=r"2 shards.*has 3; rebuild it"):
        open_clickhouse(two_shards_url)


def test_an_index_of_other_parameters_is_refused(
    sharded: ClickHouseStore, two_shards_url: str
) -> None:
    with pytest.raises(ParamsMismatch, match="rebuild it") as caught:
        open_clickhouse(two_shards_url, "f" * 16)

    assert (caught.value.found, caught.value.expected) == (PARAMS, "f" * 16)


class BrokenOff(Exception):
    """Stands for the end of the process."""


@contextlib.contextmanager
def ending_before_the_last_row() -> Iterator[None]:
    """Interrupt adds after their postings are written."""
    insert = Server.insert

    def fail(
        self: Server, table: str, rows: NDArray[np.void], *, host: str = ""
    ) -> None:
        if "state" in (rows.dtype.names or ()) and rows["state"][0] == State.LIVE:
            raise BrokenOff
        insert(self, table, rows, host=host)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Server, "insert", fail)
        yield


def test_a_broken_off_add_is_never_seen(
    sharded: ClickHouseStore,
    two_shards: ClickHouse,
    two_shards_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ending_before_the_last_row(), pytest.raises(BrokenOff):
        sharded.add(1, 3, *music(30, n=300))

    assert sum(held(two_shards, two_shards_url)) == 13 * 300
    assert best(sharded, music(3, n=300)) == (3, 0)
    assert sharded.query([1], *music(30, n=300)) == []
    sharded.maintain(1)
    # The operation may still continue
    assert sum(held(two_shards, two_shards_url)) == 13 * 300
    monkeypatch.setattr(upkeep, "_ABANDONED_SECONDS", -1)
    sharded.maintain(1)
    assert sum(held(two_shards, two_shards_url)) == 12 * 300
    sharded.add(1, 3, *music(31, n=300))
    assert best(sharded, music(31, n=300)) == (3, 0)


def test_of_adds_at_the_same_time_one_counts_and_is_whole(
    sharded: ClickHouseStore, two_shards_url: str
) -> None:
    stores = [open_clickhouse(two_shards_url) for _ in range(3)]
    threads = [
        threading.Thread(target=store.add, args=(1, 3, *music(seed, n=300)))
        for seed, store in enumerate(stores, start=30)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = [best(sharded, music(seed, n=300)) for seed in (30, 31, 32)]
    assert sorted(found) == [(-1, 0), (-1, 0), (3, 0)]
    assert sharded.verify(1) == []
    sharded.maintain(1)
    assert sharded.stats(1).tombstones == 0


def test_a_reader_follows_a_rebuild(
    sharded: ClickHouseStore, two_shards_url: str
) -> None:
    address = parse_index_url(two_shards_url)
    fresh, put_in_place = index_beside(
        address, params_hash=PARAMS, rebuild_command="rebuild it", resume=False
    )
    fresh.add(1, 70, *music(70, n=300))
    assert sharded.query([1], *music(70, n=300)) == []

    put_in_place()

    assert best(sharded, music(70, n=300)) == (70, 0)
    assert list(sharded.recordings(1)) == [70]
    sharded.add(1, 71, *music(71, n=300))
    assert best(open_clickhouse(two_shards_url), music(71, n=300)) == (71, 0)
    stages = [one.stage.name for one in schema.listed(Server(address))]
    assert stages == ["DROPPED", "CURRENT"]


def test_faults_of_the_server_are_told_apart(two_shards_url: str) -> None:
    good = parse_index_url(two_shards_url)
    for address, told in (
        (replace(good, port=9), "does not answer: ConnectionError"),
        (replace(good, password="wrong"), "refuses the user portal"),
        (replace(good, user="nobody"), "refuses the user nobody"),
        (replace(good, database="none"), "CREATE DATABASE none"),
        (replace(good, cluster="other"), "does not know the cluster other"),
    ):
        with pytest.raises(IndexUnavailable, match=told):
            ClickHouseStore(address, params_hash=PARAMS, rebuild_command="rebuild it")


@pytest.mark.parametrize(
    "url",
    [
        "http://u:p@host/db",
        "clickhouse://u:p@host/",
        "clickhouse://host/db",
        "clickhouse://u:p@host/d-b",
        "clickhouse://u:p@host/db?cluster=a'b",
        "clickhouse://u:p@host/db?clusters=a",
        "clickhouse://u:p@host:x/db",
    ],
)
def test_a_wrong_address_is_refused(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="INDEX_URL"):
        parse_index_url(url)


def test_an_address_is_read() -> None:
    found = parse_index_url("clickhouse://u:p%40@ch.example/db?cluster=c&https=on")

    assert found == Address("ch.example", 8443, "u", "p@", "db", "c", True)
    assert found.url("other") == "https://other:8443/"
    assert parse_index_url("clickhouse://u@h/db").url() == "http://h:8123/"


def test_an_add_into_what_a_rebuild_has_just_replaced_can_be_tried_again(
    sharded: ClickHouseStore, two_shards: ClickHouse, two_shards_url: str
) -> None:
    database = parse_index_url(two_shards_url).database
    for host in HOSTS:
        two_shards.ask(f"DROP TABLE {database}.landmark_postings_1", host)

    with pytest.raises(IndexUnavailable, match="is gone"):
        sharded.add(1, 50, *music(50, n=300))
    with pytest.raises(IndexCorrupt, match=r"is gone.*rebuild it"):
        sharded.query([1], *music(3, n=300))
