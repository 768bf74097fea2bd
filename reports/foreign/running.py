"""Checks and runs imports of results in the worker."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db.models import QuerySet

from common.storage import local_path
from imports.checked_imports import carry_out
from imports.models import ResultImport
from reports.foreign.errors import ResultsRefused
from reports.foreign.importing import ResultImporter
from reports.foreign.reading import read
from scanning.tasks import heartbeat

KIND = "result_import"


def run(*, import_id: int, dry: bool) -> None:
    """Check or run an import, and store its outcome."""
    carry_out(
        ResultImport.objects.select_related("container", "made_by"),
        import_id,
        dry=dry,
        kind=KIND,
        refusals=(ResultsRefused,),
        work=_run,
    )


def _run(
    result_import: ResultImport, mine: QuerySet[ResultImport], dry: bool
) -> dict[str, Any]:  # Any: JSON
    beat = heartbeat(mine)
    task = ResultImporter(
        container=result_import.container,
        user=result_import.made_by,
        source=result_import.file_name,
        dry=dry,
        heartbeat=beat,
    )
    with local_path(result_import.file) as path:
        return asdict(
            task.run(read(path, name=result_import.file_name, heartbeat=beat))
        )
