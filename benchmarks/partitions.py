"""Compares scans of a catalogue in partitions with those of one index, clip by clip.

``python -m benchmarks.partitions [--music DIR] [--clips N] [--large] [--check]``
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import process_time

import numpy as np

from benchmarks.conditions import Damage, conditions, cut
from benchmarks.corpus import Roles, Track, roles
from benchmarks.programmes import programme
from benchmarks.report import Report, machine, music, parser, workplace
from benchmarks.shelf import BUCKET, add_all, build, fingerprint
from benchmarks.voices import voices
from recognition.index.places import References
from recognition.index.store import SegmentStore
from recognition.params import DEFAULT, Params
from recognition.partitioned.answering import answer
from recognition.partitioned.questions import answer_from_bytes, answer_to_bytes
from recognition.partitioned.scanning import PartitionedScan
from recognition.partitioned.union import PartitionedIndex, partition_of
from recognition.search.match import scan
from recognition.types import Fingerprint, Landmarks, ScanResult, SegmentMatch
from recognition.verify.calibration import catalogue_hours

COUNTS = (2, 3)
PROGRAMMES = 6


@dataclass
class Split:
    """The catalogue in several partitions, and what their scans took."""

    parts: Sequence[SegmentStore]
    references: dict[int, Landmarks]
    params: Params
    clips: int = 0
    unlike_union: int = 0
    unlike_merged: int = 0
    other_rows: int = 0
    rounds: list[int] = field(default_factory=list)
    sent_bytes: int = 0
    seconds: float = 0.0
    union_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.union = PartitionedIndex(dict(enumerate(self.parts, 1)), count=len(self.parts))
        self._held = References(self.references.__getitem__, self.union.place_tables([BUCKET]))

    def compare(self, query: Fingerprint, merged: ScanResult) -> None:
        """Scan partition by partition; count where one index finds something else."""
        begun = process_time()
        apart = self._ask(query)
        asked_at = process_time()
        union = scan(
            query, index=self.union, buckets=[BUCKET], references=self._held, params=self.params
        )
        self.union_seconds += process_time() - asked_at
        self.seconds += asked_at - begun
        self.clips += 1
        self.unlike_union += apart != union
        self.unlike_merged += _rows(apart) != _rows(merged)
        rows, recordings = (
            {segment.recording for segment in result.segments} for result in (apart, merged)
        )
        self.other_rows += rows != recordings

    def _ask(self, query: Fingerprint) -> ScanResult:
        load, params = self.references.__getitem__, self.params
        going = PartitionedScan.start(
            query,
            buckets=[BUCKET],
            hours=catalogue_hours(self.union.stats(BUCKET).postings),
            load=load,
            params=params,
        )
        rounds = 0
        while (question := going.question()) is not None:
            rounds += 1
            sent = [
                answer_to_bytes(
                    answer(
                        question,
                        query,
                        index=part,
                        tables=part.place_tables([BUCKET]),
                        params=params,
                    )
                )
                for part in self.parts
            ]
            self.sent_bytes += sum(map(len, sent))
            going.take(question, [answer_from_bytes(content) for content in sent])
            going = PartitionedScan.resume(query, going.state(), load=load, params=params)
        self.rounds.append(rounds)
        return going.result()


def _rows(result: ScanResult) -> tuple[tuple[SegmentMatch, ...], list[object]]:
    """Return rows, scores and edges, and where nothing matched for which reason."""
    return result.segments, [
        (interval.start_ms, interval.end_ms, interval.kind, interval.speech)
        for interval in result.unmatched
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the comparison and print the results."""
    made = parser("Compare partitions with one index.")
    made.add_argument("--clips", type=int, default=4, help="clips per condition")
    made.add_argument("--large", action="store_true", help="with the cascade of large catalogues")
    args = made.parse_args(argv)
    report, params = Report(), DEFAULT
    if args.large:
        params = replace(DEFAULT, sweep_hours=0.0)
    with workplace() as work:
        tracks = music(args.music, Path(work))
        parts = roles(tracks, args.seed, 1)
        shelf = build(tracks, parts.references, Path(work) / "index")
        splits = [
            _split(shelf.references, count, Path(work) / f"{count}", params) for count in COUNTS
        ]
        report.line(
            f"{len(parts.references)} recordings ({shelf.hours:.1f} h); {args.clips} "
            f"clips of 10 s and of 5 s per condition, as many of strangers, and "
            f"{PROGRAMMES} programmes of two minutes; seed {args.seed}; {machine()}."
        )

        def compare(query: Fingerprint) -> None:
            merged = scan(
                query, index=shelf.index, buckets=[BUCKET], references=shelf.held, params=params
            )
            for split in splits:
                split.compare(query, merged)

        _compare_all(tracks, parts, (args.seed, args.clips), compare)
    _tell(report, splits)
    return report.end(checked=args.check)


def _split(references: dict[int, Landmarks], count: int, folder: Path, params: Params) -> Split:
    parts = []
    for number in range(1, count + 1):
        part = SegmentStore(folder / f"{number}", params_hash=params.index_hash())
        here = {n for n in references if partition_of(n, count) == number}
        add_all(part, {n: references[n] for n in sorted(here)})
        parts.append(part)
    return Split(parts, references, params)


def _compare_all(
    tracks: list[Track], parts: Roles, size: tuple[int, int], compare: Callable[[Fingerprint], None]
) -> None:
    seed, clips = size
    rng = np.random.default_rng([seed, 24])
    damage = Damage(rng, voices(rng, 10))
    for condition in conditions():
        for seconds in (10, 5):
            for numbers in (parts.played, parts.strangers):
                for number in rng.choice(numbers, clips):
                    samples = tracks[int(number)].samples()
                    clip, _ = cut(samples, rng, seconds, condition.tempo)
                    compare(fingerprint(condition.apply(clip, damage)))
    for _ in range(PROGRAMMES):
        made = programme(
            rng,
            recordings=parts.played,
            strangers=parts.strangers,
            load=lambda number: tracks[number].samples(),
            voices=damage.voices,
            seconds=120,
        )
        compare(fingerprint(made.samples))


def _tell(report: Report, splits: Sequence[Split]) -> None:
    rows = []
    for split in splits:
        count = len(split.parts)
        rows.append(
            (
                count,
                split.clips,
                split.unlike_union,
                split.unlike_merged,
                split.other_rows,
                f"{np.mean(split.rounds):.1f} ({max(split.rounds)})",
                f"{split.sent_bytes / split.clips / 1000:.0f} kB",
                f"{1000 * split.seconds / split.clips:.0f} ms",
                f"{1000 * split.union_seconds / split.clips:.0f} ms",
            )
        )
        report.check(
            f"{count} partitions: {split.unlike_union} unlike one index of their segments",
            reached=not split.unlike_union,
        )
        report.check(
            f"{count} partitions: other recordings in {split.other_rows} clips",
            reached=not split.other_rows,
        )
    head = (
        "partitions",
        "clips",
        "unlike one index of the same segments",
        "unlike one index of one segment",
        "of these, other recordings",
        "rounds, mean (most)",
        "answers of a clip",
        "time of one core, partitions in turn",
        "one index of the same segments",
    )
    report.table(head, rows)


if __name__ == "__main__":
    sys.exit(main())
