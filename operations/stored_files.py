"""Checks that stored files and the rows that name them agree."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

from django.apps import apps
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import models

import catalogue.jobs
import scanning.jobs
from base.jobs.services import submit
from catalogue.fingerprinting import refresh_fingerprint
from catalogue.index_log import note_change
from catalogue.models import Recording
from operations.findings import DoctorFinding
from operations.hidden import hidden_rows
from operations.tables import kept_models
from scanning.models import ScannedFile

# Uploads in progress and open transactions are younger than this.
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


def lost_files() -> Iterator[DoctorFinding]:
    """Find file names in rows that the storage lacks."""
    for model, column in file_columns():
        rows = model._base_manager.exclude(**{column: ""}).only("pk", column)
        for row in rows.order_by("pk").iterator():
            name = str(getattr(row, column))
            if not default_storage.exists(name):
                repair, remedy = _way_back(row, column)
                problem = f"{model._meta.verbose_name} {row}: {column} {name} is missing"
                yield DoctorFinding("lost files", problem, remedy, repair)


def stray_files() -> Iterator[DoctorFinding]:
    """Find stored files that no row names."""
    if why := hidden_rows():
        # Their files would seem stray, and --fix would delete them.
        yield DoctorFinding("stray files", "not checked", why)
        return
    columns = file_columns()
    for name in sorted(_stored_names("")):
        if any(m._base_manager.filter(**{c: name}).exists() for m, c in columns):
            continue
        # Ask for the age last, because it is a request per file on object storage.
        stored_at = _stored_at(name)
        if stored_at is not None and stored_at < datetime.now(tz=UTC) - _SETTLED:
            yield DoctorFinding(
                "stray files",
                f"no row refers to the stored file {name}",
                "It only takes up space; --fix deletes it.",
                partial(default_storage.delete, name),
            )


def stray_uploads() -> Iterator[DoctorFinding]:
    """Find files that interrupted uploads and workers left in the scratch folder."""
    before = (datetime.now(tz=UTC) - _SETTLED).timestamp()
    for path in sorted(settings.FILE_UPLOAD_TEMP_DIR.iterdir()):
        try:
            status = path.stat()
        except FileNotFoundError:  # used or deleted in the meantime
            continue
        if stat.S_ISREG(status.st_mode) and status.st_mtime < before:
            yield DoctorFinding(
                "stray files",
                f"an interrupted upload or worker left {path}",
                "It only takes up space; --fix deletes it.",
                partial(path.unlink, missing_ok=True),
            )


def _way_back(row: models.Model, column: str) -> tuple[Callable[[], object] | None, str]:
    """Return the repair of a lost file, if any, and the advice to print."""
    if column == "proxy" and isinstance(row, Recording | ScannedFile):
        return partial(_render_again, row), "--fix creates it again from the audio."
    if column == "fingerprint" and isinstance(row, Recording):
        audio = Recording.objects.values_list("audio", flat=True).get(pk=row.pk)
        if audio and default_storage.exists(audio):
            repair = partial(_fingerprint_again, row.pk)
            return repair, "--fix creates it again from the audio."
    return (None, "Restore it from a backup (docs/operations.md), or add the audio again.")


def _render_again(row: Recording | ScannedFile) -> None:
    type(row)._base_manager.filter(pk=row.pk).update(proxy="")
    row.proxy = ""
    package = catalogue if isinstance(row, Recording) else scanning
    submit(package.jobs.RENDITION, row)


def _fingerprint_again(recording_id: int) -> None:
    recording = Recording.objects.get(pk=recording_id)
    refresh_fingerprint(recording)
    note_change([recording.pk])


def _stored_at(name: str) -> datetime | None:
    """Return when a file was stored, or None if it was deleted in the meantime."""
    try:
        return default_storage.get_modified_time(name)
    except Exception:  # each storage raises its own error for a missing file
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
