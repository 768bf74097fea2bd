"""Lists of the tests that capabilities add to: rows, addresses, services, steps.

Each capability has modules for them in ``plugins/NAME/tests``: ``registered`` for the tests of
access, ``registered_season`` and ``registered_fill`` for the season and for the pages of the
browser's tests. They are imported when a list is first read, so that other tests need not
wait for them; a module that they import must not read a list at its own import.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Final, TypeVar

from django.conf import settings

K = TypeVar("K")
V = TypeVar("V")

SEASON: Final = "registered_season"
FILL: Final = "registered_fill"


@cache
def import_all(module: str) -> None:
    """Import what the installed capabilities register for a kind of tests."""
    for name in settings.ACRPORTAL_PLUGINS:
        if find_spec(f"plugins.{name}.tests.{module}"):
            import_module(f"plugins.{name}.tests.{module}")


class Table(Mapping[K, V]):
    """A list of the core by name, and what capabilities register in it.

    ``module`` is where they do: importing all that a season needs takes seconds.
    """

    def __init__(self, own: Mapping[K, V], module: str = "registered") -> None:
        self._rows = dict(own)
        self._module = module

    def register(self, rows: Mapping[K, V]) -> None:
        """Add rows under names of their own."""
        if double := self._rows.keys() & rows.keys():
            raise ValueError(f"registered twice: {sorted(map(str, double))}")
        self._rows.update(rows)

    def __getitem__(self, name: K) -> V:
        import_all(self._module)
        return self._rows[name]

    def __iter__(self) -> Iterator[K]:
        import_all(self._module)
        return iter(self._rows)

    def __len__(self) -> int:
        import_all(self._module)
        return len(self._rows)
