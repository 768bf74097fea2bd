"""Writes rows as text, to the letter of the specification, a piece at a time.

No clock and nothing random, so that the same rows give the same bytes.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from reports.schemas import Field
from reports.values import Cell, Kind, cell_text

PIECE_CHARS = 64 * 1024
Json: TypeAlias = str | int | float | bool | list[str] | None
Rows: TypeAlias = Iterable[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the CSV is written; the defaults are what most programs read."""

    separator: str = ","
    byte_order_mark: bool = True


def csv_pieces(
    rows: Rows, fields: Sequence[Field], dialect: Dialect
) -> Iterator[bytes]:
    """Return a CSV file: UTF-8, CRLF, RFC 4180 quoting, formulas guarded."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=dialect.separator, lineterminator="\r\n")
    if dialect.byte_order_mark:
        yield codecs.BOM_UTF8
    kinds = [field.kind for field in fields]
    writer.writerow([field.name for field in fields])
    for row in rows:
        writer.writerow(list(map(cell_text, row, kinds)))
        if buffer.tell() >= PIECE_CHARS:
            yield _drain(buffer)
    yield _drain(buffer)


def json_lines_pieces(rows: Rows, fields: Sequence[Field]) -> Iterator[bytes]:
    """Return one JSON object per line; numbers are numbers, unknown is null."""
    return _joined(f"{line}\n" for line in _json_rows(rows, fields))


def json_pieces(
    rows: Rows, fields: Sequence[Field], manifest: Mapping[str, object]
) -> Iterator[bytes]:
    """Return one JSON document that holds the manifest and all rows."""

    def lines() -> Iterator[str]:
        yield f'{{"manifest":{_dumps(manifest)},"rows":['
        for number, line in enumerate(_json_rows(rows, fields)):
            yield f",\n{line}" if number else f"\n{line}"
        yield "\n]}\n"

    return _joined(lines())


def json_value(cell: Cell, kind: Kind) -> Json:
    """Return a cell as JSON has it: no guard, and no text that stands for nothing."""
    if cell is None:
        return None
    if isinstance(cell, list):
        return cell
    convert = _FROM_TEXT.get(kind)
    return convert(cell) if convert is not None else cell or None


# What is not text in JSON; decimals have few places, which a double keeps.
_FROM_TEXT: dict[Kind, Callable[[str], Json]] = {
    Kind.INTEGER: int,
    Kind.DECIMAL: float,
    Kind.YES_NO: lambda text: text == "yes",
}


def _json_rows(rows: Rows, fields: Sequence[Field]) -> Iterator[str]:
    names = [field.name for field in fields]
    kinds = [field.kind for field in fields]
    for row in rows:
        yield _dumps(dict(zip(names, map(json_value, row, kinds), strict=True)))


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _dumps(value: object) -> str:
    return _encode(value)


def _joined(texts: Iterable[str]) -> Iterator[bytes]:
    """Gather small texts into pieces of about 64 KiB."""
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
