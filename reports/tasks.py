"""Work of the reports that runs in a worker."""

from __future__ import annotations

from django_tasks import task

from reports import running


@task()
def run_report(run_id: int) -> None:
    """Run a report that waits."""
    running.run_queued(run_id=run_id)


@task()
def send_report(dispatch_id: int) -> None:
    """Send a scheduled report that is ready."""
    # What runs schedules puts this task on the queue.
    from reports import scheduling

    scheduling.send(dispatch_id=dispatch_id)
