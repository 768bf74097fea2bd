"""Writes rows as text in pieces, exactly as specified.

Nothing depends on time or chance, so equal rows give equal bytes.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from reports.schemas import ColumnType
from reports.values import Cell, ValueType, cell_text

PIECE_CHARS = 64 * 1024
Json: TypeAlias = str | int | float | bool | list[str] | None
Rows: TypeAlias = Iterable[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Dialect:
    """The CSV dialect; the defaults suit most programs."""

    separator: str = ","
    byte_order_mark: bool = True


def csv_pieces(
    rows: Rows, fields: Sequence[ColumnType], dialect: Dialect
) -> Iterator[bytes]:
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
        if buffer.tell() >= PIECE_CHARS:
            yield _drain(buffer)
    yield _drain(buffer)


def json_lines_pieces(rows: Rows, fields: Sequence[ColumnType]) -> Iterator[bytes]:
    """Yield one JSON object per line; numbers are numbers, unknown is null."""
    return _joined(f"{line}\n" for line in _json_rows(rows, fields))


def json_pieces(
    rows: Rows, fields: Sequence[ColumnType], manifest: Mapping[str, object]
) -> Iterator[bytes]:
    """Yield one JSON document with the manifest and all rows."""

    def lines() -> Iterator[str]:
        # Written by hand: the rows must not be in memory at once.
        yield f'{{"manifest":{_dumps(manifest)},"rows":['
        for number, line in enumerate(_json_rows(rows, fields)):
            yield f",\n{line}" if number else f"\n{line}"
        yield "\n]}\n"

    return _joined(lines())


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
        yield _dumps(dict(zip(names, map(json_value, row, kinds), strict=True)))


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _dumps(value: object) -> str:
    return _encode(value)


def _joined(texts: Iterable[str]) -> Iterator[bytes]:
    """Collect short texts into pieces of about 64 KiB."""
    buffer = io.StringIO(newline="")
    for text in texts:
        buffer.write(text)
        if buffer.tell() >= PIECE_CHARS:
            yield _drain(buffer)
    yield _drain(buffer)


def _drain(buffer: io.StringIO) -> bytes:
    piece = buffer.getvalue().encode()
    buffer.seek(0)
    buffer.truncate()
    return piece
