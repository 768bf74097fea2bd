"""Background tasks of reports."""

from __future__ import annotations

from django_tasks import task

from common.queue import Priority
from reports import sending


@task(priority=Priority.DOCUMENT)
def send_report(dispatch_id: int) -> None:
    """Deliver a scheduled report."""
    sending.send(dispatch_id=dispatch_id)
