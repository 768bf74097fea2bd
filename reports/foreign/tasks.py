"""Work on imports of results that runs in a worker."""

from __future__ import annotations

from django_tasks import task

from reports.foreign import running


@task()
def check_results(import_id: int) -> None:
    """Check a file of results; nothing is imported."""
    running.run(import_id=import_id, dry=True)


@task()
def import_results(import_id: int) -> None:
    """Import a file of results that was checked."""
    running.run(import_id=import_id, dry=False)
