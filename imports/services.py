"""Imports: stored with their files, checked, and started on request."""

from __future__ import annotations

from django.core.files.base import File
from django.db import transaction

import audit.services
from accounts.models import User
from catalogue.models import Bucket
from common.storage import display_name, keep_file
from imports.jobs import RECORDINGS, RESULTS, kind_of
from imports.models import CatalogueImport, Import, ImportStatus, ResultImport
from jobs.choices import JobState
from jobs.services import cancel_subject, submit
from scanning.models import Container


def keep_table(
    *,
    bucket: Bucket,
    table: File[bytes],
    archive: File[bytes] | None,
    encoding: str,
    keep_unknown: bool,
    user: User,
) -> CatalogueImport:
    """Store a table of recordings and its audio, and have it checked."""
    one = CatalogueImport(
        bucket=bucket,
        file_name=display_name(table.name or "", otherwise="table"),
        encoding=encoding,
        keep_unknown=keep_unknown,
        made_by=user,
    )
    one.file = keep_file(table, f"imports/{one.uid}/table").name
    if archive is not None:
        one.audio = keep_file(archive, f"imports/{one.uid}/audio.zip").name
    with transaction.atomic():
        one.save()
        submit(RECORDINGS.check, one, user=user)
    return one


def keep_results(
    *, container: Container, file: File[bytes], user: User
) -> ResultImport:
    """Store a file of results, and have it checked."""
    one = ResultImport(
        container=container,
        file_name=display_name(file.name or "", otherwise="results"),
        made_by=user,
    )
    one.file = keep_file(file, f"result-imports/{one.uid}").name
    with transaction.atomic():
        one.save()
        submit(RESULTS.check, one, user=user)
    return one


@transaction.atomic
def start(*, one: Import, user: User) -> bool:
    """Have a checked file imported; return False if it was not waiting for that."""
    kind = kind_of(one)
    started = _moved(one, ImportStatus.CHECKED, ImportStatus.IMPORTING)
    if started:
        audit.services.record(
            case=one.case,
            action=f"{kind.event}_started",
            actor=user,
            after={"import": one.uid, kind.file_label: one.file_name},
        )
        submit(kind.carry_out, one, user=user)
    return started


@transaction.atomic
def try_again(*, one: Import, user: User) -> bool:
    """Repeat the step that failed; return False if the import was not refused.

    A checked file is imported, any other is checked first.
    """
    kind = kind_of(one)
    step = kind.carry_out if one.summary else kind.check
    revived = _moved(one, ImportStatus.REFUSED, step.mirror[JobState.WAITING])
    if revived:
        audit.services.record(
            case=one.case,
            action=f"{kind.event}_tried_again",
            actor=user,
            after={"import": one.uid},
        )
        submit(step, one, user=user)
    return revived


@transaction.atomic
def cancel(*, one: Import, user: User) -> bool:
    """Cancel the check or the import; return False if neither waits or runs."""
    kind = kind_of(one)
    is_cancelled = cancel_subject(kind.check, one) or cancel_subject(
        kind.carry_out, one
    )
    if is_cancelled:
        audit.services.record(
            case=one.case,
            action=f"{kind.event}_cancelled",
            actor=user,
            after={"import": one.uid},
        )
    return is_cancelled


def _moved(one: Import, before: str, after: str) -> bool:
    rows = type(one)._default_manager.filter(pk=one.pk, status=before)
    return bool(rows.update(status=after))
