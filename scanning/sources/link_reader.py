"""Runs yt-dlp, or the operator's replacement for it, under strict limits.

The reader parses untrusted pages. It therefore runs in its own process with limits on
memory, processor time, file size and open files, with an empty home and environment.
Its only way to a server is a guarded proxy, which applies the portal's rules for links.
Only extractors for known platforms are enabled; the generic ones would follow any
address in a page.
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
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.utils.translation import gettext as _

from base.common.exchanges import FetchFailed, LinkRefused, TooLarge
from base.common.guarded_proxy import GuardedProxy, guarded_proxy

_MODULE = "yt_dlp"
_MEMORY_BYTES = 2 * 1024**3
_OPEN_FILES = 256
# How often a cancelled scan is noticed while the reader runs.
_TICK_SECONDS = 0.5
_VERSION_SECONDS = 30
_OUTPUT_BYTES = 64 * 1024**2
# Allowance for pages, playlists and images that come along with the audio.
_BESIDE_AUDIO_BYTES = 256 * 1024**2
_CONFINED = str(Path(__file__).with_name("confined_reader.py"))
# The patterns of these extractors match any host. tests/scanning/test_link_reader.py
# finds such extractors in newer versions of yt-dlp.
ANY_HOST_READERS = (
    "generic",
    "brightcove:legacy",
    "globoarticle",
    "ignarticle",
    "ign.com",
    "ignvideo",
    "jeuxvideo",
    "lemonde",
    "mediasite",
    "mediasitecatalog",
    "mediasitenamedcatalog",
    "nfl.com",
    "nfl.com:article",
    "playtvak",
    "radio.de",
    "roosterteeth",
    "roosterteethseries",
    "rts",
    "streetvoice",
    "uol.com.br",
)
READERS = ",".join(["default", *(f"-{re.escape(name)}" for name in ANY_HOST_READERS)])
# External programs would connect past the proxy, so none may run.
_ALWAYS = (
    "--no-progress",
    "--no-warnings",
    "--ignore-config",
    "--no-cache-dir",
    "--no-exec",
    "--socket-timeout",
    "30",
    "--use-extractors",
    READERS,
    "--downloader",
    "native",
    "--ffmpeg-location",
    "/nonexistent",
    "--fixup",
    "never",
)


@dataclass(frozen=True, slots=True)
class ReaderVersion:
    """The link reader's version and release date; platforms change every month."""

    version: str
    released: date | None
    replaced: bool

    @property
    def age_days(self) -> int | None:
        """Return the days since the release; None if the version has no date."""
        if self.released is None:
            return None
        return (datetime.now(tz=UTC).date() - self.released).days


@dataclass(frozen=True, slots=True)
class ReaderAnswer:
    """The reader's exit code and output."""

    code: int
    output: str
    errors: str


def read(
    url: str,
    arguments: Sequence[str],
    folder: Path,
    *,
    max_seconds: int,
    tick: Callable[[], None] | None = None,
) -> ReaderAnswer:
    """Run the reader in ``folder``; ``tick`` is called regularly and may raise.

    Raise ``FetchFailed`` if it cannot run or takes too long, ``LinkRefused`` if a page
    led it to a private address, and ``TooLarge`` if it received too much data.
    """
    with guarded_proxy(
        max_bytes=settings.ACRPORTAL_MAX_FILE_BYTES + _BESIDE_AUDIO_BYTES, max_seconds=max_seconds
    ) as proxy:
        answer = _run(
            [*_confined(proxy, max_seconds), *arguments, "--", _whole(url)],
            folder,
            proxy=proxy,
            max_seconds=max_seconds,
            tick=tick,
        )
    if answer.code != 0 and proxy.refusals:
        raise LinkRefused(proxy.refusals[0])
    if answer.code != 0 and proxy.exhausted:
        raise TooLarge
    return answer


def _confined(proxy: GuardedProxy, max_seconds: int) -> list[str]:
    """Return the command for the reader under its limits, without arguments."""
    ceilings = (
        _MEMORY_BYTES,
        max_seconds,
        max(settings.ACRPORTAL_MAX_FILE_BYTES, _OUTPUT_BYTES),
        _OPEN_FILES,
    )
    own = _own_program()
    reader = ["program", *own] if own else ["module", _MODULE]
    return [
        sys.executable,
        "-I",
        _CONFINED,
        *map(str, ceilings),
        str(proxy.port),
        *reader,
        *_ALWAYS,
    ]


def _whole(url: str) -> str:
    """Add a path to a bare address; readers would match ``//host?.site`` as a site."""
    parts = urlsplit(url)
    return url if parts.path else urlunsplit(parts._replace(path="/"))


def _run(
    command: list[str],
    folder: Path,
    *,
    proxy: GuardedProxy,
    max_seconds: int,
    tick: Callable[[], None] | None,
) -> ReaderAnswer:
    out, err = folder / "reader.out", folder / "reader.err"
    with out.open("wb") as output, err.open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603 - the operator's program, links after "--"
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            cwd=folder,
            env=_environment(folder, proxy),
            # A process group of its own, so that all children can be killed.
            start_new_session=True,
        )
        try:
            _wait(process, max_seconds, tick)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    return ReaderAnswer(process.returncode, _text(out), _text(err))


def reader_version() -> ReaderVersion | None:
    """Return the reader's version; None if it does not run."""
    return _version_of(tuple(_own_program() or (sys.executable, "-m", _MODULE)))


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
    matched = re.match(r"(\d{4})\.(\d{1,2})\.(\d{1,2})", version)
    released = None
    if matched:
        year, month, day = (int(part) for part in matched.groups())
        try:
            released = date(year, month, day)
        except ValueError:
            released = None
    return ReaderVersion(version, released, bool(settings.ACRPORTAL_YTDLP_COMMAND))


def _own_program() -> list[str]:
    """Return the command that the operator configured in place of yt-dlp."""
    return shlex.split(settings.ACRPORTAL_YTDLP_COMMAND)


def _environment(folder: Path, proxy: GuardedProxy) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    # Command lines are visible to every local user, so pass the address with its
    # password in the environment.
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), proxy.url)
    own = {"HOME": str(folder), "TMPDIR": str(folder), "PYTHONUTF8": "1"}
    return inherited | proxies | own


def _wait(
    process: subprocess.Popen[bytes], max_seconds: int, tick: Callable[[], None] | None
) -> None:
    end = monotonic() + max_seconds
    while True:
        try:
            process.wait(_TICK_SECONDS)
        except subprocess.TimeoutExpired:
            if monotonic() > end:
                raise FetchFailed(_("the platform took too long")) from None
            if tick is not None:
                tick()
        else:
            return


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_OUTPUT_BYTES).decode("utf-8", "replace")
