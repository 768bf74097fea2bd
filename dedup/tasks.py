"""Work on duplicates that runs in a worker."""

from __future__ import annotations

from django_tasks import task

from common.queue import Priority, worker_name
from dedup import checking


@task(priority=Priority.EVERYTHING)
def run_check(check_id: int) -> None:
    """Check the catalogue; a check that is taken or done is left alone."""
    checking.perform(check_id=check_id, worker=worker_name())
