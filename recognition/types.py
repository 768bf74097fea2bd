"""The values that pass between the stages and out of the library.

Times are integer milliseconds when they leave the library (``*_ms``), and frames inside
it. A frame is ``hop_length / sample_rate`` seconds (16 ms).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from recognition.speech_track import NO_TRACK, Share, SoundKind, SpeechTrack


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Spectral peaks of one audio, ordered by frame; arrays of equal length.

    ``frames`` is int32, ``bins`` float32 (log-frequency bin with fraction) and
    ``levels`` float32 (natural logarithm of the magnitude). ``phases`` is uint8, the
    phase in the middle of the frame in 256ths of a turn; None where it is not known.
    """

    frames: NDArray[np.int32]
    bins: NDArray[np.float32]
    levels: NDArray[np.float32]
    phases: NDArray[np.uint8] | None = None

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.int64] | slice) -> Landmarks:
        """Return the landmarks of a mask, of numbers or of a slice."""
        phases = None if self.phases is None else self.phases[chosen]
        return Landmarks(self.frames[chosen], self.bins[chosen], self.levels[chosen], phases)

    def moved(self, frames: int) -> Landmarks:
        """Return the landmarks so many frames later; ``frames`` may be negative."""
        later = (self.frames + np.int32(frames)).astype(np.int32)
        return Landmarks(later, self.bins, self.levels, self.phases)

    @classmethod
    def joined(cls, parts: Sequence[Landmarks]) -> Landmarks:
        """Return parts as one; without phases if a part with landmarks lacks them."""
        full = [part for part in parts if len(part.frames)]
        if not full:
            return NO_LANDMARKS
        phases = [part.phases for part in full if part.phases is not None]
        return cls(
            np.concatenate([part.frames for part in full]),
            np.concatenate([part.bins for part in full]),
            np.concatenate([part.levels for part in full]),
            np.concatenate(phases) if len(phases) == len(full) else None,
        )

    def __repr__(self) -> str:
        return f"<{len(self.frames):,} landmarks>"


NO_LANDMARKS = Landmarks(
    frames=np.zeros(0, dtype=np.int32),
    bins=np.zeros(0, dtype=np.float32),
    levels=np.zeros(0, dtype=np.float32),
)


@dataclass(frozen=True, slots=True)
class LevelMap:
    """Pooled spectral maxima of a scanned file, one byte in 1/8 neper steps.

    ``levels`` is uint8 of shape [frames / frames_per_cell, bins / bins_per_cell].
    """

    levels: NDArray[np.uint8]
    frames_per_cell: int
    bins_per_cell: int

    def __repr__(self) -> str:
        return f"<level map {self.levels.shape}>"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The stored layers of one audio.

    ``reference`` is the sparse layer a recording is indexed and verified by; ``dense``
    and ``level_map`` are the layer a file is scanned by. A use whose layer is missing
    raises ``MissingLayer``.
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


class UnmatchedKind(StrEnum):
    """Why an interval of a scanned file has no match."""

    NO_MATCH = "no_match"
    SILENCE = "silence"
    NOT_SCANNED = "not_scanned"


@dataclass(frozen=True, slots=True)
class UnmatchedInterval:
    """An interval of a scanned file without a match, and its closest candidate.

    ``sound`` is what it holds, ``speech`` and ``music`` how much of each; None if it is
    silent or was not judged.
    """

    start_ms: int
    end_ms: int
    kind: UnmatchedKind
    candidate: RefusedAlignment | None = None
    sound: SoundKind | None = None
    speech: Share | None = None
    music: Share | None = None


@dataclass(frozen=True, slots=True)
class RefusedAlignment:
    """The strongest alignment that was refused, and why."""

    recording: int
    start_ms: int
    end_ms: int
    reference_start_ms: int
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class SegmentMatch:
    """One contiguous segment of one recording in a file.

    ``tempo_ratio`` is how fast the source plays the reference (1.03 is 3 % faster);
    ``pitch_cents`` is how much higher it sounds. ``score`` is 0–100 and follows from
    ``e_value``, the number of such matches expected by chance (see
    docs/recognition.md). ``track`` is the number of its sound track; None for the main
    one.
    ``low_hz`` and ``high_hz`` bound the band in which the source plays the reference;
    None where it plays all that the engine hears, or too little is there to say.
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
    track: int | None = None
    low_hz: int | None = None
    high_hz: int | None = None


@dataclass(frozen=True, slots=True)
class ScanResult:
    """The result for one file: all segments, and the unmatched intervals between them.

    Both are ordered by start. ``speech`` tells speech and music of the whole file.
    ``warnings`` are sentences for people ("The last 12 s could not be decoded.").
    ``states_length`` is that of ``MediaFacts``. Of so many windows of unexplained sound in
    a row, ``swept_every``, one was swept for what noise or voices hide: the larger the
    catalogue, the more.
    """

    duration_ms: int
    segments: tuple[SegmentMatch, ...]
    unmatched: tuple[UnmatchedInterval, ...]
    speech: SpeechTrack = NO_TRACK
    warnings: tuple[str, ...] = ()
    states_length: bool = True
    swept_every: int = 1


class TrackState(StrEnum):
    """What became of a sound track: only one may be the main one."""

    MAIN = "main"
    SAME = "same"
    """It sounds like the main one."""
    PART = "part"
    """It is heard where the main one has no sound."""
    EMPTY = "empty"
    """It has no sound, or too little to search."""
    OTHER = "other"
    """It differs and is searched, too."""
    UNREAD = "unread"


@dataclass(frozen=True, slots=True)
class SoundTrack:
    """A sound track of a file that has several; ``number`` counts from 1.

    ``name`` is its title and language, as far as the file states them.
    """

    number: int
    name: str
    state: TrackState


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What the file's headers say, and what decoding measured.

    ``states_length`` says whether a missing end would be noticed. ``tracks`` is empty for
    a file with one sound track.
    """

    container: str
    codec: str
    sample_rate: int
    channels: int
    bit_rate: int | None
    duration_ms: int
    silent_ms: int
    undecoded_ms: int
    clipped_share: float
    states_length: bool
    has_video: bool
    tags: dict[str, str] = field(default_factory=dict)
    tracks: tuple[SoundTrack, ...] = ()


@dataclass(frozen=True, slots=True)
class Analysis:
    """The results of decoding a file.

    ``other_tracks`` are fingerprints of its other tracks by number, silent where they sound
    like the main one.
    """

    facts: MediaFacts
    fingerprint: Fingerprint
    waveform: Waveform
    warnings: tuple[str, ...] = ()
    other_tracks: tuple[tuple[int, Fingerprint], ...] = ()


@dataclass(frozen=True, slots=True)
class Vote:
    """How many of a recording's postings agree on one offset.

    ``delta`` is reference frame minus query frame.
    """

    bucket: int
    recording: int
    delta: int
    votes: int


@dataclass(frozen=True, slots=True)
class Votes:
    """The best offsets of one window, most votes first: arrays of equal length.

    ``buckets`` and ``deltas`` and ``votes`` are int64, ``recordings`` uint32.
    """

    buckets: NDArray[np.int64]
    recordings: NDArray[np.uint32]
    deltas: NDArray[np.int64]
    votes: NDArray[np.int64]

    @classmethod
    def of(cls, votes: Sequence[Vote]) -> Votes:
        """Put single votes into arrays."""
        return cls(
            np.array([vote.bucket for vote in votes], dtype=np.int64),
            np.array([vote.recording for vote in votes], dtype=np.uint32),
            np.array([vote.delta for vote in votes], dtype=np.int64),
            np.array([vote.votes for vote in votes], dtype=np.int64),
        )

    def __len__(self) -> int:
        return len(self.votes)

    def __getitem__(self, part: slice | NDArray[np.int64] | NDArray[np.bool_]) -> Votes:
        return Votes(self.buckets[part], self.recordings[part], self.deltas[part], self.votes[part])

    def __iter__(self) -> Iterator[Vote]:
        columns = self.buckets, self.recordings, self.deltas, self.votes
        for values in zip(*(column.tolist() for column in columns), strict=True):
            yield Vote(*values)


@dataclass(frozen=True, slots=True)
class IndexStats:
    """The size of one bucket's index."""

    recordings: int
    postings: int
    size_bytes: int
    segments: int
    tombstones: int


Progress: TypeAlias = Callable[[float], None]
"""Called with the share done, 0–1; may raise an exception to cancel."""
