"""The index of several partitions that one machine holds, as one index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recognition.index.interface import IndexStore
from recognition.index.places import PlaceTable, Recorded
from recognition.index.store import best_of
from recognition.types import IndexStats, Votes


def partition_of(recording: int, count: int) -> int:
    """Return which of ``count`` partitions, from 1, holds a recording."""
    return recording % count + 1


@dataclass(frozen=True, slots=True)
class PartitionedIndex(IndexStore):
    """Partitions as one index, whose segments are those of all.

    ``parts`` are the indexes by partition, from 1; it must have all ``count`` of them.
    """

    parts: Mapping[int, IndexStore]
    count: int

    def __post_init__(self) -> None:
        if set(self.parts) != set(range(1, self.count + 1)):
            raise ValueError("a partitioned index needs all of its partitions")

    def add_many(self, bucket: int, recordings: Sequence[Recorded]) -> None:
        """Add many recordings, each to its partition; completely or not at all."""
        for number, part in self.parts.items():
            here = [
                recording
                for recording in recordings
                if partition_of(recording[0], self.count) == number
            ]
            if here:
                part.add_many(bucket, here)

    def remove(self, bucket: int, recording: int) -> None:
        """Remove a recording from its partition."""
        self.parts[partition_of(recording, self.count)].remove(bucket, recording)

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
    ) -> list[Votes]:
        """Return the best offsets of each window among those of all partitions."""
        answers = [
            part.query_windows(
                buckets, hashes, frames, windows, top=top, min_votes=min_votes, max_list=max_list
            )
            for part in self.parts.values()
        ]
        return [best_of(votes, top) for votes in zip(*answers, strict=True)]

    def maintain(self, bucket: int) -> None:
        """Merge the segments of each partition."""
        for part in self.parts.values():
            part.maintain(bucket)

    def stats(self, bucket: int) -> IndexStats:
        """Return the counts of one bucket in all partitions."""
        every = [part.stats(bucket) for part in self.parts.values()]
        return IndexStats(
            recordings=sum(stats.recordings for stats in every),
            postings=sum(stats.postings for stats in every),
            size_bytes=sum(stats.size_bytes for stats in every),
            segments=sum(stats.segments for stats in every),
            tombstones=sum(stats.tombstones for stats in every),
        )

    def place_tables(self, buckets: Sequence[int]) -> list[PlaceTable]:
        """Return where all landmarks of some buckets lie."""
        return [table for part in self.parts.values() for table in part.place_tables(buckets)]

    def recordings(self, bucket: int) -> NDArray[np.uint32]:
        """Return the numbers of all recordings in a bucket, sorted."""
        return np.sort(np.concatenate([part.recordings(bucket) for part in self.parts.values()]))

    def verify(self, bucket: int) -> list[str]:
        """Read a whole bucket and return what is wrong; empty if nothing is."""
        return [problem for part in self.parts.values() for problem in part.verify(bucket)]
