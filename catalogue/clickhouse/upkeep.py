"""Checking a bucket, and deleting what no longer counts."""

from __future__ import annotations

import time
from typing import Final

import numpy as np

from catalogue.clickhouse.schema import ENTRY, State, Tables
from catalogue.clickhouse.server import Server
from catalogue.clickhouse.versions import LISTED_AT_ONCE, number_pairs, select_living
from recognition.errors import IndexUnavailable
from recognition.types import IndexStats

_MAINTENANCE_SECONDS: Final = 6 * 3600
# A claim whose adding was broken off is cleared away after so long.
_ABANDONED_SECONDS: Final = 86_400
_POLL_SECONDS: Final = 0.05


def maintain(server: Server, names: Tables, bucket: int) -> None:
    """Delete on every server what no longer counts, and merge parts."""
    for host in server.hosts:
        _erase(server, names, bucket, host)
        if _parts(server, names, bucket, host)[0] > 1:
            server.do(
                f"OPTIMIZE TABLE {names.own_postings} PARTITION {bucket} FINAL",
                host=host,
                seconds=_MAINTENANCE_SECONDS,
            )


def stats(server: Server, names: Tables, bucket: int) -> IndexStats:
    """Return the counts of one bucket."""
    added = (
        f"FROM {names.recordings} WHERE bucket = {bucket} "
        f"AND state = {State.LIVE:d} AND (bucket, recording, version)"
    )
    living = select_living(names, [bucket])
    ((recordings, postings),) = server.rows(
        f"SELECT count(), sum(postings) {added} IN ({living})"
    )
    ((gone,),) = server.rows(
        f"SELECT count() {added} NOT IN ({living}) AND (recording, version) "
        f"NOT IN (SELECT recording, version FROM {names.own_recordings} "
        f"WHERE bucket = {bucket} AND state = {State.ERASED:d})"
    )
    parts, size = _parts(server, names, bucket)
    return IndexStats(recordings, postings, size, parts, gone)


def problems(server: Server, names: Tables, bucket: int) -> list[str]:
    """Return what is wrong with a bucket, having read all of it."""
    living = select_living(names, [bucket])
    written = (
        f"SELECT recording, version, postings, checksum FROM {names.own_recordings} "
        f"WHERE bucket = {bucket} AND state = {State.LIVE:d}"
    )
    changed = server.rows(
        f"SELECT recording FROM {names.postings} WHERE bucket = {bucket} "
        "GROUP BY bucket, recording, version "
        f"HAVING (bucket, recording, version) IN ({living}) AND (recording, version, "
        "toUInt32(count()), sum(toUInt64(hash) * (toUInt64(frame) + 1))) "
        f"NOT IN ({written})",
        settings=server.grouping,
    )
    lost = server.rows(
        f"SELECT recording FROM {names.recordings} WHERE bucket = {bucket} "
        f"AND state = {State.LIVE:d} AND postings > 0 "
        f"AND (bucket, recording, version) IN ({living}) AND (recording, version) "
        f"NOT IN (SELECT DISTINCT recording, version FROM {names.own_postings} "
        f"WHERE bucket = {bucket})"
    )
    twice = server.rows(
        f"SELECT recording FROM {names.recordings} WHERE bucket = {bucket} "
        f"AND state = {State.LIVE:d} AND (bucket, recording, version) IN ({living}) "
        "GROUP BY recording HAVING count() > 1"
    )
    said = [(sorted({n for (n,) in changed}), "has other postings than were added")]
    said.append((sorted({n for (n,) in lost}), "has lost its postings"))
    said.append((sorted({n for (n,) in twice}), "is there twice"))
    return [
        f"bucket {bucket}: recording {number} {what}"
        for numbers, what in said
        for number in numbers
    ]


def _erase(server: Server, names: Tables, bucket: int, host: str) -> None:
    """Delete the postings of one server that nobody is to find any more."""
    rows = server.rows(
        f"SELECT recording, version, any(token) FROM {names.own_recordings} "
        f"WHERE bucket = {bucket} GROUP BY bucket, recording, version "
        f"HAVING (max(state) = {State.LIVE:d} AND (bucket, recording, version) "
        f"NOT IN ({select_living(names, [bucket])})) OR (max(state) = {State.CLAIMED:d} "
        f"AND max(at) < now() - {_ABANDONED_SECONDS})",
        host=host,
    )
    if not rows:
        return
    # Numbers in the text: old servers cannot ask a table while they delete.
    for first in range(0, len(rows), LISTED_AT_ONCE):
        some = rows[first : first + LISTED_AT_ONCE]
        server.do(
            f"ALTER TABLE {names.own_postings} DELETE WHERE bucket = {bucket} "
            f"AND (recording, version) IN ({number_pairs((n, v) for n, v, _ in some)})",
            host=host,
        )
    _wait_for_deletion(server, names, host)
    entries = np.zeros(len(rows), dtype=ENTRY)
    entries["bucket"], entries["state"] = bucket, State.ERASED
    for name, column in zip(
        ("recording", "version", "token"), zip(*rows, strict=True), strict=True
    ):
        entries[name] = column
    server.insert(names.own_recordings, entries, host=host)


def _wait_for_deletion(server: Server, names: Tables, host: str) -> None:
    database, _, table = names.own_postings.partition(".")
    end = time.monotonic() + _MAINTENANCE_SECONDS
    while server.rows(
        f"SELECT 1 FROM system.mutations WHERE database = '{database}' "
        f"AND table = '{table}' AND is_done = 0 LIMIT 1",
        host=host,
    ):
        if time.monotonic() > end:
            raise IndexUnavailable(f"ClickHouse at {host} does not end deleting.")
        time.sleep(_POLL_SECONDS)


def _parts(
    server: Server, names: Tables, bucket: int, host: str = ""
) -> tuple[int, int]:
    """How many parts a bucket is in, and their size; of all servers or of one."""
    database, _, table = names.own_postings.partition(".")
    cluster = server.address.cluster
    everywhere = cluster and not host
    source = f"cluster('{cluster}', system, parts)" if everywhere else "system.parts"
    ((parts, size),) = server.rows(
        f"SELECT count(), sum(bytes_on_disk) FROM {source} WHERE active "
        f"AND database = '{database}' AND table = '{table}' "
        f"AND partition = '{bucket}'",
        host=host,
    )
    return parts, size
