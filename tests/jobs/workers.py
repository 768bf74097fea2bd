"""Workers that die, and jobs that another worker takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db.models import Model

from base.jobs import loop, periodic
from base.jobs.choices import OPEN_STATES, JobState, Pool
from base.jobs.kinds import find_kind
from base.jobs.models import Job
from base.jobs.runner import run_next


def lose_worker(kind: str, *, attempts: int = 1) -> None:
    """Let the open jobs of a kind run at a worker that died."""
    past = datetime.now(tz=UTC) - timedelta(minutes=1)
    Job.objects.filter(kind=kind, state__in=OPEN_STATES).update(
        state=JobState.RUNNING,
        lease_owner="dead:1",
        lease_until=past,
        run_after=past,
        attempts=attempts,
    )


def take_over(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_owner="other:2", attempts=job.attempts + 1)


def fail_job(kind: str, row: Model) -> Job:
    kind_found = find_kind(kind)
    assert kind_found is not None
    job, _made = Job.objects.get_or_create(
        kind=kind,
        subject=row.pk,
        defaults={"key": kind_found.key(row), "run_after": datetime.now(tz=UTC)},
    )
    job.state, job.cause = JobState.FAILED, "It broke."
    job.finished_at = datetime.now(tz=UTC)
    job.save()
    return job


def run_regular_work() -> None:
    loop.look_after_jobs()
    periodic.run_now()
    while run_next(Pool.TALK) is not None:
        pass
