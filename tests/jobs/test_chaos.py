"""Clocks that jump or differ by an hour, and databases that go away: nothing is lost."""

from __future__ import annotations

import signal
import time
from collections import Counter

import pytest

from tests.jobs.chaos import HOUR, LEASE_SECONDS, Chaos, cut_connections, without_connections

# Only real workers have clocks, connections and threads of their own. How a lease looks to
# other clocks: test_leases.py and test_clock.py.
pytestmark = pytest.mark.soak


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_a_clock_that_jumps_takes_no_job_from_a_worker_that_lives_and_holds_none_when_it_dies(
    chaos: Chaos, step: int
) -> None:
    chaos.submit("long:first", "long:second")
    chaos.start_worker("one")
    chaos.wait_for(lambda: chaos.count("begins first") == 1)
    # Often: only until it is renewed does a lease look as if it had run out.
    for ahead in (*(jump * step for jump in range(1, 21)), HOUR):
        chaos.set_clock("one", ahead)
        time.sleep(0.7)
    chaos.enough("first")
    chaos.wait_for(lambda: chaos.count("begins second") == 1)
    assert chaos.jobs()["first"] == ("done", 1)

    chaos.end("one", signal.SIGKILL)
    chaos.enough("second")
    chaos.start_worker("right")
    # Not only after the hour by which the other clock was ahead.
    chaos.wait_for(lambda: chaos.count("ends second") == 1)
    assert chaos.jobs() == {"first": ("done", 1), "second": ("done", 2)}

    chaos.set_clock("right", step)
    assert chaos.end("right") == 0
    assert [line for line in chaos.read_log() if not line.endswith("ticks")] == [
        "one begins first",
        "one ends first",
        "one begins second",
        "right begins second",
        "right ends second",
    ]


def test_nothing_waits_for_the_hour_by_which_a_clock_was_set_back(chaos: Chaos) -> None:
    chaos.start_worker("one", ahead=HOUR)
    chaos.wait_for(lambda: chaos.count("ticks") > 1)
    chaos.submit("again:tried", ahead=HOUR)
    # Last, because "two" must look before the pause after this failure is over.
    chaos.wait_for(lambda: chaos.count("fails tried") == 1)
    chaos.end("one", signal.SIGKILL)
    chaos.submit("short:asked", ahead=HOUR)

    chaos.start_worker("two")
    chaos.wait_for(lambda: {"two ticks", "two ends tried"} <= set(chaos.read_log()))
    chaos.wait_for(lambda: chaos.count("ends asked") == 1)

    assert chaos.end("two") == 0
    assert chaos.jobs() == {"tried": ("done", 2), "asked": ("done", 1)}
    # On PostgreSQL no time of a job comes from a worker's own clock.
    is_moved = "jobs were ahead of the clock" in chaos.log("two")
    assert is_moved == chaos.url.startswith("sqlite")


def test_workers_whose_clocks_differ_by_an_hour_share_the_work(on_postgres: Chaos) -> None:
    names = [f"s{number}" for number in range(30)]
    on_postgres.submit("long:long", "again:tried", *(f"short:{name}" for name in names))
    begun = time.monotonic()
    on_postgres.start_worker("ahead", ahead=HOUR)
    on_postgres.start_worker("behind", ahead=-HOUR)
    on_postgres.wait_for(lambda: on_postgres.count("ends tried") == 1)
    on_postgres.submit("again:later")
    on_postgres.wait_for(lambda: on_postgres.count("ends later") == 1)
    time.sleep(LEASE_SECONDS)
    on_postgres.enough()
    on_postgres.wait_for(lambda: on_postgres.jobs()["long"][0] == "done")
    lasted = time.monotonic() - begun

    assert on_postgres.end("ahead") == on_postgres.end("behind") == 0
    counts = Counter(line.partition(" ")[2] for line in on_postgres.read_log())
    once = ["begins long", "ends long", "ends tried", "ends later"]
    assert {counts[words] for words in once} == {1}
    assert {counts[f"ends {name}"] for name in names} == {1}
    # Every two seconds, whoever does it.
    assert 2 <= counts["ticks"] <= lasted / 2 + 2


def test_connections_that_are_cut_lose_no_work_and_repeat_none(on_postgres: Chaos) -> None:
    on_postgres.submit("long:long")
    on_postgres.start_worker("one")
    on_postgres.wait_for(lambda: on_postgres.count("begins long") == 1)
    for _ in range(4):
        cut_connections(on_postgres.url)
        time.sleep(1.5)
    on_postgres.submit("short:asked")
    on_postgres.enough()
    on_postgres.wait_for(lambda: {job[0] for job in on_postgres.jobs().values()} == {"done"})

    assert on_postgres.end("one") == 0
    assert on_postgres.count("ends long") == on_postgres.count("ends asked") == 1


def test_a_database_that_was_away_for_longer_than_a_lease_loses_no_work(on_postgres: Chaos) -> None:
    on_postgres.submit("long:long", "short:asked")
    on_postgres.start_worker("one")
    on_postgres.wait_for(lambda: on_postgres.count("begins long") == 1)
    with without_connections(on_postgres.url):
        time.sleep(LEASE_SECONDS * 1.5)
        ticks = on_postgres.count("ticks")
    on_postgres.wait_for(lambda: on_postgres.count("ticks") > ticks)
    time.sleep(LEASE_SECONDS)
    # The worker lived all the time, and so did its work.
    assert on_postgres.jobs()["long"] == ("running", 1)
    on_postgres.enough()
    on_postgres.wait_for(lambda: {job[0] for job in on_postgres.jobs().values()} == {"done"})

    assert on_postgres.end("one") == 0
    assert on_postgres.count("ends long") == on_postgres.count("ends asked") == 1
