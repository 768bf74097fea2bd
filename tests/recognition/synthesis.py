"""Synthetic recordings at the engine's own rate, and an index of some of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from recognition.fingerprints.builder import extract
from recognition.fingerprints.hashes import reference_hashes
from recognition.index.places import References
from recognition.search.match import scan
from recognition.search.policy import ScanPolicy
from recognition.types import Fingerprint, Landmarks, ScanResult
from recognition.verify.alignment import QueryView, view_of
from tests.keeping import cached
from tests.recognition.memory_index import MemoryIndex

RATE = 8000

Samples = NDArray[np.float32]
_MADE: dict[bytes, Fingerprint] = {}


@cached
def music(seed: int, seconds: float) -> Samples:
    """Return a tune of plucked notes that never repeats, different for every seed."""
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


def machine(seed: int, seconds: float) -> Samples:
    """Return a drum machine: kicks, noises and clicks in one repeating pattern."""
    rng = np.random.default_rng(seed)
    t = np.arange(RATE // 8) / RATE
    kick = np.sin(2 * np.pi * 60 * t * (1 + np.exp(-40 * t))) * np.exp(-12 * t)
    snare = rng.normal(0, 0.5, len(t)) * np.exp(-25 * t)
    click = np.zeros(len(t))
    click[0] = 1
    hits = rng.choice([kick, snare, click], size=int(rng.integers(1, 9)))
    step = int(rng.integers(RATE // 20, RATE // 2))
    y = np.zeros(int(seconds * RATE) + len(t), dtype=np.float32)
    for number, at in enumerate(range(0, int(seconds * RATE), step)):
        y[at : at + len(t)] += hits[number % len(hits)].astype(np.float32)
    y = y[: int(seconds * RATE)]
    played: Samples = (0.4 * y / np.abs(y).max()).astype(np.float32)
    return played


def tones(seed: int, seconds: float) -> Samples:
    """Return a few steady tones, switched on and off according to the seeds."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE)) / RATE
    pitches = rng.uniform(50, 3900, int(rng.integers(1, 6)))
    y = np.sin(2 * np.pi * pitches[:, None] * t).sum(axis=0)
    if rng.random() < 0.5:
        y *= np.sin(2 * np.pi * rng.uniform(0.3, 12) * t) > 0
    heard: Samples = (0.3 * y / np.abs(y).max()).astype(np.float32)
    return heard


def noise(seed: int, seconds: float, level: float) -> Samples:
    """Return white noise with a level given as root mean square."""
    rng = np.random.default_rng(seed)
    y: Samples = rng.normal(0, level, int(seconds * RATE)).astype(np.float32)
    return y


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE), dtype=np.float32)


def faster(y: Samples, ratio: float) -> Samples:
    """Change tempo and pitch together, as a tape does."""
    places = np.arange(0, len(y) - 1, ratio)
    played: Samples = np.interp(places, np.arange(len(y)), y).astype(np.float32)
    return played


def join(*parts: Samples) -> Samples:
    return np.concatenate(parts)


def fingerprint_of(y: Samples) -> Fingerprint:
    """Return the fingerprint of a sound, made once for all tests that ask for it."""
    sound = sha256(y.tobytes()).digest()
    if sound not in _MADE:
        _MADE[sound] = extract(y)
    return _MADE[sound]


def landmarks_of(y: Samples) -> Landmarks:
    """Return the landmarks that a catalogue keeps of a recording."""
    landmarks = fingerprint_of(y).reference
    assert landmarks is not None
    return landmarks


def query_view(query: Samples | Fingerprint, *, with_map: bool = True) -> QueryView:
    made = query if isinstance(query, Fingerprint) else fingerprint_of(query)
    assert made.dense is not None
    level_map = made.level_map if with_map else None
    return view_of(made.dense, level_map, round(made.duration_ms / 16))


@dataclass
class Catalogue:
    """Recordings in bucket 1, and how to scan against them."""

    index: MemoryIndex
    references: dict[int, Landmarks]

    def add(self, recording: int, y: Samples) -> None:
        landmarks = landmarks_of(y)
        self.references[recording] = landmarks
        self.index.add(1, recording, *reference_hashes(landmarks))

    def copy(self) -> Catalogue:
        """Return a catalogue of the same recordings, to change."""
        made = Catalogue(MemoryIndex(), dict(self.references))
        for recording, landmarks in self.references.items():
            made.index.add(1, recording, *reference_hashes(landmarks))
        return made

    def remove(self, recording: int) -> None:
        del self.references[recording]
        self.index.remove(1, recording)

    def scan(self, query: Samples | Fingerprint, policy: ScanPolicy | None = None) -> ScanResult:
        fingerprint = query if isinstance(query, Fingerprint) else fingerprint_of(query)
        return scan(
            fingerprint,
            index=self.index,
            buckets=[1],
            references=References.held(self.references),
            policy=policy,
        )


def catalogue(recordings: Sequence[Samples]) -> Catalogue:
    """Return a catalogue of recordings, numbered from 1."""
    made = Catalogue(MemoryIndex(), {})
    for number, y in enumerate(recordings, 1):
        made.add(number, y)
    return made


def empty_landmarks() -> Landmarks:
    nothing = np.zeros(0, dtype=np.float32)
    return Landmarks(frames=np.zeros(0, dtype=np.int32), bins=nothing, levels=nothing)
