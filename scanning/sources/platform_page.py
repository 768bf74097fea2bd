"""Takes the audio from a platform's page, with what the platform says of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from common.http import FetchFailed
from common.storage import display_name, scratch_directory
from recognition.types import Progress
from scanning.sources import link_reader
from scanning.sources.link_faults import LinkFault, fault_of_message, sentence

# Any in this module: JSON from the link reader, read value by value.
Json = dict[str, Any]

_MAX_SECONDS = 1800
_LOOK_SECONDS = 25


class PageFailed(FetchFailed):
    """The page gave no audio; ``kind`` says which way."""

    def __init__(self, kind: LinkFault, original: str) -> None:
        self.kind = kind
        super().__init__(sentence(kind, original))


@dataclass(frozen=True, slots=True)
class PlatformAudio:
    """The audio of a page and what the platform says of it."""

    path: Path
    title: str
    platform: str
    account: str
    external_id: str
    published_at: datetime | None = None
    facts: Json = field(default_factory=dict)


def fetch(url: str, folder: Path, *, progress: Progress) -> PlatformAudio:
    """Download the best audio of a page into ``folder``; raise ``FetchFailed``."""
    refuse_if_off()
    answer = link_reader.read(
        [
            *("--no-playlist", "--format", "bestaudio/best"),
            *("--print-json", "--no-simulate"),
            *("--max-filesize", str(settings.ACRPORTAL_MAX_FILE_BYTES)),
            *("--output", str(folder / "platform.%(ext)s")),
            *("--", url),
        ],
        folder,
        max_seconds=_MAX_SECONDS,
        tick=lambda: progress(0.5),
    )
    progress(1.0)
    found = sorted(folder.glob("platform.*"))
    if answer.code != 0 or not found:
        raise failure_of(answer.errors)
    return _audio(found[0], _last_object(answer.output))


def look(url: str) -> None:
    """Look whether a page still gives audio; raise ``FetchFailed`` where it does not."""
    refuse_if_off()
    with scratch_directory() as folder:
        answer = link_reader.read(
            ["--no-playlist", "--simulate", "--", url],
            folder,
            max_seconds=_LOOK_SECONDS,
        )
    if answer.code != 0:
        raise failure_of(answer.errors)


def refuse_if_off() -> None:
    """Raise where the operator switched the reading of pages off."""
    if not settings.ACRPORTAL_YTDLP:
        raise FetchFailed(
            "it is a web page, not a media file, and reading platform pages is "
            "switched off"
        )


def failure_of(stderr: str) -> PageFailed:
    """Return why there is no audio, by the reader's last line of error."""
    lines = [line for line in stderr.splitlines() if line.startswith("ERROR:")]
    if not lines:
        return PageFailed(LinkFault.UNKNOWN, "the platform gave no audio")
    original = lines[-1].removeprefix("ERROR:").strip().rstrip(".")[:300]
    return PageFailed(fault_of_message(original), original)


def facts_of(told: Json) -> Json:
    """Return what is kept of a platform's words, with the time it was read."""
    kept: Json = {
        "title": _text(told.get("title"), 500),
        "account": _text(told.get("uploader") or told.get("channel"), 300),
        "account_url": _text(told.get("uploader_url") or told.get("channel_url"), 2000),
        "page_url": _text(told.get("webpage_url"), 2000),
        "thumbnail": _text(told.get("thumbnail"), 2000),
        "duration_ms": _count(told.get("duration"), times=1000),
        "view_count": _count(told.get("view_count")),
    }
    known = {name: value for name, value in kept.items() if value not in ("", None)}
    return known | {"read_at": datetime.now(tz=UTC).isoformat(timespec="seconds")}


def published_of(told: Json) -> datetime | None:
    """Return when the platform says it was published."""
    stamp = told.get("timestamp") or told.get("release_timestamp")
    try:
        if isinstance(stamp, int | float) and not isinstance(stamp, bool):
            return datetime.fromtimestamp(stamp, tz=UTC)
        day = told.get("upload_date")
        if isinstance(day, str):
            return datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def read_moment(text: str) -> datetime | None:
    """Return a moment written by ``isoformat``; None where it is none."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _audio(path: Path, told: Json) -> PlatformAudio:
    facts = facts_of(told)
    return PlatformAudio(
        path=path,
        title=display_name(facts.get("title", ""), otherwise=""),
        platform=_text(told.get("extractor"), 60).lower(),
        account=facts.get("account", ""),
        external_id=_text(told.get("id"), 200),
        published_at=published_of(told),
        facts=facts,
    )


def _last_object(output: str) -> Json:
    for line in reversed(output.splitlines()):
        try:
            told = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(told, dict):
            return told
    return {}


def _text(value: object, limit: int) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return "".join(c for c in str(value) if c.isprintable())[:limit]


def _count(value: object, *, times: int = 1) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return round(value * times) if 0 <= value < 1e12 else None
