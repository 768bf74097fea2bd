"""Speech and music of one sound by half seconds, as it is stored, and what it says.

Each half second is one byte: four bits for the probability of speech, four for that of
music. The steps between their sixteen levels are those that decisions ask for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from heapq import heapify, heappop, heappush
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

HALF_MS: Final = 500
NET: Final = 1
"""The number of today's net; what another one judged is judged again."""
_STEPS: Final = np.array(
    [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99]
)
_POSSIBLE: Final = 5  # a probability of 0.2 and more
_LIKELY: Final = 8  # 0.5
_SURE: Final = 11  # 0.8
_MOST: Final = 0.5
PIECE_MS: Final = 3_000
"""Speech and music that come or go for a shorter time are part of what is around them."""

_Levels = NDArray[np.uint8]


class SoundKind(StrEnum):
    """What a piece of a sound holds."""

    OTHER = "other"
    SPEECH = "speech"
    MUSIC = "music"
    BOTH = "both"


_KINDS: Final = (SoundKind.OTHER, SoundKind.SPEECH, SoundKind.MUSIC, SoundKind.BOTH)


class Share(NamedTuple):
    """The share (0–1) of an interval with speech, or music: surely, and possibly."""

    least: float
    most: float

    @property
    def is_over(self) -> bool | None:
        """Whether it is most of the interval; None if that is not judged."""
        if self.least >= _MOST:
            return True
        return None if self.most >= _MOST else False


def mean_share(weighted: Iterable[tuple[Share | None, int]]) -> Share | None:
    """Return the mean of shares with their weights; None if none of them is known."""
    judged = [(share, weight) for share, weight in weighted if share is not None]
    total = sum(weight for _, weight in judged)
    if not total:
        return None
    return Share(
        sum(share.least * weight for share, weight in judged) / total,
        sum(share.most * weight for share, weight in judged) / total,
    )


class SoundPiece(NamedTuple):
    """An interval of a sound that holds one kind."""

    start_ms: int
    end_ms: int
    kind: SoundKind


@dataclass(frozen=True, slots=True)
class SpeechTrack:
    """``halves`` has a byte for each half second of a sound, from its start."""

    halves: bytes = field(default=b"", repr=False)

    @classmethod
    def of(cls, probabilities: NDArray[np.float32]) -> SpeechTrack:
        """Return the track of probabilities [half seconds, (speech, music)]."""
        speech, music = np.searchsorted(_STEPS, probabilities.T, side="right").astype(np.uint8)
        return cls((speech << 4 | music).tobytes())

    @property
    def speech(self) -> _Levels:
        """Return the level of speech of each half second, 0–15."""
        return self._bytes >> np.uint8(4)

    @property
    def music(self) -> _Levels:
        """Return the level of music of each half second, 0–15."""
        return self._bytes & np.uint8(15)

    @property
    def music_alone(self) -> NDArray[np.bool_]:
        """Return of each half second whether it surely holds music, and surely no speech."""
        return (self.music >= _SURE) & (self.speech < _POSSIBLE)

    @property
    def _bytes(self) -> _Levels:
        return np.frombuffer(self.halves, dtype=np.uint8)

    def part(self, start_ms: int, length_ms: int) -> SpeechTrack:
        """Return the track of an interval, to the nearest half second."""
        first = round(start_ms / HALF_MS)
        return SpeechTrack(self.halves[first : first + -(-length_ms // HALF_MS)])

    def filled(self, other: SpeechTrack) -> SpeechTrack:
        """Return the track with what another one holds where this has neither."""
        length = max(len(self.halves), len(other.halves))
        own, theirs = (
            np.frombuffer(track.halves.ljust(length, b"\0"), dtype=np.uint8)
            for track in (self, other)
        )
        is_empty = (own >> 4 < _POSSIBLE) & (own & 15 < _POSSIBLE)
        return SpeechTrack(np.where(is_empty, theirs, own).astype(np.uint8).tobytes())

    def speech_share(self, start_ms: int, end_ms: int) -> Share | None:
        """Return how much of an interval has speech; None beyond the track's end."""
        return _share(self.speech[self._within(start_ms, end_ms)])

    def speech_over(
        self, start_ms: int, end_ms: int, played: SpeechTrack, played_ms: tuple[int, int]
    ) -> Share | None:
        """Return how much of an interval has speech that is not the recording's own.

        The interval plays ``played_ms`` of a recording with the track ``played``.
        """
        here = self._within(start_ms, end_ms)
        speech = self.speech[here].copy()
        middles = (np.arange(here.start, here.start + len(speech)) + 0.5) * HALF_MS
        begin, end = played_ms
        at = begin + (middles - start_ms) * (end - begin) / max(1, end_ms - start_ms)
        places = (at / HALF_MS).astype(np.int64)
        is_known = (places >= 0) & (places < len(played.halves))
        own = np.zeros(len(speech), dtype=np.bool_)
        own[is_known] = played.speech[places[is_known]] >= _LIKELY
        speech[own] = 0
        return _share(speech)

    def music_share(self, start_ms: int, end_ms: int) -> Share | None:
        """Return how much of an interval has music; None beyond the track's end."""
        return _share(self.music[self._within(start_ms, end_ms)])

    def pieces(self, start_ms: int, end_ms: int) -> Iterator[SoundPiece]:
        """Yield the pieces of an interval, of 3 s and more if it is as long.

        They meet; the last reaches to the interval's end, also beyond the track's. An
        interval that lies wholly beyond it has none.
        """
        here = self._within(start_ms, end_ms)
        likely = (self._bytes[here] >> 4 >= _LIKELY) + 2 * (self._bytes[here] & 15 >= _LIKELY)
        runs = _absorbed(likely.astype(np.int8), PIECE_MS // HALF_MS)
        edges = [start_ms, *((here.start + first) * HALF_MS for first, _ in runs[1:]), end_ms]
        for number, (_, kind) in enumerate(runs):
            yield SoundPiece(edges[number], edges[number + 1], _KINDS[kind])

    def _within(self, start_ms: int, end_ms: int) -> slice:
        first = max(0, round(start_ms / HALF_MS))
        last = min(len(self.halves), max(first + 1, round(end_ms / HALF_MS)))
        return slice(first, max(first, last))


NO_TRACK: Final = SpeechTrack()


def _share(levels: _Levels) -> Share | None:
    if not len(levels):
        return None
    return Share(float((levels >= _SURE).mean()), float((levels >= _POSSIBLE).mean()))


def _absorbed(kinds: NDArray[np.int8], least: int) -> list[tuple[int, int]]:
    """Return runs as (first place, kind): short ones become part of the longer neighbour.

    The shortest is absorbed first, and runs of one kind that meet then are one.
    """
    if not len(kinds):
        return []
    firsts = [0, *(np.flatnonzero(np.diff(kinds)) + 1).tolist()]
    runs = _Runs(firsts, [int(kinds[first]) for first in firsts], len(kinds))
    short = [(runs.length(i), i) for i in range(len(firsts)) if runs.length(i) < least]
    heapify(short)
    while short:
        length, i = heappop(short)
        # A run that grew, or is part of another, has another entry or none.
        if i in runs.gone or runs.length(i) != length:
            continue
        host = runs.absorb(i)
        if host is None:
            break
        if runs.length(host) < least:
            heappush(short, (runs.length(host), host))
    return [(runs.firsts[i], runs.kinds[i]) for i in range(len(firsts)) if i not in runs.gone]


class _Runs:
    """Runs of one kind in order, which know their neighbours."""

    def __init__(self, firsts: list[int], kinds: list[int], end: int) -> None:
        self.firsts, self.kinds, self.gone = firsts, kinds, set[int]()
        self._end = end
        self._before = list(range(-1, len(firsts) - 1))
        self._after = list(range(1, len(firsts) + 1))

    def length(self, i: int) -> int:
        after = self._after[i]
        return (self.firsts[after] if after < len(self.firsts) else self._end) - self.firsts[i]

    def absorb(self, i: int) -> int | None:
        """Give a run the kind of its longer neighbour; return the run that both are now."""
        beside = [j for j in (self._before[i], self._after[i]) if 0 <= j < len(self.firsts)]
        if not beside:
            return None
        self.kinds[i] = self.kinds[max(beside, key=self.length)]
        for j in beside:
            if self.kinds[j] == self.kinds[i]:
                i = self._join(min(i, j), max(i, j))
        return i

    def _join(self, first: int, second: int) -> int:
        self.gone.add(second)
        self._after[first] = self._after[second]
        if self._after[first] < len(self.firsts):
            self._before[self._after[first]] = first
        return first
