"""Feeds broken input of every kind: no crash, no hang, no exhausted machine.

``python -m benchmarks.hostile --check`` sends mutated real files through the decoder's
own process and its limits, fingerprints through ``/v1/identify`` and the uploads of a
server of its own, answers of servers (playlists, headers, redirects) through the
fetching of links and the readers of plug-ins, broken tables, messages and evidence packs
through the checks of imports and packs, and mutated bodies through every operation of the
two APIs, each undone afterwards. ``--media``, ``--prints``, ``--servers``, ``--tables``
and ``--bodies`` set the counts (0 leaves a kind out) and ``--workers`` the number of
processes; each number produces the same input in any process. The system enforces the
decoder's memory limit (``ACRPORTAL_DECODE_MEMORY_BYTES``): a decoder that exceeds it
ends, and its file counts as refused.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.hostile import bodies, fingerprints, media, servers, tables
from benchmarks.hostile.feeding import Feeding
from benchmarks.hostile.installation import set_up_work
from benchmarks.report import Report, machine, parser, workplace


@dataclass(frozen=True)
class Kind:
    """One kind of input, and how many of it are fed unless an argument says so."""

    name: str
    label: str
    count: int
    feed: Callable[[Report, Feeding], None]


KINDS = (
    Kind("media", "mutated media files", 10_000, media.feed),
    Kind("prints", "crafted and mutated fingerprints", 10_000, fingerprints.feed),
    Kind("servers", "answers of servers", 10_000, servers.feed),
    Kind("tables", "broken tables, messages and packs", 2_000, tables.feed),
    Kind("bodies", "mutated API bodies", 100_000, bodies.feed),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Mutate inputs, send them, and count the results."""
    args = _arguments(argv)
    report = Report()
    with workplace() as folder:
        work = Path(folder)
        set_up_work(work)
        report.line(f"{machine()}, {args.workers} at once")
        for kind in KINDS:
            count = vars(args)[kind.name]
            if count:
                report.title(f"{count:,} {kind.label}")
                kind.feed(report, Feeding(count, args.seed, args.workers, work, args.music))
    return report.end(checked=args.check)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    made = parser(str(__doc__))
    for kind in KINDS:
        made.add_argument(f"--{kind.name}", type=int, default=kind.count)
    made.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    return made.parse_args(argv)


if __name__ == "__main__":
    raise SystemExit(main())
