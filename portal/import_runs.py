"""Checks and carries out imports of recordings, in the worker.

Stands here because adding a recording compares it with the catalogue first, which is
above the catalogue's own package.
"""

from __future__ import annotations

import tempfile
import zipfile
import zlib
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db.models import QuerySet

from accounts.models import User
from catalogue.import_tables import TableRefused, open_table
from catalogue.importing import Import, NoAudio, RowRefused
from catalogue.models import Bucket, CatalogueImport, Recording
from catalogue.services import RecordingDetails
from common.checked_imports import carry_out
from common.storage import local_path, scratch_directory
from dedup.intake import AlreadyInCatalogue, add_recording
from recognition.types import Fingerprint
from scanning.tasks import heartbeat

_CHUNK_BYTES = 1024 * 1024
KIND = "catalogue_import"


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
    carry_out(
        CatalogueImport.objects.select_related("bucket", "made_by"),
        import_id,
        dry=dry,
        kind=KIND,
        refusals=(TableRefused, zipfile.BadZipFile),
        work=_run,
    )


def _run(
    kept: CatalogueImport, mine: QuerySet[CatalogueImport], dry: bool
) -> dict[str, Any]:  # Any: JSON
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
                heartbeat=heartbeat(mine),
            )
            if kept.audio:
                with local_path(kept.audio) as path, zipfile.ZipFile(path) as archive:
                    task.audio = Archive(archive)
                    summary = task.run(bad_rows)
            else:
                summary = task.run(bad_rows)
        default_storage.delete(f"imports/{kept.uid}/bad-rows.csv")
        with bad.open("rb") as file:
            stored = default_storage.save(
                f"imports/{kept.uid}/bad-rows.csv", File(file)
            )
        mine.update(bad_rows=stored)
    return asdict(summary)
