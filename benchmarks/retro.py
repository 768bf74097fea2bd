"""Measures the cost of searching one earlier hour for a new recording.

``python -m benchmarks.retro [--music DIR] [--catalogue-hours H] [--check]``
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.corpus import roles
from benchmarks.report import Report, machine, music, parser, workplace
from benchmarks.shelf import Shelf, build
from benchmarks.speed import fingerprint_of, timed, write_programme
from recognition.fingerprints import file_format as fingerprint_file
from recognition.search.retro import RetroIndex, search_back
from recognition.types import SegmentMatch
from recognition.verify.calibration import catalogue_hours
from recognition.warm import compile_all

LIMIT = 0.5  # seconds of processor time per hour and recording
EDGE_MS = 200


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and print the results."""
    made = parser("Time the search for recordings in stored fingerprints.")
    made.add_argument("--catalogue-hours", type=float, default=300)
    made.add_argument("--hours", type=float, default=1.0, help="length of the file")
    args = made.parse_args(argv)
    report = Report()
    compile_all()
    with workplace() as work:
        tracks = music(args.music, Path(work))
        parts = roles(tracks, args.seed, 1)
        path = Path(work) / "programme.mp3"
        write_programme(path, tracks, parts, args.seed, args.hours)
        content = fingerprint_file.to_bytes(fingerprint_of(path, "scan"))
        shelf = build(tracks, parts.references, Path(work) / "index")
        report.title("Retro search")
        report.line(
            f"Per hour of a programme of {args.hours:g} h, from its stored fingerprint "
            f"({len(content) / 1e6 / args.hours:.1f} MB per hour); {machine()}, processor time."
        )
        rows = []
        for hours in (shelf_hours(shelf), args.catalogue_hours):
            alone, together, segments = _measure(content, shelf, hours)
            per_hour = [seconds / args.hours for seconds in alone]
            mean = statistics.mean(per_hour)
            batch = together / args.hours / len(alone)
            rows.append(
                (
                    f"{hours:.1f}",
                    f"{mean:.2f}",
                    f"{max(per_hour):.2f}",
                    f"{batch:.2f}",
                    f"{len(segments) / args.hours:.0f}",
                    f"{LIMIT:g}",
                )
            )
            if hours == args.catalogue_hours:
                report.check(f"{mean:.2f} s per hour and recording", reached=mean <= LIMIT)
        head = (
            "Catalogue, h",
            "One recording, mean s",
            "maximum s",
            f"{len(shelf.references)} together, s per recording",
            "Segments found",
            "Limit of the mean, s",
        )
        report.table(head, rows)
        _compare(report, content, shelf)
    return report.end(checked=args.check)


def shelf_hours(shelf: Shelf) -> float:
    """Return the catalogue's size in hours as a scan calculates it."""
    return catalogue_hours(shelf.index.stats(1).postings)


def _measure(
    stored: bytes, shelf: Shelf, hours: float
) -> tuple[list[float], float, tuple[SegmentMatch, ...]]:
    """Measure each recording alone and all together, with the matches."""

    def look(numbers: Sequence[int]) -> tuple[SegmentMatch, ...]:
        index = RetroIndex.of({n: shelf.references[n] for n in numbers})
        return search_back(fingerprint_file.from_bytes(stored), index, hours=hours)

    numbers = list(shelf.references)
    look(numbers)
    alone = [timed(partial(look, [number]))[1] for number in numbers]
    segments, together = timed(lambda: look(numbers))
    return alone, together, segments


def _compare(report: Report, stored: bytes, shelf: Shelf) -> None:
    """Compare late matches with the matches of a full scan of the same file."""
    query = fingerprint_file.from_bytes(stored)
    scanned = shelf.scan(query).segments
    late: list[SegmentMatch] = []
    for number, landmarks in shelf.references.items():
        index = RetroIndex.of({number: landmarks})
        late += search_back(query, index, hours=shelf_hours(shelf))
    same = sum(any(_alike(first, second) for second in late) for first in scanned)
    report.line(
        f"A scan of the same file finds {len(scanned)} segments; the retro search finds "
        f"{len(late)}, of which {same} agree within {EDGE_MS} ms."
    )
    report.check(
        f"{same} of {len(scanned)} segments found by the retro search",
        reached=same == len(scanned) == len(late),
    )


def _alike(first: SegmentMatch, second: SegmentMatch) -> bool:
    return (
        first.recording == second.recording
        and abs(first.start_ms - second.start_ms) <= EDGE_MS
        and abs(first.end_ms - second.end_ms) <= EDGE_MS
    )


if __name__ == "__main__":
    sys.exit(main())
