"""Opens a report: CSV or gzip, read row by row within limits."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from django.utils.translation import gettext as _

from imports.errors import TableRefused
from imports.table_layout import RawRow
from imports.tables import limited_lines

MAX_ROWS: Final = 3_000_000
MAX_UNPACKED_BYTES: Final = 2 * 1024**3
_MAX_LINE: Final = 1_000_000
_GZIP: Final = b"\x1f\x8b"


class Rows:
    """The rows of an open report.

    ``titles`` has the names of its columns as they are, ``header`` in lower case with
    ``_``.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._lines = _lines(io.TextIOWrapper(file, "utf-8-sig", newline=""))
        self._reader = csv.reader(self._lines)
        first = next(self._read(), RawRow(1, ()))
        self.titles = tuple(cell.strip() for cell in first.cells)
        self.header = tuple(each.lower().replace(" ", "_") for each in self.titles)

    def __iter__(self) -> Iterator[RawRow]:
        """Yield every row below the header that has any content."""
        for row in self._read():
            if any(row.cells):
                yield row

    def _read(self) -> Iterator[RawRow]:
        begin = self._reader.line_num + 1
        while True:
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise TableRefused(
                    _("Line %(line)s: %(error)s.")
                    % {"line": self._reader.line_num, "error": error}
                ) from error
            yield RawRow(begin, tuple(cells))
            begin = self._reader.line_num + 1


@contextmanager
def open_report(path: Path) -> Iterator[Rows]:
    """Open a report; raise ``TableRefused`` if it is empty or cannot be unpacked."""
    with path.open("rb") as file:
        is_packed = file.read(2) == _GZIP
        file.seek(0)
        plain: IO[bytes] = gzip.GzipFile(fileobj=file) if is_packed else file  # type: ignore[assignment]  # reads as other files do
        try:
            yield Rows(plain)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise TableRefused(
                _("The gzip file is damaged: %(error)s. Download the report again.")
                % {"error": error}
            ) from error
        except UnicodeDecodeError as error:
            raise TableRefused(
                _("The report is not UTF-8 text. Import the file as downloaded.")
            ) from error


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Yield lines; refuse huge ones and files that unpack to too much."""
    size = 0
    for line in limited_lines(text, _MAX_LINE):
        # A character takes at least one byte.
        size += len(line)
        if size > MAX_UNPACKED_BYTES:
            raise TableRefused(_("The report is larger than 2 GB. Split it."))
        yield line
