"""Runs yt-dlp, or the program that an operator put in its place, within limits.

It reads whatever a foreign page sends, so it gets a process of its own with ceilings
on memory, processor time, file size and open files, an empty home, and an environment
without anything of ours. Only its readers of known platforms are used: the generic
one would follow any address that a page names, private ones included.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from time import monotonic

from django.conf import settings

from common.http import FetchFailed

_MEMORY_BYTES = 2 * 1024**3
_OPEN_FILES = 256
_TICK_SECONDS = 0.5
_VERSION_SECONDS = 30
_OUTPUT_BYTES = 64 * 1024**2
# Sets the ceilings, then becomes the program: nothing runs between fork and exec.
_LIMITED = """
import os, resource, sys
memory, cpu, size, files = (int(one) for one in sys.argv[1:5])
for kind, most in (
    (resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, cpu),
    (resource.RLIMIT_FSIZE, size), (resource.RLIMIT_NOFILE, files),
    (resource.RLIMIT_CORE, 0),
):
    resource.setrlimit(kind, (most, most))
os.execvp(sys.argv[5], sys.argv[5:])
"""
_ALWAYS = (
    *("--no-progress", "--no-warnings", "--ignore-config", "--no-cache-dir"),
    *("--no-exec", "--socket-timeout", "30", "--use-extractors", "default,-generic"),
)


@dataclass(frozen=True, slots=True)
class ReaderVersion:
    """Which link reader runs, and how old it is; platforms change monthly."""

    version: str
    released: date | None
    replaced: bool

    @property
    def age_days(self) -> int | None:
        """Return the days since its release."""
        if self.released is None:
            return None
        return (datetime.now(tz=UTC).date() - self.released).days


@dataclass(frozen=True, slots=True)
class ReaderAnswer:
    """How the program ended and what it wrote."""

    code: int
    output: str
    errors: str


def read(
    arguments: Sequence[str],
    folder: Path,
    *,
    max_seconds: int,
    tick: Callable[[], None] | None = None,
) -> ReaderAnswer:
    """Run the reader in ``folder``; ``tick`` is called now and then and may raise.

    Raises ``FetchFailed`` where it cannot be run or takes too long.
    """
    out, err = folder / "reader.out", folder / "reader.err"
    ceilings = (
        _MEMORY_BYTES,
        max_seconds,
        max(settings.ACRPORTAL_MAX_FILE_BYTES, _OUTPUT_BYTES),
        _OPEN_FILES,
    )
    command = [
        *(sys.executable, "-I", "-c", _LIMITED, *map(str, ceilings)),
        *(*_program(), *_ALWAYS, *arguments),
    ]
    with out.open("wb") as output, err.open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603 - the operator's program, links after "--"
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            cwd=folder,
            env=_environment(folder),
            start_new_session=True,
        )
        try:
            _wait(process, max_seconds, tick)
        finally:
            _end(process)
    return ReaderAnswer(process.returncode, _text(out), _text(err))


def reader_version() -> ReaderVersion | None:
    """Return version and age of the reader; None where it does not run."""
    return _version_of(tuple(_program()))


@lru_cache(maxsize=4)
def _version_of(program: tuple[str, ...]) -> ReaderVersion | None:
    try:
        done = subprocess.run(  # noqa: S603 - the operator's program
            [*program, "--version"],
            capture_output=True,
            text=True,
            timeout=_VERSION_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = done.stdout.strip()[:60]
    if done.returncode != 0 or not version:
        return None
    found = re.match(r"(\d{4})\.(\d{1,2})\.(\d{1,2})", version)
    released = None
    if found:
        year, month, day = (int(part) for part in found.groups())
        try:
            released = date(year, month, day)
        except ValueError:
            released = None
    return ReaderVersion(version, released, bool(settings.ACRPORTAL_YTDLP_COMMAND))


def _program() -> list[str]:
    told = shlex.split(settings.ACRPORTAL_YTDLP_COMMAND)
    return told or [sys.executable, "-m", "yt_dlp"]


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return kept | {"HOME": str(folder), "TMPDIR": str(folder), "PYTHONUTF8": "1"}


def _wait(
    process: subprocess.Popen[bytes], max_seconds: int, tick: Callable[[], None] | None
) -> None:
    end = monotonic() + max_seconds
    while True:
        try:
            process.wait(_TICK_SECONDS)
        except subprocess.TimeoutExpired:
            if monotonic() > end:
                raise FetchFailed("the platform took too long") from None
            if tick is not None:
                tick()
        else:
            return


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process with those that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_OUTPUT_BYTES).decode("utf-8", "replace")
