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

# In starting order.
_PORTALS = ("tests/e2e/", "tests/wire/test_federation.py", "tests/wire/")


def group_of(nodeid: str) -> str:
    """Return the group of a test: its portal's, or else a group of its own."""
    return next((group for group in _PORTALS if nodeid.startswith(group)), nodeid)


def rank(item: pytest.Item) -> int:
    """Return the sort key of a test: portals first, then tests that start servers.

    The others keep the order of pytest-django, with tests that empty the database last.
    """
    group = group_of(item.nodeid)
    if group in _PORTALS:
        return _PORTALS.index(group)
    starts = "copy_database" in getattr(item, "fixturenames", ())
    return len(_PORTALS) + (0 if starts else 1)


def scheduler(config: pytest.Config, log: Producer | None) -> LoadScopeScheduling:
    """Return a scheduler that keeps groups together, in the order of collection."""
    from xdist.scheduler import LoadScopeScheduling

    config.option.loadscopereorder = False
    made = LoadScopeScheduling(config, log)
    made._split_scope = group_of  # pytest-xdist asks subclasses to override this method
    return made
