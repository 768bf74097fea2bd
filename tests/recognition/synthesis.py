"""Made-up recordings at the engine's own rate, and an index that holds some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recognition.builder import extract
from recognition.hashes import reference_hashes
from recognition.match import scan
from recognition.policy import ScanPolicy
from recognition.references import References
from recognition.types import Fingerprint, Landmarks, ScanResult
from tests.recognition.memory_index import MemoryIndex

RATE = 8000

Samples = NDArray[np.float32]


def music(seed: int, seconds: float) -> Samples:
    """A tune of plucked notes that never repeats; another one for every seed."""
    rng = np.random.default_rng(seed)
    y = np.zeros(int(seconds * RATE), dtype=np.float32)
    t = np.arange(int(0.5 * RATE)) / RATE
    at = 0.0
    while at < seconds:
        for _ in range(rng.integers(1, 4)):
            pitch = rng.uniform(200, 1500)
            note = sum(np.sin(2 * np.pi * pitch * k * t) / k for k in (1, 2, 3))
            part = y[int(at * RATE) : int(at * RATE) + len(t)]
            part += (note * np.exp(-5 * t) * rng.uniform(0.3, 1))[: len(part)]
        at += float(rng.uniform(0.08, 0.25))
    return (0.3 * y / max(1e-6, float(np.abs(y).max()))).astype(np.float32)


def noise(seed: int, seconds: float, level: float) -> Samples:
    """White noise of a level (root mean square)."""
    rng = np.random.default_rng(seed)
    y: Samples = rng.normal(0, level, int(seconds * RATE)).astype(np.float32)
    return y


def silence(seconds: float) -> Samples:
    """Nothing at all."""
    return np.zeros(int(seconds * RATE), dtype=np.float32)


def faster(y: Samples, ratio: float) -> Samples:
    """Tempo and pitch changed together, as by a tape."""
    places = np.arange(0, len(y) - 1, ratio)
    played: Samples = np.interp(places, np.arange(len(y)), y).astype(np.float32)
    return played


def join(*parts: Samples) -> Samples:
    """One after the other."""
    return np.concatenate(parts)


@dataclass
class Catalogue:
    """Recordings in a bucket 1, and how to scan against them."""

    index: MemoryIndex
    references: dict[int, Landmarks]

    def add(self, recording: int, y: Samples) -> None:
        """Take a recording in."""
        landmarks = extract(y).reference
        assert landmarks is not None
        self.references[recording] = landmarks
        self.index.add(1, recording, *reference_hashes(landmarks))

    def remove(self, recording: int) -> None:
        """Take a recording out."""
        del self.references[recording]
        self.index.remove(1, recording)

    def scan(
        self, query: Samples | Fingerprint, policy: ScanPolicy | None = None
    ) -> ScanResult:
        """Scan samples or a fingerprint."""
        fingerprint = query if isinstance(query, Fingerprint) else extract(query)
        return scan(
            fingerprint,
            index=self.index,
            buckets=[1],
            references=References.held(self.references),
            policy=policy,
        )


def catalogue(recordings: Sequence[Samples]) -> Catalogue:
    """A catalogue of recordings, numbered from 1."""
    made = Catalogue(MemoryIndex(), {})
    for number, y in enumerate(recordings, 1):
        made.add(number, y)
    return made


def empty_landmarks() -> Landmarks:
    """No landmarks at all, with the right dtypes."""
    nothing = np.zeros(0, dtype=np.float32)
    return Landmarks(frames=np.zeros(0, dtype=np.int32), bins=nothing, levels=nothing)
