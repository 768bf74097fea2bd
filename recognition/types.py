"""The values that pass between the stages and out of the library.

Times are integer milliseconds when they leave the library (``*_ms``) and frames
inside it; one frame is ``hop_length / sample_rate`` seconds (16 ms).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Spectral peaks of one audio, ordered by frame.

    ``frames`` int32, ``bins`` float32 (interpolated log-frequency bin) and
    ``levels`` float32 (natural logarithm of the magnitude); equal lengths.
    """

    frames: NDArray[np.int32]
    bins: NDArray[np.float32]
    levels: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LevelMap:
    """Pooled spectral maxima of a scanned file, one byte in 1/8 neper steps.

    ``levels`` is uint8 of shape [frames / frames_per_cell, bins / bins_per_cell].
    """

    levels: NDArray[np.uint8]
    frames_per_cell: int
    bins_per_cell: int


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is kept of one audio.

    ``reference`` is the sparse layer a recording is indexed and verified by;
    ``dense`` and ``level_map`` are the layer a file is scanned by. A use that
    finds its layer missing raises ``MissingLayer``.
    """

    duration_ms: int
    params_hash: str
    reference: Landmarks | None = None
    dense: Landmarks | None = None
    level_map: LevelMap | None = None


@dataclass(frozen=True, slots=True)
class Waveform:
    """Peak and RMS of consecutive steps, each 0–255 of full scale."""

    step_ms: int
    peaks: NDArray[np.uint8]
    rms: NDArray[np.uint8]


class StretchKind(StrEnum):
    """Why a stretch of a scanned file carries no match."""

    NO_MATCH = "no_match"
    SILENCE = "silence"
    NOT_SCANNED = "not_scanned"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the scanned file without a match, with what came closest.

    ``speech`` is the share of sound without a match in which somebody speaks, 0–1.
    """

    start_ms: int
    end_ms: int
    kind: StretchKind
    candidate: Candidate | None = None
    speech: float | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """The strongest alignment that was refused, and why."""

    recording: int
    start_ms: int
    end_ms: int
    reference_start_ms: int
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class SegmentMatch:
    """One contiguous play of one recording.

    ``tempo_ratio`` is how fast the source plays the reference (1.03 = 3 % faster);
    ``pitch_cents`` how much higher it sounds. ``score`` is 0–100, from ``e_value``,
    the number of such matches expected by chance (see docs/recognition.md).
    ``speech`` is the share of the segment with speech, 0–1, None when not judged.
    """

    recording: int
    start_ms: int
    end_ms: int
    reference_start_ms: int
    reference_end_ms: int
    tempo_ratio: float
    pitch_cents: float
    score: float
    bits: float
    e_value: float
    aligned: int
    expected_by_chance: float
    speech: float | None = None


@dataclass(frozen=True, slots=True)
class ScanResult:
    """The whole answer for one file: matches and everything that is not one.

    ``segments`` are ordered by start, ``stretches`` cover what no segment covers.
    ``warnings`` are sentences for people ("the last 12 s could not be decoded").
    """

    duration_ms: int
    segments: tuple[SegmentMatch, ...]
    stretches: tuple[Stretch, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What the file says of itself, and what was heard while decoding it."""

    container: str
    codec: str
    sample_rate: int
    channels: int
    bit_rate: int | None
    duration_ms: int
    silent_ms: int
    clipped_share: float
    has_video: bool
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything one decoding pass yields."""

    facts: MediaFacts
    fingerprint: Fingerprint
    waveform: Waveform
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vote:
    """How often a recording's postings agreed on one offset.

    ``delta`` is reference frame minus query frame.
    """

    bucket: int
    recording: int
    delta: int
    votes: int


@dataclass(frozen=True, slots=True)
class IndexStats:
    """Size of one bucket's index."""

    recordings: int
    postings: int
    size_bytes: int
    segments: int
    tombstones: int


class LandmarkIndex(Protocol):
    """Hash → (recording, frame) postings, partitioned by bucket.

    ``hashes`` are uint32, ``frames`` int32 of equal length. What is written here in
    full is the same for every index.
    """

    def add(
        self,
        bucket: int,
        recording: int,
        hashes: NDArray[np.uint32],
        frames: NDArray[np.int32],
    ) -> None:
        """Durable and visible to every process at return; replaces the same recording."""
        self.add_many(bucket, [(recording, hashes, frames)])

    @abstractmethod
    def add_many(
        self,
        bucket: int,
        recordings: Sequence[tuple[int, NDArray[np.uint32], NDArray[np.int32]]],
    ) -> None:
        """Like ``add`` for many; each of them as a whole or not at all."""

    @abstractmethod
    def remove(self, bucket: int, recording: int) -> None:
        """Gone for the next query; space returns when the bucket is maintained."""

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
        """The best offsets, most votes first; neighbouring offsets add up.

        Hashes with more than ``max_list`` postings may be left out.
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
        return votes

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
    ) -> list[list[Vote]]:
        """Like ``query`` for each stretch (first, past the last) of the hashes."""

    @abstractmethod
    def maintain(self, bucket: int) -> None:
        """Merge segments and drop removed postings; safe beside readers."""

    @abstractmethod
    def stats(self, bucket: int) -> IndexStats:
        """Counts of one bucket; zeros for one that holds nothing."""


class IndexStore(LandmarkIndex, Protocol):
    """An index that is kept: what it holds can be listed and checked."""

    @abstractmethod
    def recordings(self, bucket: int) -> NDArray[np.uint32]:
        """The numbers of all recordings in a bucket, sorted."""

    @abstractmethod
    def verify(self, bucket: int) -> list[str]:
        """What is wrong with a bucket, having read all of it; empty where all is well."""


Progress: TypeAlias = Callable[[float], None]
"""Told the share done, 0–1; may raise to cancel."""
