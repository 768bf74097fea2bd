"""Leases of running jobs: renewed, lost, and never held twice."""

from __future__ import annotations

import threading
from pathlib import Path
from time import monotonic, sleep

import pytest
from pytest_django import Settings

from base.jobs import services
from base.jobs.choices import JobState, Pool
from base.jobs.context import JobContext
from base.jobs.models import Job
from base.jobs.runner import run_next
from tests.factories.catalogue import BucketFactory
from tests.jobs.work import PLAIN, did, do, registered
from tests.threads import shared_database, using_database

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_lease_of_long_work_is_renewed(settings: Settings) -> None:
    settings.ACRPORTAL_LEASE_SECONDS = 2
    seen: list[tuple[str, int, str]] = []

    def last(context: JobContext) -> None:
        begun = Job.objects.get().lease_until
        assert begun is not None
        end = monotonic() + 30.0
        while not Job.objects.filter(lease_until__gt=begun) and monotonic() < end:
            context.report(0.5, "halfway")
            sleep(0.05)
        assert services.reclaim() == 0
        assert Job.objects.filter(lease_until__gt=begun)
        seen.extend(Job.objects.values_list("state", "progress", "stage"))

    with registered(PLAIN) as kind:
        do(last)
        services.submit(kind, BucketFactory.create())
        run_next(Pool.WORK)

    assert seen == [(JobState.RUNNING, 50, "halfway")]
    assert Job.objects.get().state == JobState.DONE


def test_a_cancelled_job_stops_while_it_runs() -> None:
    def until_stopped(context: JobContext) -> None:
        Job.objects.update(cancel_requested=True)
        end = monotonic() + 120.0
        while monotonic() < end:
            context.report()
            sleep(0.05)

    with registered(PLAIN) as kind:
        do(until_stopped)
        services.submit(kind, BucketFactory.create())
        run_next(Pool.WORK)

    assert Job.objects.get().state == JobState.CANCELLED


@pytest.mark.each_database
def test_two_workers_never_take_the_same_job(tmp_path: Path) -> None:
    with registered(PLAIN) as kind:
        for number in range(40):
            services.submit(kind, BucketFactory.create(name=f"b{number}"))
        database = shared_database(tmp_path)

        def work() -> None:
            with using_database(database):
                while run_next(Pool.WORK) is not None:
                    pass

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert sorted(did) == sorted(f"b{number}" for number in range(40))
