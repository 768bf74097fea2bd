"""Checks a file of results, or imports it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from common.storage import local_path
from imports.kinds import Columns
from imports.models import ResultImport
from imports.results.importer import ResultImporter
from imports.results.reading import read


def run(one: ResultImport, heartbeat: Callable[[], None], *, dry: bool) -> Columns:
    """Import the file, or only check it; return the columns with the outcome."""
    task = ResultImporter(
        container=one.container,
        user=one.made_by,
        source=one.file_name,
        dry=dry,
        heartbeat=heartbeat,
    )
    with local_path(one.file) as path:
        found = read(path, name=one.file_name, heartbeat=heartbeat)
        return {"summary": asdict(task.run(found))}
