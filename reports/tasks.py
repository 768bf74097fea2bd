"""Background tasks of reports."""

from __future__ import annotations

from django_tasks import task

from common.queue import Priority, pass_on
from reports import running, sending
from reports.choices import RunState
from reports.models import ReportRun


@task(priority=Priority.DOCUMENT)
def run_report(run_id: int) -> None:
    """Run a queued report, then queue the next."""
    if running.run_queued(run_id=run_id):
        run_report.enqueue(run_id)
        return
    waiting = ReportRun.objects.filter(state=RunState.QUEUED)
    pass_on(run_report, waiting, kind=running.KIND)


@task(priority=Priority.DOCUMENT)
def send_report(dispatch_id: int) -> None:
    """Deliver a scheduled report."""
    sending.send(dispatch_id=dispatch_id)
