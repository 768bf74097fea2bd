"""The heads of Ogg pages, and where a link of a chain begins: for files and streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

CAPTURE: Final = b"OggS"
HEAD_BYTES: Final = 27
MAX_HEAD_BYTES: Final = HEAD_BYTES + 255
IS_FIRST: Final = 2
IS_LAST: Final = 4
# Of pages with headers, and of pages in which no packet ends.
NO_POSITIONS: Final = (bytes(8), b"\xff" * 8)


@dataclass(frozen=True, slots=True)
class PageHead:
    """The head of a page: its size, that of the body, and what it says of both."""

    head_bytes: int
    body_bytes: int
    is_first: bool
    is_last: bool
    has_sound: bool

    @classmethod
    def read(cls, data: bytes, at: int = 0) -> Self | None:
        """Return the head at a place; None if it is none, or not complete."""
        if data[at : at + 4] != CAPTURE or len(data) < at + HEAD_BYTES:
            return None
        size = HEAD_BYTES + data[at + 26]
        if len(data) < at + size:
            return None
        return cls(
            head_bytes=size,
            body_bytes=sum(data[at + HEAD_BYTES : at + size]),
            is_first=bool(data[at + 5] & IS_FIRST),
            is_last=bool(data[at + 5] & IS_LAST),
            has_sound=data[at + 6 : at + 14] not in NO_POSITIONS,
        )


class Chain:
    """Follows the pages of a chain: a link begins with its first pages.

    ``in_head`` says whether the last page belongs to what a decoder needs to begin.
    """

    def __init__(self) -> None:
        self._was_first = False
        self.in_head = False

    def begins_link(self, page: PageHead) -> bool:
        """Take the next page, and return whether a link begins with it."""
        begins = page.is_first and not self._was_first
        self._was_first = page.is_first
        if begins:
            self.in_head = True
        elif not page.is_first and page.has_sound:
            self.in_head = False
        return begins
