"""What all commands print: JSON lines, errors with their file, a progress bar."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

BAR_WIDTH: Final = 30
REDRAW_S: Final = 0.2


class UsageError(Exception):
    """The arguments contradict each other or name nothing to do."""


def printable(text: object) -> str:
    """Return a text on one line, with what would control a terminal spelt out.

    File names and the words of servers may hold anything.
    """
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in str(text)
    )


def print_json(value: dict[str, Any]) -> None:  # Any: JSON
    """Print one line."""
    print(json.dumps(value), flush=True)


def print_error(path: Path, error: dict[str, str], *, as_json: bool) -> None:
    """Name the file and its error, for people on standard error."""
    line = printable(f"{path}: {error['message']}")
    print(line, file=sys.stderr, flush=True)
    if as_json:
        print_json({"path": str(path), "error": error})


def print_notes(path: Path, notes: Iterable[str]) -> None:
    """Say for people, on standard error, what the sound of a file lacks."""
    for note in notes:
        print(printable(f"{path}: note: {note}"), file=sys.stderr, flush=True)


class ProgressBar:
    """A bar on standard error, by bytes; draws nothing where that is no terminal.

    ``working`` may be called from several threads.
    """

    def __init__(self, files: int, total_bytes: int) -> None:
        self._files = files
        self._total = max(1, total_bytes)
        self._ended = 0
        self._ended_bytes = 0
        self._running: dict[Path, int] = {}
        self._drawn_at = 0.0
        self._drawn = sys.stderr.isatty()
        self._lock = threading.Lock()

    def working(self, path: Path, done_bytes: int) -> None:
        """Note how many bytes of a file are done."""
        with self._lock:
            self._running[path] = done_bytes
            if self._drawn and time.monotonic() - self._drawn_at > REDRAW_S:
                self._draw()

    def ended(self, path: Path, size: int) -> None:
        """Note that a file has ended, and clear the line for the next output."""
        with self._lock:
            self._running.pop(path, None)
            self._ended += 1
            self._ended_bytes += size
            self._erase()

    def close(self) -> None:
        """Clear the line."""
        with self._lock:
            self._erase()

    def _draw(self) -> None:
        done = self._ended_bytes + sum(self._running.values())
        share = min(1.0, done / self._total)
        bar = "#" * round(share * BAR_WIDTH)
        print(
            f"\r[{bar:{BAR_WIDTH}}] {share:4.0%}  {self._ended} of {self._files} files",
            end="",
            file=sys.stderr,
            flush=True,
        )
        self._drawn_at = time.monotonic()

    def _erase(self) -> None:
        if self._drawn:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
