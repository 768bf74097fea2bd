"""Recognises links to the same item by comparing the links alone."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from requests.utils import requote_uri

from scanning.sources.link_items import item_of

# Parameters that tell where any link was clicked, and those that large platforms add to
# links of pages that are no items, such as channels.
_CLICKS = frozenset(
    {
        *("dclid", "fbclid", "gclid", "igshid", "mc_cid", "mc_eid", "msclkid"),
        *("ttclid", "twclid", "yclid"),
    }
)
_TRACKING = frozenset(
    {
        *("_r", "_t", "app", "feature", "igsh", "igsi", "is_from_webapp", "mibextid"),
        *("rdid", "ref", "ref_src", "ref_url", "s", "sender_device", "share_id", "si"),
        *("spm", "t", "xmt"),
    }
)
_WITH_TRACKING = (
    "facebook.com",
    "fb.watch",
    "instagram.com",
    "soundcloud.com",
    "spotify.com",
    "threads.net",
    "tiktok.com",
    "twitter.com",
    "youtube.com",
)
_SAME_HOST = {
    "x.com": "twitter.com",
    "mobile.twitter.com": "twitter.com",
    "threads.com": "threads.net",
}


def link_key(url: str) -> str:
    """Return a hash that is equal for links to the same item."""
    return hashlib.sha256(plain_link(url).encode(errors="replace")).hexdigest()


def video_key(video_id: str) -> str:
    """Return the hash of the links to a YouTube video."""
    return link_key(f"https://youtu.be/{video_id}")


def plain_link(url: str) -> str:
    """Return the item of a link, else the link in one form, without tracking parameters."""
    if item := item_of(url):
        return str(item)
    try:
        parts = urlsplit(url.strip())
        port = f":{parts.port}" if parts.port and parts.port not in (80, 443) else ""
    except ValueError:
        return url.strip()
    host = _plain_host(parts)
    dropped = _CLICKS | _TRACKING if _is_below(host, _WITH_TRACKING) else _CLICKS
    parameters = sorted(
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if not name.startswith("utm_") and name not in dropped
    )
    path = requote_uri(parts.path).rstrip("/") or "/"
    query = f"?{urlencode(parameters)}" if parameters else ""
    return f"{host}{port}{path}{query}"


def _plain_host(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower().rstrip(".")
    host = host.removeprefix("www.").removeprefix("m.")
    return _SAME_HOST.get(host, host)


def _is_below(host: str, hosts: Collection[str]) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in hosts)


def is_on(url: str, hosts: Collection[str]) -> bool:
    """Return whether a link leads to one of some hosts, or to a host below one."""
    return _is_below(_plain_host(urlsplit(url.strip())), hosts)


def youtube_video(url: str) -> str:
    """Return the id of a YouTube video; "" for other links."""
    item = item_of(url)
    return item.item_id if item and item.platform == "youtube" else ""
