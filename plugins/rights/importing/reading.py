"""Opens files of rights: CWR and ERN are read in a confined child process."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from django.utils.translation import gettext as _

from base.common.confined import ReadingLimits, Unreadable, json_lines, read_confined
from imports.table_encoding import RECOGNISED
from imports.tables import is_sheet, table_in
from imports.unpacking import unpacked
from plugins.rights.importing.claims_json import from_json
from plugins.rights.importing.faults import MessageRefused, Read
from plugins.rights.importing.reading_jobs import SNIFF_BYTES, reader_of
from plugins.rights.importing.table import KNOWN_NAMES, read_table

MAX_BYTES = 500 * 1024**2
_LIMITS = ReadingLimits(memory_bytes=512 * 1024**2, cpu_s=900, output_bytes=2 * 1024**3)
# A batch of works or recordings is in memory at once.
_MAX_LINE_BYTES = 64 * 1024**2


@dataclass(frozen=True, slots=True)
class TableChoices:
    """What a person chose of a table; the rest is found out."""

    encoding: str = RECOGNISED
    header_line: int | None = None
    rules: Mapping[str, str] = field(default_factory=dict)


_USUAL: Final = TableChoices()


@contextmanager
def open_message(
    path: Path,
    *,
    name: str,
    choices: TableChoices = _USUAL,
    isrc_of: Callable[[str], str] = lambda _custom_id: "",
    heartbeat: Callable[[], None] = lambda: None,
) -> Iterator[Iterator[Read]]:
    """Yield the batches, faults and counts of a file; its content decides the format.

    An archive may hold one message or table. ``choices`` are about a table, ``isrc_of``
    is as in ``read_table``. ``heartbeat`` is called while a message is read.
    Raises ``MessageRefused`` or ``TableRefused``.
    """
    file = unpacked(path.open("rb"), max_bytes=MAX_BYTES)
    with file:
        beginning = file.read(SNIFF_BYTES)
        file.seek(0)
        if not beginning:
            raise MessageRefused(_("The file is empty."))
        # A page or Excel's XML is a table, although it begins as XML.
        if reader_of(beginning) is not None and not is_sheet(file):
            file.seek(0)
            with _lines(file, name, heartbeat) as lines:
                yield _read_lines(lines)
            return
        table = table_in(
            file,
            names=KNOWN_NAMES,
            encoding=choices.encoding,
            header_line=choices.header_line,
            heartbeat=heartbeat,
        )
        with table:
            yield read_table(table, name=name, isrc_of=isrc_of, chosen=choices.rules)


def _lines(file: IO[bytes], name: str, heartbeat: Callable[[], None]) -> IO[bytes]:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size > MAX_BYTES:
        raise MessageRefused(_("The file is larger than 500 MB. Split it."))
    try:
        return read_confined(
            file,
            jobs="plugins.rights.importing.reading_jobs",
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
