"""Background jobs that look for duplicates."""

from __future__ import annotations

from django_tasks import task

from common.queue import Priority, worker_name
from dedup import checking


@task(priority=Priority.EVERYTHING)
def run_check(check_id: int) -> None:
    """Check the catalogue; do nothing if the check is already running or done."""
    checking.perform(check_id=check_id, worker=worker_name())
