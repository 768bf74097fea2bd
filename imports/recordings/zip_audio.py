"""Audio files in a ZIP that came with a table."""

from __future__ import annotations

import os
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from django.conf import settings
from django.core.files.base import File
from django.utils.translation import gettext as _

from common.reading import read_number
from common.table_text import one_form
from imports.errors import ImportRefused, RowFault
from imports.tables import MAX_ROWS

_CHUNK_BYTES = 1024 * 1024
# The errors of ``zipfile`` for encrypted, unsupported or damaged entries.
_UNREADABLE = (
    *(RuntimeError, NotImplementedError, EOFError),
    *(zipfile.BadZipFile, zlib.error),
)


# Limits a ZIP's table of contents, because ``zipfile`` holds all of it in memory.
_MAX_CONTENTS_BYTES = 32 * 1024**2
_ENTRY = b"PK\x01\x02"
_END = struct.Struct("<4s8xI6x")
_END_64 = struct.Struct("<40xQ8x4s16x")
_LOCATOR_64 = b"PK\x06\x07"
_LONGEST_COMMENT = 1 << 16
_IS_UTF_8 = 0x800


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open the ZIP with the audio.

    Raises ``ImportRefused`` if it is unreadable or has too many files.
    """
    with path.open("rb") as file:
        _refuse_many_entries(file)
        try:
            archive = zipfile.ZipFile(file)
        except zipfile.BadZipFile as error:
            raise ImportRefused(str(error)) from error
        with archive:
            yield Archive(archive)


def _refuse_many_entries(file: BinaryIO) -> None:
    """Raise ``ImportRefused`` before ``zipfile`` makes an object of every entry."""
    size = file.seek(0, os.SEEK_END)
    tail_bytes = min(size, _LONGEST_COMMENT + _END.size + _END_64.size)
    file.seek(size - tail_bytes)
    tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) - end < _END.size:
        raise ImportRefused(_("The file with the audio is not a ZIP file."))
    contents_bytes = _END.unpack_from(tail, end)[1]
    if end >= _END_64.size:
        contents_64, locator = _END_64.unpack_from(tail, end - _END_64.size)
        if locator == _LOCATOR_64:
            contents_bytes = contents_64
            end -= _END_64.size
    if contents_bytes <= _MAX_CONTENTS_BYTES:
        file.seek(max(0, size - tail_bytes + end - contents_bytes))
        if file.read(contents_bytes).count(_ENTRY) <= MAX_ROWS:
            return
    raise ImportRefused(
        _("The ZIP file holds more than %(limit)s files. Split the table and the ZIP.")
        % {"limit": read_number(MAX_ROWS)}
    )


class Archive:
    """Audio files in a ZIP, found by path or by bare name."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._paths: dict[str, zipfile.ZipInfo] = {}
        # Bare names first: full paths replace them, and the first file keeps a name.
        for info in archive.infolist():
            if not info.is_dir():
                self._paths.setdefault(PurePosixPath(_name_of(info)).name, info)
        for info in archive.infolist():
            self._paths[_name_of(info)] = info

    def names(self) -> list[str]:
        """Return the paths of all files."""
        infos = (info for info in self._archive.infolist() if not info.is_dir())
        return [_name_of(info) for info in infos]

    def open(self, name: str) -> File[bytes] | None:
        """Return a temporary copy, deleted on close; None if missing or too large.

        Raises ``RowFault`` if the ZIP entry cannot be read.
        """
        info = self._paths.get(_normalise_name(name))
        limit = settings.ACRPORTAL_MAX_FILE_BYTES
        if info is None or info.is_dir() or info.file_size > limit:
            return None
        copy = tempfile.NamedTemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115 - the caller closes it
        # The size in the ZIP may be wrong, so count the bytes that come out of it.
        left = limit
        try:
            with self._archive.open(info) as source:
                while left > 0 and (chunk := source.read(min(_CHUNK_BYTES, left))):
                    left -= len(chunk)
                    copy.write(chunk)
        except _UNREADABLE as error:
            copy.close()
            raise RowFault(
                "audio",
                name,
                _("It cannot be read from the ZIP: %(error)s.") % {"error": error},
            ) from error
        copy.seek(0)
        return File(copy, name=PurePosixPath(name).name)


def _name_of(info: zipfile.ZipInfo) -> str:
    """Return the name of an entry; macOS writes UTF-8 without the flag for it."""
    if not info.flag_bits & _IS_UTF_8:
        with suppress(UnicodeError):
            return _normalise_name(info.filename.encode("cp437").decode())
    return _normalise_name(info.filename)


def _normalise_name(name: str) -> str:
    return one_form(name.replace("\\", "/"))
