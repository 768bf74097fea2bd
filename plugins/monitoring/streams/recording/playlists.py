"""Read the lists that lead to a stream: M3U, PLS, XSPF, ASX, and those of HLS."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple
from urllib.parse import urljoin

from plugins.monitoring.streams.recording import causes

MAX_PLAYLIST: Final = 256 * 1024
MAX_ENTRIES: Final = 10
# Of so many lines the first addresses are taken; others may be unreadable.
MAX_LINES_READ: Final = 200
MAX_SEGMENT_S: Final = 120.0
# What describes the picture to the blind is no programme.
DESCRIBES: Final = "public.accessibility.describes-video"
# The look-behind keeps a long name without a value from costing its square.
ATTRIBUTE: Final = re.compile(r'(?<![A-Z0-9-])([A-Z0-9-]+)=("[^"]*"|[^,]*)')
FILE: Final = re.compile(
    r"^[ \t]*(?:File|Ref)[0-9]+[ \t]*=[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE
)
# In XSPF and ASX, whose tags programs write in capitals and without quotes.
LOCATION: Final = re.compile(
    r"""<location\s*>([^<]{1,2000})|<ref\s[^<>]{0,200}?href\s{0,9}=\s{0,9}["']?([^"'<>\s]{1,2000})""",
    re.IGNORECASE,
)
BEGINS_LIST: Final = (b"#extm3u", b"[playlist]", b"[reference]", b"http://", b"https://")
# Types of lists, or of plain text, which sound never has.
LIST_TYPES: Final = ("text/", "mpegurl", "scpls", "pls+xml", "xspf", "x-ms-asx", "x-ms-wax")
BLANK: Final = "\ufeff \t\r\n"


class BadPlaylist(Exception):
    """The list cannot be followed; the message says why."""


@dataclass(frozen=True, slots=True)
class ListedPart:
    """Bytes at an address, all or a range (first, past the last) of it."""

    url: str
    range: tuple[int, int] | None = None


class LiveSegment(NamedTuple):
    """One segment of a live media playlist.

    A playlist may list a hundred thousand segments, of which few are read, so this is a
    tuple and its address is made when it is wanted.
    """

    number: int
    base: str
    address: str
    range: tuple[int, int] | None
    duration_s: float
    begins_anew: bool
    head: ListedPart | None
    is_missing: bool

    @property
    def part(self) -> ListedPart:
        """Its bytes. Raises ``BadPlaylist``."""
        return ListedPart(_address(self.base, self.address), self.range)


@dataclass(frozen=True, slots=True)
class MediaPlaylist:
    """What a live media playlist offers now."""

    target_s: float
    segments: tuple[LiveSegment, ...]
    has_ended: bool


def is_list(beginning: bytes, content_type: str) -> bool:
    """Return whether the first bytes of an answer are those of a list, not of sound."""
    text = beginning.lstrip(b"\xef\xbb\xbf \t\r\n")[:1000].lower()
    if text.startswith(b"<"):
        return b"<asx" in text or (b"<playlist" in text and b"xspf" in text)
    if text.startswith(BEGINS_LIST) or content_type.lower().startswith("text/html"):
        return True
    # Sound has control characters from its first bytes on.
    is_text = len(text) > 0 and not any(byte < 9 or 13 < byte < 32 for byte in text)
    is_listed = any(list_type in content_type.lower() for list_type in LIST_TYPES)
    return is_text and (is_listed or text.startswith(b"#"))


def is_hls(text: str) -> bool:
    """Return whether a list is one of HLS."""
    return text.lstrip(BLANK).startswith("#EXTM3U") and "#EXT-X-" in text


def entries(text: str, base: str) -> list[str]:
    """Return the addresses of a list of M3U, PLS, XSPF or ASX."""
    bare = text.lstrip(BLANK)
    if bare.startswith("<"):
        matches = LOCATION.finditer(bare)
        addresses = (html.unescape(match[1] or match[2]).strip() for match in matches)
    elif bare.lower().startswith("[playlist]") or FILE.search(bare):
        addresses = (match[1] for match in FILE.finditer(text))
    else:
        lines = (line.strip().lstrip("\ufeff") for line in text.splitlines())
        addresses = (line for line in lines if line and not line.startswith("#"))
    return list(islice(_urls(islice(addresses, MAX_LINES_READ), base), MAX_ENTRIES))


def _urls(lines: Iterator[str], base: str) -> Iterator[str]:
    for entry in lines:
        # One that cannot be read must not hide the others.
        with suppress(BadPlaylist):
            url = _address(base, entry)
            if url.startswith(("http://", "https://")):
                yield url


def leanest(text: str, base: str) -> str | None:
    """Return the media playlist with the least bytes that has sound.

    None if the list is a media playlist itself.
    """
    if "#EXT-X-STREAM-INF" not in text:
        return None
    renditions: dict[str, list[dict[str, str]]] = {}
    variants: list[tuple[int, str, str]] = []
    bandwidth: tuple[int, str] | None = None
    for line in _lines(text):
        if line.startswith("#EXT-X-MEDIA:"):
            named = _attributes(line)
            if named.get("TYPE") == "AUDIO":
                renditions.setdefault(named.get("GROUP-ID", ""), []).append(named)
        elif line.startswith("#EXT-X-STREAM-INF:"):
            named = _attributes(line)
            bits = _whole(named.get("BANDWIDTH", ""), 1 << 40)
            bandwidth = (bits, named.get("AUDIO", ""))
        elif not line.startswith("#") and bandwidth is not None:
            variants.append((bandwidth[0], line, bandwidth[1]))
            bandwidth = None
    if not variants:
        raise BadPlaylist(causes.NO_VARIANTS)
    _, address, group = min(variants)
    named = min(renditions.get(group, [{}]) if group else [{}], key=_unlikely)
    # Without an address of its own, it is the sound in the variant.
    return _address(base, named.get("URI", address))


def _unlikely(rendition: dict[str, str]) -> tuple[bool, bool, bool]:
    """Rank a rendition of the sound: what players choose unasked comes first."""
    return (
        DESCRIBES in rendition.get("CHARACTERISTICS", ""),
        rendition.get("DEFAULT") != "YES",
        rendition.get("AUTOSELECT") != "YES",
    )


def media_playlist(text: str, base: str) -> MediaPlaylist:
    """Read a media playlist. Raises ``BadPlaylist``."""
    if not is_hls(text):
        raise BadPlaylist(causes.NO_PLAYLIST)
    return _Reader(base).read(text)


class _Reader:
    """Reads the lines of a media playlist, whose tags apply to what follows."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._number = 0
        self._duration_s = 0.0
        self._anew = False
        self._missing = False
        self._head: ListedPart | None = None
        self._range: tuple[int, int] | None = None
        self._range_end = 0
        self._target_s = 10.0
        self._ended = False

    def read(self, text: str) -> MediaPlaylist:
        segments = []
        for line in _lines(text):
            if line.startswith("#"):
                name, _, value = line.partition(":")
                self._tag(name, value)
            else:
                segments.append(self._segment(line))
        return MediaPlaylist(self._target_s, tuple(segments), self._ended)

    def _segment(self, address: str) -> LiveSegment:
        segment = LiveSegment(
            number=self._number,
            base=self._base,
            address=address,
            range=self._range,
            duration_s=self._duration_s or self._target_s,
            begins_anew=self._anew,
            head=self._head,
            is_missing=self._missing,
        )
        self._number += 1
        self._anew = self._missing = False
        self._range = None
        return segment

    def _tag(self, name: str, value: str) -> None:
        match name:
            case "#EXTINF":
                self._duration_s = _seconds(value.partition(",")[0])
            case "#EXT-X-TARGETDURATION":
                self._target_s = max(0.5, _seconds(value) or 10.0)
            case "#EXT-X-MEDIA-SEQUENCE":
                self._number = _whole(value, 0)
            case "#EXT-X-DISCONTINUITY":
                self._anew = True
            case "#EXT-X-GAP":
                self._missing = True
            case "#EXT-X-ENDLIST":
                self._ended = True
            case "#EXT-X-BYTERANGE":
                self._range = self._range_of(value)
            case "#EXT-X-MAP" | "#EXT-X-KEY":
                self._container(name, value)

    def _container(self, name: str, value: str) -> None:
        named = _attributes(value)
        if name == "#EXT-X-KEY":
            if named.get("METHOD", "NONE") != "NONE":
                raise BadPlaylist(causes.ENCRYPTED)
            return
        within = named.get("BYTERANGE")
        address = _address(self._base, named.get("URI", ""))
        self._head = ListedPart(address, self._range_of(within) if within else None)

    def _range_of(self, value: str) -> tuple[int, int]:
        length, _, first = value.partition("@")
        begin = _whole(first, self._range_end) if first else self._range_end
        self._range_end = begin + _whole(length, 0)
        return begin, self._range_end


def _address(base: str, entry: str) -> str:
    try:
        return urljoin(base, entry)
    except ValueError as error:
        raise BadPlaylist(causes.BAD_ADDRESS) from error


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        stripped = line.strip()
        if stripped:
            yield stripped


def _attributes(line: str) -> dict[str, str]:
    return {name: value.strip('"') for name, value in ATTRIBUTE.findall(line)}


def _whole(text: str, otherwise: int) -> int:
    text = text.strip()
    fits = text.isascii() and text.isdecimal() and len(text) < 19
    return int(text) if fits else otherwise


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        return 0.0
    return seconds if 0 < seconds <= MAX_SEGMENT_S else 0.0
