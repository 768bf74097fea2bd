"""The shared runs of kept files: rows as the engine's values, and back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import fields
from typing import Any

from django.db.models import QuerySet

from plugins.monitoring.unknown import models
from recognition.recurring.join import SharedSound

_COLUMNS = [
    {"file": "file_id", "other": "other_id"}.get(field.name, field.name)
    for field in fields(SharedSound)
]


def all_runs() -> dict[SharedSound, int]:
    """Return every run with the key of its row."""
    return {run: key for key, run in _read(models.SharedRun.objects.all())}


def of_files(numbers: Collection[int]) -> dict[int, list[SharedSound]]:
    """Return the runs of some files to earlier sound, by file."""
    by_file: dict[int, list[SharedSound]] = defaultdict(list)
    for _, run in _read(models.SharedRun.objects.filter(file__in=numbers)):
        by_file[run.file].append(run)
    return by_file


def replace(
    before: dict[SharedSound, int], gone: Iterable[SharedSound], new: Iterable[SharedSound]
) -> None:
    """Delete and make rows; ``before`` says which row is which."""
    rows = models.SharedRun.objects
    rows.filter(pk__in=[before[run] for run in gone]).delete()
    rows.bulk_create(
        models.SharedRun(**dict(zip(_COLUMNS, _values(run), strict=True))) for run in sorted(new)
    )


def _values(run: SharedSound) -> list[Any]:  # Any: as each column has it
    return [getattr(run, field.name) for field in fields(SharedSound)]


def _read(rows: QuerySet[models.SharedRun]) -> Iterable[tuple[int, SharedSound]]:
    for key, *values in rows.order_by("pk").values_list("pk", *_COLUMNS):
        yield key, SharedSound(*values)
