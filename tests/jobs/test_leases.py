"""Which workers are lost, as the others see it, whatever the clock says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import Settings

from base.jobs import draining, loop, services
from base.jobs.choices import JobState
from base.jobs.kinds import Kind
from base.jobs.leases import LeaseMemory
from base.jobs.models import Job
from tests.factories.catalogue import BucketFactory

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


class Seconds:
    """The seconds that a watching worker counts."""

    def __init__(self) -> None:
        self.count = 1000.0

    def __call__(self) -> float:
        return self.count


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    """Return a count that the test sets."""
    made = Seconds()
    monkeypatch.setattr("base.jobs.leases.monotonic", made)
    return made


@pytest.fixture
def memory(seconds: Seconds) -> LeaseMemory:
    return LeaseMemory()


@pytest.fixture
def job(plain: Kind) -> Job:
    job = services.submit(plain, BucketFactory.create())
    Job.objects.filter(pk=job.pk).update(state=JobState.RUNNING, lease_owner="other:1")
    return job


def lease(job: Job, pause: timedelta) -> None:
    until = datetime.now(tz=UTC) + pause
    Job.objects.filter(pk=job.pk).update(lease_until=until)


def reclaimed(memory: LeaseMemory, seconds: Seconds, looks: int) -> list[int]:
    """Return what a worker takes back at each look, three in each lease."""
    counts = []
    for _ in range(looks):
        counts.append(services.reclaim(memory))
        seconds.count += 20.0
    return counts


def test_a_lease_that_ran_out_is_taken_back_at_the_second_look(
    job: Job, memory: LeaseMemory, seconds: Seconds
) -> None:
    lease(job, -timedelta(seconds=1))

    assert reclaimed(memory, seconds, 3) == [0, 1, 0]


def test_a_lease_that_is_renewed_is_in_use_though_a_clock_says_that_it_ran_out(
    job: Job, memory: LeaseMemory, seconds: Seconds
) -> None:
    for number in range(5):
        lease(job, -HOUR + timedelta(seconds=number))
        assert reclaimed(memory, seconds, 1) == [0]


def test_a_lease_that_nobody_renews_has_run_out_though_a_clock_says_that_it_lasts(
    job: Job, memory: LeaseMemory, seconds: Seconds
) -> None:
    lease(job, HOUR)

    assert reclaimed(memory, seconds, 6) == [0, 0, 0, 0, 1, 0]


def test_a_worker_that_stood_still_looks_again_before_it_takes_jobs(
    job: Job, memory: LeaseMemory, seconds: Seconds
) -> None:
    lease(job, -timedelta(seconds=1))
    assert reclaimed(memory, seconds, 1) == [0]
    seconds.count += 3600.0

    assert reclaimed(memory, seconds, 2) == [0, 1]


def test_a_look_that_fails_counts_for_nothing(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    memories: list[LeaseMemory] = []

    def look(memory: LeaseMemory) -> None:
        memories.append(memory)
        if len(memories) == 2:
            raise OSError("the database is away")

    settings.ACRPORTAL_LEASE_SECONDS = 0
    monkeypatch.setattr(loop, "look_after_jobs", look)
    monkeypatch.setattr(draining, "seconds", lambda: float(len(memories) == 3))

    loop.WatchThread(pause=0.0).run()

    first, second, third = memories
    assert first is second is not third
