"""Places in files with lost packets and late sound, compared with those of ffmpeg.

``python -m benchmarks.timelines --files 2000 --check`` writes files in several containers
and codecs, from each of which random packets are missing, and decodes them with the
engine and with ffmpeg (``aresample=async=1:first_pts=0``, gaps from 5 ms). It needs
ffmpeg on the path. AAC and MP3 in Matroska are left out: old releases of ffmpeg keep
the encoder's delay, which browsers and the engine leave out.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.report import Report, machine, parser, workplace
from recognition.audio import decode
from tests.recognition.test_timeline import by_ffmpeg, distances_ms
from tests.recognition.timed_files import KINDS, write_random

_LIMIT_MS = 20.0


def main(argv: Sequence[str] | None = None) -> int:
    """Write files, compare, and print the largest distance by kind."""
    made = parser(str(__doc__))
    made.add_argument("--files", type=int, default=200)
    args = made.parse_args(argv)
    report = Report()
    worst: dict[str, float] = {}
    counts: dict[str, int] = {}
    with workplace() as folder:
        for number in range(args.files):
            kind = KINDS[number % len(KINDS)]
            name = f"{kind.codec}{kind.suffix}"
            path = Path(folder) / f"a{kind.suffix}"
            draws = random.Random(f"{args.seed}-{number}")  # noqa: S311 - no secret
            write_random(path, kind, draws)
            heard = np.concatenate(list(decode.blocks(path)))
            seconds = [abs(distance) for distance in distances_ms(heard, by_ffmpeg(path))]
            counts[name] = counts.get(name, 0) + 1
            # A file in which nothing compares counts as wrong.
            worst[name] = max([worst.get(name, 0.0), *(seconds or [np.inf])])
    report.title(f"{args.files} files with losses")
    report.line(machine())
    report.table(
        ["kind", "files", "largest distance, ms"],
        [(name, counts[name], f"{ms:.1f}") for name, ms in sorted(worst.items())],
    )
    report.check(f"every place within {_LIMIT_MS:g} ms", reached=max(worst.values()) <= _LIMIT_MS)
    return report.end(checked=args.check)


if __name__ == "__main__":
    raise SystemExit(main())
