"""Stores imports of results, and starts them after a person confirms."""

from __future__ import annotations

from django.core.files.base import File
from django.db import transaction

import audit.services
from accounts.models import User
from common.storage import display_name, keep_file
from imports import checked_imports
from imports.models import ImportStatus, ResultImport
from reports.foreign.tasks import check_results, import_results
from scanning.models import Container


def keep_results(
    *, container: Container, upload: File[bytes], user: User
) -> ResultImport:
    """Store a file of results and queue its check; nothing is imported yet."""
    result_import = ResultImport(
        container=container,
        file_name=display_name(upload.name or "", otherwise="results"),
        made_by=user,
    )
    result_import.file = keep_file(upload, f"result-imports/{result_import.uid}").name
    with transaction.atomic():
        result_import.save()
        transaction.on_commit(lambda: check_results.enqueue(result_import.pk))
    return result_import


def start_import(*, result_import: ResultImport, user: User) -> bool:
    """Import a checked file; tell whether it was waiting for that."""
    with transaction.atomic():
        started = checked_imports.start(result_import)
        if started:
            audit.services.record(
                case=f"container:{result_import.container_id}",
                action="results.import_started",
                actor=user,
                after={"import": result_import.uid, "file": result_import.file_name},
            )
            transaction.on_commit(lambda: import_results.enqueue(result_import.pk))
    return started


def try_again(*, result_import: ResultImport, user: User) -> bool:
    """Restart a failed or refused import; tell whether it was one."""
    with transaction.atomic():
        step = checked_imports.start_again(result_import)
        if step is not None:
            audit.services.record(
                case=f"container:{result_import.container_id}",
                action="results.import_tried_again",
                actor=user,
                after={"import": result_import.uid},
            )
            task = _TASK_OF[step]
            transaction.on_commit(lambda: task.enqueue(result_import.pk))
    return step is not None


def requeue_stale_imports(**_signal: object) -> None:
    """Continue imports whose worker or queue entry was lost."""
    for result_import in checked_imports.left_behind(ResultImport.objects.all()):
        _TASK_OF[ImportStatus(result_import.status)].enqueue(result_import.pk)


_TASK_OF = {
    ImportStatus.CHECKING: check_results,
    ImportStatus.IMPORTING: import_results,
}
