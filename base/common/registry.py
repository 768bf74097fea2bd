"""Lets packages above add their part to a package below, which must not import them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Registry(Generic[T]):
    """What packages above register at the start, in ``AppConfig.ready``, in that order.

    Readers may keep what they read, so nothing may register after the first of them, and
    nobody reads while modules are imported.
    """

    def __init__(self) -> None:
        self._entries: list[T] = []
        self._is_read = False

    def register(self, entry: T) -> None:
        """Add an entry."""
        if self._is_read:
            raise RuntimeError(f"{entry!r} registers after the registry was read.")
        self._entries.append(entry)

    def __iter__(self) -> Iterator[T]:
        self._is_read = True
        return iter(self._entries)
