"""Files of the media folder: there completely, or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from base.common.storage import FileOnDisk, replace_bytes, replace_file


class Endless(ContentFile[bytes]):
    """A file for whose second half there is no room."""

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        yield b"half"
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def stored(data_dir: Path) -> list[str]:
    media = data_dir / "media"
    return [str(path.relative_to(media)) for path in media.rglob("*") if path.is_file()]


def test_a_full_disk_leaves_no_half_file_and_the_earlier_one(data_dir: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        default_storage.save("a/b", Endless(b""))
    assert stored(data_dir) == []

    replace_bytes("a/b", b"old")
    with pytest.raises(OSError, match="No space left"):
        replace_file("a/b", Endless(b""))
    assert (data_dir / "media/a/b").read_bytes() == b"old"

    assert replace_bytes("a/b", b"new") == "a/b"
    assert (data_dir / "media/a/b").read_bytes() == b"new"
    assert stored(data_dir) == ["a/b"]


def test_a_local_file_is_moved_and_never_replaces_another(data_dir: Path) -> None:
    names = []
    for content in (b"one", b"two"):
        path = data_dir / "scratch"
        path.write_bytes(content)
        with FileOnDisk(path, "a/b") as file:
            names.append(default_storage.save("a/b", file))
        assert not path.exists()

    read = [(data_dir / "media" / name).read_bytes() for name in names]
    assert read == [b"one", b"two"]
    assert sorted(stored(data_dir)) == sorted(names)
    modes = {(data_dir / "media" / name).stat().st_mode & 0o777 for name in names}
    assert modes == {0o600}
