"""Checks and carries out imports of recordings, in the worker.

The module lives here because an import compares recordings with the catalogue, in a
package that the catalogue's own must not import.
"""

from __future__ import annotations

import os
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db.models import QuerySet

from accounts.models import User
from accounts.roles import Action
from catalogue.import_rows import Interval
from catalogue.import_tables import MAX_ROWS, Table, TableRefused, open_table
from catalogue.importing import (
    AudioSource,
    Listened,
    NoAudio,
    Overtaken,
    RecordingImporter,
    RowRefused,
    TouchedMatches,
)
from catalogue.models import Bucket, Exclusion, ExclusionReason, Recording
from catalogue.selectors import excluded_segments, excluded_spans
from catalogue.services import RecordingDetails
from common.storage import local_path, scratch_directory
from dedup import intake
from imports.checked_imports import carry_out
from imports.models import CatalogueImport
from recognition.types import Fingerprint
from review.errors import ReviewError
from review.services import exclusions
from scanning.tasks import heartbeat

_CHUNK_BYTES = 1024 * 1024
KIND = "catalogue_import"


class PortalRules:
    """``ImportRules`` with the duplicate checks and exclusions of higher packages."""

    def __init__(self, *, bucket: Bucket, user: User | None, folder: Path | None):
        """``folder`` holds the memory of a dry run; without one, rows are carried out."""
        self._bucket, self._user = bucket, user
        self._rehearsal = intake.Rehearsal(folder) if folder is not None else None

    def listen(
        self, *, audio: File[bytes] | None, fingerprint: Fingerprint | None
    ) -> Listened[intake.Newcomer]:
        """Fingerprint a row's audio, if the bucket compares recordings."""
        newcomer = intake.prepare(
            bucket=self._bucket, audio=audio, fingerprint=fingerprint
        )
        heard = newcomer.heard
        return Listened(newcomer, heard.duration_ms if heard is not None else None)

    def add(
        self, newcomer: intake.Newcomer, details: RecordingDetails
    ) -> Recording | None:
        """Add a recording by the bucket's intake rule; a dry run only checks it.

        Raises ``Overtaken`` if its custom id is taken, otherwise ``RowRefused``.
        """
        try:
            if self._rehearsal is None:
                return intake.add_prepared(
                    newcomer=newcomer, details=details, user=self._user
                )
            intake.refuse_known(newcomer, self._rehearsal)
        except intake.AlreadyInCatalogue as error:
            refused = Overtaken if error.field == "custom_id" else RowRefused
            raise refused(str(error)) from error
        self._rehearsal.add(newcomer, details)
        return None

    def note_new_audio(self, recording: Recording, sha256: str) -> None:
        """Let a dry run compare later rows with the recording's new audio."""
        if self._rehearsal is not None:
            self._rehearsal.replace_audio(recording, sha256)

    def missing_exclusions(
        self, recording: Recording | None, intervals: Sequence[Interval]
    ) -> list[Interval]:
        """Return the intervals that no exclusion in force equals.

        Raises ``RowRefused`` if there are any and the user may not exclude them or
        approve the proposals for them.
        """
        known = excluded_spans(recording) if recording is not None else []
        missing = [interval for interval in intervals if interval not in known]
        if missing and not self._person.has_perm(Action.EDIT_CATALOGUE):
            raise RowRefused("Only a manager may exclude intervals of recordings.")
        for segment in self._proposals(recording, missing).values():
            try:
                exclusions.refuse_answer(segment=segment, user=self._person)
            except ReviewError as error:
                raise RowRefused(str(error)) from error
        return missing

    @staticmethod
    def _proposals(
        recording: Recording | None, intervals: Sequence[Interval]
    ) -> dict[Interval, Exclusion]:
        """Return the proposed exclusions that equal these intervals."""
        if recording is None:
            return {}
        proposed = {
            (segment.start_ms, segment.end_ms): segment
            for segment in excluded_segments(recording).filter(approved=False)
        }
        return {each: proposed[each] for each in intervals if each in proposed}

    @property
    def _person(self) -> User:
        if self._user is None:
            raise RowRefused("Exclusions need a person: name one with --username.")
        return self._user

    def touched_by(
        self, recording: Recording, intervals: Sequence[Interval]
    ) -> TouchedMatches:
        """Count the matches that lose time, and those of them that lose all of it."""
        shown = exclusions.preview_all(recording=recording, intervals=intervals)
        return TouchedMatches(len(shown.touched), len(shown.suppressed))

    def exclude(
        self, recording: Recording, intervals: Sequence[Interval], note: str
    ) -> None:
        """Exclude the intervals; approve the proposals that equal them."""
        proposed = self._proposals(recording, intervals)
        try:
            for interval in intervals:
                if (segment := proposed.get(interval)) is not None:
                    exclusions.approve(segment=segment, user=self._person)
                    continue
                exclusions.exclude(
                    recording=recording,
                    span=interval,
                    reason=ExclusionReason.OTHER,
                    user=self._person,
                    note=note,
                )
        except ReviewError as error:
            raise RowRefused(str(error)) from error


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
            rules=PortalRules(bucket=bucket, user=user, folder=folder if dry else None),
            user=user,
            dry=dry,
            keep_unknown=keep_unknown,
            heartbeat=heartbeat,
        )


# The errors of ``zipfile`` for encrypted, unsupported or damaged entries.
_UNREADABLE = (
    *(RuntimeError, NotImplementedError, EOFError),
    *(zipfile.BadZipFile, zlib.error),
)


# Limits a ZIP's table of contents, because ``zipfile`` holds all of it in memory.
_MAX_CONTENTS_BYTES = 32 * 1024**2
_ENTRY = b"PK\x01\x02"
_END = struct.Struct("<4s8xI6x")
_END_64 = struct.Struct("<40xQ8x4s16x")
_LOCATOR_64 = b"PK\x06\x07"
_LONGEST_COMMENT = 1 << 16


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open the ZIP with the audio; raise ``BadZipFile`` if it has too many files."""
    with path.open("rb") as file:
        _refuse_many_entries(file)
        with zipfile.ZipFile(file) as archive:
            yield Archive(archive)


def _refuse_many_entries(file: BinaryIO) -> None:
    """Raise ``BadZipFile`` before ``zipfile`` makes an object of every entry."""
    size = file.seek(0, os.SEEK_END)
    tail_bytes = min(size, _LONGEST_COMMENT + _END.size + _END_64.size)
    file.seek(size - tail_bytes)
    tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) - end < _END.size:
        raise zipfile.BadZipFile("The file with the audio is no ZIP file.")
    contents_bytes = _END.unpack_from(tail, end)[1]
    if end >= _END_64.size:
        contents_64, locator = _END_64.unpack_from(tail, end - _END_64.size)
        if locator == _LOCATOR_64:
            contents_bytes = contents_64
            end -= _END_64.size
    if contents_bytes <= _MAX_CONTENTS_BYTES:
        file.seek(max(0, size - tail_bytes + end - contents_bytes))
        if file.read(contents_bytes).count(_ENTRY) <= MAX_ROWS:
            return
    raise zipfile.BadZipFile(
        f"The ZIP file holds more than {MAX_ROWS:,} files. Split the table and the ZIP."
    )


class Archive:
    """Audio files in a ZIP, found by path or by bare name."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._paths: dict[str, zipfile.ZipInfo] = {}
        # Bare names first: full paths replace them, and the first file keeps a name.
        for info in archive.infolist():
            if not info.is_dir():
                self._paths.setdefault(PurePosixPath(info.filename).name, info)
        for info in archive.infolist():
            self._paths[info.filename] = info

    def open(self, name: str) -> File[bytes] | None:
        """Return a temporary copy, deleted on close; None if missing or too large.

        Raises ``RowRefused`` if the ZIP entry cannot be read.
        """
        info = self._paths.get(name)
        limit = settings.ACRPORTAL_MAX_FILE_BYTES
        if info is None or info.is_dir() or info.file_size > limit:
            return None
        copy = tempfile.NamedTemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115 - the caller closes it
        # The size in the ZIP may be wrong, so count the bytes that come out of it.
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
    """Check an import, or carry it out, and store its result."""
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
    beat = heartbeat(mine)
    with (
        scratch_directory() as folder,
        local_path(kept.table) as path,
        open_table(path, encoding=kept.encoding, heartbeat=beat) as table,
        _audio_of(kept) as audio,
        make_import(
            bucket=kept.bucket,
            table=table,
            audio=audio,
            user=kept.made_by,
            dry=dry,
            keep_unknown=kept.keep_unknown,
            heartbeat=beat,
        ) as task,
    ):
        bad = folder / "bad.csv"
        with bad.open("w", encoding="utf-8-sig", newline="") as bad_rows:
            summary = task.run(bad_rows)
        # A retry must not leave the rows of the earlier attempt under the same name.
        default_storage.delete(f"imports/{kept.uid}/bad-rows.csv")
        with bad.open("rb") as file:
            stored = default_storage.save(
                f"imports/{kept.uid}/bad-rows.csv", File(file)
            )
        mine.update(bad_rows=stored)
    return asdict(summary)


@contextmanager
def _audio_of(kept: CatalogueImport) -> Iterator[AudioSource]:
    if not kept.audio:
        yield NoAudio()
        return
    with local_path(kept.audio) as path, open_archive(path) as archive:
        yield archive
