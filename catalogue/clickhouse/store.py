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
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from catalogue.clickhouse import schema, upkeep, versions, votes
from catalogue.clickhouse.address import Address
from catalogue.clickhouse.schema import POSTING, Stage, State, Tables
from catalogue.clickhouse.server import NoSuchTable, Server
from recognition.errors import IndexCorrupt
from recognition.index.segment import Postings
from recognition.index.store import check_postings, latest_of
from recognition.types import IndexStats, IndexStore, Vote

_INSERTED_AT_ONCE: Final = 1 << 20

Answer = TypeVar("Answer")


class ClickHouseStore(IndexStore):
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
        self._tables = self._opened()

    def add_many(self, bucket: int, recordings: Sequence[Postings]) -> None:
        """Like ``add`` for many; each of them as a whole or not at all."""
        latest = latest_of(recordings)
        if not latest:
            return
        self._tables = self._opened()
        names, token = self._tables, secrets.randbits(63)
        numbers = [number for number, _, _ in latest]
        taken = versions.claim(self._server, names, bucket, numbers, token)
        for rows in _gathered(bucket, latest, taken):
            self._server.insert(names.postings, rows)
        entries = versions.entries_of(bucket, taken, token, State.LIVE)
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
        if len(versions.living(self._server, names, bucket, recording)):
            taken = versions.claim(self._server, names, bucket, [recording], token)
            entries = versions.entries_of(bucket, taken, token, State.REMOVED)
            self._server.insert(names.recordings, entries)

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
        asked = votes.asked_rows(hashes, frames, windows)
        if not len(asked) or not buckets:
            return [[] for _ in windows]
        least, wanted = max(1, min_votes), list(dict.fromkeys(buckets))

        def groups_of(names: Tables) -> list[votes.Group]:
            common = votes.common_hashes(self._server, names, wanted, asked, max_list)
            return votes.vote(self._server, names, wanted, asked, common, (top, least))

        groups: list[list[votes.Group]] = [[] for _ in windows]
        for group in self._ask(groups_of):
            groups[group[0]].append(group)
        return [votes.best(of_window, top, least) for of_window in groups]

    def recordings(self, bucket: int) -> NDArray[np.uint32]:
        """The numbers of all recordings in a bucket, sorted."""
        return self._ask(lambda names: versions.living(self._server, names, bucket))

    def maintain(self, bucket: int) -> None:
        """Delete what no longer counts and merge parts; safe beside readers."""
        self._tables = self._opened()
        upkeep.maintain(self._server, self._tables, bucket)

    def stats(self, bucket: int) -> IndexStats:
        """Counts of one bucket; zeros for one that holds nothing."""
        return self._ask(lambda names: upkeep.stats(self._server, names, bucket))

    def verify(self, bucket: int) -> list[str]:
        """What is wrong with a bucket, having read all of it; empty where all is well."""
        try:
            return self._ask(lambda names: upkeep.problems(self._server, names, bucket))
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
