"""Expands a feed, playlist or channel into its items, in listed order.

This module fetches and parses feeds (RSS, Atom, podcasts). For everything else it runs
the link reader, which lists a playlist without fetching its items.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from base.common.confined import ReadingLimits, Unreadable, json_lines, read_confined
from base.common.exchanges import FetchFailed, TooLarge
from base.common.http import check_link, download
from base.common.outside_text import one_line
from base.common.packed import unpacked
from base.common.storage import display_name, scratch_directory
from scanning.sources import link_reader, platform_page
from scanning.sources.feed_dates import read_date
from scanning.sources.feed_parser import feed_rows, is_feed

_MAX_BYTES = 8 * 1024**2
_FETCH_SECONDS = 20.0
_READER_SECONDS = 25
_MAX_CHARS = 2000
# Up to this size, parsing takes less than starting a process, and at most a second.
_SMALL_BYTES = 64 * 1024
_LIMITS = ReadingLimits(memory_bytes=1024 * 1024**2, cpu_s=60, output_bytes=64 * 1024**2)
_MAX_ROW_BYTES = 8 * _MAX_BYTES

# Any in this module: JSON from the link reader, read value by value.
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One item of a feed."""

    url: str
    title: str
    account: str = ""
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """The items behind a link; ``is_cut`` if the source lists more than these.

    ``whole`` means that an unlisted item is gone: a playlist lists all its items, a
    feed only the newest.
    """

    title: str
    items: tuple[FeedItem, ...]
    is_cut: bool = False
    whole: bool = False


def expand(url: str) -> Feed:
    """Return the items behind a link; raise ``LinkRefused`` or ``FetchFailed``."""
    check_link(url)
    with scratch_directory() as folder:
        target = folder / "feed"
        try:
            download(url, target, max_bytes=_MAX_BYTES, max_seconds=_FETCH_SECONDS)
            content = unpacked(target.read_bytes(), most=_MAX_BYTES)
        except TooLarge as error:
            raise FetchFailed(
                _("it is larger than a feed; paste the links of its items instead")
            ) from error
        if is_feed(content):
            target.write_bytes(content)
            return _limit_items(_read_feed(target, content, url))
    return _limit_items(_ask_reader(url))


def _limit_items(feed: Feed) -> Feed:
    most = settings.ACRPORTAL_MAX_FEED_ITEMS
    if not feed.items:
        raise FetchFailed(_("it lists nothing that can be scanned"))
    is_cut = len(feed.items) > most
    return Feed(feed.title, feed.items[:most], is_cut, feed.whole and not is_cut)


def _read_feed(target: Path, content: bytes, url: str) -> Feed:
    """Read a feed; a large one in a child process, which gets only so much time."""
    if len(content) <= _SMALL_BYTES:
        return _feed_of(feed_rows(content, _most_rows()), url)
    try:
        with (
            target.open("rb") as file,
            read_confined(
                file,
                jobs="scanning.sources.feed_parser",
                request={"job": "read", "most": _most_rows()},
                limits=_LIMITS,
            ) as rows,
        ):
            return _feed_of(json_lines(rows, max_bytes=_MAX_ROW_BYTES), url)
    except Unreadable as error:
        raise FetchFailed(
            _("the feed takes too long to read; paste the links of its items instead")
        ) from error


def _most_rows() -> int:
    """Return how many items are read: some lead nowhere, and one shows that more follow."""
    return 2 * settings.ACRPORTAL_MAX_FEED_ITEMS + 1


def _feed_of(rows: Iterator[Json], url: str) -> Feed:
    title = _line(next(rows)["title"])
    items = [
        FeedItem(
            url=link,
            title=_line(row["title"]) or link,
            account=_line(row["account"]) or title,
            published_at=read_date(row["published"]),
        )
        for row in rows
        if (link := _address(url, row["url"]))
    ]
    return Feed(title, tuple(items))


def _ask_reader(url: str) -> Feed:
    platform_page.refuse_unread(url)
    most = settings.ACRPORTAL_MAX_FEED_ITEMS
    with scratch_directory() as folder:
        try:
            answer = link_reader.read(
                url,
                [
                    *("--flat-playlist", "--yes-playlist", "--dump-single-json"),
                    # One more than the limit shows whether the list goes on.
                    *("--playlist-items", f"1:{most + 1}"),
                ],
                folder,
                max_seconds=_READER_SECONDS,
            )
        except TooLarge as error:
            raise FetchFailed(_("the platform sent too much")) from error
    if answer.code != 0:
        raise platform_page.failure_of(answer.errors)
    try:
        listing = json.loads(answer.output)
    except (ValueError, RecursionError) as error:
        raise FetchFailed(_("the platform's answer could not be read")) from error
    return read_listing(listing if isinstance(listing, dict) else {}, url)


def read_listing(listing: Json, url: str) -> Feed:
    """Convert the link reader's listing; a single video becomes a list of one."""
    entries = listing.get("entries")
    rows = entries if isinstance(entries, list) else [listing | {"url": url}]
    title = _line(listing.get("title"))
    account = _line(listing.get("uploader") or listing.get("channel")) or title
    items = [
        FeedItem(
            url=link,
            title=_line(row.get("title")) or link,
            account=_line(row.get("uploader") or row.get("channel")) or account,
            published_at=platform_page.published_of(row),
        )
        for row in rows
        if isinstance(row, dict)
        and (link := _address(url, _line(row.get("webpage_url") or row.get("url"))))
    ]
    return Feed(title, tuple(items), whole=isinstance(entries, list))


def _address(base: str, link: str) -> str:
    """Return a link as an absolute address; "" if it is invalid or too long."""
    try:
        whole = urljoin(base, link) if link else ""
        # Raises ValueError for an invalid port.
        _ = urlsplit(whole).port
    except ValueError:
        return ""
    return whole if len(whole) <= _MAX_CHARS else ""


def _line(value: object) -> str:
    """Return a text on one line without control characters."""
    if not isinstance(value, str):
        return ""
    return " ".join(one_line(value).split())[:_MAX_CHARS]


def safe_title(item: FeedItem) -> str:
    """Return an item's title in a form that can be shown as a file name."""
    return display_name(item.title.replace("/", "∕"), otherwise="")
