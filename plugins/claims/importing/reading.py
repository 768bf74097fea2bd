"""Opens a report of a platform, which may be far larger than other tables."""

from __future__ import annotations

from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from django.utils.translation import gettext as _

from imports.errors import TableRefused
from imports.table_layout import RawRow
from imports.tables import Table, open_table, rows_of

MAX_ROWS: Final = 3_000_000
MAX_UNPACKED_BYTES: Final = 2 * 1024**3


class Rows:
    """The rows of an open report.

    ``titles`` has the names of its columns as they are, ``header`` in lower case with
    ``_``.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self.titles = tuple(cell.strip() for cell in table.header)
        self.header = tuple(title.lower().replace(" ", "_") for title in self.titles)

    def __iter__(self) -> Iterator[RawRow]:
        """Yield every row below the header that has any content."""
        return rows_of(self.table)


@contextmanager
def open_report(
    path: Path, *, names: Container[str] = (), header_line: int | None = None
) -> Iterator[Rows]:
    """Open a report; raise ``TableRefused`` if it is none, or cannot be unpacked."""
    with open_table(
        path, names=names, header_line=header_line, max_bytes=MAX_UNPACKED_BYTES
    ) as table:
        try:
            yield Rows(table)
        except UnicodeDecodeError as error:
            # Beyond what is looked at before.
            raise TableRefused(
                _("The report is not UTF-8 text. Import the file as downloaded.")
            ) from error
