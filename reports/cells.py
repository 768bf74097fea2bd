"""Cells of report rows: their types, their text form, and text files made of them.

Nothing depends on time or chance, so equal rows give equal bytes.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from base.common.csv_safety import guard
from base.common.reading import rounded
from base.common.table_text import join_list

Value: TypeAlias = str | int | bool | Decimal | datetime | Sequence[str] | None
"""A cell before it is written; None means unknown or not applicable."""

Cell: TypeAlias = str | list[str] | None
"""A cell as stored and written: text, a list of texts, or nothing."""

Json: TypeAlias = str | int | float | bool | list[str] | None
Rows: TypeAlias = Iterable[Sequence[Cell]]

_PIECE_CHARS = 64 * 1024


class ValueType(StrEnum):
    """The type of a column; the letters are those of the specification."""

    TEXT = "T"
    ENUM = "E"
    INTEGER = "I"
    DECIMAL = "D"
    OFFSET = "O"
    TIME = "U"
    DATE = "Y"
    YES_NO = "B"
    LIST = "L"


GUARDED = frozenset({ValueType.TEXT, ValueType.DATE, ValueType.LIST})
"""Column types with text from people, which a spreadsheet might take for a formula."""


@dataclass(frozen=True, slots=True)
class ColumnType:
    """Name and type of a column in files."""

    name: str
    kind: ValueType


def offset(total_ms: int) -> str:
    """Format a time offset as HH:MM:SS.mmm; hours can exceed 24."""
    seconds, ms = divmod(total_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}.{ms:03d}"


def clock(total_ms: int) -> str:
    """Format a time offset as HH:MM:SS, rounded to whole seconds."""
    return offset(rounded(total_ms))[:-4]


def clock_of(text: str) -> str:
    """Round a time that ``offset`` formatted to whole seconds."""
    hours, minutes, seconds = text.split(":")
    return clock((int(hours) * 60 + int(minutes)) * 60_000 + int(seconds.replace(".", "")))


def as_cell(value: Value, kind: ValueType) -> Cell:
    """Return a value in stored form."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return offset(value) if kind == ValueType.OFFSET else str(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        utc = value.astimezone(UTC).replace(tzinfo=None)
        return f"{utc.isoformat(timespec='seconds')}Z"
    return [str(item) for item in value]


def cell_text(cell: Cell, kind: ValueType) -> str:
    """Return a cell as text, guarded against formulas."""
    if not cell:
        return ""
    text = cell if isinstance(cell, str) else join_list(cell)
    return guard(text) if kind in GUARDED else text


@dataclass(frozen=True, slots=True)
class Dialect:
    """The CSV dialect; the defaults suit most programs."""

    separator: str = ","
    byte_order_mark: bool = True


def csv_pieces(rows: Rows, fields: Sequence[ColumnType], dialect: Dialect) -> Iterator[bytes]:
    """Yield a CSV file: UTF-8, CRLF, RFC 4180 quoting, formulas guarded."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=dialect.separator, lineterminator="\r\n")
    if dialect.byte_order_mark:
        # The mark goes out with the first rows, so that nothing is sent before they are
        # read.
        buffer.write("\ufeff")
    kinds = [field.kind for field in fields]
    writer.writerow([field.name for field in fields])
    for row in rows:
        writer.writerow(list(map(cell_text, row, kinds)))
        if buffer.tell() >= _PIECE_CHARS:
            yield _drain(buffer)
    yield _drain(buffer)


def json_lines_pieces(rows: Rows, fields: Sequence[ColumnType]) -> Iterator[bytes]:
    """Yield one JSON object per line; numbers are numbers, unknown is null."""
    return _join_texts(f"{line}\n" for line in _json_rows(rows, fields))


def json_pieces(
    rows: Rows, fields: Sequence[ColumnType], manifest: Mapping[str, object]
) -> Iterator[bytes]:
    """Yield one JSON document with the manifest and all rows."""

    def lines() -> Iterator[str]:
        # Written by hand: the rows must not be in memory at once.
        yield f'{{"manifest":{_encode(manifest)},"rows":['
        for number, line in enumerate(_json_rows(rows, fields)):
            yield f",\n{line}" if number else f"\n{line}"
        yield "\n]}\n"

    return _join_texts(lines())


def json_value(cell: Cell, kind: ValueType) -> Json:
    """Return a cell as JSON: without guard, and null instead of empty text."""
    if cell is None:
        return None
    if isinstance(cell, list):
        return cell
    convert = _FROM_TEXT.get(kind)
    return convert(cell) if convert is not None else cell or None


# Types that are not text in JSON. A double holds our decimals exactly enough: they have
# few places.
_FROM_TEXT: dict[ValueType, Callable[[str], Json]] = {
    ValueType.INTEGER: int,
    ValueType.DECIMAL: float,
    ValueType.YES_NO: lambda text: text == "yes",
}


def _json_rows(rows: Rows, fields: Sequence[ColumnType]) -> Iterator[str]:
    names = [field.name for field in fields]
    kinds = [field.kind for field in fields]
    for row in rows:
        yield _encode(dict(zip(names, map(json_value, row, kinds), strict=True)))


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _join_texts(texts: Iterable[str]) -> Iterator[bytes]:
    """Collect short texts into pieces of about 64 KiB."""
    buffer = io.StringIO(newline="")
    for text in texts:
        buffer.write(text)
        if buffer.tell() >= _PIECE_CHARS:
            yield _drain(buffer)
    yield _drain(buffer)


def _drain(buffer: io.StringIO) -> bytes:
    piece = buffer.getvalue().encode()
    buffer.seek(0)
    buffer.truncate()
    return piece
