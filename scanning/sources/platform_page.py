"""Fetches the audio and metadata behind a platform's page with the link reader."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from base.common.exchanges import FetchFailed
from base.common.outside_text import one_line
from base.common.storage import display_name, scratch_directory
from recognition.types import Progress
from scanning.sources import link_reader
from scanning.sources.link_faults import LinkFault, fault_of_message, sentence

# Any in this module: JSON from the link reader, read value by value.
Json = dict[str, Any]

_LOOK_SECONDS = 25
# yt-dlp's exit code when a filter stopped it.
_FILTERED = 101


class PageFailed(FetchFailed):
    """The page gave no audio; ``kind`` classifies the cause."""

    def __init__(self, kind: LinkFault, original: str) -> None:
        self.kind = kind
        super().__init__(sentence(kind, original))


@dataclass(frozen=True, slots=True)
class PlatformAudio:
    """The audio and metadata of a page."""

    path: Path
    title: str
    platform: str
    account: str
    external_id: str
    published_at: datetime | None = None
    facts: Json = field(default_factory=dict)


def fetch(url: str, folder: Path, *, progress: Progress) -> PlatformAudio:
    """Download the best audio of a page into ``folder``; raise ``FetchFailed``."""
    refuse_unread(url)
    answer = link_reader.read(
        url,
        [
            "--no-playlist",
            "--format",
            "bestaudio/best",
            "--print-json",
            "--no-simulate",
            "--break-match-filters",
            "!is_live",
            "--max-filesize",
            str(settings.ACRPORTAL_MAX_FILE_BYTES),
            "--output",
            str(folder / "platform.%(ext)s"),
        ],
        folder,
        max_seconds=settings.ACRPORTAL_LINK_SECONDS,
        # yt-dlp's progress is not read; the call renews the lease and notices a
        # cancellation.
        tick=lambda: progress(0.5),
    )
    if answer.code == _FILTERED:
        raise PageFailed(LinkFault.LIVE, _("the platform says it is live"))
    progress(1.0)
    paths = sorted(folder.glob("platform.*"))
    if answer.code != 0 or not paths:
        raise failure_of(answer.errors)
    return _audio(paths[0], _last_object(answer.output))


def look(url: str) -> None:
    """Check that a page still gives audio; raise ``FetchFailed`` if not."""
    refuse_unread(url)
    with scratch_directory() as folder:
        answer = link_reader.read(
            url, ["--no-playlist", "--simulate"], folder, max_seconds=_LOOK_SECONDS
        )
    if answer.code != 0:
        raise failure_of(answer.errors)


def refuse_unread(url: str) -> None:
    """Raise ``FetchFailed`` for pages that the reader must not see.

    Hosts need a dot in their name: some extractors would take a whole local address
    such as ``//intranet/x.site`` for their own site.
    """
    if not settings.ACRPORTAL_YTDLP:
        raise FetchFailed(
            _("it is a web page, not a media file, and reading platform pages is switched off")
        )
    host = urlsplit(url).hostname or ""
    if "." not in host and not settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES:
        raise PageFailed(LinkFault.UNSUPPORTED, _("%(host)s is not a platform") % {"host": host})


def failure_of(stderr: str) -> PageFailed:
    """Return the failure that the reader's last error line describes."""
    lines = [line for line in stderr.splitlines() if line.startswith("ERROR:")]
    if not lines:
        return PageFailed(LinkFault.UNKNOWN, _("the platform gave no audio"))
    original = one_line(lines[-1].removeprefix("ERROR:"), 300).rstrip(".")
    return PageFailed(fault_of_message(original), original)


def facts_of(reported: Json) -> Json:
    """Return the platform's metadata that is stored, with the time it was read."""
    account_url = reported.get("uploader_url") or reported.get("channel_url")
    facts: Json = {
        "title": _text(reported.get("title"), 500),
        "account": _text(reported.get("uploader") or reported.get("channel"), 300),
        "account_url": _text(account_url, 2000),
        "page_url": _text(reported.get("webpage_url"), 2000),
        "thumbnail": _text(reported.get("thumbnail"), 2000),
        "duration_ms": _count(reported.get("duration"), times=1000),
        "view_count": _count(reported.get("view_count")),
    }
    filled = {name: value for name, value in facts.items() if value not in ("", None)}
    return filled | {"read_at": datetime.now(tz=UTC).isoformat(timespec="seconds")}


def published_of(reported: Json) -> datetime | None:
    """Return the publication time that the platform reports."""
    stamp = reported.get("timestamp") or reported.get("release_timestamp")
    try:
        if isinstance(stamp, int | float) and not isinstance(stamp, bool):
            return datetime.fromtimestamp(stamp, tz=UTC)
        day = reported.get("upload_date")
        if isinstance(day, str):
            return datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def read_moment(text: str) -> datetime | None:
    """Parse a time written by ``isoformat``; None if it is not one."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _audio(path: Path, reported: Json) -> PlatformAudio:
    facts = facts_of(reported)
    return PlatformAudio(
        path=path,
        title=display_name(facts.get("title", ""), otherwise=""),
        platform=_text(reported.get("extractor"), 60).lower(),
        account=facts.get("account", ""),
        external_id=_text(reported.get("id"), 200),
        published_at=published_of(reported),
        facts=facts,
    )


def _last_object(output: str) -> Json:
    for line in reversed(output.splitlines()):
        try:
            reported = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(reported, dict):
            return reported
    return {}


def _text(value: object, limit: int) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return one_line(str(value), limit)


def _count(value: object, *, times: int = 1) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return round(value * times) if 0 <= value < 1e12 else None
