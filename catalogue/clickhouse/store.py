"""The landmark index in ClickHouse, shared by any number of processes and machines.

Adding a recording claims its next version, writes postings under that version, and
finally one row that makes the version live. Until then no query sees it; from then on
no query sees an earlier one. Removing also writes such a row. Dead postings stay until
maintenance deletes them.

Each server holds complete recordings, so its best results are exact, and the overall
best are among the best of each server.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from catalogue.clickhouse import schema, upkeep, versions, votes
from catalogue.clickhouse.address import Address
from catalogue.clickhouse.schema import POSTING, IndexStage, State, Tables
from catalogue.clickhouse.server import NoSuchTable, Server
from recognition.errors import IndexCorrupt
from recognition.index.segment import Postings
from recognition.index.store import check_postings, latest_of
from recognition.types import IndexStats, IndexStore, Vote

# Rows (20 MB) per insert: fewer, larger parts on the server with bounded memory.
_INSERTED_AT_ONCE: Final = 1 << 20

Answer = TypeVar("Answer")


class ClickHouseStore(IndexStore):
    """``IndexStore`` on ClickHouse; opening one creates missing tables."""

    def __init__(
        self,
        address: Address,
        *,
        params_hash: str,
        rebuild_command: str,
        number: int | None = None,
    ) -> None:
        """Open the current index, or by ``number`` one that is being filled."""
        self._server = Server(address)
        self._params_hash = params_hash
        self._rebuild = rebuild_command
        self._number = number
        self._tables = self._opened()

    def add_many(self, bucket: int, recordings: Sequence[Postings]) -> None:
        """Add many recordings; each is added completely or not at all."""
        latest = latest_of(recordings)
        if not latest:
            return
        # A rebuild may have switched tables; writes to the old ones would be lost.
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
        """Remove a recording; its space is freed when the bucket is maintained."""
        self._tables = self._opened()
        names, token = self._tables, secrets.randbits(63)
        # Removing what is not there would only write rows.
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
        """Query each window (first, past the last) of the hashes."""
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
        """Return the numbers of all recordings in a bucket, sorted."""
        return self._ask(lambda names: versions.living(self._server, names, bucket))

    def maintain(self, bucket: int) -> None:
        """Delete dead postings and merge parts; safe while others read."""
        self._tables = self._opened()
        upkeep.maintain(self._server, self._tables, bucket)

    def stats(self, bucket: int) -> IndexStats:
        """Return the counts of one bucket; zeros if it is empty."""
        return self._ask(lambda names: upkeep.stats(self._server, names, bucket))

    def verify(self, bucket: int) -> list[str]:
        """Read a whole bucket and return what is wrong; empty if nothing is."""
        try:
            return self._ask(lambda names: upkeep.problems(self._server, names, bucket))
        except IndexCorrupt as error:
            return [str(error)]

    def _opened(self) -> Tables:
        """Return the current tables, creating the first ones if there are none."""
        if self._number is not None:
            return schema.tables(self._server, self._number)
        number = schema.current(self._server, self._params_hash, rebuild=self._rebuild)
        if number is None:
            number = schema.next_number(self._server)
            schema.make(self._server, number)
            schema.announce(self._server, number, self._params_hash, IndexStage.CURRENT)
        return schema.tables(self._server, number)

    def _ask(self, question: Callable[[Tables], Answer]) -> Answer:
        """Query the current tables; retry once if a rebuild has just replaced them."""
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
    """Yield the rows of some recordings, in batches that a server accepts at once."""
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
    """Return a sum that changes if any posting is lost, added or changed."""
    products = hashes.astype(np.uint64) * (frames.astype(np.uint64) + np.uint64(1))
    return int(products.sum(dtype=np.uint64))
