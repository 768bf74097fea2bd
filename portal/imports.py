"""Imports of recordings: kept with their audio, and started when somebody says so."""

from __future__ import annotations

from django.core.files.base import File
from django.db import transaction

import audit.services
from accounts.models import User
from catalogue.models import Bucket, CatalogueImport
from common import checked_imports
from common.checked_imports import ImportStatus
from common.storage import display_name, keep_file
from portal.tasks import carry_out_import, check_import


def keep_import(
    *,
    bucket: Bucket,
    table: File[bytes],
    archive: File[bytes] | None,
    encoding: str,
    keep_unknown: bool,
    user: User,
) -> CatalogueImport:
    """Keep a table and its audio; the worker checks it, nothing is imported yet."""
    kept = CatalogueImport(
        bucket=bucket,
        table_name=display_name(table.name or "", otherwise="table"),
        encoding=encoding,
        keep_unknown=keep_unknown,
        made_by=user,
    )
    kept.table = keep_file(table, f"imports/{kept.uid}/table").name
    if archive is not None:
        kept.audio = keep_file(archive, f"imports/{kept.uid}/audio.zip").name
    with transaction.atomic():
        kept.save()
        transaction.on_commit(lambda: check_import.enqueue(kept.pk))
    return kept


def start_import(*, catalogue_import: CatalogueImport, user: User) -> bool:
    """Carry out an import that was checked; tell whether it was waiting for that."""
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
    """Go on with an import that was given up or refused; tell whether it was."""
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
    """Go on with imports whose worker died or whose queue entry was lost."""
    for one in checked_imports.left_behind(CatalogueImport.objects.all()):
        _TASK_OF[ImportStatus(one.status)].enqueue(one.pk)


_TASK_OF = {
    ImportStatus.CHECKING: check_import,
    ImportStatus.IMPORTING: carry_out_import,
}
