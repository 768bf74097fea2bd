"""The bytes of a run on their way to its listener.

A message is a kind and a length, then the bytes: sound, or the mark that a new container
begins here. The end of the socket is the end of the run.
"""

from __future__ import annotations

import struct
from typing import Final

FRAME: Final = struct.Struct("<BI")
SOUND: Final = 1
CUT: Final = 2
MAX_SOUND: Final = 1 << 16


def sound(data: bytes) -> bytes:
    """Return the messages that carry ``data``."""
    parts = [data[at : at + MAX_SOUND] for at in range(0, len(data), MAX_SOUND)]
    return b"".join(FRAME.pack(SOUND, len(part)) + part for part in parts)


def cut() -> bytes:
    """Return the mark of a new container."""
    return FRAME.pack(CUT, 0)
