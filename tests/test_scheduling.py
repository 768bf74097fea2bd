"""The order in which tests start, and which of them share a process."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.scheduling import group_of, in_order

PORTALS = [
    "tests/e2e/test_every_page.py",
    "tests/e2e/",
    "tests/wire/test_federation",
]


def test_portals_start_first_and_slow_tests_are_spread(
    request: pytest.FixtureRequest,
) -> None:
    root = request.session
    fast = [_test(root, f"tests/jobs/test_fast.py::test_{n}") for n in range(60)]
    slow = [_test(root, f"tests/jobs/test_slow.py::test_{n}", "slow") for n in range(5)]
    wire = [_test(root, f"tests/wire/test_curl.py::test_{n}") for n in range(3)]
    portals = [_test(root, f"{each}::test") for each in PORTALS]
    given = [*fast, *wire, *slow, *reversed(portals)]

    ordered = in_order(given)

    assert sorted(map(id, ordered)) == sorted(map(id, given))
    assert ordered[: len(portals)] == portals
    at = [ordered.index(each) for each in slow]
    assert all(after - before > 5 for before, after in pairwise(at))
    # A half of the fast tests is left for the end.
    assert set(fast[30:]) <= set(ordered[max(at) + 1 :])
    first = ordered.index(wire[0])
    assert ordered[first : first + 3] == wire
    assert at[0] < first < at[-1]


def test_fast_tests_alone_keep_their_order(request: pytest.FixtureRequest) -> None:
    fast = [_test(request.session, f"tests/jobs/test_{n}.py::test") for n in range(5)]

    assert in_order(fast) == fast


@pytest.mark.parametrize("group", [*PORTALS, "tests/reports/test_broken_streams.py"])
def test_what_shares_a_portal_shares_a_process(group: str) -> None:
    assert group_of(f"{group}::one") == group_of(f"{group}::other") == group


def _test(root: pytest.Session, name: str, *marks: str) -> pytest.Item:
    class Named(pytest.Item):
        def runtest(self) -> None:
            raise NotImplementedError

    made: Named = Named.from_parent(root, name=name, nodeid=name)
    for mark in marks:
        made.add_marker(mark)
    return made
