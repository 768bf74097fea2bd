"""Plays seasons of random steps on SQLite and PostgreSQL; see tests/season/README.md.

``python -m benchmarks.season --steps 20000 --check`` exits with 1 if a step fails on
either database, or if an address was never reached.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from benchmarks.report import Report, parser

_POSTGRES = "postgres://postgres@127.0.0.1:5432/acrportal_season"


@dataclass
class _Run:
    """The season on one database."""

    name: str
    process: subprocess.Popen[str]
    summary: Path

    def end(self, began: float) -> tuple[dict[str, object], float, str]:
        """Wait for the end; return its figures, the seconds, and its output."""
        output, _ = self.process.communicate()
        summary = json.loads(self.summary.read_text()) if self.summary.exists() else {}
        return summary, time.monotonic() - began, output


def main() -> int:
    """Return 1 if ``--check`` finds a fault."""
    arguments = parser(__doc__ or "")
    arguments.add_argument("--steps", type=int, default=20_000, help="on each database")
    arguments.add_argument("--postgres", default=_POSTGRES, help="a database that is created anew")
    options = arguments.parse_args()
    report = Report()
    with TemporaryDirectory(prefix="season-") as folder:
        databases = {"SQLite": ""}
        if _answers(options.postgres):
            databases["PostgreSQL"] = options.postgres
        else:
            report.line("No PostgreSQL server responds: only SQLite is tested.")
        began = time.monotonic()
        runs = [
            _start(name, url, options.steps, options.seed + number, Path(folder))
            for number, (name, url) in enumerate(databases.items())
        ]
        rows = []
        for run in runs:
            summary, seconds, output = run.end(began)
            findings = summary.get("findings", "unknown: it ended early")
            rows.append((run.name, summary.get("steps", 0), f"{seconds:.0f}", findings))
            report.check(f"{run.name}: {findings} findings", reached=findings == 0)
            if findings:
                report.line(f"```\n{output}\n```")
            missed = summary.get("never reached", [])
            report.check(f"{run.name} never reached {missed}", reached=not missed)
        report.table(("database", "steps", "seconds", "findings"), rows)
    return report.end(checked=options.check)


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url.rpartition("/")[0] + "/postgres", connect_timeout=3).close()
    except psycopg.OperationalError:
        return False
    return True


def _start(name: str, url: str, steps: int, seed: int, folder: Path) -> _Run:
    summary = folder / f"{name}.json"
    command = [
        sys.executable,
        "-m",
        "tests.season",
        "--steps",
        str(steps),
        "--seed",
        str(seed),
        "--summary",
        str(summary),
        "--go-on",
        *(["--database", url] if url else []),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return _Run(name, process, summary)


if __name__ == "__main__":
    sys.exit(main())
