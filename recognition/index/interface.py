"""What every index of landmarks can do."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from recognition.index.places import PlaceTable, Recorded
from recognition.types import IndexStats, Vote, Votes


class LandmarkIndex(Protocol):
    """Postings from hash to (recording, frame), partitioned by bucket.

    ``hashes`` are uint32, ``frames`` int32, of equal length. The methods implemented
    here are the same for every index.
    """

    def add(
        self, bucket: int, recording: int, hashes: NDArray[np.uint32], frames: NDArray[np.int32]
    ) -> None:
        """Add or replace a recording; durable and visible to every process on return."""
        self.add_many(bucket, [(recording, hashes, frames)])

    @abstractmethod
    def add_many(self, bucket: int, recordings: Sequence[Recorded]) -> None:
        """Add many recordings; each is added completely or not at all."""

    @abstractmethod
    def remove(self, bucket: int, recording: int) -> None:
        """Remove a recording; its space is freed when the bucket is maintained."""

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
        """Return the best offsets, most votes first; votes of neighbours are added.

        Hashes with more than ``max_list`` postings may be skipped.
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
        return list(votes)

    @abstractmethod
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
        """Query each window (first, past the last) of the hashes."""

    @abstractmethod
    def maintain(self, bucket: int) -> None:
        """Merge segments and drop removed postings; safe while others read."""

    @abstractmethod
    def stats(self, bucket: int) -> IndexStats:
        """Return the counts of one bucket; zeros if it is empty."""


class IndexStore(LandmarkIndex, Protocol):
    """A stored index, whose content can be listed and checked."""

    @abstractmethod
    def place_tables(self, buckets: Sequence[int]) -> list[PlaceTable]:
        """Return where all landmarks of some buckets lie."""

    @abstractmethod
    def recordings(self, bucket: int) -> NDArray[np.uint32]:
        """Return the numbers of all recordings in a bucket, sorted."""

    @abstractmethod
    def verify(self, bucket: int) -> list[str]:
        """Read a whole bucket and return its faults; empty if there are none."""
