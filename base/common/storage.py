"""Stores files under our own names, hashed while read, completely or not at all."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.db.models.fields.files import FieldFile

from base.common.outside_text import one_line
from base.common.table_text import one_form

_CHUNK_BYTES = 1024 * 1024


class FileOnDisk(File[bytes]):
    """A local file that the storage moves instead of copying."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(path.open("rb"), name=name)
        self._path = path
        self.sha256 = ""
        """SHA-256, if computed before the file is stored."""

    def temporary_file_path(self) -> str:
        """Return the path; Django's storage uses it to move the file."""
        return str(self._path)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Name, hash and size of a stored file."""

    name: str
    sha256: str
    size_bytes: int


def sha256_of(file: File[bytes]) -> str:
    """Return a file's SHA-256, read in chunks unless it is known."""
    if isinstance(file, FileOnDisk) and file.sha256:
        return file.sha256
    digest = hashlib.sha256()
    for chunk in file.chunks(_CHUNK_BYTES):
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()


def keep_file(file: File[bytes], name: str, *, sha256: str = "") -> StoredFile:
    """Store ``file`` under ``name``; a local file is only moved.

    ``sha256`` saves hashing the file if the hash is known.
    """
    sha256 = sha256 or sha256_of(file)
    size = file.size
    stored = default_storage.save(name, file)
    return StoredFile(name=stored, sha256=sha256, size_bytes=size)


class _Replaces(Protocol):
    """A storage of ours: the earlier file stays until the new one is complete."""

    def replace(self, name: str, content: File[bytes]) -> str: ...


def replace_file(name: str, content: File[bytes]) -> str:
    """Store a file under ``name``, replacing an earlier one; return the name."""
    return cast("_Replaces", default_storage).replace(name, content)


def keep_bytes(name: str, data: bytes) -> str:
    """Store ``data`` under ``name`` or one like it that is free; return the name."""
    return default_storage.save(name, ContentFile(data))


def replace_bytes(name: str, data: bytes) -> str:
    """Store ``data`` under ``name``, replacing earlier content; return the name."""
    return replace_file(name, ContentFile(data))


@contextmanager
def kept_only_if_done() -> Iterator[list[str]]:
    """Collect names of stored files, and delete these files if the block fails.

    No row names them yet, so nothing else would delete them.
    """
    names: list[str] = []
    try:
        yield names
    except BaseException:
        delete_files(names)
        raise


def delete_files(names: Iterable[str]) -> None:
    """Delete stored files; empty names are of none."""
    for name in filter(None, names):
        default_storage.delete(name)


def read_bytes(field: FieldFile) -> bytes:
    """Return the content of a stored file."""
    with field.open("rb") as file:
        return bytes(file.read())


@contextmanager
def local_path(field: FieldFile) -> Iterator[Path]:
    """Yield a local path for a stored file, wherever it is stored."""
    try:
        yield Path(field.path)
    except NotImplementedError:
        # Remote storage has no paths: use a copy.
        with scratch_directory() as folder:
            copy = folder / "media"
            with field.open("rb") as source, copy.open("wb") as target:
                shutil.copyfileobj(source, target, _CHUNK_BYTES)
            yield copy


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """Yield a folder that is deleted afterwards."""
    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
        yield Path(folder)


def display_name(raw: str, *, otherwise: str) -> str:
    """Return a name that is safe to show: one line, no path, no control characters.

    Unicode marks that reverse the text direction are removed too: they can make
    ``gpj.exe`` read as ``exe.jpg``.
    """
    last = one_form(raw).replace("\\", "/").rsplit("/", 1)[-1]
    return one_line(last, 500) or otherwise
