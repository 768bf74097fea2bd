"""Takes the audio from a platform's page with yt-dlp.

yt-dlp runs in a process of its own with limits on time and file size, because it
reads whatever a foreign page sends. Only its readers of known platforms are used: the
generic one would follow any address that a page names, private ones included.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from common.http import FetchFailed
from common.storage import display_name
from recognition.types import Progress

_MAX_SECONDS = 1800
_UNSUPPORTED = ("Unsupported URL", "No suitable extractor")


@dataclass(frozen=True, slots=True)
class PlatformAudio:
    """The audio of a page and what the platform says of it."""

    path: Path
    title: str
    platform: str
    account: str
    external_id: str


def fetch(url: str, folder: Path, *, progress: Progress) -> PlatformAudio:
    """Download the best audio of a page into ``folder``; raise ``FetchFailed``."""
    if not settings.ACRPORTAL_YTDLP:
        raise FetchFailed(
            "it is a web page, not a media file, and reading platform pages is "
            "switched off"
        )
    progress(0.0)
    command = [
        *(sys.executable, "-m", "yt_dlp"),
        *("--no-playlist", "--no-progress", "--no-warnings", "--ignore-config"),
        *("--no-cache-dir", "--no-exec", "--socket-timeout", "30"),
        *("--use-extractors", "default,-generic"),
        *("--format", "bestaudio/best", "--print-json", "--no-simulate"),
        *("--max-filesize", str(settings.ACRPORTAL_MAX_FILE_BYTES)),
        *("--output", str(folder / "platform.%(ext)s")),
        *("--", url),
    ]
    try:
        done = subprocess.run(  # noqa: S603 - fixed program, the link comes after "--"
            command, capture_output=True, text=True, timeout=_MAX_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise FetchFailed("the platform took too long") from error
    progress(1.0)
    found = sorted(folder.glob("platform.*"))
    if done.returncode != 0 or not found:
        raise FetchFailed(cause_of(done.stderr))
    told = json.loads(done.stdout.splitlines()[-1])
    return PlatformAudio(
        path=found[0],
        title=display_name(str(told.get("title") or ""), otherwise=""),
        platform=str(told.get("extractor") or "").lower()[:60],
        account=str(told.get("uploader") or told.get("channel") or "")[:300],
        external_id=str(told.get("id") or "")[:200],
    )


def cause_of(stderr: str) -> str:
    """Return the last error line of yt-dlp, in our words where we know it."""
    lines = [line for line in stderr.splitlines() if line.startswith("ERROR:")]
    if not lines:
        return "the platform gave no audio"
    if any(text in lines[-1] for text in _UNSUPPORTED):
        return "the page holds no audio that can be read"
    return lines[-1].removeprefix("ERROR:").strip().rstrip(".")[:300]
