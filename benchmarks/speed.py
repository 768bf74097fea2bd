"""Measures the cost of every stage next to that of decoding alone.

``python -m benchmarks.speed [--music DIR] [--catalogue-hours H] [--check]``
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import av
import numpy as np

from benchmarks import sound
from benchmarks.corpus import Roles, Track, roles
from benchmarks.programmes import programme
from benchmarks.report import Report, machine, music, parser, workplace
from benchmarks.shelf import BUCKET, Shelf, add_all, altered, build, fingerprint
from benchmarks.voices import voices
from recognition.audio.decode import blocks
from recognition.fingerprints.builder import FingerprintBuilder
from recognition.params import DEFAULT
from recognition.search.match import scan
from recognition.types import Fingerprint
from recognition.warm import compile_all

Value = TypeVar("Value")

# Most time of a whole scan, as multiples of decoding, in catalogues of up to so many hours.
_MOST_OF_SCANS = ((30, 1.7), (300, 2.0), (1_000, 2.3))
PAD = 1_000_000  # padding has numbers from here on, to distinguish it


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and print the results."""
    made = parser("Measure time and size of every step.")
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
        shelf = build(tracks, parts.references, Path(work) / "index")
        small = shelf.hours
        grown, building = timed(lambda: pad(shelf, args.catalogue_hours))
        report.title("Speed")
        report.line(
            f"A programme of {args.hours:g} h as stereo MP3 at 128 kbit/s; {machine()}, "
            "processor time."
        )
        scanned = _steps(report, path, args.hours, grown)
        _sizes(report, grown, scanned, args.hours, building, grown.hours - small)
        _clips(report, tracks, parts, grown)
    return report.end(checked=args.check)


def timed(act: Callable[[], Value]) -> tuple[Value, float]:
    """Return a result and its processor time in seconds."""
    start = time.process_time()
    value = act()
    return value, time.process_time() - start


def pad(shelf: Shelf, hours: float) -> Shelf:
    """Grow a catalogue to ``hours`` with altered copies of its recordings."""
    copies = dict(shelf.references)
    original = dict(shelf.references)
    per_copy = shelf.hours
    total, k = per_copy, 0
    while total + per_copy / 2 < hours:
        k += 1
        tempo = 1 + 0.01 * ((7 * k) % 13 - 6)
        bins = float((k // 2 + 3) * (1 if k % 2 else -1))
        batch = {
            PAD * k + number: altered(landmarks, tempo, bins)
            for number, landmarks in original.items()
        }
        add_all(shelf.index, batch)
        copies |= batch
        total += per_copy
    shelf.index.maintain(BUCKET)
    return Shelf(shelf.index, copies, total)


def write_programme(path: Path, tracks: list[Track], parts: Roles, seed: int, hours: float) -> None:
    """Make a programme of tracks with speech over them."""
    rng = np.random.default_rng([seed, 5])
    made = programme(
        rng,
        recordings=parts.played,
        strangers=parts.strangers,
        load=lambda number: tracks[number].samples(),
        voices=voices(rng, 10),
        seconds=3600 * hours,
    )
    sound.write_stereo(path, made.samples, 128_000)


def _decode_alone(path: Path) -> int:
    """Decode a file with PyAV and nothing else; return its number of samples."""
    with av.open(str(path)) as media:
        return sum(frame.samples for frame in media.decode(audio=0))


def fingerprint_of(path: Path, layer: str) -> Fingerprint:
    """Return the fingerprint of a file, with one layer."""
    builder = FingerprintBuilder(layers={layer})
    n = 0
    for block in blocks(path):
        builder.feed(block)
        n += len(block)
    return builder.finish(round(1000 * n / DEFAULT.sample_rate))


def _steps(report: Report, path: Path, hours: float, shelf: Shelf) -> Fingerprint:
    _, decoding = timed(lambda: _decode_alone(path))
    _, reference = timed(lambda: fingerprint_of(path, "reference"))
    made, scanning = timed(lambda: fingerprint_of(path, "scan"))
    result, searching = timed(lambda: shelf.scan(made))
    total = scanning + searching
    rows = [
        (
            name,
            f"{seconds / hours:.1f}",
            f"{3600 * hours / seconds:,.0f}",
            f"{seconds / decoding:.2f}",
        )
        for name, seconds in (
            ("decode alone", decoding),
            ("decode and fingerprint a reference", reference),
            ("decode and fingerprint a file to scan", scanning),
            (f"search in {shelf.hours:.0f} h", searching),
            (f"scan in {shelf.hours:.0f} h, all steps", total),
        )
    ]
    report.table(("step", "s per hour", "× real time", "× decode alone"), rows)
    report.line(f"{len(result.segments)} segments found in it.")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report.line(f"Peak memory of this whole measurement: {peak:,.0f} MB.")
    report.check("fingerprint ≤ 1.25 × decode", reached=scanning <= 1.25 * decoding)
    most = next((most for size, most in _MOST_OF_SCANS if shelf.hours <= size), 2.3)
    report.check(f"scan ≤ {most} × decode", reached=total <= most * decoding)
    return made


def _sizes(
    report: Report, shelf: Shelf, scanned: Fingerprint, hours: float, building: float, added: float
) -> None:
    stats = shelf.index.stats(BUCKET)
    landmarks = sum(len(landmarks.frames) for landmarks in shelf.references.values())
    assert scanned.dense is not None
    assert scanned.level_map is not None
    report.table(
        ("size", "per hour"),
        [
            ("index", f"{stats.size_bytes / shelf.hours / 1e6:.2f} MB"),
            ("postings", f"{stats.postings / shelf.hours:,.0f}"),
            ("reference landmarks", f"{landmarks / shelf.hours:,.0f}"),
            ("dense landmarks of a scanned file", f"{len(scanned.dense.frames) / hours:,.0f}"),
            ("level map, not packed", f"{scanned.level_map.levels.nbytes / hours / 1e6:.2f} MB"),
        ],
    )
    if added > 1:
        report.line(
            f"Building the index from landmarks: {building / added:.2f} s per hour of "
            "references, merging included."
        )
    per_hour = stats.size_bytes / shelf.hours / 1e6
    report.check(f"index {per_hour:.2f} MB per hour", reached=per_hour <= 4.5)


def _clips(report: Report, tracks: list[Track], parts: Roles, shelf: Shelf) -> None:
    """Measure the latency of single clips of known and unknown music."""
    rows = []
    for name, numbers in (("known", parts.played), ("unknown", parts.strangers)):
        spent = []
        for number in numbers[:40]:
            y = tracks[number].samples()
            made = fingerprint(y[len(y) // 2 : len(y) // 2 + 10 * sound.RATE])
            spent.append(1000 * timed(partial(_scan, shelf, made))[1])
        if spent:
            rows.append((name, f"{np.median(spent):.0f}", f"{np.quantile(spent, 0.95):.0f}"))
    report.table(("clip of 10 s", "ms, median", "95 %"), rows)


def _scan(shelf: Shelf, made: Fingerprint) -> None:
    scan(made, index=shelf.index, buckets=[BUCKET], references=shelf.held)


if __name__ == "__main__":
    sys.exit(main())
