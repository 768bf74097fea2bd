"""Writes files that are whole and on disk, or not there at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

MODE = 0o644


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[int]:
    """A descriptor of a new file that takes the target's place at the end."""
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
    """Replace a file's content; on disk at return."""
    with replacing(target) as fd, open(fd, "wb", closefd=False) as file:
        file.write(data)


def sync_directory(directory: Path) -> None:
    """Wait until the names in a directory are on disk."""
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
