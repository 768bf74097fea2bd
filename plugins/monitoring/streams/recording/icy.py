"""Separate the sound of Icecast and SHOUTcast servers from the titles between it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from base.common.charsets import decode_text
from base.common.exchanges import FetchFailed
from base.common.outside_text import one_line
from plugins.monitoring.streams.recording import causes

# Atomic: where the first beginning finds no end, no later one does.
TITLE: Final = re.compile(rb"(?>.*?StreamTitle=')(.*?)';(?=\s*\w+=|\s*\x00|\s*$)", re.DOTALL)
# Some servers leave the last sign out.
UNENDED: Final = re.compile(rb"(?>.*?StreamTitle=')(.*?)'(?=\s*\x00|\s*$)", re.DOTALL)
ENTITY: Final = re.compile(r"&(?:#[0-9]{1,7}|#x[0-9a-fA-F]{1,6}|[A-Za-z]{2,8});")
# Attributes that some networks write into the title, with that of the song.
ATTRIBUTE: Final = re.compile(r'\b([A-Za-z_]{1,40})="([^"]*)"')
ATTRIBUTES_OF: Final = re.compile(r'\b(?:song_spot|MediaBaseId|spotInstanceId|TPID)="')
BLOCK: Final = 16
# Servers send 4,096 or more. Each piece of sound costs as much as it weighs or more.
LEAST_INTERVAL: Final = 256
MAX_INTERVAL: Final = 1 << 20
LENGTH: Final = re.compile(r"[0-9]{1,9}")
MAX_TITLE: Final = 500


@dataclass(frozen=True, slots=True)
class SentTitle:
    """What the server says is playing."""

    text: str


def interval(header: str) -> int:
    """Return the bytes of sound between titles from ``icy-metaint``, 0 if none.

    Raises ``FetchFailed`` if no server means it: what it sends cannot be distinguished.
    """
    text = header.strip() or "0"
    size = int(text) if LENGTH.fullmatch(text) else -1
    if size and not LEAST_INTERVAL <= size <= MAX_INTERVAL:
        raise FetchFailed(causes.NONSENSE)
    return size


class IcyReader:
    """Takes bytes as they arrive, and yields sound and titles.

    ``interval`` is how many bytes of sound lie between two titles; 0 if there are none.
    Without a ``charset``, each title is read in UTF-8 or what it seems to be in.
    """

    def __init__(self, interval: int, charset: str = "") -> None:
        self._interval = interval
        self._charset = charset
        self._sound_left = interval
        self._block_left: int | None = None  # None before the length byte
        self._block = bytearray()

    def take(self, data: bytes) -> Iterator[bytes | SentTitle]:
        """Yield what these bytes complete."""
        if not self._interval:
            if data:
                yield data
            return
        while data:
            if self._sound_left:
                sound, data = data[: self._sound_left], data[self._sound_left :]
                self._sound_left -= len(sound)
                yield sound
            elif self._block_left is None:
                self._block_left, data = data[0] * BLOCK, data[1:]
            else:
                part, data = data[: self._block_left], data[self._block_left :]
                self._block += part
                self._block_left -= len(part)
            if self._block_left == 0:
                block = bytes(self._block)
                self._block.clear()
                self._block_left = None
                self._sound_left = self._interval
                match = TITLE.match(block) or UNENDED.match(block)
                if match is not None:
                    yield SentTitle(as_title(decode_text(match[1], self._charset)))


def as_title(text: str) -> str:
    """Return a title on one line, without attributes and HTML, and not too long."""
    # What is longer is no title.
    bare = _without_attributes(text[: 8 * MAX_TITLE])
    bare = ENTITY.sub(lambda entity: html.unescape(entity[0]), bare)
    return " ".join(one_line(bare).split())[:MAX_TITLE]


def _without_attributes(text: str) -> str:
    """Return artist and song of ``Artist - text="Song" song_spot="M" …``."""
    if not ATTRIBUTES_OF.search(text):
        return text
    first = ATTRIBUTE.search(text)
    named = dict(reversed(ATTRIBUTE.findall(text)))
    before = text[: first.start()] if first else text
    artist = before.strip().removesuffix("-").strip() or named.get("artist", "")
    song = named.get("text", "") or named.get("title", "")
    return " - ".join(part for part in (artist, song) if part)
