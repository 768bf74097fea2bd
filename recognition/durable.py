"""Write files atomically and durably: complete and on disk, or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

MODE = 0o644


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[int]:
    """Yield the descriptor of a new file that replaces the target on success."""
    fd, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    temporary = Path(name)
    try:
        try:
            yield fd
            os.fchmod(fd, MODE)
            os.fsync(fd)
        finally:
            os.close(fd)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(target.parent)


def write(target: Path, data: bytes) -> None:
    """Replace a file's content; it is on disk on return."""
    with replacing(target) as fd, open(fd, "wb", closefd=False) as file:
        file.write(data)


def sync_directory(directory: Path) -> None:
    """Wait until the directory's entries are on disk."""
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
