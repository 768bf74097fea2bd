"""Background tasks of result imports."""

from __future__ import annotations

from django_tasks import task

from common.queue import Priority, pass_on
from imports.models import ImportStatus, ResultImport
from reports.foreign import running


@task(priority=Priority.PERSON)
def check_results(import_id: int) -> None:
    """Check a file of results; nothing is imported."""
    running.run(import_id=import_id, dry=True)


@task(priority=Priority.DOCUMENT)
def import_results(import_id: int) -> None:
    """Import a checked file of results, then queue the next."""
    running.run(import_id=import_id, dry=False)
    waiting = ResultImport.objects.filter(
        status=ImportStatus.IMPORTING, lease_until__isnull=True
    )
    pass_on(import_results, waiting, kind=running.KIND)
