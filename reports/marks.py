"""What packages above have stated of matches, such as declarations of use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from common.registry import Registry
from review.choices import MatchState


class Statement(Protocol):
    """What names a match."""

    @property
    def name(self) -> str: ...

    @property
    def url(self) -> str: ...


class Mark(Protocol):
    """A match in a statement: its state there and its state now."""

    @property
    def declaration(self) -> Statement: ...

    @property
    def declared_as(self) -> MatchState: ...

    @property
    def now(self) -> MatchState: ...

    @property
    def has_changed(self) -> bool: ...


finders: Registry[Callable[[Sequence[int]], Mapping[int, Sequence[Mark]]]] = Registry()
"""Functions that return marks by match key, newest first."""


def marks_of(matches: Iterable[int]) -> dict[int, list[Mark]]:
    """Return the marks of matches by match key."""
    keys = list(matches)
    found: dict[int, list[Mark]] = {}
    for find in finders:
        for key, marks in find(keys).items():
            found.setdefault(key, []).extend(marks)
    return found
