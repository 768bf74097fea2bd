"""Files of records with length and checksum; a kill may damage the last record."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

HEAD: Final = struct.Struct("<HII")
MAGIC: Final = 0xACF1
MAX_BYTES: Final = 1 << 25


def pack(payload: bytes) -> bytes:
    return HEAD.pack(MAGIC, len(payload), zlib.crc32(payload)) + payload


def read(file: BinaryIO) -> Iterator[bytes]:
    """Yield payloads from where the file stands, up to the first torn record."""
    while len(head := file.read(HEAD.size)) == HEAD.size:
        magic, length, checksum = HEAD.unpack(head)
        if magic != MAGIC or length > MAX_BYTES:
            return
        payload = file.read(length)
        if len(payload) != length or zlib.crc32(payload) != checksum:
            return
        yield payload


def cut_torn_end(path: Path) -> None:
    """Remove what follows the last whole record."""
    whole = 0
    with path.open("r+b") as file:
        for payload in read(file):
            whole += HEAD.size + len(payload)
        file.truncate(whole)
