"""Music to measure with: the tracks of a folder, and the role of each track."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from av.error import FFmpegError

from benchmarks.sound import RATE, Samples, audible, decode

DEMO = Path(__file__).resolve().parent.parent / "demo"
_ENDINGS = frozenset({".ogg", ".opus", ".mp3", ".flac", ".wav", ".m4a", ".aac", ".mp4"})
# Stems in a song's folder: they share the song's audio
_STEMS = frozenset({"guitar", "rhythm", "drums", "bass", "vocals", "preview"})
_SHORTEST = 25
_SMALLEST = 200_000


@dataclass(frozen=True, slots=True)
class Track:
    """One track of music, decoded to a file of 16-bit samples."""

    name: str
    seconds: float
    decoded: Path

    def samples(self) -> Samples:
        """Return all samples, at the rate of the benchmarks."""
        whole: Samples = np.load(self.decoded).astype(np.float32) / 32768
        return whole


@dataclass(frozen=True, slots=True)
class Roles:
    """Track numbers: in the catalogue, played from it, and unknown to it."""

    references: tuple[int, ...]
    played: tuple[int, ...]
    strangers: tuple[int, ...]


def read_tracks(folder: Path, work: Path) -> list[Track]:
    """Decode the audible part of every track of at least 25 s, in order of name."""
    tracks: list[Track] = []
    for path in sorted(p for p in folder.rglob("*") if is_track(p)):
        try:
            y = audible(decode(path))
        except (FFmpegError, ValueError):
            continue
        if len(y) < _SHORTEST * RATE:
            continue
        decoded = work / f"{len(tracks)}.npy"
        np.save(decoded, (np.clip(y, -1, 1) * 32767).astype(np.int16))
        name = str(path.relative_to(folder))
        tracks.append(Track(name, len(y) / RATE, decoded))
    return tracks


def roles(tracks: Sequence[Track], seed: int, half: int) -> Roles:
    """Make a quarter of the tracks strangers and the others references.

    Clips come from one half of each group (0 or 1), so that a change can be tuned on
    one half and reported on the other.
    """
    order = np.random.default_rng(seed).permutation(len(tracks)).tolist()
    n_strangers = len(order) // 4
    strangers, references = order[:n_strangers], order[n_strangers:]
    return Roles(
        references=tuple(references),
        played=tuple(references[half::2]),
        strangers=tuple(strangers[half::2]),
    )


def alone(parts: Roles, twins: Collection[int]) -> Roles:
    """Return the roles without tracks that share sound: their truth is ambiguous."""
    return replace(
        parts,
        played=tuple(n for n in parts.played if n not in twins),
        strangers=tuple(n for n in parts.strangers if n not in twins),
    )


def is_track(path: Path) -> bool:
    return (
        path.suffix.lower() in _ENDINGS
        and path.stem not in _STEMS
        and path.is_file()
        and path.stat().st_size > _SMALLEST
        and "programmes" not in path.parts
    )
