"""Do the stored files and the rows that name them fit together?"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import models

from catalogue import index_store
from catalogue.fingerprinting import refresh_fingerprint
from catalogue.models import Recording, RecordingStatus
from catalogue.tasks import render_recording
from operations.findings import Finding
from operations.tables import kept_models
from scanning.models import ScannedFile
from scanning.tasks import render_file

# Uploads in progress and files of transactions that have not ended are younger.
_SETTLED = timedelta(days=1)

FileColumn = tuple[type[models.Model], str]


def file_columns() -> list[FileColumn]:
    """Return every column that names a stored file."""
    return [
        (model, field.attname)
        for model in kept_models(apps)
        for field in model._meta.concrete_fields
        if isinstance(field, models.FileField)
    ]


def lost_files() -> Iterator[Finding]:
    """Find names in rows of which the storage has no file."""
    for model, column in file_columns():
        rows = model._base_manager.exclude(**{column: ""}).only("pk", column)
        for row in rows.order_by("pk").iterator():
            name = str(getattr(row, column))
            if not default_storage.exists(name):
                mend, remedy = _way_back(row, column)
                problem = (
                    f"{model._meta.verbose_name} {row}: {column} {name} is missing"
                )
                yield Finding("lost files", problem, remedy, mend)


def stray_files() -> Iterator[Finding]:
    """Find stored files that no row names."""
    columns = file_columns()
    for name in sorted(_stored_names("")):
        if any(m._base_manager.filter(**{c: name}).exists() for m, c in columns):
            continue
        stored_at = _stored_at(name)
        if stored_at is not None and stored_at < datetime.now(tz=UTC) - _SETTLED:
            yield Finding(
                "stray files",
                f"{name} belongs to nothing",
                "It takes space only; --fix deletes it.",
                partial(default_storage.delete, name),
            )


def stray_uploads() -> Iterator[Finding]:
    """Find what interrupted uploads and workers left in the scratch folder."""
    before = (datetime.now(tz=UTC) - _SETTLED).timestamp()
    for path in sorted(settings.FILE_UPLOAD_TEMP_DIR.iterdir()):
        try:
            told = path.stat()
        except FileNotFoundError:  # used or deleted meanwhile
            continue
        if stat.S_ISREG(told.st_mode) and told.st_mtime < before:
            yield Finding(
                "stray files",
                f"{path} was left behind",
                "It takes space only; --fix deletes it.",
                partial(path.unlink, missing_ok=True),
            )


def _way_back(
    row: models.Model, column: str
) -> tuple[Callable[[], object] | None, str]:
    """Return what makes a lost file again, and what to say."""
    if column == "proxy" and isinstance(row, Recording | ScannedFile):
        return partial(_render_again, row), "--fix makes it again from the audio."
    if column == "fingerprint" and isinstance(row, Recording) and _has_audio(row):
        return partial(
            _fingerprint_again, row.pk
        ), "--fix makes it again from the audio."
    return (
        None,
        "Restore it from a backup (docs/operations.md), or add the audio again.",
    )


def _render_again(row: Recording | ScannedFile) -> None:
    type(row)._base_manager.filter(pk=row.pk).update(proxy="")
    task: Any = render_recording if isinstance(row, Recording) else render_file
    task.enqueue(row.pk)


def _has_audio(recording: Recording) -> bool:
    name = Recording.objects.values_list("audio", flat=True).get(pk=recording.pk)
    return bool(name) and default_storage.exists(name)


def _fingerprint_again(recording_id: int) -> None:
    recording = Recording.objects.get(pk=recording_id)
    refresh_fingerprint(recording)
    recording.refresh_from_db()
    if recording.status == RecordingStatus.READY:
        index_store.index_recording(recording)


def _stored_at(name: str) -> datetime | None:
    """Return when a file was stored; None where it is deleted meanwhile."""
    try:
        return default_storage.get_modified_time(name)
    except Exception:  # each storage has its own for a file that is not there
        if default_storage.exists(name):
            raise
        return None


def _stored_names(folder: str) -> Iterator[str]:
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    yield from (f"{folder}/{name}" if folder else name for name in files)
    for inner in folders:
        yield from _stored_names(f"{folder}/{inner}" if folder else inner)
