"""Cuts what comes one by one into lists, as ``itertools.batched`` of Python 3.12 does."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield the items in lists of at most ``size``."""
    remaining = iter(items)
    while batch := list(itertools.islice(remaining, size)):
        yield batch
