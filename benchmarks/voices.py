"""Voices to put over music, made with espeak-ng."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys

import numpy as np

from benchmarks.sound import RATE, Samples, decode, loudness

_LANGUAGES = ("en", "en-us", "de", "fr", "es", "it", "pl", "pt")
_VARIANTS = ("m1", "f1", "m3", "f2", "m5", "f4", "m7", "f5")
_SENTENCES = (
    "Good evening, and welcome back to the programme; here is what happened today.",
    "The council met this morning to discuss the new bridge over the river.",
    "Traffic is slow on the northern ring road, so allow another twenty minutes.",
    "Our next guest has travelled through nine countries with nothing but a bicycle.",
    "Tomorrow will be cloudy at first, with some sunshine in the late afternoon.",
    "She said that nobody had expected the price of copper to rise again so soon.",
    "If you want to take part, write to us before the end of the month.",
    "He opened the window, looked at the harbour, and began to tell the story.",
    "Seven hundred and forty people took part, more than in any year before.",
    "And now the results: the home team won by three goals to one.",
)

_SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an")]


def need_espeak() -> None:
    """End the benchmark without espeak-ng: other voices give other figures."""
    if shutil.which("espeak-ng") is None:
        sys.exit("Voices over music are made with espeak-ng. Install it first.")


def voices(rng: np.random.Generator, count: int, seconds: int = 60) -> list[Samples]:
    """Return different speakers, each without long pauses and equally loud."""
    need_espeak()
    return [_even(_speaker(rng, number, seconds)) for number in range(count)]


def nonsense(rng: np.random.Generator, seconds: float) -> Samples:
    """Return that much speech of random syllables, by one voice of espeak-ng.

    Sentences of a synthesizer would return exactly, which no speaker's do.
    """
    language = _LANGUAGES[int(rng.integers(len(_LANGUAGES)))]
    variant = _VARIANTS[int(rng.integers(len(_VARIANTS)))]
    command = ["espeak-ng", "-v", f"{language}+{variant}", "--stdout"]
    command += ["-s", str(rng.integers(140, 200)), "-p", str(rng.integers(25, 75))]
    words = ["".join(rng.choice(_SYLLABLES, 3)) for _ in range(int(4 * seconds) + 10)]
    text = ". ".join(" ".join(words[k : k + 9]) for k in range(0, len(words), 9))
    made = subprocess.run([*command, text], capture_output=True, check=True)
    return _even(_wav(made.stdout)[: int(seconds * RATE)])


def _speaker(rng: np.random.Generator, number: int, seconds: int) -> Samples:
    language = _LANGUAGES[int(rng.integers(len(_LANGUAGES)))]
    variant = _VARIANTS[number % len(_VARIANTS)]
    command = ["espeak-ng", "-v", f"{language}+{variant}", "--stdout"]
    command += ["-s", str(rng.integers(140, 200)), "-p", str(rng.integers(25, 75))]
    spoken: list[Samples] = []
    while sum(map(len, spoken)) < seconds * RATE:
        text = " ".join(_SENTENCES[k] for k in rng.permutation(len(_SENTENCES)))
        made = subprocess.run([*command, text], capture_output=True, check=True)
        spoken.append(_wav(made.stdout))
    return np.concatenate(spoken)[: seconds * RATE]


def _wav(data: bytes) -> Samples:
    """Return the samples of espeak's output, whose header lacks the length."""
    return decode(io.BytesIO(data))


def _even(y: Samples) -> Samples:
    return (y * np.float32(0.1 / loudness(y))).astype(np.float32)
