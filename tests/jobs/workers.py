"""Workers that die, and jobs that another worker takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from jobs.choices import OPEN_STATES, JobState
from jobs.models import Job


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
    """Let another worker take a running job."""
    Job.objects.filter(pk=job.pk).update(
        lease_owner="other:2", attempts=job.attempts + 1
    )
