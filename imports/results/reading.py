"""Opens files of results; large files are parsed in a limited child process.

A file of 100 MB can become gigabytes of objects, so only one scanned file of it is in
memory at a time.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, BinaryIO

from django.conf import settings
from django.utils.translation import gettext as _

from base.common.confined import ReadingLimits, Unreadable, json_lines, read_confined
from imports.errors import TableRefused
from imports.results.found import FoundFile, ResultFault, ResultsRefused
from imports.results.reading_jobs import lines_of
from imports.tables import MAX_BYTES, check_beginning, is_sheet, sheet_rows
from imports.unpacking import unpacked

_LIMITS = ReadingLimits(memory_bytes=1536 * 1024**2, cpu_s=120, output_bytes=400 * 1024**2)
# Up to this size, parsing costs less than starting a process, and at most 20 MB.
_SMALL_BYTES = 256 * 1024
# The results of one scanned file are in memory at once.
_MAX_FILE_BYTES = 32 * 1024**2
_KINDS = {kind.__name__: kind for kind in (FoundFile, ResultFault)}


def read(
    path: Path, *, name: str, heartbeat: Callable[[], None] = lambda: None
) -> Iterator[FoundFile | ResultFault]:
    """Yield the results file by file, and faults.

    ``name`` is the display name; ``heartbeat`` is called regularly while reading.
    ``ResultsRefused`` is raised before the first result.
    """
    try:
        with unpacked(path.open("rb"), max_bytes=MAX_BYTES) as file:
            check_beginning(file)
            if not is_sheet(file):
                return _read_lines(_lines(file, name, heartbeat, is_workbook=False))
            with sheet_rows(file, heartbeat) as rows:
                return _read_lines(_lines(rows, name, heartbeat, is_workbook=True))
    except (TableRefused, Unreadable) as error:
        raise ResultsRefused(str(error)) from error


def _lines(
    file: IO[bytes], name: str, heartbeat: Callable[[], None], *, is_workbook: bool
) -> IO[bytes]:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size <= _SMALL_BYTES:
        written = tempfile.NamedTemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115 - closed by who reads it
        content: BinaryIO = io.BytesIO(file.read())
        written.writelines(lines_of(content, name=name, is_workbook=is_workbook))
        return written
    return read_confined(
        file,
        jobs="imports.results.reading_jobs",
        request={"job": "read", "name": name, "is_workbook": is_workbook},
        limits=_LIMITS,
        heartbeat=heartbeat,
    )


def _read_lines(lines: IO[bytes]) -> Iterator[FoundFile | ResultFault]:
    with lines:
        try:
            for kind, fields in json_lines(lines, max_bytes=_MAX_FILE_BYTES):
                yield _KINDS[kind](**fields)
        except Unreadable as error:
            raise ResultsRefused(
                _("The results of one file are larger than 32 MB. Split them.")
            ) from error
