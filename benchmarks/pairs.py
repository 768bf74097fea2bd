"""Compares pairs of recordings with a known relation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from benchmarks import sound
from benchmarks.corpus import Roles, Track
from benchmarks.report import Report
from benchmarks.shelf import fingerprint
from benchmarks.sound import RATE, Samples
from recognition.relate.compare import SoundComparison, SoundRelation, compare
from recognition.types import Fingerprint

_COUNT = 30
_LONGEST = 180

Change = Callable[[Samples, np.random.Generator], Samples]


def measure(report: Report, tracks: list[Track], parts: Roles, seed: int) -> None:
    """Compare copies, edits, mixes and strangers; print the confusion of relations."""
    report.title("Pairs (reference layers alone)")
    rng = np.random.default_rng([seed, 4])
    numbers = rng.permutation(parts.played)[:_COUNT]
    rows = []
    for name, change, relation, altered in _changes():
        comparisons: list[SoundComparison] = []
        for number in numbers:
            y = tracks[int(number)].samples()[: _LONGEST * RATE]
            comparisons.append(compare(_stored_layers(change(y, rng)), _stored_layers(y)))
        right = sum(c.relation is relation and c.altered is altered for c in comparisons)
        rows.append((name, relation.value, f"{right} of {len(comparisons)}"))
        report.check(f"pairs: {name}: {right}", reached=right >= 0.95 * len(comparisons))
    rows.append(_strangers(report, tracks, parts, rng))
    report.table(("pair", "relation", "correct"), rows)


def _strangers(
    report: Report, tracks: list[Track], parts: Roles, rng: np.random.Generator
) -> tuple[str, str, str]:
    related = 0
    for _ in range(_COUNT):
        a = int(rng.choice(parts.strangers)) if parts.strangers else parts.played[0]
        b = int(rng.choice([n for n in parts.played if n != a]))
        first, second = (tracks[n].samples()[: _LONGEST * RATE] for n in (a, b))
        related += (
            compare(_stored_layers(first), _stored_layers(second)).relation
            is not SoundRelation.NONE
        )
    report.check(f"pairs: {related} unrelated pairs reported as related", reached=related <= 1)
    return "another track", SoundRelation.NONE.value, f"{_COUNT - related} of {_COUNT}"


def _stored_layers(y: Samples) -> Fingerprint:
    """Return the data that a catalogue stores of a recording."""
    return replace(fingerprint(y), dense=None, level_map=None)


def _changes() -> list[tuple[str, Change, SoundRelation, bool]]:
    def radio_edit(y: Samples, rng: np.random.Generator) -> Samples:
        third = len(y) // 3
        return np.concatenate([y[:third], y[int(1.4 * third) :]])

    def medley(y: Samples, rng: np.random.Generator) -> Samples:
        start = int(rng.integers(len(y) // 2))
        part = y[start : start + min(15 * RATE, len(y) // 2)]
        return np.concatenate([sound.pink_noise(60 * RATE, rng) * 0.05, part])

    def mp3(y: Samples, rng: np.random.Generator) -> Samples:
        return sound.coded(y, "libmp3lame", "mp3", 96_000)

    def quieter(y: Samples, rng: np.random.Generator) -> Samples:
        return np.concatenate([sound.silence(RATE), 0.25 * y]).astype(np.float32)

    def faster(y: Samples, rng: np.random.Generator) -> Samples:
        return sound.speed(y, 1.03)

    def higher(y: Samples, rng: np.random.Generator) -> Samples:
        return sound.pitch(y, 1)

    return [
        ("MP3 96 kbit/s", mp3, SoundRelation.SAME_AUDIO, False),
        ("12 dB quieter, a second later", quieter, SoundRelation.SAME_AUDIO, False),
        ("shortened in the middle", radio_edit, SoundRelation.SAME_RECORDING, False),
        ("3 % faster", faster, SoundRelation.SAME_RECORDING, True),
        ("a semitone higher", higher, SoundRelation.SAME_RECORDING, True),
        ("15 s of it within a longer recording", medley, SoundRelation.OVERLAP, False),
    ]
