"""Expands a feed, playlist or channel into its items, in listed order.

This module fetches and parses feeds (RSS, Atom, podcasts). For everything else it runs
the link reader, which lists a playlist without fetching its items.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit
from xml.etree.ElementTree import Element

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring
from django.conf import settings
from django.utils.translation import gettext as _

from common.http import FetchFailed, TooLarge, check_link, download
from common.storage import display_name, scratch_directory
from scanning.sources import link_reader, platform_page

_MAX_BYTES = 8 * 1024**2
_FETCH_SECONDS = 20.0
_READER_SECONDS = 25
_MAX_CHARS = 2000
_ATOM = "{http://www.w3.org/2005/Atom}"
_ITUNES = "{http://www.itunes.com/dtds/podcast-1.0.dtd}"

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
    """The items behind a link; ``more`` if the source lists more than these.

    ``whole`` means that an unlisted item is gone: a playlist lists all its items, a
    feed only the newest.
    """

    title: str
    items: tuple[FeedItem, ...]
    more: bool = False
    whole: bool = False


def expand(url: str) -> Feed:
    """Return the items behind a link; raise ``LinkRefused`` or ``FetchFailed``."""
    check_link(url)
    with scratch_directory() as folder:
        target = folder / "feed"
        try:
            download(url, target, max_bytes=_MAX_BYTES, max_seconds=_FETCH_SECONDS)
        except TooLarge as error:
            raise FetchFailed(
                _("it is larger than a feed; paste the links of its items instead")
            ) from error
        content = target.read_bytes()
    # Servers label feeds with many content types, so look at the content.
    if b"<rss" in content[:4096] or b"<feed" in content[:4096]:
        return _limited(_read_xml(content, url))
    return _limited(_ask_reader(url))


def _limited(feed: Feed) -> Feed:
    most = settings.ACRPORTAL_MAX_FEED_ITEMS
    if not feed.items:
        raise FetchFailed(_("it lists nothing that can be scanned"))
    more = len(feed.items) > most
    return Feed(feed.title, feed.items[:most], more, feed.whole and not more)


def _read_xml(content: bytes, url: str) -> Feed:
    try:
        root = fromstring(content)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise FetchFailed(
            _("the feed cannot be read (%(error)s)") % {"error": error}
        ) from error
    if root.tag == f"{_ATOM}feed":
        title = _text(root, f"{_ATOM}title")
        return Feed(title, tuple(_atom_items(root, title, url)))
    channel = root.find("channel")
    if channel is None:
        raise FetchFailed(_("the feed has no channel"))
    title = _text(channel, "title")
    return Feed(title, tuple(_rss_items(channel, title, url)))


def _rss_items(channel: Element, feed_title: str, base: str) -> Iterator[FeedItem]:
    for item in channel.iterfind("item"):
        enclosure = item.find("enclosure")
        link = enclosure.get("url", "") if enclosure is not None else ""
        url = _address(base, link or _text(item, "link"))
        if url:
            yield FeedItem(
                url=url,
                title=_text(item, "title") or url,
                account=_text(item, f"{_ITUNES}author") or feed_title,
                published_at=_moment(parsedate_to_datetime, _text(item, "pubDate")),
            )


def _atom_items(root: Element, feed_title: str, base: str) -> Iterator[FeedItem]:
    for entry in root.iterfind(f"{_ATOM}entry"):
        links = {
            link.get("rel", "alternate"): link.get("href", "")
            for link in entry.iterfind(f"{_ATOM}link")
        }
        url = _address(base, links.get("enclosure") or links.get("alternate", ""))
        if url:
            yield FeedItem(
                url=url,
                title=_text(entry, f"{_ATOM}title") or url,
                account=_text(entry, f"{_ATOM}author/{_ATOM}name") or feed_title,
                published_at=_moment(
                    datetime.fromisoformat, _text(entry, f"{_ATOM}published")
                ),
            )


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


def _text(element: Element, path: str) -> str:
    return _line(element.findtext(path) or "")


def _line(value: object) -> str:
    """Return a text on one line without control characters."""
    if not isinstance(value, str):
        return ""
    shown = "".join(c if c.isprintable() else " " for c in value)
    return " ".join(shown.split())[:_MAX_CHARS]


def _moment(parse: Callable[[str], datetime], text: str) -> datetime | None:
    """Return a date of the feed, in UTC if it names no zone; None if it is no date."""
    try:
        moment = parse(text)
    except (ValueError, TypeError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def safe_title(item: FeedItem) -> str:
    """Return an item's title in a form that can be shown as a file name."""
    return display_name(item.title.replace("/", "∕"), otherwise="")
