"""The versions of recordings: which one is live, and claiming the next one."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from catalogue.clickhouse.schema import ENTRY, State, Tables
from catalogue.clickhouse.server import Server

# Servers limit the size of a statement; more numbers go into several.
LISTED_AT_ONCE: Final = 5000


def claim(
    server: Server, names: Tables, bucket: int, recordings: Sequence[int], token: int
) -> dict[int, int]:
    """Claim the next version of each recording, which no other process has claimed."""
    versions: dict[int, int] = {}
    for first in range(0, len(recordings), LISTED_AT_ONCE):
        wanted = list(recordings[first : first + LISTED_AT_ONCE])
        step = 1
        while wanted:
            tried = _next_versions(server, names, bucket, wanted, step)
            entries = entries_of(bucket, tried, token, State.CLAIMED)
            server.insert(names.recordings, entries)
            # ClickHouse has no unique keys: claim first, then see whether somebody else
            # did too.
            wanted = _claimed_twice(server, names, bucket, tried)
            versions |= {n: v for n, v in tried.items() if n not in set(wanted)}
            # A random step, so that two colliding processes do not collide again.
            step = 1 + secrets.randbelow(8)
    return {number: versions[number] for number in recordings}


def _next_versions(
    server: Server, names: Tables, bucket: int, wanted: Sequence[int], step: int
) -> dict[int, int]:
    rows = server.rows(
        f"SELECT recording, max(version) FROM {names.recordings} "
        f"WHERE bucket = {bucket} AND recording IN ({numbers(wanted)}) "
        "GROUP BY recording"
    )
    last = dict(rows)
    return {number: last.get(number, 0) + step for number in wanted}


def _claimed_twice(
    server: Server, names: Tables, bucket: int, tried: dict[int, int]
) -> list[int]:
    rows = server.rows(
        f"SELECT recording FROM {names.recordings} WHERE bucket = {bucket} "
        f"AND recording IN ({numbers(tried)}) AND (recording, version) IN "
        f"({number_pairs(tried.items())}) "
        "GROUP BY recording HAVING uniqExact(token) > 1"
    )
    return [number for (number,) in rows]


def living(
    server: Server, names: Tables, bucket: int, recording: int | None = None
) -> NDArray[np.uint32]:
    """Return the live recordings of a bucket, sorted; or only ``recording``, if live."""
    only = "" if recording is None else f" AND recording = {recording}"
    answer = server.do(
        f"SELECT recording FROM {names.recordings} WHERE bucket = {bucket}{only} "
        f"AND state = {State.LIVE:d} AND (bucket, recording, version) IN "
        f"({select_living(names, [bucket])}) FORMAT RowBinary"
    )
    return np.sort(np.frombuffer(answer, dtype="<u4"))


def select_living(names: Tables, buckets: Sequence[int]) -> str:
    """Return a SELECT of the live version of each recording, on one server."""
    return (
        f"SELECT bucket, recording, max(version) FROM {names.own_recordings} "
        f"WHERE bucket IN ({numbers(buckets)}) "
        f"AND state IN ({State.LIVE:d}, {State.REMOVED:d}) GROUP BY bucket, recording "
        f"HAVING argMax(state, version) = {State.LIVE:d}"
    )


def entries_of(
    bucket: int, versions: dict[int, int], token: int, state: State
) -> NDArray[np.void]:
    """Return the rows that record a state of these versions."""
    entries = np.zeros(len(versions), dtype=ENTRY)
    entries["bucket"], entries["token"], entries["state"] = bucket, token, state
    entries["recording"] = list(versions)
    entries["version"] = list(versions.values())
    return entries


def numbers(listed: Iterable[int]) -> str:
    """Format numbers for a statement."""
    return ", ".join(str(int(number)) for number in listed)


def number_pairs(pairs: Iterable[tuple[int, int]]) -> str:
    """Format pairs of numbers for a statement."""
    return ", ".join(f"({first}, {second})" for first, second in pairs)
