"""Imports of recordings: kept with their audio, and started when somebody says so."""

from __future__ import annotations

from datetime import UTC, datetime

from django.core.files.base import File
from django.db import transaction

import audit.services
from accounts.models import User
from catalogue.models import Bucket, CatalogueImport, ImportStatus
from common.queue import left_behind
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
        started = CatalogueImport.objects.filter(
            pk=catalogue_import.pk, status=ImportStatus.CHECKED
        ).update(status=ImportStatus.IMPORTING, updated_at=datetime.now(tz=UTC))
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
    return bool(started)


def try_again(*, catalogue_import: CatalogueImport, user: User) -> bool:
    """Go on with an import that was given up or refused; tell whether it was.

    What was checked before is imported, anything else is checked first.
    """
    checked = bool(catalogue_import.summary)
    status = ImportStatus.IMPORTING if checked else ImportStatus.CHECKING
    with transaction.atomic():
        again = CatalogueImport.objects.filter(
            pk=catalogue_import.pk, status=ImportStatus.REFUSED
        ).update(status=status, message="", attempts=0, updated_at=datetime.now(tz=UTC))
        if again:
            audit.services.record(
                case=f"bucket:{catalogue_import.bucket_id}",
                action="bucket.import_tried_again",
                actor=user,
                after={"import": catalogue_import.uid},
            )
            task = carry_out_import if checked else check_import
            transaction.on_commit(lambda: task.enqueue(catalogue_import.pk))
    return bool(again)


def requeue_stale_imports(**_signal: object) -> None:
    """Go on with imports whose worker died or whose queue entry was lost.

    Rows that are done count as unchanged, so going on is doing it again. One that was
    interrupted too often is left, with a message.
    """
    open_ones = CatalogueImport.objects.filter(
        status__in=[ImportStatus.CHECKING, ImportStatus.IMPORTING]
    )
    given_up = "It was interrupted too often. What was imported stays."
    for one in left_behind(open_ones, given_up=given_up, status=ImportStatus.REFUSED):
        dry = one.status == ImportStatus.CHECKING
        (check_import if dry else carry_out_import).enqueue(one.pk)
