"""The bytes of a stream on disk, as they arrived."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path


class RingGone(Exception):
    """The ring no longer holds the bytes of that time."""


class RingLog:
    """Records of bytes with their arrival times; the oldest are dropped by the owner.

    One process appends; others may read meanwhile. ``folder`` is the plan's folder.
    """

    def __init__(self, folder: Path) -> None:
        raise NotImplementedError

    def read(self, from_utc: datetime, until_utc: datetime) -> bytes:
        """Return the bytes that arrived in an interval. Raises ``RingGone``."""
        raise NotImplementedError

    def drop_before(self, utc: datetime) -> None:
        """Delete the files whose bytes all arrived before ``utc``."""
        raise NotImplementedError

    @property
    def size_bytes(self) -> int:
        """The space that the ring takes on disk."""
        raise NotImplementedError
