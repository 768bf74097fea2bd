"""Measures recall, precision of the edges, and false matches.

``python -m benchmarks.accuracy [--music DIR] [--clips N] [--half 0|1] [--check]``
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import pairs, plays, tail
from benchmarks.conditions import Condition, Damage, conditions, cut
from benchmarks.corpus import Roles, Track, alone, roles
from benchmarks.report import Report, machine, music, parser, workplace
from benchmarks.shelf import Shelf, build, fingerprint
from benchmarks.voices import voices
from recognition.types import ScanResult


@dataclass(frozen=True, slots=True)
class ConditionResult:
    """The results of one condition's clips."""

    hits: list[bool]
    wrong: int
    tempo_errors: list[float]
    cents_errors: list[float]

    @property
    def recall(self) -> float:
        """Return the share of clips found."""
        return float(np.mean(self.hits))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and print the results."""
    made = parser("Measure recall, false matches and edges by condition.")
    made.add_argument("--clips", type=int, default=200, help="clips per condition")
    made.add_argument("--half", type=int, default=1, choices=(0, 1))
    made.add_argument("--hours", type=float, default=1.0, help="length of programmes")
    args = made.parse_args(argv)
    report = Report()
    with workplace() as work:
        tracks = music(args.music, Path(work))
        parts = roles(tracks, args.seed, args.half)
        shelf = build(tracks, parts.references, Path(work) / "index")
        report.line(
            f"{len(parts.references)} references ({shelf.hours:.1f} h), clips from "
            f"{len(parts.played)} of them, {len(parts.strangers)} strangers; "
            f"seed {args.seed}, half {args.half}; {machine()}."
        )
        single = alone(parts, tail.measure(report, tracks, parts, shelf))
        size = (args.seed, args.half, args.clips)
        for seconds in (10, 5):
            _clips(report, (tracks, single, shelf), seconds, size)
        plays.measure(report, tracks, single, shelf, args.seed, args.hours)
        pairs.measure(report, tracks, parts, args.seed)
    return report.end(checked=args.check)


def _clips(
    report: Report,
    scene: tuple[list[Track], Roles, Shelf],
    seconds: int,
    size: tuple[int, int, int],
) -> None:
    seed, half, clips = size
    report.title(f"Clips of {seconds} s")
    rng = np.random.default_rng([seed, seconds, half])
    damage = Damage(rng, voices(rng, 10))
    rows = []
    for condition in conditions():
        outcome = _condition(condition, scene, damage, (seconds, clips))
        rows.append(
            (
                condition.name,
                len(outcome.hits),
                f"{outcome.recall:.3f}",
                outcome.wrong,
                _median(outcome.tempo_errors, 100, " %"),
                _median(outcome.cents_errors, 1, " cents"),
            )
        )
        label = f"{seconds} s, {condition.name}"
        report.check(f"{label}: wrong answers", reached=not outcome.wrong)
        report.check(
            f"{label}: {outcome.recall:.3f} found",
            reached=outcome.recall >= _least_recall(condition, seconds),
        )
    head = ("condition", "clips", "recall", "wrong", "tempo error", "pitch error")
    report.table(head, rows)


def _least_recall(condition: Condition, seconds: int) -> float:
    """Return the required recall; voices that hide most of the music only have a goal."""
    if condition.group == "five voices":
        return 0.0
    if seconds < 10:
        return 0.0 if condition.group == "one voice" else 0.95
    return 0.95 if condition.name == "pink -5 dB" else 1.0


def _condition(
    condition: Condition,
    scene: tuple[list[Track], Roles, Shelf],
    damage: Damage,
    size: tuple[int, int],
) -> ConditionResult:
    tracks, parts, shelf = scene
    outcome = ConditionResult([], 0, [], [])
    wrong = 0
    for k in range(size[1]):
        if k % len(parts.played) == 0:
            order = damage.rng.permutation(parts.played)
        number = int(order[k % len(parts.played)])
        clip, _ = cut(tracks[number].samples(), damage.rng, size[0], condition.tempo)
        result = shelf.scan(fingerprint(condition.apply(clip, damage)))
        wrong += _judge(result, number, condition, outcome)
    return ConditionResult(outcome.hits, wrong, outcome.tempo_errors, outcome.cents_errors)


def _judge(result: ScanResult, number: int, condition: Condition, outcome: ConditionResult) -> bool:
    """Add one clip's result to ``outcome``; return whether it has a false match."""
    right = [s for s in result.segments if s.recording == number]
    outcome.hits.append(bool(right))
    if right:
        best = max(right, key=lambda s: s.bits)
        outcome.tempo_errors.append(abs(best.tempo_ratio - condition.tempo))
        outcome.cents_errors.append(abs(best.pitch_cents - condition.cents))
    return len(right) < len(result.segments)


def _median(values: list[float], factor: float, unit: str) -> str:
    return f"{np.median(values) * factor:.2f}{unit}" if values else "–"


if __name__ == "__main__":
    sys.exit(main())
