"""Checks and carries out imports of results, in the worker."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db.models import QuerySet

from common.checked_imports import carry_out
from common.storage import local_path
from reports.foreign.errors import ResultsRefused
from reports.foreign.importing import Import
from reports.foreign.reading import read
from reports.models import ResultImport
from scanning.tasks import heartbeat

KIND = "result_import"


def run(*, import_id: int, dry: bool) -> None:
    """Check an import, or carry it out, and keep what came of it."""
    carry_out(
        ResultImport.objects.select_related("container", "made_by"),
        import_id,
        dry=dry,
        kind=KIND,
        refusals=(ResultsRefused,),
        work=_run,
    )


def _run(
    kept: ResultImport, mine: QuerySet[ResultImport], dry: bool
) -> dict[str, Any]:  # Any: JSON
    task = Import(
        container=kept.container,
        user=kept.made_by,
        source=kept.file_name,
        dry=dry,
        heartbeat=heartbeat(mine),
    )
    with local_path(kept.file) as path:
        return asdict(task.run(read(path, name=kept.file_name)))
