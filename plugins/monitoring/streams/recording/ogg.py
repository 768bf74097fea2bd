"""Find where a chained Ogg stream restarts, and the pages that begin it.

Those pages name what plays: stations begin a new link with each title.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from base.common.charsets import decode_text
from recognition.audio.ogg import CAPTURE, HEAD_BYTES, Chain, PageHead

MAX_HEAD: Final = 1 << 20
# What the packet with the comments begins with, and how much of it is not theirs.
COMMENTS: Final = ((b"\x03vorbis", 7), (b"OpusTags", 8), (b"\x04", 4), (b"\x84", 4))
MAX_COMMENTS: Final = 200
NOT_LAST: Final = 255


@dataclass(frozen=True, slots=True)
class OggPart:
    """Bytes up to the next link of the chain; ``begins`` if a link begins with them."""

    data: bytes
    begins: bool


class OggLinks:
    """Takes bytes as they arrive and splits them where a link of a chain begins.

    ``head`` holds the pages that a decoder needs before it can begin in mid-link.
    Bytes that are not Ogg pass unchanged.
    """

    def __init__(self) -> None:
        self._waiting = b""  # of a page header
        self._body_left = 0
        self._chain = Chain()
        self._page: PageHead | None = None
        self._head = bytearray()
        self.head = b""

    def take(self, data: bytes) -> Iterator[OggPart]:
        """Yield the bytes that are complete so far, in order."""
        data = self._waiting + data
        self._waiting = b""
        ready = bytearray()
        begins = False
        at = 0
        while at < len(data):
            if self._body_left:
                step = min(self._body_left, len(data) - at)
                self._body_left -= step
                size = step
            else:
                size = self._head_bytes(data, at)
                if size == 0:
                    self._waiting = data[at:]
                    break
                if self._begins_link():
                    if ready:
                        yield OggPart(bytes(ready), begins)
                        ready.clear()
                    begins = True
            part = data[at : at + size]
            if self._chain.in_head and len(self._head) + len(part) <= MAX_HEAD:
                self._head += part
            ready += part
            at += size
        if ready:
            yield OggPart(bytes(ready), begins)

    def _head_bytes(self, data: bytes, at: int) -> int:
        """Return the size of the page head at a place, or of what precedes the next one.

        It is 0 if more bytes are needed.
        """
        if data[at : at + 4] != CAPTURE[: len(data) - at]:
            following = data.find(CAPTURE, at + 1)
            return (following if following >= 0 else max(at + 1, len(data) - 3)) - at
        self._page = PageHead.read(data, at)
        if self._page is None:
            return 0
        self._body_left = self._page.body_bytes
        return self._page.head_bytes

    def _begins_link(self) -> bool:
        page, self._page = self._page, None
        if page is None:
            return False
        was_in_head = self._chain.in_head
        begins = self._chain.begins_link(page)
        if begins:
            self._head.clear()
        elif was_in_head and not self._chain.in_head:
            self.head = bytes(self._head)
        return begins


def title_of(head: bytes) -> str:
    """Return artist and title that the first pages of a link name, as ICY titles do.

    It is empty if they name none, or cannot be read.
    """
    for packet in _packets(head):
        for begins, size in COMMENTS:
            if packet.startswith(begins):
                named = _comments(packet[size:])
                parts = (named.get("artist", ""), named.get("title", ""))
                return " - ".join(part for part in parts if part)
    return ""


def _packets(head: bytes) -> Iterator[bytes]:
    """Yield the packets of pages; of several streams in one, what the pages interleave
    is not distinguished.
    """
    packet, at = bytearray(), 0
    while head[at : at + 4] == CAPTURE and len(head) >= at + HEAD_BYTES:
        sizes = head[at + HEAD_BYTES : at + HEAD_BYTES + head[at + 26]]
        at += HEAD_BYTES + len(sizes)
        for size in sizes:
            packet += head[at : at + size]
            at += size
            if size < NOT_LAST:
                yield bytes(packet)
                packet.clear()


def _comments(data: bytes) -> dict[str, str]:
    """Return the comments of a packet by their names in lower case, the first of each."""
    comments: dict[str, str] = {}
    reader = io.BytesIO(data)
    reader.seek(_number(reader), io.SEEK_CUR)  # the name of the encoder
    for _ in range(min(_number(reader), MAX_COMMENTS)):
        name, _sign, value = reader.read(_number(reader)).partition(b"=")
        comments.setdefault(name.decode("ascii", "replace").lower(), decode_text(value))
    return comments


def _number(reader: io.BytesIO) -> int:
    return int.from_bytes(reader.read(4), "little")
