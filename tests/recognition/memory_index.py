"""A small in-memory index with the contract of ``LandmarkIndex``, for tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recognition.index.interface import LandmarkIndex
from recognition.index.places import Recorded
from recognition.types import IndexStats, Vote, Votes

_SPAN = np.int64(1 << 24)  # range reserved for the offsets of one recording


class MemoryIndex(LandmarkIndex):
    """Postings as sorted arrays, sorted again after every change."""

    def __init__(self) -> None:
        self._postings: dict[tuple[int, int], tuple[NDArray[np.uint32], NDArray[np.int32]]] = {}
        self._sorted: dict[
            int, tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int32]]
        ] = {}

    def add_many(self, bucket: int, recordings: Sequence[Recorded]) -> None:
        for recording, hashes, frames, *_places in recordings:
            self._postings[bucket, recording] = (hashes, frames)
        self._sorted.pop(bucket, None)

    def remove(self, bucket: int, recording: int) -> None:
        self._postings.pop((bucket, recording), None)
        self._sorted.pop(bucket, None)

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
        answers = []
        for low, high in windows:
            votes = [
                vote
                for bucket in buckets
                for vote in self._vote(bucket, hashes[low:high], frames[low:high], top, min_votes)
            ]
            votes.sort(key=lambda vote: -vote.votes)
            answers.append(Votes.of(votes[:top]))
        return answers

    def maintain(self, bucket: int) -> None:
        self._sorted.pop(bucket, None)

    def stats(self, bucket: int) -> IndexStats:
        sizes = [len(postings[0]) for key, postings in self._postings.items() if key[0] == bucket]
        return IndexStats(len(sizes), sum(sizes), 8 * sum(sizes), 1, 0)

    def _arrays(
        self, bucket: int
    ) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int32]]:
        if bucket not in self._sorted:
            mine = [(k[1], v) for k, v in self._postings.items() if k[0] == bucket]
            nothing = np.zeros(0, dtype=np.int64)
            hashes = np.concatenate([nothing, *(v[0] for _, v in mine)])
            recordings = np.concatenate(
                [nothing, *(np.full(len(v[0]), r, dtype=np.int64) for r, v in mine)]
            )
            frames = np.concatenate([nothing, *(v[1] for _, v in mine)])
            order = np.argsort(hashes, kind="stable")
            self._sorted[bucket] = (
                hashes[order].astype(np.uint32),
                recordings[order],
                frames[order].astype(np.int32),
            )
        return self._sorted[bucket]

    def _vote(
        self,
        bucket: int,
        hashes: NDArray[np.uint32],
        frames: NDArray[np.int32],
        top: int,
        min_votes: int,
    ) -> list[Vote]:
        stored, recordings, places = self._arrays(bucket)
        low = np.searchsorted(stored, hashes, side="left")
        counts = np.searchsorted(stored, hashes, side="right") - low
        total = int(counts.sum())
        if not total:
            return []
        ends = np.cumsum(counts)
        which = np.repeat(low - (ends - counts), counts) + np.arange(total)
        deltas = places[which].astype(np.int64) - np.repeat(frames, counts)
        keys, votes = np.unique(recordings[which] * _SPAN + deltas + _SPAN // 2, return_counts=True)
        summed = votes.copy()
        beside = np.flatnonzero(np.diff(keys) == 1)
        summed[beside] += votes[beside + 1]
        summed[beside + 1] += votes[beside]
        best: list[Vote] = []
        for k in np.argsort(-summed, kind="stable")[: 8 * top]:
            recording, delta = divmod(int(keys[k]), int(_SPAN))
            delta -= int(_SPAN) // 2
            near = any(v.recording == recording and abs(v.delta - delta) <= 2 for v in best)
            if summed[k] < min_votes or len(best) == top:
                break
            if not near:
                best.append(Vote(bucket, recording, delta, int(summed[k])))
        return best
