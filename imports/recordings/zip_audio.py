"""Audio files in a ZIP that came with a table."""

from __future__ import annotations

import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.core.files.base import File
from django.utils.translation import gettext as _

from base.common.table_text import one_form
from imports.errors import ImportRefused, RowFault
from imports.unpacking import refuse_many_entries

_CHUNK_BYTES = 1024 * 1024
# The errors of ``zipfile`` for encrypted, unsupported or damaged entries.
_UNREADABLE = (*(RuntimeError, NotImplementedError, EOFError), *(zipfile.BadZipFile, zlib.error))


_IS_UTF_8 = 0x800


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open the ZIP with the audio.

    Raises ``ImportRefused`` if it is unreadable or has too many files.
    """
    with path.open("rb") as file:
        refuse_many_entries(file)
        try:
            archive = zipfile.ZipFile(file)
        except zipfile.BadZipFile as error:
            raise ImportRefused(str(error)) from error
        with archive:
            yield Archive(archive)


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
        remaining_bytes = limit
        try:
            with self._archive.open(info) as source:
                while remaining_bytes > 0 and (
                    chunk := source.read(min(_CHUNK_BYTES, remaining_bytes))
                ):
                    remaining_bytes -= len(chunk)
                    copy.write(chunk)
        except _UNREADABLE as error:
            copy.close()
            raise RowFault(
                "audio", name, _("It cannot be read from the ZIP: %(error)s.") % {"error": error}
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
