"""Parses RSS, Atom, JSON Feed and podcasts as podcast programs do, however written.

feedparser reads what is no XML, too: blank lines before the declaration, bare ampersands,
HTML's entities, missing end tags. It opens no address; it gets bytes that are here.
"""

from __future__ import annotations

import codecs
import html
import io
import json
import os
import re
import socket
from collections.abc import Iterator
from itertools import islice
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

import feedparser

from base.common.charsets import CHARSETS, decode_text
from base.common.confined import keep_texts_english
from recognition.isolation.child import Job
from recognition.limits import DecodeLimits

# Any in this module: what feedparser returns, read value by value.
_Entry = Any
_DECLARED: Final = re.compile(rb"""<\?xml[^<>]*\sencoding=["']([\w.:-]+)""")
_DECLARATION: Final = re.compile(r"\A\s*<\?xml[^>]{0,200}\?>")
_WEB: Final = re.compile("https?://", re.IGNORECASE)
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_RANKS: Final = {
    **dict.fromkeys(("aac", "aif", "aiff", "flac", "m4a", "m4b", "mka", "mp2", "mp3"), 3),
    **dict.fromkeys(("oga", "ogg", "opus", "wav", "wma"), 3),
    **dict.fromkeys(("avi", "m4v", "mkv", "mov", "mp4", "mpg", "ts", "webm"), 2),
    **dict.fromkeys(("gif", "htm", "html", "jpeg", "jpg", "json", "pdf", "png"), 0),
    **dict.fromkeys(("srt", "svg", "txt", "vtt", "webp", "zip"), 0),
}
"""How likely a file is the sound of an item, by the ending of its name."""


def is_feed(content: bytes) -> bool:
    """Return whether a document is a feed; servers label feeds with many types."""
    beginning = content[:4096].replace(b"\0", b"")
    has_tag = any(tag in beginning for tag in (b"<rss", b"<feed", b"<rdf:RDF"))
    return has_tag or _is_json_feed(content)


def _is_json_feed(content: bytes) -> bool:
    """Return whether a document is a JSON Feed; its version may stand at its end."""
    bare = content.removeprefix(codecs.BOM_UTF8).lstrip()
    return bare.startswith(b"{") and b"jsonfeed.org" in bare


def feed_rows(content: bytes, most: int) -> Iterator[dict[str, str]]:
    """Yield the title of a feed, then the address, title, author and date of its items.

    Texts and addresses are as given, and at most ``most`` items are read.
    """
    if _is_json_feed(content):
        yield from _json_rows(content, most)
        return
    feed = feedparser.parse(
        io.BytesIO(_in_utf_8(content)),
        # We take no HTML from it.
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    yield {"title": _title(feed.feed)}
    for entry in islice(feed.entries, most):
        detail = dict.get(entry, "author_detail") or {}
        author = _text(detail, "name") or _text(entry, "author")
        # RSS names an email address, which is nobody's name.
        yield {
            "url": _sound(entry) or _page(entry),
            "title": _title(entry),
            "account": "" if "@" in author else author,
            "published": _text(entry, "published") or _text(entry, "updated"),
        }


def _json_rows(content: bytes, most: int) -> Iterator[dict[str, str]]:
    """Yield the same of a JSON Feed (https://jsonfeed.org/version/1.1)."""
    try:
        feed = json.loads(content.removeprefix(codecs.BOM_UTF8))
    except (ValueError, RecursionError):
        feed = {}
    yield {"title": _text(feed, "title")}
    for entry in islice(_dicts(feed, "items"), most):
        offers = [
            {"type": _text(offer, "mime_type"), "href": _text(offer, "url")}
            for offer in _dicts(entry, "attachments")
        ]
        authors = [*_dicts(entry, "authors"), *_dicts(entry, "author")]
        yield {
            "url": _best(offers) or _text(entry, "url") or _text(entry, "external_url"),
            "title": _text(entry, "title"),
            "account": _text(authors[0], "name") if authors else "",
            "published": _text(entry, "date_published") or _text(entry, "date_modified"),
        }


def _dicts(value: Any, name: str) -> list[dict[str, Any]]:  # Any: JSON
    """Return the objects of a list in an object, or the object alone."""
    content = value.get(name) if isinstance(value, dict) else None
    rows = content if isinstance(content, list) else [content]
    return [row for row in rows if isinstance(row, dict)]


def _in_utf_8(content: bytes) -> bytes:
    """Return a feed that is not in the encoding it claims in UTF-8."""
    if content.startswith(_UTF_16):
        text = content.decode("utf-16", "replace")
        return _DECLARATION.sub("", text).encode("utf-8", "replace")
    declared = _DECLARED.search(content[:200])
    if declared is not None and declared[1].lower() not in (b"utf-8", b"utf8"):
        return content
    bare = content.removeprefix(codecs.BOM_UTF8)
    # Whatever another line needs, one in UTF-8 stays as it is.
    return decode_text(bare).encode()


def _text(entry: _Entry, name: str) -> str:
    # Its own ``get`` answers for other names, too.
    value = dict.get(entry, name) if isinstance(entry, dict) else None
    return value if isinstance(value, str) else ""


def _title(entry: _Entry) -> str:
    # Some programs escape titles twice.
    return html.unescape(_text(entry, "title"))


def _page(entry: _Entry) -> str:
    """Return the address of an item's page; "" if only a name stands for one."""
    link = _text(entry, "link")
    # feedparser takes an identifier for the address where an item has no other.
    is_name = link == _text(entry, "id") and not _WEB.match(link)
    return "" if is_name else link


def _sound(entry: _Entry) -> str:
    """Return the address of the sound of an item, else of its video; "" if it has none."""
    links = [link for link in entry.get("links", ()) if link.get("rel") == "enclosure"]
    # Media elements of other types are players and previews.
    offers = [(_rank(link), link.get("href", "")) for link in links]
    media = [(_rank(element), element.get("url", "")) for element in entry.get("media_content", ())]
    offers += [offer for offer in media if offer[0] > 1]
    return _first(offers)


def _best(offers: list[dict[str, str]]) -> str:
    return _first([(_rank(offer), offer["href"]) for offer in offers])


def _first(offers: list[tuple[int, str]]) -> str:
    """Return the address that is most likely the sound, of equal ones the first."""
    rank, href = max(offers, key=lambda offer: offer[0], default=(0, ""))
    return href if rank else ""


def _rank(offer: _Entry) -> int:
    """Return how likely an enclosure is the sound: 0 if it is something else."""
    family = offer.get("type", "").lower().partition("/")[0] or offer.get("medium", "")
    if family == "audio":
        return 3
    if family == "video":
        return 2
    if family in ("image", "text"):
        return 0
    try:
        path = urlsplit(offer.get("href") or offer.get("url") or "").path
        ending = PurePosixPath(path).suffix.lower()
    except ValueError:
        return 1
    return _RANKS.get(ending.removeprefix("."), 1)


# In a child process


def read(
    _talk: socket.socket, request: dict[str, Any], _limits: DecodeLimits, fds: list[int]
) -> None:
    """Write the rows of the feed ``fds[0]`` to ``fds[1]``, one JSON value per line."""
    with os.fdopen(fds[0], "rb") as file, os.fdopen(fds[1], "wb") as output:
        for row in feed_rows(file.read(), request["most"]):
            # JSON can contain lone surrogates.
            line = json.dumps(row, ensure_ascii=False)
            output.write(line.encode(errors="replace") + b"\n")


def warm() -> None:
    """Load in advance what reading needs, because the child cannot open files."""
    keep_texts_english()
    for name in CHARSETS:
        "".encode(name)
    for content in (b"<rss><channel/></rss>", b"<rss>&<channel>", b"\xff\xfe<\0"):
        list(feed_rows(content, 1))


JOBS: Final[dict[str, Job]] = {"read": read}
