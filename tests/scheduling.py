"""Chooses which tests share a process and which start first.

Whole portals that run beside the tests (a demo with a browser, a server for clients,
two portals that call each other) start once instead of once per process, and before the
many short tests. pytest-xdist's own groups
(``xdist_group``) would do this, but release 3.8 does not respect them under pytest 9.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    import pytest
    from xdist.workermanage import WorkerController

_SLOW = "slow"
# Tests of plug-ins share the portals of the core's.
_PLUGIN = re.compile(r"^plugins/\w+/")
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
_TOGETHER = ("tests/acrportal/test_ended_searches.py", "tests/reports/test_broken_streams.py")


def group_of(nodeid: str) -> str:
    """Return the group of a test: its portal's, or else a group of its own."""
    groups = (*_ORDER, *_TOGETHER)
    name = _PLUGIN.sub("", nodeid)
    return next((group for group in groups if name.startswith(group)), nodeid)


def in_order(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Return the tests in the order in which they start: portals, slow tests, fast ones.

    The portal of the clients starts among the slow tests.
    """
    by_rank = sorted(items, key=_rank)
    portals = [item for item in by_rank if _rank(item) < _ORDER.index(_SLOW)]
    slow = [item for item in by_rank if _rank(item) == _ORDER.index(_SLOW)]
    clients = [item for item in by_rank if _rank(item) == _ORDER.index(_CLIENTS)]
    fast = [item for item in by_rank if _rank(item) >= len(_ORDER)]
    third = len(slow) // 3
    return [*portals, *slow[:third], *clients, *slow[third:], *fast]


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


class FromBothEnds(LoadScopeScheduling):  # type: ignore[misc]  # no types
    """Gives groups to the processes in order, but to one process from the end.

    Slow tests come first and mostly wait; the one process keeps the cores busy meanwhile.
    """

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        if node is self.nodes[-1]:
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)
