"""Imports of recordings: stored with their audio, checked, and started on request."""

from __future__ import annotations

from django.core.files.base import File
from django.db import transaction

import audit.services
from accounts.models import User
from catalogue.models import Bucket
from common.storage import display_name, keep_file
from imports import checked_imports
from imports.models import CatalogueImport, ImportStatus
from portal.imports.tasks import carry_out_import, check_import


def keep_import(
    *,
    bucket: Bucket,
    table: File[bytes],
    archive: File[bytes] | None,
    encoding: str,
    keep_unknown: bool,
    user: User,
) -> CatalogueImport:
    """Store a table and its audio and queue the check; nothing is imported yet."""
    stored = CatalogueImport(
        bucket=bucket,
        table_name=display_name(table.name or "", otherwise="table"),
        encoding=encoding,
        keep_unknown=keep_unknown,
        made_by=user,
    )
    stored.table = keep_file(table, f"imports/{stored.uid}/table").name
    if archive is not None:
        stored.audio = keep_file(archive, f"imports/{stored.uid}/audio.zip").name
    with transaction.atomic():
        stored.save()
        transaction.on_commit(lambda: check_import.enqueue(stored.pk))
    return stored


def start_import(*, catalogue_import: CatalogueImport, user: User) -> bool:
    """Queue a checked import; return False if it was not waiting to be imported."""
    with transaction.atomic():
        started = checked_imports.start(catalogue_import)
        if started:
            audit.services.record(
                case=f"bucket:{catalogue_import.bucket_id}",
                action="bucket.import_started",
                actor=user,
                after={
                    "import": catalogue_import.uid,
                    "table": catalogue_import.table_name,
                },
            )
            transaction.on_commit(lambda: carry_out_import.enqueue(catalogue_import.pk))
    return started


def try_again(*, catalogue_import: CatalogueImport, user: User) -> bool:
    """Queue a refused import again; return False if it was not refused."""
    with transaction.atomic():
        step = checked_imports.start_again(catalogue_import)
        if step is not None:
            audit.services.record(
                case=f"bucket:{catalogue_import.bucket_id}",
                action="bucket.import_tried_again",
                actor=user,
                after={"import": catalogue_import.uid},
            )
            task = _TASK_OF[step]
            transaction.on_commit(lambda: task.enqueue(catalogue_import.pk))
    return step is not None


def requeue_stale_imports(**_signal: object) -> None:
    """Queue imports again whose worker died or whose queue entry was lost."""
    for stale in checked_imports.left_behind(CatalogueImport.objects.all()):
        _TASK_OF[ImportStatus(stale.status)].enqueue(stale.pk)


_TASK_OF = {
    ImportStatus.CHECKING: check_import,
    ImportStatus.IMPORTING: carry_out_import,
}
