"""Kinds of damage that a clip may have before it reaches the engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks import sound
from benchmarks.sound import RATE, Samples


@dataclass(frozen=True, slots=True)
class Damage:
    """The sources of random damage: a generator and voices."""

    rng: np.random.Generator
    voices: Sequence[Samples]

    def speech(self, speakers: int, n: int) -> Samples:
        """Return several voices speaking at once."""
        total = sound.silence(n)
        for k in self.rng.permutation(len(self.voices))[:speakers]:
            voice = self.voices[k]
            start = int(self.rng.integers(max(1, len(voice) - n)))
            part = voice[start : start + n]
            total[: len(part)] += part
        return total


@dataclass(frozen=True, slots=True)
class Condition:
    """A kind of damage; the engine should report its ``tempo`` and ``cents``."""

    name: str
    group: str
    apply: Callable[[Samples, Damage], Samples]
    tempo: float = 1.0
    cents: float = 0.0


def conditions() -> list[Condition]:
    """Return every measured condition, easy ones first."""
    return [*_plain(), *_noisy(), *_spoken(), *_altered()]


def cut(
    music: Samples, rng: np.random.Generator, seconds: float, ratio: float
) -> tuple[Samples, float]:
    """Return the loudest of eight excerpts of ``seconds`` at ``ratio``, and its start."""
    n = int(seconds * ratio * RATE)
    best, best_start, best_loudness = music[:n], 0, 0.0
    for _ in range(8):
        start = int(rng.integers(max(1, len(music) - n)))
        part = music[start : start + n]
        level = float(np.sqrt((part**2).mean()))
        if level > best_loudness:
            best, best_start, best_loudness = part, start, level
        if level > 0.02:
            break
    return best, best_start / RATE


def _plain() -> list[Condition]:
    return [
        Condition("clean", "clean, codecs, telephone", lambda y, d: y),
        Condition(
            "MP3 64 kbit/s",
            "clean, codecs, telephone",
            lambda y, d: sound.coded(y, "libmp3lame", "mp3", 64_000),
        ),
        Condition(
            "AAC 48 kbit/s",
            "clean, codecs, telephone",
            lambda y, d: sound.coded(y, "aac", "adts", 48_000),
        ),
        Condition(
            "Opus 24 kbit/s",
            "clean, codecs, telephone",
            lambda y, d: sound.coded(y, "libopus", "ogg", 24_000),
        ),
        Condition("telephone", "clean, codecs, telephone", lambda y, d: sound.telephone(y)),
        Condition(
            "reverb", "reverb, clipping, compression", lambda y, d: sound.reverberant(y, d.rng)
        ),
        Condition("clipping", "reverb, clipping, compression", lambda y, d: sound.clipped(y)),
        Condition("compression", "reverb, clipping, compression", lambda y, d: sound.compressed(y)),
    ]


def _noisy() -> list[Condition]:
    def pink(y: Samples, damage: Damage, decibels: float) -> Samples:
        return sound.mixed(y, sound.pink_noise(len(y), damage.rng), decibels)

    return [
        Condition(f"pink {db:+d} dB", "pink noise", partial(pink, decibels=db)) for db in (5, 0, -5)
    ]


def _spoken() -> list[Condition]:
    def spoken(y: Samples, damage: Damage, speakers: int, decibels: float) -> Samples:
        return sound.mixed(y, damage.speech(speakers, len(y)), decibels)

    return [
        Condition(f"{name} {db:+d} dB", name, partial(spoken, speakers=speakers, decibels=db))
        for speakers, name in ((1, "one voice"), (5, "five voices"))
        for db in (0, -5, -10)
    ]


def _altered() -> list[Condition]:
    def tempo(y: Samples, damage: Damage, ratio: float) -> Samples:
        return sound.tempo(y, ratio)

    def speed(y: Samples, damage: Damage, ratio: float) -> Samples:
        return sound.speed(y, ratio)

    def pitch(y: Samples, damage: Damage, semitones: float) -> Samples:
        return sound.pitch(y, semitones)

    tempi = [
        Condition(f"tempo {r:+d} %", "tempo", partial(tempo, ratio=1 + r / 100), 1 + r / 100)
        for r in (-6, -3, 3, 6, 10)
    ]
    speeds = [
        Condition(
            f"speed {r:+d} %",
            "speed",
            partial(speed, ratio=1 + r / 100),
            1 + r / 100,
            float(1200 * np.log2(1 + r / 100)),
        )
        for r in (-4, -2, 2, 4)
    ]
    pitches = [
        Condition(f"pitch {s:+d}", "pitch", partial(pitch, semitones=s), 1.0, 100.0 * s)
        for s in (-2, -1, 1, 2)
    ]
    return [*tempi, *speeds, *pitches]
