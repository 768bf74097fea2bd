"""Work of the pages that runs in a worker."""

from __future__ import annotations

from django_tasks import task

from portal import import_runs


@task()
def check_import(import_id: int) -> None:
    """Check a table of recordings; nothing is imported."""
    import_runs.run(import_id=import_id, dry=True)


@task()
def carry_out_import(import_id: int) -> None:
    """Import the good rows of a table that was checked."""
    import_runs.run(import_id=import_id, dry=False)
