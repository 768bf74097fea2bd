"""Runs the same clips through other open fingerprinters on this machine.

``python -m benchmarks.peers [--music DIR] [--clips N]``. Chromaprint runs as
``fpcalc``. Its raw fingerprints are compared by bit errors at the best offset; a clip
is found if the right recording comes first and is below the threshold.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.conditions import Condition, Damage, conditions, cut
from benchmarks.corpus import Roles, Track, roles
from benchmarks.report import Report, machine, music, parser, workplace
from benchmarks.shelf import Shelf, build, fingerprint
from benchmarks.sound import RATE, Samples
from benchmarks.voices import voices

Words = NDArray[np.uint32]

BIT_ERRORS = 0.35  # share of differing bits below which two fingerprints are the same


@dataclass(frozen=True, slots=True)
class Answers:
    """Results of the clips of one condition, and their duration in seconds."""

    right: int
    wrong: int
    seconds: float


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and print the results."""
    made = parser("Compare this engine with others on the same clips.")
    made.add_argument("--clips", type=int, default=20, help="clips per condition")
    args = made.parse_args(argv)
    report = Report()
    report.title("Other engines")
    if shutil.which("fpcalc") is None:
        report.line("Chromaprint (fpcalc) is not installed: nothing to compare with.")
        return report.end(checked=args.check)
    with workplace() as work:
        tracks = music(args.music, Path(work))
        parts = roles(tracks, args.seed, 1)
        shelf = build(tracks, parts.references, Path(work) / "index")
        chromaprint = Chromaprint(tracks, parts, Path(work))
        report.line(
            f"{args.clips} clips of 10 s for each condition against {shelf.hours:.1f} h; "
            f"{machine()}."
        )
        rows = _rows(report, (tracks, parts), shelf, chromaprint, args.seed, args.clips)
        head = ("condition", "ours: found, wrong, ms", "Chromaprint: found, wrong, ms")
        report.table(head, rows)
    return report.end(checked=args.check)


class Chromaprint:
    """Raw fingerprints of all references, to compare with a clip's."""

    def __init__(self, tracks: list[Track], parts: Roles, work: Path) -> None:
        self._work = work
        self._known = {n: self._words(tracks[n].samples()) for n in parts.references}

    def best(self, y: Samples) -> tuple[int, float]:
        """Return the nearest reference and its share of differing bits."""
        words = self._words(y)
        found = [(self._distance(words, known), n) for n, known in self._known.items()]
        distance, number = min(found)
        return number, distance

    def _distance(self, words: Words, known: Words) -> float:
        if not len(words) or len(known) < len(words):
            return 1.0
        windows = np.lib.stride_tricks.sliding_window_view(known, len(words))
        bits = np.bitwise_count(windows ^ words).sum(axis=1)
        return float(bits.min()) / (32 * len(words))

    def _words(self, y: Samples) -> Words:
        path = self._work / "clip.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes((np.clip(y, -1, 1) * 32767).astype(np.int16).tobytes())
        command = ["fpcalc", "-raw", "-plain", "-length", "0", str(path)]
        text = subprocess.run(command, capture_output=True, check=False, text=True)
        numbers = [int(part) for part in text.stdout.strip().split(",") if part]
        return np.array(numbers, dtype=np.int64).astype(np.uint32)


def _rows(
    report: Report,
    scene: tuple[list[Track], Roles],
    shelf: Shelf,
    chromaprint: Chromaprint,
    seed: int,
    clips: int,
) -> list[tuple[str, str, str]]:
    rng = np.random.default_rng([seed, 8])
    damage = Damage(rng, voices(rng, 10))
    rows = []
    for condition in conditions():
        made = _clips(condition, scene, damage, clips)
        ours, theirs = _ours(shelf, made), _theirs(chromaprint, made)
        rows.append((condition.name, _cell(ours, clips), _cell(theirs, clips)))
        report.check(
            f"{condition.name}: recall below Chromaprint",
            reached=ours.right >= theirs.right,
        )
    return rows


def _cell(answers: Answers, clips: int) -> str:
    ms = 1000 * answers.seconds / clips
    return f"{answers.right / clips:.2f}, {answers.wrong}, {ms:.0f}"


def _clips(
    condition: Condition,
    scene: tuple[list[Track], Roles],
    damage: Damage,
    clips: int,
) -> list[tuple[int, Samples]]:
    tracks, parts = scene
    made = []
    for number in damage.rng.choice(parts.played, clips):
        y, _ = cut(tracks[int(number)].samples(), damage.rng, 10, condition.tempo)
        made.append((int(number), condition.apply(y, damage)))
    return made


def _ours(shelf: Shelf, made: list[tuple[int, Samples]]) -> Answers:
    right = wrong = 0
    start = time.perf_counter()
    for number, y in made:
        found = shelf.scan(fingerprint(y)).segments
        names = [s.recording for s in sorted(found, key=lambda s: -s.bits)]
        right += names[:1] == [number]
        wrong += bool(names) and names[0] != number
    return Answers(right, wrong, time.perf_counter() - start)


def _theirs(chromaprint: Chromaprint, made: list[tuple[int, Samples]]) -> Answers:
    right = wrong = 0
    start = time.perf_counter()
    for number, y in made:
        nearest, distance = chromaprint.best(y)
        if distance < BIT_ERRORS:
            right += nearest == number
            wrong += nearest != number
    return Answers(right, wrong, time.perf_counter() - start)


if __name__ == "__main__":
    sys.exit(main())
