"""Whole programmes with known truth: music, speech, both at once, and silence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks import sound
from benchmarks.sound import RATE, Samples

Loader = Callable[[int], Samples]


@dataclass(frozen=True, slots=True)
class PlayedInterval:
    """An interval of a programme in which a recording plays."""

    recording: int
    start: float
    end: float
    reference_start: float
    tempo: float
    cents: float
    spoken_over: bool


@dataclass(frozen=True, slots=True)
class Programme:
    """The samples and every play of a recording in them."""

    samples: Samples
    plays: tuple[PlayedInterval, ...]

    @property
    def seconds(self) -> float:
        """Return its length in seconds."""
        return len(self.samples) / RATE


def programme(
    rng: np.random.Generator,
    *,
    recordings: Sequence[int],
    strangers: Sequence[int],
    load: Loader,
    voices: Sequence[Samples],
    seconds: float,
) -> Programme:
    """Make a programme of about ``seconds`` from the numbered recordings and strangers."""
    parts: list[Samples] = []
    plays: list[PlayedInterval] = []
    at = 0.0
    while at < seconds:
        kind = str(rng.choice(_KINDS, p=_SHARES))
        part, play = _part(kind, rng, recordings, strangers, load, voices)
        if play is not None:
            plays.append(
                PlayedInterval(
                    play.recording,
                    at,
                    at + len(part) / RATE,
                    play.reference_start,
                    play.tempo,
                    play.cents,
                    play.spoken_over,
                )
            )
        parts.append(part)
        at += len(part) / RATE
    return Programme(np.concatenate(parts), tuple(plays))


_KINDS = ("bare", "spoken over", "altered", "speech", "stranger", "silence")
_SHARES = (0.3, 0.25, 0.1, 0.15, 0.15, 0.05)


def _part(
    kind: str,
    rng: np.random.Generator,
    recordings: Sequence[int],
    strangers: Sequence[int],
    load: Loader,
    voices: Sequence[Samples],
) -> tuple[Samples, PlayedInterval | None]:
    if kind == "silence":
        return sound.silence(int(rng.uniform(3, 6) * RATE)), None
    if kind == "speech":
        return _speech(rng, voices, int(rng.uniform(4, 10) * RATE)), None
    if kind == "stranger" and strangers:
        y, _ = _excerpt(rng, load(int(rng.choice(strangers))), rng.uniform(10, 25))
        return y, None
    recording = int(rng.choice(recordings))
    ratio = 1.0
    if kind == "altered":
        ratio = 1 + float(rng.choice([-1, 1])) * rng.uniform(0.01, 0.06)
    y, start = _excerpt(rng, load(recording), rng.uniform(8, 30) * ratio)
    cents = 0.0
    if kind == "altered":
        y, cents = sound.speed(y, ratio), 1200 * float(np.log2(ratio))
    if kind == "spoken over":
        voice = _speech(rng, voices, len(y))
        y = sound.mixed(y, voice, rng.uniform(-8, 3)) * np.float32(0.7)
    play = PlayedInterval(recording, 0, 0, start, ratio, cents, kind == "spoken over")
    return y, play


def _excerpt(rng: np.random.Generator, music: Samples, seconds: float) -> tuple[Samples, float]:
    """Return an excerpt with sound from its first to its last second."""
    n = min(len(music), int(seconds * RATE))
    start = 0
    for _ in range(20):
        start = int(rng.integers(max(1, len(music) - n)))
        part = music[start : start + n]
        edges = (part[:RATE], part[-RATE:], part)
        if min(float(np.sqrt((edge**2).mean())) for edge in edges) > 0.02:
            break
    return np.array(music[start : start + n]), start / RATE


def _speech(rng: np.random.Generator, voices: Sequence[Samples], n: int) -> Samples:
    voice = voices[int(rng.integers(len(voices)))]
    return np.roll(np.resize(voice, max(n, len(voice))), int(rng.integers(RATE * 30)))[:n]
