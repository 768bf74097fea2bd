"""A catalogue for measurements: the embedded index on disk and its references."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmarks.corpus import Track
from benchmarks.sound import RATE, Samples, resample
from recognition.fingerprints.builder import extract
from recognition.fingerprints.hashes import reference_hashes
from recognition.index.places import References, places_of
from recognition.index.store import SegmentStore
from recognition.params import DEFAULT
from recognition.search.match import scan
from recognition.types import Fingerprint, Landmarks, ScanResult

BUCKET = 1


@dataclass(frozen=True)
class Shelf:
    """An index with everything that a scan against it needs."""

    index: SegmentStore
    references: dict[int, Landmarks]
    hours: float

    @cached_property
    def held(self) -> References:
        """The references as a scan reads them."""
        return References.held(self.references)

    def scan(self, query: Fingerprint) -> ScanResult:
        """Scan a fingerprint against the whole index."""
        return scan(query, index=self.index, buckets=[BUCKET], references=self.held)


def fingerprint(y: Samples) -> Fingerprint:
    """Return the fingerprint of samples at the rate of the benchmarks."""
    return extract(resample(y, RATE, DEFAULT.sample_rate))


def build(tracks: Sequence[Track], numbers: Sequence[int], folder: Path) -> Shelf:
    """Index some of the tracks under their numbers."""
    index = SegmentStore(folder, params_hash=DEFAULT.index_hash())
    references: dict[int, Landmarks] = {}
    for number in numbers:
        landmarks = fingerprint(tracks[number].samples()).reference
        assert landmarks is not None
        references[number] = landmarks
    add_all(index, references)
    return Shelf(index, references, sum(tracks[n].seconds for n in numbers) / 3600)


def add_all(index: SegmentStore, references: dict[int, Landmarks]) -> None:
    """Add recordings in one commit."""
    index.add_many(
        BUCKET,
        [
            (number, *reference_hashes(landmarks), places_of(landmarks))
            for number, landmarks in references.items()
        ],
    )


def altered(landmarks: Landmarks, tempo: float, bins: float) -> Landmarks:
    """Change a recording's tempo and pitch, which makes it another one to the index."""
    moved = landmarks.bins + np.float32(bins)
    inside = (moved >= 0) & (moved < DEFAULT.n_bins)
    frames = np.rint(landmarks.frames * tempo).astype(np.int32)
    return Landmarks(frames, moved, landmarks.levels, landmarks.phases).select(inside)
