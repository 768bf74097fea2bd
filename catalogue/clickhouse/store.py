"""The landmark index in ClickHouse: any number of processes and machines use it at once.

A recording that is added takes the next version of its own, writes its postings under
it, and then one row that makes this version the one that counts: until then nobody
sees it, from then on nobody sees an earlier one. Removing writes such a row too. What
no longer counts stays until maintenance deletes it.

Each server holds whole recordings, so what it finds best is exact, and the best of all
servers are among the best of each.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from catalogue.clickhouse import schema
from catalogue.clickhouse.address import Address
from catalogue.clickhouse.schema import ENTRY, POSTING, Stage, State, Tables
from catalogue.clickhouse.server import NoSuchTable, Server
from recognition.errors import IndexCorrupt, IndexUnavailable
from recognition.index import kernels
from recognition.index.segment import Postings
from recognition.index.store import check_postings, latest_of
from recognition.index.vote import strongest
from recognition.types import IndexStats, Vote

# A claim whose adding was broken off is cleared away after so long.
_ABANDONED_SECONDS: Final = 86_400
_MAINTENANCE_SECONDS: Final = 6 * 3600
_POLL_SECONDS: Final = 0.05
_INSERTED_AT_ONCE: Final = 1 << 20
_LISTED_AT_ONCE: Final = 5000
_ASKED: Final = np.dtype([("span", "<u4"), ("hash", "<u4"), ("at", "<u4")])
_COMMON: Final = np.dtype([("bucket", "<u4"), ("hash", "<u4")])

Answer = TypeVar("Answer")
Group = tuple[int, int, int, NDArray[np.int32]]
"""A span, a bucket, a recording, and where its postings agree with the query."""


class ClickHouseStore:
    """``IndexStore`` on ClickHouse; opening one makes the tables where there are none."""

    def __init__(
        self,
        address: Address,
        *,
        params_hash: str,
        rebuild_command: str,
        number: int | None = None,
    ) -> None:
        """Open the index in use, or one that is being filled, by its ``number``."""
        self._server = Server(address)
        self._params_hash = params_hash
        self._rebuild = rebuild_command
        self._number = number
        self._group_by = {"distributed_group_by_no_merge": 1} if address.cluster else {}
        self._global = "GLOBAL " if address.cluster else ""
        self._tables = self._opened()

    def add(
        self,
        bucket: int,
        recording: int,
        hashes: NDArray[np.uint32],
        frames: NDArray[np.int32],
    ) -> None:
        """Durable and visible to every process at return; replaces the same recording."""
        self.add_many(bucket, [(recording, hashes, frames)])

    def add_many(self, bucket: int, recordings: Sequence[Postings]) -> None:
        """Like ``add`` for many; each of them as a whole or not at all."""
        latest = latest_of(recordings)
        if not latest:
            return
        self._tables = self._opened()
        names, token = self._tables, secrets.randbits(63)
        versions = self._claim(
            names, bucket, [number for number, _, _ in latest], token
        )
        for rows in _gathered(bucket, latest, versions):
            self._server.insert(names.postings, rows)
        entries = _entries(bucket, versions, token, State.LIVE)
        for entry, (_, hashes, frames) in zip(entries, latest, strict=True):
            entry["postings"], entry["checksum"] = (
                len(hashes),
                _checksum(hashes, frames),
            )
        self._server.insert(names.recordings, entries)

    def remove(self, bucket: int, recording: int) -> None:
        """Gone for the next query; space returns when the bucket is maintained."""
        self._tables = self._opened()
        names, token = self._tables, secrets.randbits(63)
        if len(self._living(names, bucket, recording)):
            versions = self._claim(names, bucket, [recording], token)
            entries = _entries(bucket, versions, token, State.REMOVED)
            self._server.insert(names.recordings, entries)

    def query(
        self,
        buckets: Sequence[int],
        hashes: NDArray[np.uint32],
        frames: NDArray[np.int32],
        *,
        top: int = 10,
        min_votes: int = 6,
        max_list: int | None = None,
    ) -> list[Vote]:
        """The best offsets, most votes first; neighbouring offsets add up.

        Hashes with more than ``max_list`` postings in a bucket are left out.
        """
        (votes,) = self.query_windows(
            buckets,
            hashes,
            frames,
            [(0, len(hashes))],
            top=top,
            min_votes=min_votes,
            max_list=max_list,
        )
        return votes

    def query_windows(
        self,
        buckets: Sequence[int],
        hashes: NDArray[np.uint32],
        frames: NDArray[np.int32],
        windows: Sequence[tuple[int, int]],
        *,
        top: int = 10,
        min_votes: int = 6,
        max_list: int | None = None,
    ) -> list[list[Vote]]:
        """Like ``query`` for each stretch (first, past the last) of the hashes."""
        check_postings(0, hashes, frames)
        asked = _asked(hashes, frames, windows)
        if not len(asked) or not buckets:
            return [[] for _ in windows]
        least, wanted = max(1, min_votes), list(dict.fromkeys(buckets))

        def vote(names: Tables) -> list[Group]:
            common = self._common(names, wanted, asked, max_list)
            return self._vote(names, wanted, asked, common, top, least)

        groups: list[list[Group]] = [[] for _ in windows]
        for group in self._ask(vote):
            groups[group[0]].append(group)
        return [_best(of_window, top, least) for of_window in groups]

    def recordings(self, bucket: int) -> NDArray[np.uint32]:
        """The numbers of all recordings in a bucket, sorted."""
        return self._ask(lambda names: self._living(names, bucket))

    def maintain(self, bucket: int) -> None:
        """Delete what no longer counts and merge parts; safe beside readers."""
        self._tables = self._opened()
        for host in self._server.hosts:
            self._erase(self._tables, bucket, host)
            if self._parts(self._tables, bucket, host)[0] > 1:
                self._server.do(
                    f"OPTIMIZE TABLE {self._tables.own_postings} "
                    f"PARTITION {bucket} FINAL",
                    host=host,
                    seconds=_MAINTENANCE_SECONDS,
                )

    def stats(self, bucket: int) -> IndexStats:
        """Counts of one bucket; zeros for one that holds nothing."""

        def counts(names: Tables) -> IndexStats:
            added = (
                f"FROM {names.recordings} WHERE bucket = {bucket} "
                f"AND state = {State.LIVE:d} AND (bucket, recording, version)"
            )
            living = _living(names, [bucket])
            ((recordings, postings),) = self._server.rows(
                f"SELECT count(), sum(postings) {added} IN ({living})"
            )
            ((gone,),) = self._server.rows(
                f"SELECT count() {added} NOT IN ({living}) AND (recording, version) "
                f"NOT IN (SELECT recording, version FROM {names.own_recordings} "
                f"WHERE bucket = {bucket} AND state = {State.ERASED:d})"
            )
            parts, size = self._parts(names, bucket)
            return IndexStats(recordings, postings, size, parts, gone)

        return self._ask(counts)

    def verify(self, bucket: int) -> list[str]:
        """What is wrong with a bucket, having read all of it; empty where all is well."""
        try:
            return self._ask(lambda names: self._problems(names, bucket))
        except IndexCorrupt as error:
            return [str(error)]

    def _opened(self) -> Tables:
        """The tables in use now; the first ones, where there are none."""
        if self._number is not None:
            return schema.tables(self._server, self._number)
        number = schema.current(self._server, self._params_hash, rebuild=self._rebuild)
        if number is None:
            number = schema.next_number(self._server)
            schema.make(self._server, number)
            schema.announce(self._server, number, self._params_hash, Stage.CURRENT)
        return schema.tables(self._server, number)

    def _ask(self, question: Callable[[Tables], Answer]) -> Answer:
        """Ask the tables in use; once more, where a rebuild has just replaced them."""
        try:
            return question(self._tables)
        except NoSuchTable:
            self._tables = self._opened()
        try:
            return question(self._tables)
        except NoSuchTable as error:
            raise IndexCorrupt(f"{error}; {self._rebuild}.") from error

    def _claim(
        self, names: Tables, bucket: int, recordings: Sequence[int], token: int
    ) -> dict[int, int]:
        """Take the next version of each recording, which nobody else has taken."""
        versions: dict[int, int] = {}
        for first in range(0, len(recordings), _LISTED_AT_ONCE):
            wanted = list(recordings[first : first + _LISTED_AT_ONCE])
            step = 1
            while wanted:
                tried = self._next_versions(names, bucket, wanted, step)
                entries = _entries(bucket, tried, token, State.CLAIMED)
                self._server.insert(names.recordings, entries)
                wanted = self._claimed_twice(names, bucket, tried)
                versions |= {n: v for n, v in tried.items() if n not in set(wanted)}
                step = 1 + secrets.randbelow(8)
        return {number: versions[number] for number in recordings}

    def _next_versions(
        self, names: Tables, bucket: int, wanted: Sequence[int], step: int
    ) -> dict[int, int]:
        rows = self._server.rows(
            f"SELECT recording, max(version) FROM {names.recordings} "
            f"WHERE bucket = {bucket} AND recording IN ({_listed(wanted)}) "
            "GROUP BY recording"
        )
        last = dict(rows)
        return {number: last.get(number, 0) + step for number in wanted}

    def _claimed_twice(
        self, names: Tables, bucket: int, tried: dict[int, int]
    ) -> list[int]:
        rows = self._server.rows(
            f"SELECT recording FROM {names.recordings} WHERE bucket = {bucket} "
            f"AND recording IN ({_listed(tried)}) AND (recording, version) IN "
            f"({_pairs(tried.items())}) "
            "GROUP BY recording HAVING uniqExact(token) > 1"
        )
        return [number for (number,) in rows]

    def _living(
        self, names: Tables, bucket: int, recording: int | None = None
    ) -> NDArray[np.uint32]:
        one = "" if recording is None else f" AND recording = {recording}"
        answer = self._server.do(
            f"SELECT recording FROM {names.recordings} WHERE bucket = {bucket}{one} "
            f"AND state = {State.LIVE:d} AND (bucket, recording, version) IN "
            f"({_living(names, [bucket])}) FORMAT RowBinary"
        )
        return np.sort(np.frombuffer(answer, dtype="<u4"))

    def _common(
        self,
        names: Tables,
        buckets: Sequence[int],
        asked: NDArray[np.void],
        max_list: int | None,
    ) -> NDArray[np.void]:
        """The hashes that are in too many places to tell anything."""
        if max_list is None:
            return np.zeros(0, dtype=_COMMON)
        hashes = np.unique(asked["hash"]).astype([("hash", "<u4")])
        answer = self._server.do(
            f"SELECT bucket, hash FROM {names.postings} "
            f"WHERE bucket IN ({_listed(buckets)}) "
            f"AND hash {self._global}IN (SELECT hash FROM wanted) "
            f"GROUP BY bucket, hash HAVING count() > {max_list} FORMAT RowBinary",
            tables={"wanted": ("hash UInt32", hashes)},
        )
        return np.frombuffer(answer, dtype=_COMMON)

    def _vote(
        self,
        names: Tables,
        buckets: Sequence[int],
        asked: NDArray[np.void],
        common: NDArray[np.void],
        top: int,
        least: int,
    ) -> list[Group]:
        """Of each span, the recordings with the best offset on each server.

        The third array of ``best`` counts how often an offset comes up, also as the
        neighbour of another.
        """
        send = {"asked": ("span UInt32, hash UInt32, at UInt32", asked)}
        telling = ""
        if len(common):
            send["common"] = ("bucket UInt32, hash UInt32", common)
            telling = (
                f"AND (bucket, hash) {self._global}NOT IN "
                "(SELECT bucket, hash FROM common) "
            )
        answer = self._server.do(
            "SELECT span, bucket, recording, arraySort(groupArray("
            "toInt32(toInt64(frame) - toInt64(at)))) AS deltas "
            f"FROM {names.postings} {self._global}ALL INNER JOIN asked USING hash "
            f"WHERE bucket IN ({_listed(buckets)}) "
            f"AND hash {self._global}IN (SELECT hash FROM asked) {telling}"
            "GROUP BY span, bucket, recording, version "
            f"HAVING length(deltas) >= {least} "
            f"AND (bucket, recording, version) IN ({_living(names, buckets)}) "
            "AND (arrayReduce('max', arrayEnumerateUniq(arrayConcat(deltas, "
            "arrayMap(d -> d + 1, deltas), arrayMap(d -> d - 1, deltas)))) AS best) "
            f">= {least} ORDER BY span, best DESC, bucket, recording "
            f"LIMIT {top} BY span FORMAT RowBinary",
            tables=send,
            settings=self._group_by,
        )
        return list(_groups(answer))

    def _problems(self, names: Tables, bucket: int) -> list[str]:
        living = _living(names, [bucket])
        written = (
            f"SELECT recording, version, postings, checksum FROM {names.own_recordings} "
            f"WHERE bucket = {bucket} AND state = {State.LIVE:d}"
        )
        changed = self._server.rows(
            f"SELECT recording FROM {names.postings} WHERE bucket = {bucket} "
            "GROUP BY bucket, recording, version "
            f"HAVING (bucket, recording, version) IN ({living}) AND (recording, version, "
            "toUInt32(count()), sum(toUInt64(hash) * (toUInt64(frame) + 1))) "
            f"NOT IN ({written})",
            settings=self._group_by,
        )
        lost = self._server.rows(
            f"SELECT recording FROM {names.recordings} WHERE bucket = {bucket} "
            f"AND state = {State.LIVE:d} AND postings > 0 "
            f"AND (bucket, recording, version) IN ({living}) AND (recording, version) "
            f"NOT IN (SELECT DISTINCT recording, version FROM {names.own_postings} "
            f"WHERE bucket = {bucket})"
        )
        twice = self._server.rows(
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

    def _erase(self, names: Tables, bucket: int, host: str) -> None:
        """Delete the postings of one server that nobody is to find any more."""
        rows = self._server.rows(
            f"SELECT recording, version, any(token) FROM {names.own_recordings} "
            f"WHERE bucket = {bucket} GROUP BY bucket, recording, version "
            f"HAVING (max(state) = {State.LIVE:d} AND (bucket, recording, version) "
            f"NOT IN ({_living(names, [bucket])})) OR (max(state) = {State.CLAIMED:d} "
            f"AND max(at) < now() - {_ABANDONED_SECONDS})",
            host=host,
        )
        if not rows:
            return
        # Numbers in the text: old servers cannot ask a table while they delete.
        for first in range(0, len(rows), _LISTED_AT_ONCE):
            some = rows[first : first + _LISTED_AT_ONCE]
            self._server.do(
                f"ALTER TABLE {names.own_postings} DELETE WHERE bucket = {bucket} "
                f"AND (recording, version) IN ({_pairs((n, v) for n, v, _ in some)})",
                host=host,
            )
        self._wait_for_deletion(names, host)
        entries = np.zeros(len(rows), dtype=ENTRY)
        entries["bucket"], entries["state"] = bucket, State.ERASED
        for name, column in zip(
            ("recording", "version", "token"), zip(*rows, strict=True), strict=True
        ):
            entries[name] = column
        self._server.insert(names.own_recordings, entries, host=host)

    def _wait_for_deletion(self, names: Tables, host: str) -> None:
        database, _, table = names.own_postings.partition(".")
        end = time.monotonic() + _MAINTENANCE_SECONDS
        while self._server.rows(
            f"SELECT 1 FROM system.mutations WHERE database = '{database}' "
            f"AND table = '{table}' AND is_done = 0 LIMIT 1",
            host=host,
        ):
            if time.monotonic() > end:
                raise IndexUnavailable(f"ClickHouse at {host} does not end deleting.")
            time.sleep(_POLL_SECONDS)

    def _parts(self, names: Tables, bucket: int, host: str = "") -> tuple[int, int]:
        """How many parts a bucket is in, and their size; of all servers or of one."""
        database, _, table = names.own_postings.partition(".")
        cluster = self._server.address.cluster
        everywhere = cluster and not host
        source = (
            f"cluster('{cluster}', system, parts)" if everywhere else "system.parts"
        )
        ((parts, size),) = self._server.rows(
            f"SELECT count(), sum(bytes_on_disk) FROM {source} WHERE active "
            f"AND database = '{database}' AND table = '{table}' "
            f"AND partition = '{bucket}'",
            host=host,
        )
        return parts, size


def _living(names: Tables, buckets: Sequence[int]) -> str:
    """Select the version of each recording that counts, of those of one server."""
    return (
        f"SELECT bucket, recording, max(version) FROM {names.own_recordings} "
        f"WHERE bucket IN ({_listed(buckets)}) "
        f"AND state IN ({State.LIVE:d}, {State.REMOVED:d}) GROUP BY bucket, recording "
        f"HAVING argMax(state, version) = {State.LIVE:d}"
    )


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(str(int(number)) for number in numbers)


def _pairs(pairs: Iterable[tuple[int, int]]) -> str:
    return ", ".join(f"({one}, {other})" for one, other in pairs)


def _entries(
    bucket: int, versions: dict[int, int], token: int, state: State
) -> NDArray[np.void]:
    entries = np.zeros(len(versions), dtype=ENTRY)
    entries["bucket"], entries["token"], entries["state"] = bucket, token, state
    entries["recording"] = list(versions)
    entries["version"] = list(versions.values())
    return entries


def _gathered(
    bucket: int, recordings: Sequence[Postings], versions: dict[int, int]
) -> Iterator[NDArray[np.void]]:
    """The rows of some recordings, as many at once as a server takes in one go."""
    waiting: list[NDArray[np.void]] = []
    for number, hashes, frames in recordings:
        rows = np.zeros(len(hashes), dtype=POSTING)
        rows["bucket"], rows["recording"] = bucket, number
        rows["version"] = versions[number]
        rows["hash"], rows["frame"] = hashes, frames
        if waiting and sum(map(len, waiting)) + len(rows) > _INSERTED_AT_ONCE:
            yield np.concatenate(waiting)
            waiting = []
        if len(rows):
            waiting.append(rows)
    if waiting:
        yield np.concatenate(waiting)


def _checksum(hashes: NDArray[np.uint32], frames: NDArray[np.int32]) -> int:
    """Changes with any posting, lost, added or changed."""
    products = hashes.astype(np.uint64) * (frames.astype(np.uint64) + np.uint64(1))
    return int(products.sum(dtype=np.uint64))


def _asked(
    hashes: NDArray[np.uint32],
    frames: NDArray[np.int32],
    windows: Sequence[tuple[int, int]],
) -> NDArray[np.void]:
    """The query's rows: each window's hashes, whatever other windows have them too."""
    parts = [np.zeros(0, dtype=_ASKED)]
    for span, (low, high) in enumerate(windows):
        rows = np.zeros(len(hashes[low:high]), dtype=_ASKED)
        rows["span"] = span
        rows["hash"], rows["at"] = hashes[low:high], frames[low:high]
        parts.append(rows)
    return np.concatenate(parts)


def _groups(answer: bytes) -> Iterator[Group]:
    """Read rows of three numbers and an array of numbers."""
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


def _best(groups: list[Group], top: int, least: int) -> list[Vote]:
    """The best offsets among what all servers found in one window."""
    if not groups:
        return []
    groups.sort(key=lambda group: group[1:3])
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
