"""Checks and carries out imports of recordings, in the worker.

Stands here because adding a recording compares it with the catalogue first, which is
above the catalogue's own package.
"""

from __future__ import annotations

import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import PurePosixPath
from time import monotonic
from typing import Any

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db.models import Q, QuerySet

from accounts.models import User
from catalogue.import_tables import TableRefused, open_table
from catalogue.importing import AudioSource, Import, NoAudio, RowRefused
from catalogue.models import Bucket, CatalogueImport, ImportStatus, Recording
from catalogue.services import RecordingDetails
from common.leases import claim, lease_end, tried_again
from common.queue import worker_name
from common.storage import local_path, scratch_directory
from dedup.intake import AlreadyInCatalogue, add_recording
from recognition.types import Fingerprint
from scanning.tasks import give_way

_CHUNK_BYTES = 1024 * 1024
KIND = "catalogue_import"
_RENEW_SECONDS = 1.0


def add_compared(
    *,
    bucket: Bucket,
    details: RecordingDetails,
    audio: File[bytes] | None = None,
    fingerprint: Fingerprint | None = None,
    user: User | None,
) -> Recording:
    """Add a recording as the bucket's rule on duplicates says."""
    try:
        return add_recording(
            bucket=bucket,
            details=details,
            audio=audio,
            fingerprint=fingerprint,
            user=user,
        )
    except AlreadyInCatalogue as error:
        raise RowRefused(str(error)) from error


# Encrypted, packed in an unknown way, or damaged.
_UNREADABLE = (
    *(RuntimeError, NotImplementedError, EOFError),
    *(zipfile.BadZipFile, zlib.error),
)


class Archive:
    """Audio files in a ZIP, by their path in it or by their bare name."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._paths: dict[str, zipfile.ZipInfo] = {}
        for info in archive.infolist():
            if not info.is_dir():
                self._paths.setdefault(PurePosixPath(info.filename).name, info)
        for info in archive.infolist():
            self._paths[info.filename] = info

    def open(self, name: str) -> File[bytes] | None:
        """Return a copy of the file on disk, gone when it is closed."""
        info = self._paths.get(name)
        limit = settings.ACRPORTAL_MAX_FILE_BYTES
        if info is None or info.is_dir() or info.file_size > limit:
            return None
        copy = tempfile.NamedTemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115 - closed by who asked
        left = limit
        try:
            with self._archive.open(info) as source:
                while left > 0 and (chunk := source.read(min(_CHUNK_BYTES, left))):
                    left -= len(chunk)
                    copy.write(chunk)
        except _UNREADABLE as error:
            copy.close()
            raise RowRefused(f"It cannot be read from the ZIP: {error}.") from error
        copy.seek(0)
        return File(copy, name=PurePosixPath(name).name)


def run(*, import_id: int, dry: bool) -> None:
    """Check an import, or carry it out, and keep what came of it."""
    wanted = ImportStatus.CHECKING if dry else ImportStatus.IMPORTING
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=datetime.now(tz=UTC))
    waiting = CatalogueImport.objects.filter(free, pk=import_id, status=wanted)
    # A check is waited for, and so not held up.
    if not claim(waiting, kind="" if dry else KIND, owner=worker_name()):
        return
    mine = CatalogueImport.objects.filter(
        pk=import_id, status=wanted, lease_owner=worker_name()
    )
    kept = CatalogueImport.objects.select_related("bucket", "made_by").get(pk=import_id)
    try:
        with tried_again(mine, expected=(TableRefused, zipfile.BadZipFile)):
            _run(kept, mine, dry=dry)
    except (TableRefused, zipfile.BadZipFile) as error:
        kept.status, kept.message = ImportStatus.REFUSED, str(error)[:500]
    else:
        kept.message = ""
        kept.status = ImportStatus.CHECKED if dry else ImportStatus.DONE
    kept.lease_owner, kept.lease_until, kept.attempts = "", None, 0
    kept.save()


def _run(kept: CatalogueImport, mine: QuerySet[CatalogueImport], *, dry: bool) -> None:
    with scratch_directory() as folder, local_path(kept.table) as table:
        bad = folder / "bad.csv"
        with bad.open("w", encoding="utf-8-sig", newline="") as bad_rows:
            task = Import(
                bucket=kept.bucket,
                table=open_table(table, encoding=kept.encoding),
                audio=NoAudio(),
                add=add_compared,
                user=kept.made_by,
                dry=dry,
                keep_unknown=kept.keep_unknown,
                heartbeat=_renewer(mine),
            )
            if kept.audio:
                with local_path(kept.audio) as path, zipfile.ZipFile(path) as archive:
                    task.audio = _source(archive)
                    summary = task.run(bad_rows)
            else:
                summary = task.run(bad_rows)
        default_storage.delete(f"imports/{kept.uid}/bad-rows.csv")
        with bad.open("rb") as file:
            kept.bad_rows = default_storage.save(
                f"imports/{kept.uid}/bad-rows.csv", File(file)
            )
    kept.summary = asdict(summary)


def _renewer(mine: QuerySet[Any]) -> Callable[[], None]:  # Any: the import's row
    """Return a function that renews the lease, every second at most, and gives way."""
    last = monotonic()

    def renew() -> None:
        nonlocal last
        if monotonic() - last >= _RENEW_SECONDS:
            last = monotonic()
            mine.update(lease_until=lease_end())
            give_way(mine)

    return renew


def _source(archive: zipfile.ZipFile) -> AudioSource:
    return Archive(archive)
