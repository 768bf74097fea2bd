"""Chooses which tests share a process and which start first.

Whole portals that run beside the tests (a demo with a browser, a server for clients,
two portals that call each other) start once instead of once per process, and before the
many short tests. pytest-xdist's own groups
(``xdist_group``) would do this, but release 3.8 does not respect them under pytest 9.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest
    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling

_SLOW = "slow"
_CLIENTS = "tests/wire/"
# In starting order; the first that a test's name begins with is its group. Every page has
# a portal of its own, or it would follow the other browser tests in their process. The
# last portal waits until slow tests have ended: four at once are too many for two cores.
_ORDER = (
    "tests/e2e/test_every_page.py",
    "tests/e2e/",
    "tests/wire/test_federation",
    _SLOW,
    _CLIENTS,
)
# Modules whose server would start for each test anew, since any process takes the next.
_TOGETHER = ("tests/reports/test_broken_streams.py",)


def group_of(nodeid: str) -> str:
    """Return the group of a test: its portal's, or else a group of its own."""
    groups = (*_ORDER, *_TOGETHER)
    return next((group for group in groups if nodeid.startswith(group)), nodeid)


def in_order(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Return the tests in the order in which they start.

    The portals start at once. Slow tests mostly wait, so they are spread over the first
    half of the fast ones, which keep the cores busy meanwhile; the other half fills the
    time until the last slow test ends. The portal of the clients starts among them.
    """
    by_rank = sorted(items, key=_rank)
    slow = [[item] for item in by_rank if _rank(item) == _ORDER.index(_SLOW)]
    if clients := [item for item in by_rank if _rank(item) == _ORDER.index(_CLIENTS)]:
        slow.insert(len(slow) // 3, clients)
    ordered = [item for item in by_rank if _rank(item) < _ORDER.index(_SLOW)]
    fast = [item for item in by_rank if _rank(item) >= len(_ORDER)]
    between = len(fast) // 2 // max(1, len(slow))
    for number, group in enumerate(slow):
        ordered += [*group, *fast[number * between : (number + 1) * between]]
    return ordered + fast[len(slow) * between :]


def _rank(item: pytest.Item) -> int:
    """Return the sort key of a test: the portals, slow tests, those that start servers.

    The others keep the order of pytest-django, with tests that empty the database last.
    """
    group = group_of(item.nodeid)
    marks = {mark.name for mark in item.iter_markers()}
    if group not in _ORDER and not marks.isdisjoint({"slow", "soak"}):
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
