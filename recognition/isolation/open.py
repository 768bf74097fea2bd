"""What a child process gets from its caller: an open file and a time limit."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import BinaryIO, Final

from recognition.errors import UnsupportedMedia
from recognition.limits import DecodeLimits

# Wall time also counts waiting for a core and for the disk.
WALL_PER_CPU: Final = 2


def open_media(path: Path) -> BinaryIO:
    """Open the file, which must be a regular file."""
    file = path.open("rb")
    if not stat.S_ISREG(path.stat().st_mode):
        file.close()
        raise UnsupportedMedia("This is not a regular file.")
    return file


def wall_s(limits: DecodeLimits) -> float:
    """Return the wall-clock limit, in seconds, of a child with these limits."""
    return 60.0 + WALL_PER_CPU * limits.max_cpu_s
