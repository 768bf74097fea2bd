"""Queue entries for jobs: enough of them, so that no due job waits for a sweep."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from pytest_django import Settings

from jobs import services
from jobs.choices import JobState
from jobs.context import JobContext
from jobs.models import Job
from jobs.wake import run_next_job
from tests.factories.catalogue import BucketFactory
from tests.jobs.work import PLAIN, did, do, registered

pytestmark = pytest.mark.django_db(transaction=True)


def work() -> None:
    """Do what is in the queue."""
    call_command("scan_worker", batch=True, interval=0.0)


def test_a_job_that_goes_on_later_is_taken_up_again() -> None:
    def three_times(context: JobContext) -> None:
        if len(did) < 3:
            context.wait_until(datetime.now(tz=UTC))

    with registered(PLAIN) as kind:
        do(three_times)
        services.submit(kind, BucketFactory.create(name="long"))
        work()

    assert did == ["long"] * 3
    assert Job.objects.get().state == JobState.DONE


def test_limited_jobs_follow_each_other_though_their_entries_are_used_up(
    settings: Settings,
) -> None:
    with registered(PLAIN) as kind:
        settings.ACRPORTAL_JOBS_AT_ONCE = {kind.name: 1}
        for name in "abc":
            services.submit(kind, BucketFactory.create(name=name))
        running = Job.objects.earliest("pk")
        Job.objects.filter(pk=running.pk).update(
            state=JobState.RUNNING,
            lease_until=datetime.now(tz=UTC) + timedelta(minutes=1),
        )
        work()
        assert did == []

        Job.objects.filter(pk=running.pk).update(state=JobState.WAITING)
        run_next_job.call("work")
        work()

    assert did == ["a", "b", "c"]
