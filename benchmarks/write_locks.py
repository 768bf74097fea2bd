"""Lists the services that hold the database's write lock longest, in a season on SQLite.

``python -m benchmarks.write_locks --check`` exits with 1 if one of them uses the
processor for more than 200 ms while it holds the lock, or does slow work with it. Times
in all include waits for the disk and for other processes.
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
    asked = arguments.parse_args()
    report = Report()
    with TemporaryDirectory(prefix="locks-") as folder:
        summary = Path(folder) / "summary.json"
        played = _play(asked.steps, asked.seed, summary)
        if not summary.exists():
            sys.stdout.write(played)
            return 1
        found = json.loads(summary.read_text())
    report.check(f"a season without findings:\n{played}", reached=not found["findings"])
    report.title("Longest holds of the write lock")
    rows = sorted(found["held"].items(), key=lambda row: -row[1][0])
    report.table(
        ("service", "processor, ms", "in all, ms"),
        [
            (name, f"{1000 * cpu:.1f}", f"{1000 * wall:.1f}")
            for name, (cpu, wall) in rows[:_SHOWN]
        ],
    )
    for name, (cpu, _wall) in rows:
        report.check(f"{name}: {1000 * cpu:.0f} ms", reached=1000 * cpu <= LIMIT_MS)
    return report.end(checked=asked.check)


def _play(steps: int, seed: int, summary: Path) -> str:
    command = [
        *(sys.executable, "-m", "tests.season", "--as-it-is", "--go-on"),
        *("--steps", str(steps), "--seed", str(seed), "--summary", str(summary)),
    ]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
