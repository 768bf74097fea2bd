"""Reads platform names and video ids from links, without fetching them."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

_NAMES = {
    "youtube.com": "youtube",
    "youtu.be": "youtube",
    "youtube-nocookie.com": "youtube",
    "vimeo.com": "vimeo",
    "dailymotion.com": "dailymotion",
    "facebook.com": "facebook",
    "instagram.com": "instagram",
    "tiktok.com": "tiktok",
    "twitter.com": "twitter",
    "x.com": "twitter",
    "soundcloud.com": "soundcloud",
    "twitch.tv": "twitch",
}


class Video(NamedTuple):
    """A video on a platform."""

    platform: str
    identifier: str


def video_of(url: str) -> Video:
    """Return platform and video id; the host stands in for unknown platforms."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.").removeprefix("m.")
    known = next(
        (
            name
            for end, name in _NAMES.items()
            if host == end or host.endswith(f".{end}")
        ),
        host,
    )
    given = parse_qs(parts.query).get("v") if known == "youtube" else None
    last = unquote(PurePosixPath(parts.path).name)
    identifier = (given[0] if given else last) or host
    clean = "".join(c for c in identifier if c.isprintable())
    return Video(known[:60], clean[:200])
