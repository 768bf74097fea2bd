"""Opens files of rights: CWR and ERN are read in a confined child process."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.utils.translation import gettext as _

from common.confined import ReadingLimits, Unreadable, json_lines, read_confined
from imports.rights.claims_json import from_json
from imports.rights.found import MessageRefused, Read
from imports.rights.reading_jobs import SNIFF_BYTES, reader_of
from imports.rights.table import read_table
from imports.tables import open_table

MAX_BYTES = 500 * 1024**2
_LIMITS = ReadingLimits(memory_bytes=512 * 1024**2, cpu_s=900, output_bytes=2 * 1024**3)
# A batch of works or recordings is in memory at once.
_MAX_LINE_BYTES = 64 * 1024**2


@contextmanager
def open_message(
    path: Path,
    *,
    name: str,
    encoding: str = "utf-8",
    isrc_of: Callable[[str], str] = lambda _custom_id: "",
    heartbeat: Callable[[], None] = lambda: None,
) -> Iterator[Iterator[Read]]:
    """Yield the batches, faults and counts of a file; its content decides the format.

    ``encoding`` is that of a CSV file, ``isrc_of`` as in ``read_table``. ``heartbeat`` is called while a message is read.
    Raises ``MessageRefused`` or ``TableRefused``.
    """
    with path.open("rb") as file:
        beginning = file.read(SNIFF_BYTES)
        file.seek(0)
        if not beginning:
            raise MessageRefused(_("The file is empty."))
        is_message = reader_of(beginning) is not None and not zipfile.is_zipfile(file)
        if is_message:
            file.seek(0)
            with _lines(file, name, heartbeat) as lines:
                yield _read_lines(lines)
            return
    with open_table(path, encoding=encoding, heartbeat=heartbeat) as table:
        yield read_table(table, name=name, isrc_of=isrc_of)


def _lines(file: IO[bytes], name: str, heartbeat: Callable[[], None]) -> IO[bytes]:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size > MAX_BYTES:
        raise MessageRefused(_("The file is larger than 500 MB. Split it."))
    try:
        return read_confined(
            file,
            jobs="imports.rights.reading_jobs",
            request={"job": "read", "name": name},
            limits=_LIMITS,
            heartbeat=heartbeat,
        )
    except Unreadable as error:
        raise MessageRefused(str(error)) from error


def _read_lines(lines: IO[bytes]) -> Iterator[Read]:
    try:
        for value in json_lines(lines, max_bytes=_MAX_LINE_BYTES):
            yield from_json(value)
    except Unreadable as error:
        raise MessageRefused(str(error)) from error
