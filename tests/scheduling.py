"""Chooses which tests share a process and which start first.

Whole portals that run beside the tests (a demo with a browser, a server for clients,
two portals that call each other) start once instead of once per process, and before the
many short tests, which then fill the remaining time. pytest-xdist's own groups
(``xdist_group``) would do this, but release 3.8 does not respect them under pytest 9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest
    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling

_SLOW = "slow"
# In starting order; the first that a test's name begins with is its group. Every page has
# a portal of its own, or it would follow the other browser tests in their process. The
# last portal waits until slow tests have begun: four at once are too many for two cores.
_ORDER = (
    "tests/e2e/test_every_page.py",
    "tests/e2e/",
    "tests/wire/test_federation.py",
    _SLOW,
    "tests/wire/",
)


def group_of(nodeid: str) -> str:
    """Return the group of a test: its portal's, or else a group of its own."""
    return next((group for group in _ORDER if nodeid.startswith(group)), nodeid)


def rank(item: pytest.Item) -> int:
    """Return the sort key of a test: portals and slow tests, which mostly wait, first.

    Tests that start servers follow. The others keep the order of pytest-django, with
    tests that empty the database last.
    """
    group = group_of(item.nodeid)
    if group not in _ORDER and item.get_closest_marker("slow"):
        group = _SLOW
    if group in _ORDER:
        return _ORDER.index(group)
    starts = "copy_database" in getattr(item, "fixturenames", ())
    return len(_ORDER) + (0 if starts else 1)


def scheduler(config: pytest.Config, log: Producer | None) -> LoadScopeScheduling:
    """Return a scheduler that keeps groups together, in the order of collection."""
    from xdist.scheduler import LoadScopeScheduling

    config.option.loadscopereorder = False
    made = LoadScopeScheduling(config, log)
    made._split_scope = group_of  # pytest-xdist asks subclasses to override this method
    return made
