"""Keeping files: under names of our own, hashed on the way in, whole or not at all."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.db.models.fields.files import FieldFile

_CHUNK_BYTES = 1024 * 1024


class FileOnDisk(File[bytes]):
    """A file of ours on this disk that storing moves instead of copying."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(path.open("rb"), name=name)
        self._path = path
        self.sha256 = ""
        """Its hash, where that was worked out before it is stored."""

    def temporary_file_path(self) -> str:
        """Tell the storage where it lies."""
        return str(self._path)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Where bytes lie, and what they are."""

    name: str
    sha256: str
    size_bytes: int


def sha256_of(file: File[bytes]) -> str:
    """Return the hash of a file's bytes, read in chunks where it is not known."""
    if isinstance(file, FileOnDisk) and file.sha256:
        return file.sha256
    digest = hashlib.sha256()
    for chunk in file.chunks(_CHUNK_BYTES):
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()


def keep_file(file: File[bytes], name: str, *, sha256: str = "") -> StoredFile:
    """Store ``file`` under ``name``; a file already on this disk is only moved.

    ``sha256`` is its hash where that is known already.
    """
    sha256 = sha256 or sha256_of(file)
    size = file.size
    stored = default_storage.save(name, file)
    return StoredFile(name=stored, sha256=sha256, size_bytes=size)


def replace_bytes(name: str, data: bytes) -> str:
    """Store ``data`` under ``name`` in place of what is there; return the name."""
    default_storage.delete(name)
    return default_storage.save(name, ContentFile(data))


def read_bytes(field: FieldFile) -> bytes:
    """Return everything a stored file holds."""
    with field.open("rb") as file:
        return bytes(file.read())


@contextmanager
def local_path(field: FieldFile) -> Iterator[Path]:
    """Give a path on this machine for a stored file, wherever it is kept."""
    try:
        yield Path(field.path)
    except NotImplementedError:
        # Remote storages have no paths: work on a copy.
        with scratch_directory() as folder:
            copy = folder / "media"
            with field.open("rb") as source, copy.open("wb") as target:
                shutil.copyfileobj(source, target, _CHUNK_BYTES)
            yield copy


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """Give a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
        yield Path(folder)


def display_name(raw: str, *, otherwise: str) -> str:
    """Return a name as it may be shown: one line, no path, no control characters.

    Marks that turn the writing direction are none that can be shown: they can make
    ``gpj.exe`` read as ``exe.jpg``.
    """
    last = raw.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(c for c in last if c.isprintable())
    return shown.strip()[:500] or otherwise
