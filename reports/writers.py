"""Writes rows as CSV to the letter of the specification, a piece at a time.

UTF-8 with a byte order mark, CRLF, RFC 4180 quoting; no clock and nothing random,
so that the same rows give the same bytes.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reports.rows import COLUMNS, Case
from reports.values import as_text

PIECE_CHARS = 64 * 1024


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the CSV is written; the defaults are what most programs read."""

    separator: str = ","
    byte_order_mark: bool = True


def csv_pieces(cases: Iterable[Case], dialect: Dialect) -> Iterator[bytes]:
    """Return the file in pieces of about 64 KiB."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=dialect.separator, lineterminator="\r\n")
    if dialect.byte_order_mark:
        yield codecs.BOM_UTF8
    writer.writerow([column.name for column in COLUMNS])
    for case in cases:
        writer.writerow(cells(case))
        if buffer.tell() >= PIECE_CHARS:
            yield _drain(buffer)
    yield _drain(buffer)


def cells(case: Case) -> list[str]:
    """Return one row as it is written."""
    return [as_text(column.value(case), column.kind) for column in COLUMNS]


def _drain(buffer: io.StringIO) -> bytes:
    piece = buffer.getvalue().encode()
    buffer.seek(0)
    buffer.truncate()
    return piece
