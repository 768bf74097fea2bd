"""Measures how scans of several files scale with processes.

``python -m benchmarks.batch [--music DIR] [--hours 6] [--processes 2] [--check]`` scans
the music against itself with ``python -m recognition scan``, by one process and by
several, and compares times and results. The times are those of the whole commands on a
machine that should have nothing else to do.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.corpus import DEMO, Track
from benchmarks.report import Report, music, parser, workplace

_SCALES = 0.95  # of the number of processes


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and print the results."""
    made = parser("Measure how scans of several files scale with processes.")
    made.add_argument("--hours", type=float, default=6, help="of files, at most")
    made.add_argument("--processes", type=int, default=2)
    args = made.parse_args(argv)
    report = Report()
    with workplace() as folder:
        work = Path(folder)
        tracks = music(args.music, work)
        chosen = list(_first(tracks, 3600 * args.hours))
        files = [str((args.music or DEMO) / track.name) for track in chosen]
        index = work / "index"
        _acrfp(index, "add", *files)
        alone, one_by_one = _scan(index, files, 1)
        together, at_once = _scan(index, files, args.processes)
    ratio = alone / together
    report.title("Several files at once")
    report.line(f"{len(files)} files, {sum(track.seconds for track in chosen) / 3600:.1f} h.")
    report.table(
        ("processes", "s", "ratio"),
        [(1, f"{alone:.1f}", ""), (args.processes, f"{together:.1f}", f"{ratio:.2f}")],
    )
    report.check("the same results", reached=one_by_one == at_once)
    report.check(f"{ratio:.2f} times as fast", reached=ratio >= _SCALES * args.processes)
    return report.end(checked=args.check)


def _first(tracks: Sequence[Track], seconds: float) -> Iterator[Track]:
    for track in tracks:
        if seconds <= 0:
            return
        seconds -= track.seconds
        yield track


def _scan(index: Path, files: Sequence[str], processes: int) -> tuple[float, str]:
    begun = time.perf_counter()
    printed = _acrfp(index, "scan", "--processes", str(processes), *files)
    return time.perf_counter() - begun, printed


def _acrfp(index: Path, command: str, *args: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "recognition", command, "--index", str(index), *args],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return ran.stdout


if __name__ == "__main__":
    sys.exit(main())
