"""Runs the same clips through other open fingerprinters on this machine.

``python -m benchmarks.peers [--music DIR] [--clips N] [--olaf FILE] [--audfprint
COMMAND]``. Chromaprint runs as ``fpcalc`` if it is installed: its raw fingerprints are
compared by bit errors at the best offset, and a clip is found if the right recording
comes first and is below the threshold. ``--olaf`` names Olaf's ``olaf_core``,
``--audfprint`` the command that runs ``audfprint.py``; both search on their own, with
their default settings. docs/benchmarks.md says how to build them.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import wave
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
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
    """The recording that each clip got, None for no match, and the seconds of all."""

    recordings: list[int | None]
    seconds: float


class Peer(ABC):
    """A fingerprinter with the references in its index."""

    name: str

    @abstractmethod
    def ask(self, clips: Sequence[Samples]) -> Answers:
        """Search all clips."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and print the results."""
    made = parser("Compare this engine with others on the same clips.")
    made.add_argument("--clips", type=int, default=20, help="clips per condition")
    made.add_argument("--olaf", type=Path, metavar="FILE", help="Olaf's olaf_core")
    made.add_argument("--audfprint", metavar="COMMAND", help="such as 'python DIR/audfprint.py'")
    args = made.parse_args(argv)
    report = Report()
    report.title("Other engines")
    with workplace() as folder:
        work = Path(folder)
        tracks = music(args.music, work)
        parts = roles(tracks, args.seed, 1)
        shelf = build(tracks, parts.references, work / "index")
        samples = {number: tracks[number].samples() for number in parts.references}
        peers: list[Peer] = [Ours(shelf)]
        if shutil.which("fpcalc"):
            peers.append(Chromaprint(samples, work))
        if args.olaf:
            peers.append(Olaf(args.olaf.resolve(), samples, work))
        if args.audfprint:
            peers.append(Audfprint(shlex.split(args.audfprint), samples, work))
        if len(peers) == 1:
            report.line("No other engine is here: nothing to compare with.")
            return report.end(checked=args.check)
        report.line(
            f"{args.clips} clips of 10 s for each condition against {shelf.hours:.1f} h; "
            f"{machine()}."
        )
        _compare(report, (tracks, parts), peers, args.seed, args.clips)
    return report.end(checked=args.check)


class Ours(Peer):
    """This engine."""

    name = "ours"

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def ask(self, clips: Sequence[Samples]) -> Answers:
        """Take the segment with the most evidence."""
        begun = time.perf_counter()
        segments = [
            max(
                self._shelf.scan(fingerprint(y)).segments,
                key=lambda segment: segment.bits,
                default=None,
            )
            for y in clips
        ]
        numbers = [best.recording if best else None for best in segments]
        return Answers(numbers, time.perf_counter() - begun)


class Chromaprint(Peer):
    """Raw fingerprints of all references, to compare with a clip's."""

    name = "Chromaprint"

    def __init__(self, references: Mapping[int, Samples], work: Path) -> None:
        self._path = work / "clip.wav"
        self._known = {number: self._words(y) for number, y in references.items()}

    def ask(self, clips: Sequence[Samples]) -> Answers:
        """Take the nearest reference if it is near enough."""
        begun = time.perf_counter()
        nearest = [self._nearest(y) for y in clips]
        names = [number if near < BIT_ERRORS else None for near, number in nearest]
        return Answers(names, time.perf_counter() - begun)

    def _nearest(self, y: Samples) -> tuple[float, int]:
        words = self._words(y)
        return min((_distance(words, stored_words), n) for n, stored_words in self._known.items())

    def _words(self, y: Samples) -> Words:
        _write_wav(self._path, y)
        command = ["fpcalc", "-raw", "-plain", "-length", "0", str(self._path)]
        text = subprocess.run(command, capture_output=True, check=False, text=True)
        numbers = [int(part) for part in text.stdout.strip().split(",") if part]
        return np.array(numbers, dtype=np.int64).astype(np.uint32)


def _distance(words: Words, reference: Words) -> float:
    """Return the share of differing bits at the best offset."""
    if not len(words) or len(reference) < len(words):
        return 1.0
    windows = np.lib.stride_tricks.sliding_window_view(reference, len(words))
    bits = np.bitwise_count(windows ^ words).sum(axis=1)
    return float(bits.min()) / (32 * len(words))


class Olaf(Peer):
    """Olaf's own search; its database lies below a home of its own."""

    name = "Olaf"

    def __init__(self, program: Path, references: Mapping[int, Samples], work: Path) -> None:
        self._program, self._sound = program, work / "olaf.raw"
        home = work / "olaf"
        (home / ".olaf" / "db").mkdir(parents=True)
        self._environment = os.environ | {"HOME": str(home)}
        for number, y in references.items():
            self._run("store", y, str(number))

    def ask(self, clips: Sequence[Samples]) -> Answers:
        """Take the first line of each answer, which has the most common hashes."""
        begun = time.perf_counter()
        names = [self._first(self._run("query", y, "clip")) for y in clips]
        return Answers(names, time.perf_counter() - begun)

    def _first(self, answer: str) -> int | None:
        # Hashes in common, begin and end in the clip, name, id, begin and end there.
        name = answer.partition("\n")[0].split(",")[3].strip()
        return int(name) if name else None

    def _run(self, verb: str, y: Samples, name: str) -> str:
        self._sound.write_bytes(y.astype("<f4").tobytes())
        done = subprocess.run(
            [str(self._program), verb, str(self._sound), name],
            env=self._environment,
            capture_output=True,
            check=True,
            text=True,
        )
        return done.stdout


class Audfprint(Peer):
    """audfprint's own search; its times are its own, without its start."""

    name = "audfprint"

    def __init__(
        self, command: Sequence[str], references: Mapping[int, Samples], work: Path
    ) -> None:
        self._command, self._folder = command, work / "audfprint"
        self._folder.mkdir()
        self._run("new", references)

    def ask(self, clips: Sequence[Samples]) -> Answers:
        """Read its sentence about each clip, and the time that it states."""
        lines = self._run("match", dict(enumerate(clips)))
        names: list[int | None] = [None] * len(clips)
        for clip, number in re.findall(r"Matched \S*?(\d+)\.wav .* as \S*?(\d+)\.wav", lines):
            names[int(clip)] = int(number)
        seconds = re.findall(r"total dur\) in ([\d.]+) s sec", lines)
        return Answers(names, float(seconds[0]))

    def _run(self, verb: str, sounds: Mapping[int, Samples]) -> str:
        folder = self._folder / verb
        folder.mkdir(exist_ok=True)
        paths = {number: folder / f"{number}.wav" for number in sounds}
        for number, path in paths.items():
            _write_wav(path, sounds[number])
        database = str(self._folder / "db.pklz")
        command = [*self._command, verb, "-d", database, *map(str, paths.values())]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
        return done.stdout


def _write_wav(path: Path, y: Samples) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(y, -1, 1) * 32767).astype(np.int16).tobytes())


def _compare(
    report: Report, scene: tuple[list[Track], Roles], peers: Sequence[Peer], seed: int, clips: int
) -> None:
    rng = np.random.default_rng([seed, 8])
    damage = Damage(rng, voices(rng, 10))
    rows, right, wrong = [], dict.fromkeys(peers, 0), dict.fromkeys(peers, 0)
    for condition in conditions():
        made = _clips(condition, scene, damage, clips)
        numbers, sounds = [number for number, _ in made], [y for _, y in made]
        cells, reached = [], {}
        for peer in peers:
            answers = peer.ask(sounds)
            pairs = list(zip(answers.recordings, numbers, strict=True))
            reached[peer] = sum(pair == number for pair, number in pairs)
            missed = sum(pair is None for pair, _ in pairs)
            wrong[peer] += (strays := clips - reached[peer] - missed)
            right[peer] += reached[peer]
            ms = 1000 * answers.seconds / clips
            cells.append(f"{reached[peer] / clips:.2f}, {strays}, {ms:.0f}")
        rows.append((condition.name, *cells))
        ours, *rivals = peers
        for rival in rivals:
            report.check(
                f"{condition.name}: recall below {rival.name}",
                reached=reached[ours] >= reached[rival],
            )
    total = clips * len(rows)
    rows.append(("all", *(f"{right[p]} of {total}, {wrong[p]}" for p in peers)))
    report.table(("found, wrong, ms a clip", *(peer.name for peer in peers)), rows)


def _clips(
    condition: Condition, scene: tuple[list[Track], Roles], damage: Damage, clips: int
) -> list[tuple[int, Samples]]:
    tracks, parts = scene
    made = []
    for number in damage.rng.choice(parts.played, clips):
        y, _ = cut(tracks[int(number)].samples(), damage.rng, 10, condition.tempo)
        made.append((int(number), condition.apply(y, damage)))
    return made


if __name__ == "__main__":
    sys.exit(main())
