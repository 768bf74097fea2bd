"""Lists the services that hold the database's write lock longest, in a season on SQLite.

``python -m benchmarks.write_locks --check`` exits with 1 if one of them uses the
processor for more than 200 ms while it holds the lock, more than once, or does slow work
with it. Times in all include waits for the disk and for other processes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.report import Report, parser

LIMIT_MS: Final = 200.0
_SHOWN: Final = 25


def main() -> int:
    """Return 1 if ``--check`` finds a lock that is held too long."""
    arguments = parser(__doc__ or "")
    arguments.add_argument("--steps", type=int, default=1_000)
    options = arguments.parse_args()
    report = Report()
    with TemporaryDirectory(prefix="locks-") as folder:
        summary = Path(folder) / "summary.json"
        played = _play(options.steps, options.seed, summary)
        if not summary.exists():
            sys.stdout.write(played)
            return 1
        content = json.loads(summary.read_text())
    report.check(f"a season without findings:\n{played}", reached=not content["findings"])
    report.title("Longest holds of the write lock")
    rows = sorted(content["held"].items(), key=lambda row: row[1][-1], reverse=True)
    report.table(
        ("service", "processor, ms, second longest", "longest", "in all, longest"),
        [
            (name, _ms(held[-1][0]), _ms(held[0][0]), _ms(held[0][1]))
            for name, held in rows[:_SHOWN]
        ],
    )
    for name, held in rows:
        # A first call loads what later ones have.
        is_short = len(held) < 2 or 1000 * held[-1][0] <= LIMIT_MS
        report.check(f"{name}: {_ms(held[-1][0])} ms", reached=is_short)
    return report.end(checked=options.check)


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f}"


def _play(steps: int, seed: int, summary: Path) -> str:
    command = [
        *(sys.executable, "-m", "tests.season", "--as-it-is", "--go-on"),
        *("--steps", str(steps), "--seed", str(seed), "--summary", str(summary)),
    ]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
