"""Deletes files and containers from all lists; decisions about them stay."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import transaction

import audit.services
from accounts.models import User
from scanning.choices import ACTIVE_SCAN_STATUSES
from scanning.cloud.jobs import delete_copy
from scanning.models import Container, Scan, ScannedFile
from scanning.services.scans import stop_scan


def delete_files(
    *, files: Iterable[ScannedFile], user: User | None, reason: str
) -> None:
    """Delete all files or none, and cancel their scans."""
    with transaction.atomic():
        for file in files:
            _delete_file(file, user, reason)


def delete_container(*, container: Container, user: User | None, reason: str) -> None:
    """Delete a container with its files; its id is never reused."""
    with transaction.atomic():
        live = container.files.present()
        # A container can hold hundreds of thousands of files.
        for file in live.iterator(chunk_size=500):
            _delete_file(file, user, reason)
        Container.objects.present().filter(pk=container.pk).update(
            deleted_at=datetime.now(tz=UTC)
        )
        audit.services.record(
            case=f"container:{container.pk}",
            action="container.deleted",
            actor=user or audit.services.SYSTEM,
            before={"name": container.name},
            note=reason,
        )


def _delete_file(file: ScannedFile, user: User | None, reason: str) -> None:
    for scan in Scan.objects.filter(scanned_file=file, status__in=ACTIVE_SCAN_STATUSES):
        stop_scan(scan)
    ScannedFile.objects.filter(pk=file.pk).update(deleted_at=datetime.now(tz=UTC))
    # A worker may just have sent the file and stored its remote id.
    file.refresh_from_db(fields=["remote_id"])
    delete_copy(scanned_file=file, remote_id=file.remote_id)
    audit.services.record(
        case=f"file:{file.uid}",
        action="file.deleted",
        actor=user or audit.services.SYSTEM,
        before={"name": file.name},
        note=reason,
    )
