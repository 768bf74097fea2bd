"""Checks a table of recordings, or imports its good rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from django.core.files.base import File
from django.core.files.storage import default_storage

from accounts.models import User
from catalogue.models import Bucket
from common.storage import local_path, scratch_directory
from imports.kinds import Columns
from imports.models import CatalogueImport
from imports.recordings.audio import AudioSource, NoAudio
from imports.recordings.importer import RecordingImporter
from imports.recordings.rules import RowRules
from imports.recordings.zip_audio import open_archive
from imports.tables import Table, open_table


def run(one: CatalogueImport, heartbeat: Callable[[], None], *, dry: bool) -> Columns:
    """Import the table, or only check it; return the columns with the outcome."""
    with (
        scratch_directory() as folder,
        local_path(one.file) as path,
        open_table(path, encoding=one.encoding, heartbeat=heartbeat) as table,
        _audio_of(one) as audio,
        make_import(
            bucket=one.bucket,
            table=table,
            audio=audio,
            user=one.made_by,
            dry=dry,
            keep_unknown=one.keep_unknown,
            heartbeat=heartbeat,
        ) as task,
    ):
        bad = folder / "bad.csv"
        with bad.open("w", encoding="utf-8-sig", newline="") as bad_rows:
            summary = task.run(bad_rows)
        name = f"imports/{one.uid}/bad-rows.csv"
        # A retry must not leave the rows of the earlier attempt under the same name.
        default_storage.delete(name)
        with bad.open("rb") as file:
            stored = default_storage.save(name, File(file))
        return {"summary": asdict(summary), "bad_rows": stored}


@contextmanager
def _audio_of(one: CatalogueImport) -> Iterator[AudioSource]:
    if not one.audio:
        yield NoAudio()
        return
    with local_path(one.audio) as path, open_archive(path) as archive:
        yield archive


@contextmanager
def make_import(
    *,
    bucket: Bucket,
    table: Table,
    audio: AudioSource,
    user: User | None,
    dry: bool,
    keep_unknown: bool = False,
    heartbeat: Callable[[], None] = lambda: None,
) -> Iterator[RecordingImporter]:
    """Yield an importer of the table that knows the rules of duplicates and review."""
    with scratch_directory() as folder:
        yield RecordingImporter(
            bucket=bucket,
            table=table,
            audio=audio,
            rules=RowRules(bucket=bucket, user=user, folder=folder if dry else None),
            user=user,
            dry=dry,
            keep_unknown=keep_unknown,
            heartbeat=heartbeat,
        )
