"""Checks a table of recordings, or imports its good rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from django.core.files.base import File
from django.core.files.storage import default_storage

from base.accounts.models import User
from base.common.storage import local_path, scratch_directory
from catalogue.models import Bucket
from imports import mapping
from imports.column_check import HEADER_LINE, map_columns, propose
from imports.kinds import Columns
from imports.models import CatalogueImport
from imports.reading_rules import ReadingRules
from imports.recordings.audio import AudioSource, NoAudio
from imports.recordings.importer import RecordingImporter
from imports.recordings.rules import RowRules
from imports.recordings.targets import RECORDING_TARGETS, guess_as_before
from imports.recordings.zip_audio import open_archive
from imports.tables import Table, open_table, rows_of


def run(import_: CatalogueImport, heartbeat: Callable[[], None], *, dry: bool) -> Columns:
    """Import the table, or only check it; return the columns with the outcome.

    The import uses the mapping that its check used.
    """
    with (
        local_path(import_.file) as path,
        open_table(
            path,
            names=RECORDING_TARGETS.known_names,
            encoding=import_.encoding,
            header_line=import_.rules.get(HEADER_LINE),
            heartbeat=heartbeat,
        ) as table,
    ):
        if not dry:
            stored, rules = (_stored(import_, table), ReadingRules.from_json(import_.rules))
            return _run(import_, table, heartbeat, stored, rules, dry=False)
        columns, rules, mapped = map_columns(
            import_, table, heartbeat, keep_unknown=import_.keep_unknown
        )
        if "status" in mapped:
            return mapped
        return _run(import_, table, heartbeat, columns, rules, dry=True) | mapped


def _stored(import_: CatalogueImport, table: Table) -> mapping.Columns:
    """Return the mapping of the check."""
    if import_.columns:
        return mapping.from_json(import_.columns, RECORDING_TARGETS)
    # Checked before checks stored their mapping.
    columns = mapping.named_columns(table.header, RECORDING_TARGETS)
    return guess_as_before(columns, keep_unknown=import_.keep_unknown)


def _run(
    import_: CatalogueImport,
    table: Table,
    heartbeat: Callable[[], None],
    columns: mapping.Columns,
    rules: ReadingRules,
    *,
    dry: bool,
) -> Columns:
    with (
        scratch_directory() as folder,
        _audio_of(import_) as audio,
        make_import(
            bucket=import_.bucket,
            table=table,
            audio=audio,
            user=import_.made_by,
            dry=dry,
            mapped=(columns, rules),
            waiting=import_.waiting,
        ) as task,
    ):
        task.heartbeat = heartbeat
        bad = folder / "bad.csv"
        with bad.open("w", encoding="utf-8-sig", newline="") as bad_rows:
            summary = task.run(bad_rows)
        name = f"imports/{import_.uid}/bad-rows.csv"
        # A retry must not leave the rows of the earlier attempt under the same name.
        default_storage.delete(name)
        with bad.open("rb") as file:
            stored = default_storage.save(name, File(file))
        return {"summary": asdict(summary), "bad_rows": stored}


@contextmanager
def _audio_of(import_: CatalogueImport) -> Iterator[AudioSource]:
    if not import_.audio:
        yield NoAudio()
        return
    with local_path(import_.audio) as path, open_archive(path) as archive:
        yield archive


@contextmanager
def make_import(
    *,
    bucket: Bucket,
    table: Table,
    audio: AudioSource,
    user: User | None,
    dry: bool,
    mapped: tuple[mapping.Columns, ReadingRules] | None = None,
    waiting: bool = False,
) -> Iterator[RecordingImporter]:
    """Yield an importer of the table that knows the rules of duplicates and review.

    Unless it is ``mapped``, the names of its columns and its cells decide, and columns
    with other names are left out. ``waiting`` adds rows without audio, too.
    """
    if mapped is None:
        guessed = mapping.guess(mapping.named_columns(table.header, RECORDING_TARGETS))
        mapped = guessed, propose(guessed, rows_of(table), {})
    columns, rules = mapped
    with scratch_directory() as folder:
        yield RecordingImporter(
            bucket=bucket,
            table=table,
            audio=audio,
            rules=RowRules(bucket=bucket, user=user, folder=folder if dry else None),
            user=user,
            dry=dry,
            columns=columns,
            rules_of_cells=rules,
            waiting=waiting,
        )
