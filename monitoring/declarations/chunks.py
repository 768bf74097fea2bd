"""Reads rows in chunks, so that memory and queries stay bounded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar

Row = TypeVar("Row")
CHUNK: Final = 200
"""Rows per chunk: the matches of as many files must fit into a query's parameters."""


def chunked(rows: Iterable[Row], size: int = CHUNK) -> Iterator[list[Row]]:
    """Yield the rows in lists of at most ``size``."""
    remaining = iter(rows)
    while chunk := list(islice(remaining, size)):
        yield chunk
