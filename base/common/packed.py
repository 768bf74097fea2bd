"""Unpacks bodies that are packed with gzip although no header says so."""

from __future__ import annotations

import zlib
from typing import Final

from base.common.exchanges import TooLarge

GZIP: Final = b"\x1f\x8b\x08"
_WITH_GZIP_HEADER: Final = 16 + zlib.MAX_WBITS


def unpacked(body: bytes, *, most: int) -> bytes:
    """Return the content of a packed body, and any other body as it is.

    Raises ``TooLarge`` if it holds more than ``most`` bytes.
    """
    if not body.startswith(GZIP):
        return body
    reader = zlib.decompressobj(_WITH_GZIP_HEADER)
    try:
        content = reader.decompress(body, most + 1)
    except zlib.error:
        return body
    if len(content) > most:
        raise TooLarge
    return content
