"""Reads PostgreSQL's COPY text: a row a line, tabs between columns, backslash escapes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from plugins.filling.open_data.errors import SourceRefused

BLOCK_BYTES: Final = 8 * 1024**2
_ESCAPE: Final = re.compile(rb"\\(x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|.)", re.S)
_LETTERS: Final = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def lines_of(file: BinaryIO, *, name: str) -> Iterator[bytes]:
    """Yield the lines of a table, read in blocks of ``BLOCK_BYTES``."""
    tail = b""
    while block := file.read(BLOCK_BYTES):
        lines = (tail + block).split(b"\n")
        tail = lines.pop()
        if len(tail) > BLOCK_BYTES:
            raise SourceRefused("dump_unreadable", f"A row of {name} is too long.")
        yield from lines
    if tail:
        yield tail


def values_of(
    line: bytes, *, columns: tuple[int, ...], count: int, name: str
) -> tuple[str | None, ...]:
    r"""Return some columns of a row, counted from 1; ``\N`` is None.

    Raises ``SourceRefused`` if the row has another number of columns than ``count``.
    """
    cells = line.split(b"\t")
    if len(cells) != count:
        raise SourceRefused(
            "dump_columns",
            f"The table {name} has {len(cells)} columns, not {count}. This version reads "
            "other columns than the file has: update the portal, or use an older dump.",
        )
    return tuple(_text(cells[column - 1]) for column in columns)


def _text(cell: bytes) -> str | None:
    if cell == rb"\N":
        return None
    if b"\\" in cell:
        cell = _ESCAPE.sub(_unescaped, cell)
    return cell.decode("utf-8", "replace")


def _unescaped(match: re.Match[bytes]) -> bytes:
    escape = match[1]
    if escape[:1] == b"x" and len(escape) > 1:
        return bytes([int(escape[1:], 16)])
    if escape.isdigit() and escape[:1] < b"8":
        return bytes([int(escape, 8) & 255])
    return _LETTERS.get(escape, escape)
