"""Unpacks the one file in a ZIP or gzip archive, within limits."""

from __future__ import annotations

import gzip
import os
import struct
import tempfile
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import IO, BinaryIO, Final, cast

from django.conf import settings
from django.utils.translation import gettext as _

from base.common.reading import read_number
from imports.errors import ImportRefused, TableRefused

_GZIP: Final = b"\x1f\x8b"
_HIDDEN: Final = ("__MACOSX/", ".")
# Parts that only workbooks have.
_OF_WORKBOOK: Final = frozenset(
    {"[Content_Types].xml", "content.xml", "xl/workbook.bin", "xl/workbook.xml"}
)
_ENDINGS: Final = frozenset(
    {
        *(".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xls", ".json", ".jsonl"),
        *(".xml", ".v21", ".v22", ".cwr", ".gz"),
    }
)
_READ: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGED: Final = (
    *(EOFError, OSError, RuntimeError, NotImplementedError, ValueError),
    *(zipfile.BadZipFile, zlib.error),
)
_SHOWN: Final = 5
_CHUNK: Final = 1024 * 1024
_MAX_ENTRIES: Final = 200_000
# Limits a ZIP's table of contents, because ``zipfile`` holds all of it in memory.
_MAX_CONTENTS_BYTES = 32 * 1024**2
_ENTRY = b"PK\x01\x02"
_END = struct.Struct("<4s8xI6x")
_END_64 = struct.Struct("<40xQ8x4s16x")
_LOCATOR_64 = b"PK\x06\x07"
_LONGEST_COMMENT = 1 << 16


def is_archive(file: IO[bytes]) -> bool:
    """Return whether a file is a ZIP archive, such as a workbook."""
    return zipfile.is_zipfile(file)


def unpacked(file: IO[bytes], *, max_bytes: int) -> IO[bytes]:
    """Return the one file in an archive, or the file itself; the other is closed.

    Raises ``TableRefused`` for an archive with several files, and for damaged ones.
    """
    try:
        inner = _gzip(file, max_bytes) or _zip(file, max_bytes)
    except BaseException:
        file.close()
        raise
    if inner is None:
        file.seek(0)
        return file
    file.close()
    return inner


def _gzip(file: IO[bytes], max_bytes: int) -> IO[bytes] | None:
    file.seek(0)
    is_gzip = file.read(2) == _GZIP
    file.seek(0)
    if not is_gzip:
        return None
    with gzip.GzipFile(fileobj=file) as packed:
        return _copied(cast("IO[bytes]", packed), max_bytes)


def _zip(file: IO[bytes], max_bytes: int) -> IO[bytes] | None:
    if not is_archive(file):
        return None
    refuse_many_entries(cast("BinaryIO", file))
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = [info for info in archive.infolist() if not info.is_dir()]
            # Some programs write backslashes.
            names = {info.filename.replace("\\", "/") for info in entries}
            if names & _OF_WORKBOOK:
                return None
            entry = _only(entries)
            with archive.open(entry) as packed:
                return _copied(packed, max_bytes)
    except _DAMAGED:
        # The child that reads workbooks says what is wrong with it.
        return None


def _only(entries: list[zipfile.ZipInfo]) -> zipfile.ZipInfo:
    """Return the one entry that can be meant, or raise ``TableRefused``."""
    visible = [
        info
        for info in entries
        if not info.filename.startswith(_HIDDEN)
        and not PurePosixPath(info.filename).name.startswith(".")
    ]
    fitting = [info for info in visible if PurePosixPath(info.filename).suffix.lower() in _ENDINGS]
    chosen = visible if len(visible) == 1 else fitting
    if len(chosen) != 1:
        names = ", ".join(info.filename[:80] for info in (fitting or visible)[:_SHOWN])
        raise TableRefused(
            _(
                "This ZIP archive does not hold exactly one file that can be imported. "
                "Unpack it and import one file at a time. It holds: %(names)s"
            )
            % {"names": names or "–"}
        )
    if chosen[0].flag_bits & 1:
        raise TableRefused(_("This ZIP archive is protected by a password. Unpack it first."))
    if chosen[0].compress_type not in _READ:
        raise TableRefused(_("This ZIP archive is packed in an unusual way. Unpack it first."))
    return chosen[0]


def _copied(packed: IO[bytes], max_bytes: int) -> IO[bytes]:
    """Return a temporary copy, deleted on close, of what comes out of an archive."""
    copy = tempfile.NamedTemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115 - the caller closes it
    remaining_bytes = max_bytes
    try:
        while chunk := packed.read(min(_CHUNK, remaining_bytes + 1)):
            remaining_bytes -= len(chunk)
            if remaining_bytes < 0:
                raise TableRefused(
                    _("The file is larger than %(limit)s MB. Split it.")
                    % {"limit": max_bytes // 1024**2}
                )
            copy.write(chunk)
    except _DAMAGED as error:
        copy.close()
        raise TableRefused(
            _("The archive is damaged: %(error)s. Download it again, or unpack it first.")
            % {"error": error}
        ) from error
    except BaseException:
        copy.close()
        raise
    copy.seek(0)
    return cast("IO[bytes]", copy)


def refuse_many_entries(file: BinaryIO) -> None:
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
        if file.read(contents_bytes).count(_ENTRY) <= _MAX_ENTRIES:
            return
    raise ImportRefused(
        _("The ZIP file holds more than %(limit)s files. Split the table and the ZIP.")
        % {"limit": read_number(_MAX_ENTRIES)}
    )
