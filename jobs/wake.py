"""Telling workers that there is a job.

Until every kind of work is a job, jobs share the queue of the other work: an entry
there lets a worker run one job more. The entry says nothing else; the row decides.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django_tasks import task

from common.queue import queue_holds_work
from jobs import runner, selectors
from jobs.choices import JobState, Pool
from jobs.models import Job

_AT_ONCE = 1000


@task()
def run_next_job(pool: str) -> None:
    """Run the job that is next in a pool."""
    job = runner.run_next(Pool(pool))
    if job is None:
        return
    due = selectors.due(Pool(pool))
    if following := due.filter(pk=job.pk).first():
        # A slice of it is done: the rest needs an entry of its own.
        wake(following)
    elif selectors.is_limited(job.kind) and (
        following := due.filter(kind=job.kind).first()
    ):
        # Its entry may have been used up while the limit left no room.
        wake(following)


def wake(job: Job) -> None:
    """Let a worker look for jobs, as urgently as this one is."""
    run_next_job.using(priority=job.priority).enqueue(job.pool)


def wake_for_overdue() -> int:
    """Wake workers again for jobs that should have begun; return for how many.

    Their entries were lost, or were used up while the jobs had to wait.
    """
    # Their entries may just be far back in a long queue, so only one more goes in.
    limit = 1 if queue_holds_work() else _AT_ONCE
    late = datetime.now(tz=UTC) - timedelta(
        seconds=settings.ACRPORTAL_LEASE_SECONDS / 6
    )
    overdue = Job.objects.filter(state=JobState.WAITING, run_after__lt=late)
    count = 0
    for job in overdue.order_by("-priority", "turn", "pk")[:limit]:
        wake(job)
        count += 1
    return count
