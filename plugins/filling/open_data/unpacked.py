"""Limits what an archive of open data may unpack to."""

from __future__ import annotations

import io
from typing import BinaryIO, Final, cast

from plugins.filling.open_data.errors import SourceRefused

# The largest dump unpacks to about 70 GB, sevenfold.
MAX_BYTES: Final = 400 * 1024**3
MAX_RATIO: Final = 100
_RATIO_FROM: Final = 16 * 1024**2


class _Limited(io.RawIOBase):
    def __init__(self, content: BinaryIO, packed: BinaryIO, name: str) -> None:
        self._content, self._packed, self._name = content, packed, name
        self._bytes = 0

    def read(self, size: int = -1) -> bytes:
        """Read unpacked bytes."""
        block = self._content.read(size)
        self._bytes += len(block)
        limit = max(_RATIO_FROM, MAX_RATIO * self._packed.tell())
        if self._bytes > min(limit, MAX_BYTES):
            raise SourceRefused(
                "dump_too_large",
                f"The archive unpacks to far more than a dump of {self._name} does.",
            )
        return block


def limited(content: BinaryIO, packed: BinaryIO, *, name: str) -> BinaryIO:
    """Return ``content`` as a file that refuses to unpack far more than a dump does."""
    return cast("BinaryIO", _Limited(content, packed, name))
