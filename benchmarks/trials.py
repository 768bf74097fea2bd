"""Clips of recordings under some conditions, in a catalogue that grows, and strangers.

The catalogue grows by turned variants only (backwards, mirrored), which no edit of the
originals resembles. A clip is found if a row names its recording; every other row is
wrong, unless the waveforms share the sound. Clips of strangers, under the same
conditions, should have no row at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.conditions import Condition, Damage, cut
from benchmarks.corpus import Roles, Track, roles
from benchmarks.growth import Catalogue
from benchmarks.kinship import sounds_in
from benchmarks.report import Report, machine, music, parser, workplace
from benchmarks.shelf import build, fingerprint
from benchmarks.speed import timed
from benchmarks.variants import Variant, turned_variants
from benchmarks.voices import voices
from recognition.params import DEFAULT
from recognition.types import Fingerprint
from recognition.warm import compile_all

_FRAMES = 1000 / DEFAULT.frame_ms  # per second

Targets = Mapping[str, Sequence[tuple[float, float]]]
"""The least recall by group, in catalogues of up to so many hours."""


@dataclass(frozen=True, slots=True)
class ClipTrial:
    """A condition, and the seconds of its clips."""

    condition: Condition
    seconds: int

    @property
    def name(self) -> str:
        """What the table calls it."""
        return f"{self.condition.name}, {self.seconds} s"


@dataclass(frozen=True, slots=True)
class TrialClip:
    """A clip of a track, from where it begins, in seconds."""

    trial: ClipTrial
    track: int
    start: float
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True)
class TrialAnswer:
    """What a scan of a clip gave: rows of its recording, and others."""

    is_found: bool
    wrong: int
    tempo_error: float
    cents_error: float
    ms: float


@dataclass(frozen=True, slots=True)
class TrialScene:
    """What clips are judged with."""

    tracks: Sequence[Track]
    catalogue: Catalogue

    def answer(self, clip: TrialClip, *, is_known: bool) -> TrialAnswer:
        """Scan a clip; any row of an unknown one is wrong."""
        result, seconds = timed(partial(self.catalogue.scan, clip.fingerprint))
        right, wrong = [], 0
        for segment in result.segments:
            variant, original = self.catalogue.origin(segment.recording)
            if is_known and original == clip.track and variant == Variant():
                right.append(segment)
            elif not self._shares(clip, original):
                wrong += 1
        if not right:
            return TrialAnswer(False, wrong, 0.0, 0.0, 1000 * seconds)
        best = max(right, key=lambda segment: segment.bits)
        condition = clip.trial.condition
        return TrialAnswer(
            is_found=True,
            wrong=wrong,
            tempo_error=abs(best.tempo_ratio / condition.tempo - 1),
            cents_error=abs(best.pitch_cents - condition.cents),
            ms=1000 * seconds,
        )

    def _shares(self, clip: TrialClip, other_number: int) -> bool:
        if other_number == clip.track:
            return False
        trial = clip.trial
        end = clip.start + trial.seconds * trial.condition.tempo
        span = clip.start * _FRAMES, end * _FRAMES
        ours, theirs = self.tracks[clip.track], self.tracks[other_number]
        return sounds_in(ours.samples(), theirs.samples(), span)


ExtraMeasurement = Callable[[Report, TrialScene, Sequence[int]], None]


def run(
    argv: Sequence[str] | None,
    description: str,
    trials: Sequence[ClipTrial],
    targets: Targets,
    extra: ExtraMeasurement | None = None,
) -> int:
    """Run the trials in catalogues of the given hours; print and check the recall.

    ``extra`` measures something else in each catalogue, with the tracks that clips come
    from.
    """
    made = parser(description)
    made.add_argument("--hours", type=float, nargs="+", default=[27], metavar="H")
    made.add_argument("--clips", type=int, default=10, help="clips for each condition")
    made.add_argument("--half", type=int, default=1, choices=(0, 1))
    args = made.parse_args(argv)
    report = Report()
    compile_all()
    with workplace() as folder:
        work = Path(folder)
        tracks = music(args.music, work)
        parts = roles(tracks, args.seed, args.half)
        trial_clips, unknown = _clips(tracks, parts, trials, (args.seed, args.clips))
        shelf = build(tracks, parts.references, work / "index")
        catalogue = Catalogue(
            shelf.index, shelf.references, shelf.hours, variants=turned_variants()
        )
        for hours in sorted(args.hours):
            catalogue.grow(hours)
            report.title(f"In {catalogue.hours:.0f} h")
            scene = TrialScene(tracks, catalogue)
            _measure(report, scene, trial_clips, unknown, targets)
            if extra is not None:
                extra(report, scene, parts.played)
        report.line(
            f"{args.clips} clips for each condition, {len(parts.references)} "
            f"references of {shelf.hours:.1f} h and turned variants, seed {args.seed}, "
            f"half {args.half}; {machine()}, processor time."
        )
    return report.end(checked=args.check)


def _clips(
    tracks: Sequence[Track], parts: Roles, trials: Sequence[ClipTrial], size: tuple[int, int]
) -> tuple[list[TrialClip], list[TrialClip]]:
    """Return clips of recordings under each condition, and half as many of strangers."""
    seed, clips = size
    rng = np.random.default_rng([seed, 12])
    damage = Damage(rng, voices(rng, 10))

    def clip(trial: ClipTrial, number: int) -> TrialClip:
        condition = trial.condition
        y = tracks[number].samples()
        y, start = cut(y, rng, trial.seconds, condition.tempo)
        return TrialClip(trial, number, start, fingerprint(condition.apply(y, damage)))

    trial_clips = [
        clip(trial, int(number)) for trial in trials for number in rng.choice(parts.played, clips)
    ]
    unknown = [
        clip(trial, int(number))
        for trial in trials
        for number in rng.choice(parts.strangers, -(-clips // 2))
    ]
    return trial_clips, unknown


def _measure(
    report: Report,
    scene: TrialScene,
    trial_clips: Sequence[TrialClip],
    unknown: Sequence[TrialClip],
    targets: Targets,
) -> None:
    trials: dict[str, list[TrialAnswer]] = {}
    groups: dict[str, list[TrialAnswer]] = {}
    for clip in trial_clips:
        answer = scene.answer(clip, is_known=True)
        trials.setdefault(clip.trial.name, []).append(answer)
        groups.setdefault(clip.trial.condition.group, []).append(answer)
    strange = [scene.answer(clip, is_known=False) for clip in unknown]
    rows = [(name, *_figures(answers)) for name, answers in trials.items()]
    rows += [(f"**{name}**", *_figures(answers)) for name, answers in groups.items()]
    report.table(_HEAD, rows)
    hours = scene.catalogue.hours
    for name, answers in groups.items():
        recall = float(np.mean([trial_answer.is_found for trial_answer in answers]))
        least = next((y for x, y in targets[name] if hours <= 1.2 * x), 0.0)
        report.check(f"{hours:.0f} h, {name}: {recall:.3f}", reached=recall >= least)
    wrong = sum(trial_answer.wrong for answers in groups.values() for trial_answer in answers)
    answered = sum(trial_answer.wrong for trial_answer in strange)
    report.line(
        f"{len(strange)} clips of strangers: {answered} rows, "
        f"{np.median([trial_answer.ms for trial_answer in strange]):.0f} ms each in the median."
    )
    report.check(f"{hours:.0f} h: {wrong} wrong rows", reached=not wrong)
    report.check(f"{hours:.0f} h: {answered} rows of strangers", reached=not answered)


_HEAD = ("condition", "clips", "recall", "wrong", "tempo error", "pitch error", "ms")


def _figures(answers: Sequence[TrialAnswer]) -> tuple[str, ...]:
    trial_answers = [trial_answer for trial_answer in answers if trial_answer.is_found]
    errors = ("–", "–")
    if trial_answers:
        tempo = 100 * float(np.median([trial_answer.tempo_error for trial_answer in trial_answers]))
        cents = float(np.median([trial_answer.cents_error for trial_answer in trial_answers]))
        errors = f"{tempo:.3f} %", f"{cents:.1f} cents"
    return (
        str(len(answers)),
        f"{len(trial_answers) / len(answers):.2f}",
        str(sum(trial_answer.wrong for trial_answer in answers)),
        *errors,
        f"{np.median([trial_answer.ms for trial_answer in answers]):.0f}",
    )
