"""Check a bucket, and delete postings that are no longer live."""

from __future__ import annotations

import time
from typing import Final

import numpy as np

from catalogue.clickhouse.schema import ENTRY, State, Tables
from catalogue.clickhouse.server import Server
from catalogue.clickhouse.versions import LISTED_AT_ONCE, number_pairs, select_living
from recognition.errors import IndexUnavailable
from recognition.types import IndexStats

# Merging or deleting in a large bucket may take hours.
_MAINTENANCE_SECONDS: Final = 6 * 3600
# A claim is abandoned after this time: its process died while adding.
_ABANDONED_SECONDS: Final = 86_400
_POLL_SECONDS: Final = 0.05


def maintain(server: Server, names: Tables, bucket: int) -> None:
    """Delete dead postings on every server, and merge parts."""
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
    """Read a whole bucket and return what is wrong with it."""
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
    faults = {
        "has other postings than were added": changed,
        "has lost its postings": lost,
        "is indexed twice": twice,
    }
    return [
        f"bucket {bucket}: recording {number} {fault}"
        for fault, rows in faults.items()
        for number in sorted({number for (number,) in rows})
    ]


def _erase(server: Server, names: Tables, bucket: int, host: str) -> None:
    """Delete one server's postings of replaced, removed and abandoned versions."""
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
    # Numbers written out: old servers cannot query a table during a deletion.
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
            raise IndexUnavailable(f"ClickHouse at {host} has not finished deleting.")
        time.sleep(_POLL_SECONDS)


def _parts(
    server: Server, names: Tables, bucket: int, host: str = ""
) -> tuple[int, int]:
    """Return the number of a bucket's parts and their size, on all servers or one."""
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
