"""Find where a chained Ogg stream begins anew, and the pages that begin it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

CAPTURE: Final = b"OggS"
HEAD_BYTES: Final = 27
IS_FIRST: Final = 2
MAX_HEAD: Final = 1 << 20
NO_POSITION: Final = b"\xff" * 8


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
        self._was_first = False
        self._in_head = False
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
                size = self._page_head(data, at)
                if size == 0:
                    self._waiting = data[at:]
                    break
                if self._begins_link(data, at, size):
                    if ready:
                        yield OggPart(bytes(ready), begins)
                        ready.clear()
                    begins = True
            part = data[at : at + size]
            self._keep_head(part)
            ready += part
            at += size
        if ready:
            yield OggPart(bytes(ready), begins)

    def _page_head(self, data: bytes, at: int) -> int:
        """Return the size of the page header at a place, 0 if it is not complete."""
        if data[at : at + 4] != CAPTURE[: len(data) - at]:
            following = data.find(CAPTURE, at + 1)
            return (following if following >= 0 else max(at + 1, len(data) - 3)) - at
        if len(data) < at + HEAD_BYTES:
            return 0
        size = HEAD_BYTES + data[at + 26]
        if len(data) < at + size:
            return 0
        self._body_left = sum(data[at + HEAD_BYTES : at + size])
        return size

    def _begins_link(self, data: bytes, at: int, size: int) -> bool:
        if size < HEAD_BYTES or data[at : at + 4] != CAPTURE:
            return False
        is_first = bool(data[at + 5] & IS_FIRST)
        begins = is_first and not self._was_first
        self._was_first = is_first
        position = data[at + 6 : at + 14]
        if begins:
            self._head.clear()
            self._in_head = True
        elif not is_first and position not in (bytes(8), NO_POSITION):
            if self._in_head:
                self.head = bytes(self._head)
            self._in_head = False
        return begins

    def _keep_head(self, part: bytes) -> None:
        if self._in_head and len(self._head) + len(part) <= MAX_HEAD:
            self._head += part
