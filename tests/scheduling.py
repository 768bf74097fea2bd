"""Which tests share a process, and which begin first.

Whole portals that run beside the tests (a demo with a browser, a server for clients, two
portals that call each other) start once, not once for each process, and before the many
short tests: these then fill what the long ones leave. pytest-xdist's own groups
(``xdist_group``) would do, but release 3.8 does not keep them under pytest 9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest
    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling

# In the order in which they begin.
_PORTALS = ("tests/e2e/", "tests/wire/test_federation.py", "tests/wire/")


def group_of(nodeid: str) -> str:
    """Return what a test shares its process with: its portal; else it is alone."""
    return next((group for group in _PORTALS if nodeid.startswith(group)), nodeid)


def rank(item: pytest.Item) -> int:
    """Return which tests begin first: those beside which something has to start.

    Others stay as pytest-django has them, those that empty the database last.
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
    made._split_scope = group_of  # what its subclasses are asked to replace
    return made
