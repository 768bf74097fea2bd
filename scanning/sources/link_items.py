"""Names the item of a platform that a link leads to, with the patterns of yt-dlp.

Only the patterns are read, as texts: importing yt-dlp takes a second and 56 MB of each
web process. A platform that a version of yt-dlp lacks names no items.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, urljoin, urlsplit, urlunsplit

LONGEST_LINK: Final = 2000
# Some patterns of yt-dlp take long for long texts.
_LONGEST_PATH: Final = 300
_LONGEST_QUERY: Final = 300
_LONGEST_VALUE: Final = 80
# A link to a sign-in page that leads to one that leads to the item.
_MOST_STEPS: Final = 2
_MOST_TARGETS: Final = 4
_ID: Final = ("id",)
# The readers of yt-dlp whose groups name an item wherever it is shown, by platform. A
# platform is left out if its links name the same item by different ids.
_READERS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "applepodcasts": {"ApplePodcastsIE": _ID},
    "archive.org": {"ArchiveOrgIE": _ID},
    "ardmediathek": {"ARDBetaMediathekIE": _ID},
    "arte": {"ArteTVIE": ("lang", "lang_2", "id")},
    "audioboom": {"AudioBoomIE": _ID},
    "bandcamp": {"BandcampIE": ("uploader", "id")},
    "bilibili": {"BiliBiliIE": ("prefix", "id")},
    "bilibili audio": {"BilibiliAudioIE": _ID},
    "bitchute": {"BitChuteIE": _ID},
    "bluesky": {"BlueskyIE": ("handle", "id")},
    "dailymotion": {"DailymotionIE": _ID},
    "douyin": {"DouyinIE": _ID},
    "facebook": {"FacebookIE": _ID, "FacebookReelIE": _ID},
    "googledrive": {"GoogleDriveIE": _ID},
    "instagram": {"InstagramIE": _ID},
    "kick": {"KickVODIE": _ID, "KickClipIE": _ID},
    "likee": {"LikeeIE": _ID},
    "linkedin": {"LinkedInIE": _ID},
    "loom": {"LoomIE": _ID},
    "mixcloud": {"MixcloudIE": ()},
    "niconico": {"NiconicoIE": _ID},
    "odnoklassniki": {"OdnoklassnikiIE": _ID},
    "odysee": {"LBRYIE": _ID},
    "pinterest": {"PinterestIE": _ID},
    "reddit": {"RedditIE": _ID},
    "rumble": {"RumbleIE": _ID},
    "rutube": {"RutubeIE": _ID},
    "snapchat": {"SnapchatSpotlightIE": _ID},
    "soundcloud": {"SoundcloudIE": ("uploader", "title", "track_id")},
    "spreaker": {"SpreakerIE": _ID},
    "streamable": {"StreamableIE": _ID},
    "ted": {"TedTalkIE": _ID},
    "telegram": {"TelegramEmbedIE": ("channel_id", "id")},
    "tiktok": {"TikTokIE": _ID},
    "twitch": {"TwitchVodIE": _ID},
    "twitch clip": {"TwitchClipsIE": _ID},
    "twitter": {"TwitterIE": _ID, "TwitterSpacesIE": _ID, "TwitterBroadcastIE": _ID},
    "vimeo": {"VimeoIE": _ID, "VimeoReviewIE": _ID},
    "vk": {"VKIE": ("oid", "id", "videoid")},
    "weibo": {"WeiboIE": _ID},
    "youku": {"YoukuIE": _ID},
    "youtube": {"YoutubeIE": _ID},
}
# People's names in addresses, which platforms take in any case.
_NAMES: Final = frozenset({"bandcamp", "mixcloud", "soundcloud"})
# Their addresses go on behind the item: with its title, comments or a way to show it.
_GO_ON: Final = frozenset(
    {"dailymotion", "facebook", "googledrive", "instagram", "reddit", "twitter", "youtube"}
)
# Addresses that platforms answer and yt-dlp does not know, and what they stand for.
_ALSO: Final = (
    (
        re.compile(r"https://www\.tiktok\.com/(?:embed/v2|player/v1|v)/(\d+).*"),
        r"https://www.tiktok.com/embed/\1",
    ),
    (
        re.compile(r"https://www\.youtube\.com/watch/([\w-]{11})\b.*"),
        r"https://www.youtube.com/watch?v=\1",
    ),
    (
        # A possessive group fails on the Python of Debian 12 (gh-106052).
        re.compile(
            r"https://player\.bilibili\.com/player\.html\?"
            r"(?>(?:(?!bvid=)[^&?]*&)*)bvid=(BV\w+).*"
        ),
        r"https://www.bilibili.com/video/\1",
    ),
    (re.compile(r"https://nico\.ms/(\w+).*"), r"https://www.nicovideo.jp/watch/\1"),
)
_SAME_HOST: Final = {"fb.com": "facebook.com", "instagr.am": "instagram.com"}
# A later one of several videos or parts of an item is an item of its own.
_PARTS: Final = {"bilibili": "p", "twitter": "index"}
_SLASHES: Final = re.compile("/{2,}")
_PATH: Final = re.compile(r"/*+[^/?#&]")
_QUERY: Final = re.compile(r"[?#]")
_CLASS: Final = re.compile(r"^class (\w+)\(", re.MULTILINE)
_PATTERN: Final = re.compile(r"^    _VALID_URL = (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class LinkItem:
    """An item of a platform by its id."""

    platform: str
    item_id: str

    def __str__(self) -> str:
        return f"{self.platform}:{self.item_id}"


@dataclass(frozen=True, slots=True)
class _Reader:
    """A pattern of yt-dlp, and the groups that name an item together."""

    platform: str
    pattern: re.Pattern[str]
    groups: tuple[str, ...]

    def item(self, link: str, query: Mapping[str, str]) -> LinkItem | None:
        """Return the item that a link names for this reader."""
        matched = self.pattern.match(link)
        if matched is None or not (self.platform in _GO_ON or _is_whole(link, matched.end())):
            return None
        values = matched.groupdict()
        named = [values.get(name) for name in self.groups] or list(matched.groups())
        # Some patterns take the query for a part of a name.
        item_id = "_".join(value for value in named if value).partition("?")[0]
        if not item_id:
            return None
        if self.platform in _NAMES:
            item_id = item_id.lower()
        part = _PARTS.get(self.platform, "")
        number = values.get(part) or query.get(part) or "1"
        return LinkItem(self.platform, item_id if number == "1" else f"{item_id}#{number}")


def _is_whole(link: str, end: int) -> bool:
    """Return whether nothing but a query follows what a pattern took of a link."""
    return bool(_QUERY.search(link, 0, end)) or not _PATH.match(link, end)


def item_of(link: str) -> LinkItem | None:
    """Return the item that a link leads to; None if no platform is known for it.

    A link that only leads on to another, as those of search results and of sign-in pages
    do, is the item behind it.
    """
    return _item(link.strip(), _MOST_STEPS)


def _item(link: str, steps: int) -> LinkItem | None:
    try:
        parts = urlsplit(link)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return None
    if len(link) > LONGEST_LINK or "." not in host:
        return None
    query = dict(parse_qsl(parts.query))
    spellings = list(_spellings(parts, host))
    items = (
        item
        for reader in _readers()
        for spelling in spellings
        if (item := reader.item(spelling, query))
    )
    return next(items, None) or _item_behind(link, query, steps)


def _spellings(parts: SplitResult, host: str) -> Iterator[str]:
    """Yield a link as patterns may ask for it, and short enough for all of them."""
    bare = host.removeprefix("www.").removeprefix("m.").removeprefix("mobile.")
    bare = _SAME_HOST.get(bare, bare)
    path = _SLASHES.sub("/", parts.path).rstrip("/") or "/"
    if len(path) > _LONGEST_PATH:
        return
    # Long values are about the person who shares the link.
    values = [value for value in parts.query.split("&") if len(value) <= _LONGEST_VALUE]
    query = "&".join(values)[:_LONGEST_QUERY]
    # A fragment names an item only where it begins so; others are times and comments.
    fragment = parts.fragment[:_LONGEST_VALUE]
    fragment = fragment if fragment.startswith("!") else ""
    for name in dict.fromkeys((host, f"www.{bare}", bare)):
        for parameters in dict.fromkeys((query, "")):
            link = urlunsplit(("https", name, path, parameters, fragment))
            yield link
            for pattern, item in _ALSO:
                if (matched := pattern.fullmatch(link)) is not None:
                    yield matched.expand(item)


def _item_behind(link: str, query: Mapping[str, str], steps: int) -> LinkItem | None:
    if not steps:
        return None
    values = islice((value for value in query.values() if "/" in value), _MOST_TARGETS)
    items = (_item(urljoin(link, value), steps - 1) for value in values)
    return next(filter(None, items), None)


@cache
def _readers() -> Sequence[_Reader]:
    """Return the readers of all platforms, with the patterns of the installed yt-dlp."""
    texts = _patterns()
    return [
        _Reader(platform, re.compile(text), groups)
        for platform, readers in _READERS.items()
        for name, groups in readers.items()
        for text in texts.get(name, ())
    ]


def _patterns() -> dict[str, tuple[str, ...]]:
    """Return the patterns of yt-dlp's readers by the name of their class."""
    spec = importlib.util.find_spec("yt_dlp")
    folders = spec.submodule_search_locations if spec else None
    paths = [Path(folder, "extractor", "lazy_extractors.py") for folder in folders or ()]
    source = "".join(path.read_text(encoding="utf-8") for path in paths if path.is_file())
    _before, *classes = _CLASS.split(source)
    patterns = {}
    reader_names = {name for readers in _READERS.values() for name in readers}
    for name, body in zip(classes[::2], classes[1::2], strict=True):
        text = _PATTERN.search(body) if name in reader_names else None
        if text is not None:
            # Any: a text, or a list of them.
            value: Any = ast.literal_eval(text[1])
            patterns[name] = (value,) if isinstance(value, str) else tuple(value)
    return patterns
