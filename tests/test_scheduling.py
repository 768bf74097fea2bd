"""The order in which tests start, and which of them share a process."""

from __future__ import annotations

import pytest

from tests.scheduling import group_of, in_order

PORTALS = ["tests/e2e/test_every_page.py", "tests/e2e/", "tests/wire/test_federation"]


def test_portals_start_first_and_then_slow_tests(request: pytest.FixtureRequest) -> None:
    root = request.session
    fast = [_test(root, f"tests/jobs/test_fast.py::test_{n}") for n in range(9)]
    slow = [_test(root, f"tests/jobs/test_slow.py::test_{n}", "slow") for n in range(6)]
    wire = [_test(root, f"tests/wire/test_curl.py::test_{n}") for n in range(3)]
    portals = [_test(root, f"{portal}::test") for portal in PORTALS]

    ordered = in_order([*fast, *wire, *slow, *reversed(portals)])

    assert ordered == [*portals, *slow[:2], *wire, *slow[2:], *fast]


def test_fast_tests_alone_keep_their_order(request: pytest.FixtureRequest) -> None:
    fast = [_test(request.session, f"tests/jobs/test_{n}.py::test") for n in range(5)]

    assert in_order(fast) == fast


@pytest.mark.parametrize("group", [*PORTALS, "tests/reports/test_broken_streams.py"])
def test_what_shares_a_portal_shares_a_process(group: str) -> None:
    assert group_of(f"{group}::one") == group_of(f"{group}::other") == group


def _test(root: pytest.Session, name: str, *marks: str) -> pytest.Item:
    class Named(pytest.Item):
        def runtest(self) -> None:
            """Do nothing: pytest asks for the method, and no test runs the item."""

    made: Named = Named.from_parent(root, name=name, nodeid=name)
    for mark in marks:
        made.add_marker(mark)
    return made
