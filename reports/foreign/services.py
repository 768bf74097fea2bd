"""Imports of results: kept, and started when somebody says so."""

from __future__ import annotations

from datetime import UTC, datetime

from django.core.files.base import File
from django.db import transaction

import audit.services
from accounts.models import User
from common.queue import left_behind
from common.storage import display_name, keep_file
from reports.foreign.tasks import check_results, import_results
from reports.models import ResultImport, ResultImportStatus
from scanning.models import Container


def keep_results(
    *, container: Container, upload: File[bytes], user: User
) -> ResultImport:
    """Keep a file of results; the worker checks it, nothing is imported yet."""
    kept = ResultImport(
        container=container,
        file_name=display_name(upload.name or "", otherwise="results"),
        made_by=user,
    )
    kept.file = keep_file(upload, f"result-imports/{kept.uid}").name
    with transaction.atomic():
        kept.save()
        transaction.on_commit(lambda: check_results.enqueue(kept.pk))
    return kept


def start_import(*, result_import: ResultImport, user: User) -> bool:
    """Import what was checked; tell whether it was waiting for that."""
    with transaction.atomic():
        started = ResultImport.objects.filter(
            pk=result_import.pk, status=ResultImportStatus.CHECKED
        ).update(status=ResultImportStatus.IMPORTING, updated_at=datetime.now(tz=UTC))
        if started:
            audit.services.record(
                case=f"container:{result_import.container_id}",
                action="results.import_started",
                actor=user,
                after={"import": result_import.uid, "file": result_import.file_name},
            )
            transaction.on_commit(lambda: import_results.enqueue(result_import.pk))
    return bool(started)


def try_again(*, result_import: ResultImport, user: User) -> bool:
    """Go on with an import that was given up or refused; tell whether it was.

    What was checked before is imported, anything else is checked first.
    """
    checked = bool(result_import.summary)
    status = ResultImportStatus.IMPORTING if checked else ResultImportStatus.CHECKING
    with transaction.atomic():
        again = ResultImport.objects.filter(
            pk=result_import.pk, status=ResultImportStatus.REFUSED
        ).update(status=status, message="", attempts=0, updated_at=datetime.now(tz=UTC))
        if again:
            audit.services.record(
                case=f"container:{result_import.container_id}",
                action="results.import_tried_again",
                actor=user,
                after={"import": result_import.uid},
            )
            task = import_results if checked else check_results
            transaction.on_commit(lambda: task.enqueue(result_import.pk))
    return bool(again)


def requeue_stale_imports(**_signal: object) -> None:
    """Go on with imports whose worker died or whose queue entry was lost.

    Files that are done count as unchanged, so going on is doing it again.
    """
    open_ones = ResultImport.objects.filter(
        status__in=[ResultImportStatus.CHECKING, ResultImportStatus.IMPORTING]
    )
    given_up = "It was interrupted too often. What was imported stays."
    stale = left_behind(open_ones, given_up=given_up, status=ResultImportStatus.REFUSED)
    for one in stale:
        dry = one.status == ResultImportStatus.CHECKING
        (check_results if dry else import_results).enqueue(one.pk)
