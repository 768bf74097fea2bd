"""Synthetic postings, and where a store finds them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recognition.index.interface import LandmarkIndex

Postings = tuple[NDArray[np.uint32], NDArray[np.int32]]


def music(seed: int, n: int = 2000, values: int = 1 << 24) -> Postings:
    """Return ``n`` postings of a synthetic recording of n / 20 s."""
    rng = np.random.default_rng(seed)
    frames = np.sort(rng.integers(0, 3 * n, n)).astype(np.int32)
    return rng.integers(0, values, n).astype(np.uint32), frames


def excerpt(postings: Postings, start: int, length: int) -> Postings:
    """Return an interval of a recording, with frames counted from its own start."""
    hashes, frames = postings
    inside = (frames >= start) & (frames < start + length)
    return hashes[inside], (frames[inside] - start).astype(np.int32)


def best(store: LandmarkIndex, postings: Postings, bucket: int = 1) -> tuple[int, int]:
    """Return the best recording and its offset, (-1, 0) if there is none."""
    votes = store.query([bucket], *postings)
    return (votes[0].recording, votes[0].delta) if votes else (-1, 0)
