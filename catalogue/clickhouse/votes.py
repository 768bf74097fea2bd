"""The queries behind a search, and how the servers' results are combined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from catalogue.clickhouse.schema import Tables
from catalogue.clickhouse.server import Server
from catalogue.clickhouse.versions import numbers, select_living
from recognition.index import kernels
from recognition.index.vote import strongest
from recognition.types import Vote

_ASKED: Final = np.dtype([("span", "<u4"), ("hash", "<u4"), ("at", "<u4")])
_COMMON: Final = np.dtype([("bucket", "<u4"), ("hash", "<u4")])

Group = tuple[int, int, int, NDArray[np.int32]]
"""A window, a bucket, a recording, and the offsets at which its postings agree."""


def asked_rows(
    hashes: NDArray[np.uint32],
    frames: NDArray[np.int32],
    windows: Sequence[tuple[int, int]],
) -> NDArray[np.void]:
    """Return the query's rows: the hashes of each window, even if windows share them."""
    parts = [np.zeros(0, dtype=_ASKED)]
    for span, (low, high) in enumerate(windows):
        rows = np.zeros(len(hashes[low:high]), dtype=_ASKED)
        rows["span"] = span
        rows["hash"], rows["at"] = hashes[low:high], frames[low:high]
        parts.append(rows)
    return np.concatenate(parts)


def vote(
    server: Server,
    names: Tables,
    buckets: Sequence[int],
    asked: NDArray[np.void],
    common: NDArray[np.void],
    limits: tuple[int, int],
) -> list[Group]:
    """Return for each window the recordings with the best offsets on each server.

    In the statement, ``best`` is the highest count of an offset including its
    neighbours. ``limits`` are the number of recordings per window and the fewest votes.
    """
    top, least = limits
    everywhere = _everywhere(server)
    send = {"asked": ("span UInt32, hash UInt32, at UInt32", asked)}
    telling = ""
    if len(common):
        send["common"] = ("bucket UInt32, hash UInt32", common)
        telling = (
            f"AND (bucket, hash) {everywhere}NOT IN (SELECT bucket, hash FROM common) "
        )
    answer = server.do(
        "SELECT span, bucket, recording, arraySort(groupArray("
        "toInt32(toInt64(frame) - toInt64(at)))) AS deltas "
        f"FROM {names.postings} {everywhere}ALL INNER JOIN asked USING hash "
        f"WHERE bucket IN ({numbers(buckets)}) "
        f"AND hash {everywhere}IN (SELECT hash FROM asked) {telling}"
        "GROUP BY span, bucket, recording, version "
        f"HAVING length(deltas) >= {least} "
        f"AND (bucket, recording, version) IN ({select_living(names, buckets)}) "
        "AND (arrayReduce('max', arrayEnumerateUniq(arrayConcat(deltas, "
        "arrayMap(d -> d + 1, deltas), arrayMap(d -> d - 1, deltas)))) AS best) "
        f">= {least} ORDER BY span, best DESC, bucket, recording "
        f"LIMIT {top} BY span FORMAT RowBinary",
        tables=send,
        settings=server.grouping,
    )
    return list(_groups(answer))


def best(groups: list[Group], top: int, least: int) -> list[Vote]:
    """Return the best offsets in one window among the results of all servers."""
    if not groups:
        return []
    groups.sort(key=lambda group: group[1:3])
    # Keys are unsigned, so offsets are counted from the lowest.
    low = min(int(deltas[0]) for *_, deltas in groups)
    keys = [
        (np.uint64(local) << np.uint64(kernels.OFFSET_BITS))
        | (deltas.astype(np.int64) - low).astype(np.uint64)
        for local, (*_, deltas) in enumerate(groups)
    ]
    return [
        Vote(groups[local][1], groups[local][2], offset + low, votes)
        for votes, local, offset in strongest(
            np.concatenate(keys), top=top, least=least
        )
    ]


def common_hashes(
    server: Server,
    names: Tables,
    buckets: Sequence[int],
    asked: NDArray[np.void],
    max_list: int | None,
) -> NDArray[np.void]:
    """Return the hashes that are too common to say anything."""
    if max_list is None:
        return np.zeros(0, dtype=_COMMON)
    # A query repeats hashes; each needs to be counted once.
    hashes = np.unique(asked["hash"]).astype([("hash", "<u4")])
    answer = server.do(
        f"SELECT bucket, hash FROM {names.postings} "
        f"WHERE bucket IN ({numbers(buckets)}) "
        f"AND hash {_everywhere(server)}IN (SELECT hash FROM wanted) "
        f"GROUP BY bucket, hash HAVING count() > {max_list} FORMAT RowBinary",
        tables={"wanted": ("hash UInt32", hashes)},
    )
    return np.frombuffer(answer, dtype=_COMMON)


def _everywhere(server: Server) -> str:
    """Return the keyword that shows a table sent to one server to the whole cluster."""
    return "GLOBAL " if server.address.cluster else ""


def _groups(answer: bytes) -> Iterator[Group]:
    """Parse rows of three numbers and an array of numbers."""
    at = 0
    while at < len(answer):
        span, bucket, recording = np.frombuffer(answer, "<u4", 3, at).tolist()
        at += 12
        length, shift = 0, 0
        while True:
            byte = answer[at]
            at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        yield span, bucket, recording, np.frombuffer(answer, "<i4", length, at)
        at += 4 * length
