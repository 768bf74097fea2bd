"""Shared parts of the measurements: arguments, Markdown tables, and checks."""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.corpus import DEMO, Track, read_tracks


@dataclass
class Report:
    """Prints results at once and collects missed targets."""

    missed: list[str] = field(default_factory=list)
    targets: int = 0

    def title(self, text: str) -> None:
        """Print a heading."""
        print(f"\n## {text}\n", flush=True)

    def line(self, text: str) -> None:
        """Print a sentence."""
        print(f"{text}\n", flush=True)

    def table(self, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print a table."""
        print("| " + " | ".join(head) + " |")
        print("|" + " --- |" * len(head))
        for row in rows:
            print("| " + " | ".join(str(cell) for cell in row) + " |", flush=True)
        print(flush=True)

    def check(self, label: str, *, reached: bool) -> None:
        """Count a target, and record it if it was missed."""
        self.targets += 1
        if not reached:
            self.missed.append(label)

    def end(self, *, checked: bool) -> int:
        """Return the exit status: 1 if targets are checked and one was missed.

        Where nothing was measured, none was reached.
        """
        if not checked:
            return 0
        if not self.targets:
            print("nothing was measured, so no target was reached", file=sys.stderr)
            return 1
        for missed in self.missed:
            print(f"target missed: {missed}", file=sys.stderr)
        return 1 if self.missed else 0


def parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the arguments of every measurement."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--music", type=Path, help="a folder of music (default: the demo)")
    made.add_argument("--seed", type=int, default=7)
    made.add_argument("--check", action="store_true", help="exit 1 below a target")
    return made


def music(folder: Path | None, work: Path) -> list[Track]:
    """Return the tracks of the folder, or the demo's tracks."""
    (work / "tracks").mkdir()
    return read_tracks(folder or DEMO, work / "tracks")


def workplace() -> tempfile.TemporaryDirectory[str]:
    """Yield a temporary folder for the measurement."""
    return tempfile.TemporaryDirectory(prefix="acrportal-benchmark-")


def machine() -> str:
    """Return a description of the machine."""
    return f"Python {platform.python_version()}, {platform.machine()}, one core"


def own_mb() -> float:
    """Return the memory of this process that is not a mapped file, in MB (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (line,) = (line for line in lines if line.startswith("RssAnon:"))
    return int(line.split()[1]) / 1024
