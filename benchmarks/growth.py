"""Measures cost and recall as the catalogue grows: 1 ×, 10 ×, 100 ×.

``python -m benchmarks.growth [--music DIR] [--largest 100] [--check]``
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.conditions import Damage, conditions, cut
from benchmarks.corpus import Roles, Track, roles
from benchmarks.report import Report, machine, music, parser, workplace
from benchmarks.shelf import BUCKET, Shelf, build, fingerprint
from benchmarks.speed import PAD, pad, timed
from benchmarks.voices import voices
from recognition.types import Fingerprint
from recognition.warm import compile_all

CONDITIONS = (
    "clean",
    "pink +0 dB",
    "one voice -5 dB",
    "five voices +0 dB",
    "speed +2 %",
)
Query = tuple[int, Fingerprint]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and print the results."""
    made = parser("Measure cost and recall by size of the catalogue.")
    made.add_argument(
        "--largest", type=int, default=100, help="largest multiple of the catalogue"
    )
    made.add_argument("--clips", type=int, default=40, help="clips per condition")
    args = made.parse_args(argv)
    report = Report()
    compile_all()
    with workplace() as work:
        tracks = music(args.music, Path(work))
        parts = roles(tracks, args.seed, 1)
        queries = _queries(tracks, parts, args.seed, args.clips)
        shelf = build(tracks, parts.references, Path(work) / "index")
        report.title("Growth")
        report.line(
            f"{args.clips} clips of 10 s for each condition; {machine()}, processor "
            "time. Padding: the catalogue's own recordings at other tempi and pitches."
        )
        rows, spent = [], []
        for times in (1, 10, 100):
            if times > args.largest:
                break
            grown = shelf if times == 1 else pad(shelf, times * shelf.hours)
            row, ms = _measure(grown, queries)
            rows.append((f"{times} ×", *row))
            spent.append(ms)
        names = [*(f"{name}: recall, ms" for name in CONDITIONS), "unknown clip: ms"]
        report.table(("catalogue", "hours", "index MB", *names), rows)
        for before, after in pairwise(spent):
            report.check(
                f"ten times the catalogue takes {after / before:.1f} times as long",
                reached=after <= 2 * before,
            )
    return report.end(checked=args.check)


def _queries(
    tracks: list[Track], parts: Roles, seed: int, clips: int
) -> dict[str, list[Query]]:
    rng = np.random.default_rng([seed, 6])
    damage = Damage(rng, voices(rng, 10))
    made: dict[str, list[Query]] = {}
    for condition in conditions():
        if condition.name not in CONDITIONS:
            continue
        for number in rng.choice(parts.played, clips):
            y, _ = cut(tracks[int(number)].samples(), rng, 10, condition.tempo)
            query = fingerprint(condition.apply(y, damage))
            made.setdefault(condition.name, []).append((int(number), query))
    for number in rng.choice(parts.strangers, clips):
        y, _ = cut(tracks[int(number)].samples(), rng, 10, 1)
        made.setdefault("stranger", []).append((-1, fingerprint(y)))
    return made


def _measure(shelf: Shelf, queries: dict[str, list[Query]]) -> tuple[list[str], float]:
    cells = [
        f"{shelf.hours:.0f}",
        f"{shelf.index.stats(BUCKET).size_bytes / 1e6:.0f}",
    ]
    everything = []
    for name, of_condition in queries.items():
        found, spent = [], []
        for number, query in of_condition:
            result, seconds = timed(partial(shelf.scan, query))
            found.append(number in [s.recording % PAD for s in result.segments])
            spent.append(1000 * seconds)
        everything += spent
        recall = "" if name == "stranger" else f"{np.mean(found):.2f}, "
        cells.append(f"{recall}{np.mean(spent):.0f}")
    return cells, float(np.mean(everything))


if __name__ == "__main__":
    sys.exit(main())
