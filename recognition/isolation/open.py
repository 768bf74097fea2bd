"""What the caller hands to a child process: an open file and a time limit."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import BinaryIO, Final

from recognition.errors import UnsupportedMedia
from recognition.limits import DecodeLimits

WALL_PER_CPU: Final = 2


def open_media(path: Path) -> BinaryIO:
    """The file, which must be a regular one."""
    file = path.open("rb")
    if not stat.S_ISREG(path.stat().st_mode):
        file.close()
        raise UnsupportedMedia("It is no regular file.")
    return file


def wall_s(limits: DecodeLimits) -> float:
    """How long a child with these limits may run, waiting included."""
    return 60.0 + WALL_PER_CPU * limits.max_cpu_s
