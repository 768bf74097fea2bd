"""A clock that is set back or forward: waits, leases and durations stay what they were."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from base.jobs import loop, periodic, services
from base.jobs.choices import JobState, Pool
from base.jobs.context import JobContext
from base.jobs.errors import Retry
from base.jobs.kinds import Kind, unregister
from base.jobs.models import Job
from base.jobs.runner import run_next
from operations.doctor import examine
from scanning.models import Scan
from scanning.selectors import worker_health
from tests.factories.catalogue import BucketFactory
from tests.factories.scanning import ScanFactory
from tests.jobs.work import did, do

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


def not_yet(_context: JobContext) -> None:
    raise Retry("Not yet.")


def test_a_job_that_was_asked_for_before_the_clock_was_set_back_begins(
    plain: Kind, clock: time_machine.Traveller
) -> None:
    services.submit(plain, BucketFactory.create(name="one"))
    clock.shift(-HOUR)
    assert run_next(Pool.WORK) is None

    loop.look_after_jobs()
    run_next(Pool.WORK)

    assert did == ["one"]


def test_a_pause_is_as_long_as_it_was_when_the_clock_is_set_back(
    plain: Kind, clock: time_machine.Traveller
) -> None:
    services.submit(plain, BucketFactory.create(name="one"))
    do(not_yet)
    run_next(Pool.WORK)
    clock.shift(-HOUR)

    loop.look_after_jobs()
    loop.look_after_jobs()

    job = Job.objects.get(kind=plain.name)
    assert job.run_after == NOW - HOUR + timedelta(seconds=30)
    assert job.created_at <= NOW - HOUR
    assert job.started_at == NOW - HOUR


def test_a_job_that_is_planned_for_later_stays_planned(
    plain: Kind, clock: time_machine.Traveller
) -> None:
    services.submit(plain, BucketFactory.create(), at=NOW + 2 * HOUR)
    clock.shift(HOUR)

    loop.look_after_jobs()

    assert Job.objects.get(kind=plain.name).run_after == NOW + 2 * HOUR


def test_regular_work_that_failed_does_not_wait_for_the_hour_either(
    clock: time_machine.Traveller,
) -> None:
    every = timedelta(minutes=10)
    kind = periodic.periodic("test_clock", "no.such.work", every=every, label="T")
    try:
        Job.objects.create(
            kind=kind.name,
            key="clock",
            pool=Pool.TALK,
            state=JobState.FAILED,
            run_after=NOW,
            finished_at=NOW,
        )
        clock.shift(-HOUR)

        loop.look_after_jobs()

        job = Job.objects.get(kind=kind.name, state=JobState.WAITING)
        assert job.run_after == NOW - HOUR + every
    finally:
        unregister(kind)


def test_no_scan_has_waited_for_less_than_no_time(clock: time_machine.Traveller) -> None:
    ScanFactory.create(status="queued")
    Scan.objects.update(created_at=NOW + HOUR)

    assert worker_health().oldest_queued_seconds == 0


@pytest.mark.parametrize(("ahead", "word"), [(HOUR, "ahead of"), (-HOUR, "behind")])
def test_the_doctor_finds_a_machine_whose_clock_is_wrong(
    ahead: timedelta, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("base.jobs.clock.now", lambda: datetime.now(tz=UTC) - ahead)

    (problem,) = [finding.problem for finding in examine() if finding.check == "clock"]

    assert f"3600 s {word} the database server's" in problem
