"""Lists of the tests that capabilities add to: rows, addresses, services, steps.

Each capability has a module ``registered`` in its tests: ``plugins/NAME/tests/registered.py``.
It is imported when a list is first read, so that other tests need not wait for it. So no
module that it imports may read a list at its own import.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TypeVar

from django.conf import settings

K = TypeVar("K")
V = TypeVar("V")

# Those whose code is still among the core's.
_IN_THE_CORE = (
    *(["monitoring"] if settings.ACRPORTAL_MONITORING else []),
    *("rights", "platforms", "notices", "imports.moving", "enrichment"),
)


@cache
def import_all() -> None:
    """Import what the installed capabilities register."""
    plugins: list[str] = getattr(settings, "ACRPORTAL_PLUGINS", [])
    for package in [
        *(f"tests.{name}" for name in _IN_THE_CORE),
        *(f"plugins.{name}.tests" for name in plugins),
    ]:
        if find_spec(f"{package}.registered"):
            import_module(f"{package}.registered")


class Table(Mapping[K, V]):
    """A list of the core by name, and what capabilities register in it."""

    def __init__(self, own: Mapping[K, V]) -> None:
        self._rows = dict(own)

    def register(self, rows: Mapping[K, V]) -> None:
        """Add rows under names of their own."""
        if double := self._rows.keys() & rows.keys():
            raise ValueError(f"registered twice: {sorted(map(str, double))}")
        self._rows.update(rows)

    def __getitem__(self, name: K) -> V:
        import_all()
        return self._rows[name]

    def __iter__(self) -> Iterator[K]:
        import_all()
        return iter(self._rows)

    def __len__(self) -> int:
        import_all()
        return len(self._rows)
