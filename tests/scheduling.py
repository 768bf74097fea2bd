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

# In the order in which they begin; every other file is a group of its own.
_GROUPS = ("tests/e2e/", "tests/wire/test_federation.py", "tests/wire/")
_LONG = ("tests/operations/", "tests/scanning/", "tests/index/", "tests/common/")


def group_of(nodeid: str) -> str:
    """Return what a test shares its process with: its portal, or its file."""
    file = nodeid.partition("::")[0]
    return next((group for group in _GROUPS if file.startswith(group)), file)


def rank(nodeid: str) -> int:
    """Return which tests begin first: those that take or wait longest."""
    starts = (*_GROUPS, *_LONG)
    return next(
        (number for number, start in enumerate(starts) if nodeid.startswith(start)),
        len(starts),
    )


def scheduler(config: pytest.Config, log: Producer | None) -> LoadScopeScheduling:
    """Return a scheduler that keeps groups together, in the order of collection."""
    from xdist.scheduler import LoadScopeScheduling

    config.option.loadscopereorder = False
    made = LoadScopeScheduling(config, log)
    made._split_scope = group_of  # what its subclasses are asked to replace
    return made
