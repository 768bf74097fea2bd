"""Measures relations between recordings, on related and on unrelated pairs.

``python -m benchmarks.dedup [--music DIR] [--tracks 40] [--pairs 100000] [--check]``

A recording cannot be turned into a live version of itself, and the available free music
has none, so two takes of one piece are not among the pairs.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import scipy.signal

from benchmarks import sound
from benchmarks.corpus import Track
from benchmarks.report import Report, machine, music, parser, workplace
from benchmarks.shelf import BUCKET, add_all, fingerprint
from benchmarks.sound import RATE, Samples
from benchmarks.variants import variants
from benchmarks.voices import voices
from recognition.index.store import SegmentStore
from recognition.params import DEFAULT
from recognition.relate.compare import SoundComparison, SoundRelation, compare, related
from recognition.relate.relatives import relatives
from recognition.types import Fingerprint, Landmarks
from recognition.warm import compile_all

TARGET = 0.98
LONGEST_S = 180
SAME = frozenset({SoundRelation.SAME_AUDIO})
VERSION = frozenset({SoundRelation.SAME_RECORDING})
NOT_SAME = frozenset({SoundRelation.NONE, SoundRelation.SHARED_LOOP})


@dataclass(frozen=True, slots=True)
class Material:
    """The input of a pair: a track, another track, a speaker, a random generator."""

    y: Samples
    neighbour: Samples
    voice: Samples
    rng: np.random.Generator


@dataclass(frozen=True, slots=True)
class PairKind:
    """A kind of pair: how its second sound is made, and the acceptable relations."""

    name: str
    make: Callable[[Material], Samples]
    right: frozenset[SoundRelation]
    altered: bool = False


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and print the results."""
    made = parser("Check relations of pairs, and false copies among 100,000 different pairs.")
    made.add_argument("--tracks", type=int, default=40, help="tracks of each kind")
    made.add_argument("--pairs", type=int, default=100_000, help="different pairs")
    args = made.parse_args(argv)
    report = Report()
    compile_all()
    with workplace() as work:
        tracks = music(args.music, Path(work))
        rng = np.random.default_rng([args.seed, 8])
        chosen = [tracks[int(n)] for n in rng.permutation(len(tracks))[: args.tracks]]
        _pairs(report, chosen, rng, Path(work))
        _strangers(report, tracks, args.pairs, Path(work))
    return report.end(checked=args.check)


def kinds() -> list[PairKind]:
    """Return every kind of pair, copies first."""
    return [*_copies(), *_versions(), *_different()]


def _copies() -> list[PairKind]:
    def codec(name: str, container: str, bit_rate: int) -> PairKind:
        return PairKind(
            f"{name} {bit_rate // 1000} kbit/s",
            lambda m: sound.coded(m.y, name, container, bit_rate),
            SAME,
        )

    return [
        codec("libmp3lame", "mp3", 32_000),
        codec("libmp3lame", "mp3", 128_000),
        codec("aac", "adts", 48_000),
        codec("libopus", "ogg", 32_000),
        PairKind("resampled to 22,050 Hz and back", _resampled, SAME),
        PairKind("12 dB quieter, a second later", _quieter, SAME),
        PairKind("bass + 9 dB, treble − 9 dB", _equalised, SAME),
        PairKind("3 s of speech over it", _spoken_over, SAME),
        PairKind("mono from stereo", _mono, SAME),
    ]


def _versions() -> list[PairKind]:
    return [
        PairKind("first 5 to 30 % cut off", _late, VERSION),
        PairKind("last 5 to 30 % cut off", _short, VERSION),
        PairKind("faded in and out over 8 s", _faded, VERSION),
        PairKind("a fifth cut out of the middle", _middle_cut, VERSION),
        PairKind("5 % faster", lambda m: sound.speed(m.y, 1.05), VERSION, altered=True),
        PairKind("5 % slower", lambda m: sound.speed(m.y, 0.95), VERSION, altered=True),
    ]


def _different() -> list[PairKind]:
    return [
        PairKind(
            "another track of the album", lambda m: m.neighbour, NOT_SAME | {SoundRelation.OVERLAP}
        ),
        PairKind("remix over one loop of it", _remix, NOT_SAME),
        PairKind("the same drum sample", _drums_over, NOT_SAME),
    ]


def _resampled(m: Material) -> Samples:
    return sound.resample(sound.resample(m.y, RATE, 11_025), 11_025, RATE)


def _quieter(m: Material) -> Samples:
    return np.concatenate([sound.silence(RATE), 0.25 * m.y]).astype(np.float32)


def _equalised(m: Material) -> Samples:
    low = scipy.signal.butter(1, 400, "lowpass", fs=RATE, output="sos")
    bass = scipy.signal.sosfilt(low, m.y)
    equalised: Samples = (2.8 * bass + 0.35 * (m.y - bass)).astype(np.float32)
    return equalised


def _spoken_over(m: Material) -> Samples:
    start = int(m.rng.integers(len(m.y) - 3 * RATE))
    part = slice(start, start + 3 * RATE)
    mixed = m.y.copy()
    mixed[part] = sound.mixed(m.voice[: 3 * RATE], m.y[part], 6)
    return mixed


def _mono(m: Material) -> Samples:
    """Mix down two different channels; the right one is softer and later."""
    late = np.concatenate([sound.silence(40), m.y[:-40]])
    both: Samples = (0.5 * (m.y + 0.6 * late)).astype(np.float32)
    return both


def _late(m: Material) -> Samples:
    return m.y[int(m.rng.uniform(0.05, 0.3) * len(m.y)) :]


def _short(m: Material) -> Samples:
    return m.y[: int(m.rng.uniform(0.7, 0.95) * len(m.y))]


def _faded(m: Material) -> Samples:
    n = 8 * RATE
    shape = np.ones(len(m.y), dtype=np.float32)
    shape[:n] = np.linspace(0, 1, n) ** 2
    shape[-n:] = np.linspace(1, 0, n) ** 2
    return m.y * shape


def _middle_cut(m: Material) -> Samples:
    start = int(m.rng.uniform(0.3, 0.5) * len(m.y))
    return np.concatenate([m.y[:start], m.y[start + len(m.y) // 5 :]])


def _remix(m: Material) -> Samples:
    """Mix six seconds of the track, repeated, into another piece at equal loudness."""
    start = int(m.rng.uniform(0.2, 0.7) * len(m.y))
    loop = m.y[start : start + 6 * RATE]
    under = np.tile(loop, len(m.neighbour) // len(loop) + 1)[: len(m.neighbour)]
    return sound.mixed(m.neighbour, under, 0)


def _drums_over(m: Material) -> Samples:
    return sound.mixed(m.neighbour, _drums(len(m.neighbour)), 6)


def _drums(n: int) -> Samples:
    """Return a repeated two-second bar of kick and snare."""
    rng = np.random.default_rng(1)
    bar = np.zeros(2 * RATE, dtype=np.float32)
    t = np.arange(RATE // 4) / RATE
    kick = np.sin(2 * np.pi * 60 * t * np.exp(-3 * t)) * np.exp(-18 * t)
    snare = rng.normal(size=len(t)) * np.exp(-25 * t)
    for beat, hit in enumerate((kick, snare, kick, snare)):
        start = beat * RATE // 2
        bar[start : start + len(t)] += hit.astype(np.float32)
    return np.tile(bar, n // len(bar) + 1)[:n]


def _pairs(report: Report, tracks: list[Track], rng: np.random.Generator, work: Path) -> None:
    report.title("Pairs of a known relation")
    report.line(
        f"{len(tracks)} tracks of each kind, at most {LONGEST_S} s, compared by their "
        f"stored landmarks; {machine()}."
    )
    speakers = voices(rng, 4)
    rows, right_in_all, total = [], 0, 0
    for kind in kinds():
        comparisons = []
        for number, track in enumerate(tracks):
            whole = track.samples()[: LONGEST_S * RATE]
            other_sound = tracks[(number + 1) % len(tracks)].samples()[: LONGEST_S * RATE]
            m = Material(whole, other_sound, speakers[number % len(speakers)], rng)
            original = whole
            if kind.make is _drums_over:
                original = sound.mixed(whole, _drums(len(whole)), 6)
            comparisons.append(compare(_stored_layers(kind.make(m)), _stored_layers(original)))
        right = sum(c.relation in kind.right and c.altered is kind.altered for c in comparisons)
        if not kind.right & (SAME | VERSION):
            right = sum(c.relation in kind.right for c in comparisons)
        right_in_all, total = right_in_all + right, total + len(comparisons)
        expected = " or ".join(sorted(kind.right))
        rows.append((kind.name, expected, f"{right} of {len(comparisons)}", _in_words(comparisons)))
    share = right_in_all / total
    report.table(("pair", "expected", "correct", "relations"), rows)
    report.line(f"Correct: {share:.4f} of {total} pairs.")
    report.check(f"correct relation: {share:.4f}", reached=share >= TARGET)


def _in_words(comparisons: Sequence[SoundComparison]) -> str:
    counted = Counter(c.relation.value for c in comparisons)
    return ", ".join(f"{name} {n}" for name, n in counted.most_common())


def _strangers(report: Report, tracks: list[Track], count: int, work: Path) -> None:
    """Measure all pairs of different recordings as the whole-catalogue check does."""
    recordings, origin = _shelf(tracks, count)
    index = SegmentStore(work / "strangers", params_hash=DEFAULT.index_hash())
    add_all(index, recordings)
    pairs = sum(origin[a] != origin[b] for a, b in combinations(recordings, 2))
    compared, reasons, wrong = 0, Counter[str](), []
    for number, landmarks in recordings.items():
        relations_by_recording = relatives(landmarks, index=index, bucket=BUCKET, own=number)
        for partner, leads in relations_by_recording.items():
            if partner < number or origin[partner] == origin[number]:
                continue
            compared += 1
            comparison = related(landmarks, recordings[partner], leads)
            relation = comparison.relation if comparison else SoundRelation.NONE
            reasons[relation.value] += 1
            if relation is SoundRelation.SAME_AUDIO:
                wrong.append((origin[number], origin[partner]))
    report.title("Different recordings")
    names = [tracks[a].name + " = " + tracks[b].name for a, b in wrong]
    report.table(
        ("different pairs", "compared", "relations", "false copies"),
        [
            (
                f"{pairs:,}",
                compared,
                ", ".join(f"{name} {n}" for name, n in reasons.most_common()),
                ", ".join(names) or "none",
            )
        ],
    )
    report.check(f"{pairs} different pairs", reached=pairs >= count)
    report.check(f"{len(wrong)} false copies", reached=not wrong)


def _shelf(tracks: list[Track], count: int) -> tuple[dict[int, Landmarks], dict[int, int]]:
    """Return enough recordings for ``wanted`` pairs, and the track of each."""
    layers = [_stored_layers(track.samples()[: LONGEST_S * RATE]).reference for track in tracks]
    recordings: dict[int, Landmarks] = {}
    origin: dict[int, int] = {}
    for variant in variants():
        n = len(recordings)
        if n * (n - 1) / 2 * (1 - 1 / len(tracks)) >= count * 1.02:
            break
        for number, layer in enumerate(layers):
            assert layer is not None
            key = len(recordings)
            recordings[key], origin[key] = variant.of(layer), number
    return recordings, origin


def _stored_layers(y: Samples) -> Fingerprint:
    """Return the data that a catalogue stores of a recording."""
    return replace(fingerprint(y), dense=None, level_map=None)


if __name__ == "__main__":
    sys.exit(main())
