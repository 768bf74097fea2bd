"""Imports of recordings as background work."""

from __future__ import annotations

from django_tasks import task

from common.queue import Priority, pass_on
from imports.models import CatalogueImport, ImportStatus
from portal.imports import runs


@task(priority=Priority.PERSON)
def check_import(import_id: int) -> None:
    """Check a table of recordings; nothing is imported."""
    runs.run(import_id=import_id, dry=True)


@task(priority=Priority.DOCUMENT)
def carry_out_import(import_id: int) -> None:
    """Import the good rows of a checked table; under a job limit, queue the next."""
    runs.run(import_id=import_id, dry=False)
    waiting = CatalogueImport.objects.filter(
        status=ImportStatus.IMPORTING, lease_until__isnull=True
    )
    pass_on(carry_out_import, waiting, kind=runs.KIND)
