"""Recognises links to the same item by comparing the links alone."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from pathlib import PurePosixPath
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

# Parameters that record where a link was clicked, not what it leads to.
_TRACKING = frozenset(
    {
        "fbclid",
        "gclid",
        "igshid",
        "igsh",
        "si",
        "feature",
        "ref",
        "ref_src",
        "ref_url",
        "spm",
        "share_id",
        "is_from_webapp",
        "sender_device",
        "t",
        "s",
    }
)
_YOUTUBE = frozenset({"youtube.com", "youtube-nocookie.com", "music.youtube.com"})
_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]+")
_YOUTUBE_PATHS = frozenset({"shorts", "live", "embed", "v"})
_SAME_HOST = {"x.com": "twitter.com", "mobile.twitter.com": "twitter.com"}


def link_key(url: str) -> str:
    """Return a hash that is equal for links to the same item."""
    return _hash(plain_link(url))


def video_key(video_id: str) -> str:
    """Return the hash of the links to a YouTube video."""
    if not _VIDEO_ID.fullmatch(video_id):
        return link_key(f"https://youtu.be/{video_id}")
    return _hash(_plain_video(video_id))


def _hash(plain: str) -> str:
    return hashlib.sha256(plain.encode()).hexdigest()


def _plain_video(video_id: str) -> str:
    return f"youtube:{video_id}"


def plain_link(url: str) -> str:
    """Return a link in canonical form, without tracking parameters."""
    video = youtube_video(url)
    if video:
        return _plain_video(video)
    parts = urlsplit(url.strip())
    host = _plain_host(parts)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    known = host in _YOUTUBE or host.endswith(
        ("twitter.com", "instagram.com", "tiktok.com", "facebook.com", "soundcloud.com")
    )
    kept = sorted(
        (name, value)
        for name, value in pairs
        if not name.startswith("utm_") and not (known and name in _TRACKING)
    )
    port = f":{parts.port}" if parts.port and parts.port not in (80, 443) else ""
    path = parts.path.rstrip("/") or "/"
    query = f"?{urlencode(kept)}" if kept else ""
    return f"{host}{port}{path}{query}"


def _plain_host(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower().rstrip(".")
    host = host.removeprefix("www.").removeprefix("m.")
    return _SAME_HOST.get(host, host)


def is_on(url: str, hosts: Collection[str]) -> bool:
    """Return whether a link leads to one of some hosts, or to a host below one."""
    host = _plain_host(urlsplit(url.strip()))
    return any(host == each or host.endswith(f".{each}") for each in hosts)


def youtube_video(url: str) -> str:
    """Return the id of a YouTube video; "" for other links."""
    parts = urlsplit(url.strip())
    host = _plain_host(parts)
    steps = PurePosixPath(parts.path).parts[1:]
    if host == "youtu.be":
        return steps[0] if steps else ""
    if host not in _YOUTUBE:
        return ""
    if len(steps) > 1 and steps[0] in _YOUTUBE_PATHS:
        return steps[1]
    return dict(parse_qsl(parts.query)).get("v", "")
