"""Imports a table of recordings: a dry run first, then the good rows.

A row whose id is in the bucket updates it; one that says nothing new changes nothing,
so a stopped import is repeated safely. Bad rows are written out with an ``error``
column, to be mended and imported alone.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TextIO

from django.core.files.base import ContentFile, File

from accounts.models import User
from catalogue.changes import ChangeRefused, replace_audio, update_recording
from catalogue.identifiers import check_isrc
from catalogue.import_rows import (
    CheckedRow,
    Fault,
    check_row,
    columns_of,
    unknown_columns,
)
from catalogue.import_tables import MAX_ROWS, RawRow, Table, TableRefused, rows_of
from catalogue.models import Bucket, Recording, RecordingStatus
from catalogue.services import RecordingDetails, add_recording, detail_columns
from common.csv_safety import guard
from common.fingerprint_files import looks_like_fingerprint, read_fingerprint
from common.http import LinkRefused, check_link
from common.media_analysis import AudioRefused
from common.storage import read_bytes, sha256_of
from recognition import fingerprint as fingerprint_file
from recognition.types import Fingerprint

_CHUNK = 500
_SHOWN = 200
_DURATION_SLACK_MS = 2_000


class AudioSource(Protocol):
    """Where the files that rows name come from."""

    def open(self, name: str) -> File[bytes] | None:
        """Return the file, or None where there is none of this name."""


class Adder(Protocol):
    """Adds a recording; the package above decides what duplicates are."""

    def __call__(
        self,
        *,
        bucket: Bucket,
        details: RecordingDetails,
        audio: File[bytes] | None = None,
        fingerprint: Fingerprint | None = None,
        user: User | None,
    ) -> Recording:
        """Return the new recording, or raise ``RowRefused``."""


class RowRefused(Exception):
    """A row that is right in itself cannot be imported; the text says why."""


class NoAudio:
    """No files at all: rows name links only."""

    def open(self, name: str) -> None:
        """Return nothing."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Files in a folder, and in folders below it."""

    root: Path

    def open(self, name: str) -> File[bytes] | None:
        """Return the file; a name that leads out of the folder is not there."""
        path = (self.root / name).resolve()
        if not path.is_relative_to(self.root.resolve()) or not path.is_file():
            return None
        return File(path.open("rb"), name=path.name)


@dataclass
class Summary:
    """What an import did, or would do. The lists hold the first of each."""

    rows: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    separator: str = ""
    unknown_columns: list[str] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)  # Any: JSON
    warnings: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Import:
    """One run over a table. ``dry`` writes nothing but the list of bad rows."""

    bucket: Bucket
    table: Table
    audio: AudioSource
    add: Adder
    user: User | None
    dry: bool
    keep_unknown: bool = False
    summary: Summary = field(default_factory=Summary)
    # Called at every row; whoever watches over the run hears that it goes on.
    heartbeat: Callable[[], None] = lambda: None
    _seen: dict[str, int] = field(default_factory=dict)

    def run(self, bad_rows: TextIO) -> Summary:
        """Go through every row; bad ones are written to ``bad_rows`` as CSV."""
        self.summary.separator = self.table.separator
        self.summary.unknown_columns = unknown_columns(self.table.header)
        missing = {"custom_id", "title", "artists"} - set(
            columns_of(self.table.header).values()
        )
        if missing:
            raise TableRefused(
                f"The table has no column {', '.join(sorted(missing))}. Its columns "
                f"are: {', '.join(self.table.header)[:300]}."
            )
        writer = csv.writer(bad_rows, lineterminator="\r\n")
        writer.writerow([*self.table.header, "error"])
        for chunk in _chunks(self._rows()):
            for raw, row in self._checked(chunk):
                self.heartbeat()
                self._take(row, raw, writer)
        return self.summary

    def _rows(self) -> Iterator[RawRow]:
        for number, row in enumerate(rows_of(self.table), start=1):
            if number > MAX_ROWS:
                raise TableRefused(f"A table may have {MAX_ROWS:,} rows. Split it.")
            yield row

    def _checked(self, chunk: list[RawRow]) -> Iterator[tuple[RawRow, CheckedRow]]:
        """Check a chunk's rows in themselves, and against one another."""
        names = columns_of(self.table.header)
        for raw in chunk:
            cells = {
                name: raw.cells[position] if position < len(raw.cells) else ""
                for position, name in names.items()
            }
            row = check_row(raw.line, cells, further=self._further(raw, names))
            custom_id = row.details.custom_id
            if custom_id and custom_id in self._seen:
                row.faults.append(
                    Fault(
                        "custom_id",
                        custom_id,
                        f"Line {self._seen[custom_id]} has this id already.",
                    )
                )
            self._seen.setdefault(custom_id, raw.line)
            yield raw, row

    def _further(self, raw: RawRow, names: Mapping[int, str]) -> dict[str, str]:
        if not self.keep_unknown:
            return {}
        return {
            name.strip(): cell.strip().replace("\0", "")
            for position, (name, cell) in enumerate(
                zip(self.table.header, raw.cells, strict=False)
            )
            if position not in names and name.strip() and cell.strip()
        }

    def _take(self, row: CheckedRow, raw: RawRow, writer: Any) -> None:
        """Import one row, or count what it would do. Any: a csv writer."""
        self.summary.rows += 1
        if not row.faults:
            try:
                self._import(row)
            except _Unfit as error:
                row.faults.append(error.fault)
            except ChangeRefused as error:
                row.faults.append(Fault("audio", row.audio, str(error)))
        for fault in row.warnings:
            _note(self.summary.warnings, row.line, fault)
        if row.faults:
            self.summary.refused += 1
            for fault in row.faults:
                _note(self.summary.faults, row.line, fault)
            reason = " ".join(str(fault) for fault in row.faults)
            cells = list(map(guard, raw.cells))
            # The reason stands below its name, however many cells the row has.
            width = len(self.table.header)
            cells += [""] * (width - len(cells))
            writer.writerow([*cells[:width], guard(reason), *cells[width:]])

    def _import(self, row: CheckedRow) -> None:
        existing = (
            self.bucket.recordings.filter(custom_id=row.details.custom_id)
            .exclude(status=RecordingStatus.RETIRED)
            .first()
        ) or self._merged(row.details.custom_id)
        self._warn(row, existing)
        if existing is None:
            self._add(row)
            self.summary.added += 1
        elif self._update(row, existing):
            self.summary.updated += 1
        else:
            self.summary.unchanged += 1

    def _merged(self, custom_id: str) -> Recording | None:
        """Return what the recording with this id was merged into, if it was."""
        rows = self.bucket.recordings.filter(merged_into__isnull=False)
        merged = rows.filter(custom_id=custom_id).first() if custom_id else None
        return merged.stands_for_it if merged is not None else None

    def _warn(self, row: CheckedRow, existing: Recording | None) -> None:
        """Warn of what may be meant but looks wrong."""
        isrc = check_isrc(row.details.isrc).normalised
        others = self.bucket.recordings.exclude(status=RecordingStatus.RETIRED)
        if existing is not None:
            others = others.exclude(pk=existing.pk)
        other = others.filter(isrc_normalised=isrc).first() if isrc else None
        if other is not None:
            row.warnings.append(
                Fault(
                    "isrc", isrc, f"{other.custom_id or other.uid} has this ISRC too."
                )
            )
        decoded = existing.duration_ms if existing else 0
        told = row.duration_ms if row.duration_ms is not None else decoded
        if decoded and abs(decoded - told) > _DURATION_SLACK_MS:
            row.warnings.append(
                Fault("duration_ms", str(told), f"The audio has {decoded} ms.")
            )

    def _add(self, row: CheckedRow) -> None:
        if not row.audio:
            raise _Unfit("audio", "", "A new recording needs audio: a file or a link.")
        if _is_link(row.audio):
            _check_link(row.audio)
            if not self.dry:
                add_recording(
                    bucket=self.bucket,
                    details=row.details,
                    user=self.user,
                    source_url=row.audio,
                )
            return
        known = _fingerprint_of(row.audio)
        if known is not None:
            self._add_compared(row, fingerprint=fingerprint_file.from_bytes(known))
            return
        with self._file(row.audio) as file:
            self._add_file(row, file)

    def _add_file(self, row: CheckedRow, file: File[bytes]) -> None:
        if looks_like_fingerprint(file):
            try:
                given = read_fingerprint(file, needs_scan_layer=False)
            except AudioRefused as error:
                raise _Unfit("audio", row.audio, str(error)) from error
            self._add_compared(row, fingerprint=given)
            return
        if file.size == 0:
            raise _Unfit("audio", row.audio, "The file is empty.")
        self._add_compared(row, audio=file)

    def _add_compared(
        self,
        row: CheckedRow,
        *,
        audio: File[bytes] | None = None,
        fingerprint: Fingerprint | None = None,
    ) -> None:
        if self.dry:
            return
        try:
            self.add(
                bucket=self.bucket,
                details=row.details,
                audio=audio,
                fingerprint=fingerprint,
                user=self.user,
            )
        except RowRefused as error:
            raise _Unfit("audio", row.audio, str(error)) from error

    def _update(self, row: CheckedRow, existing: Recording) -> bool:
        """Write what is new about a recording; tell whether anything is."""
        told = detail_columns(row.details)
        # What a row tells is put beside what was told before, not in its place.
        told["user_defined"] = existing.user_defined | row.details.user_defined
        columns = {
            name: value
            for name, value in told.items()
            if name in self._given(row) and getattr(existing, name) != value
        }
        if existing.custom_id != row.details.custom_id:
            columns.pop("custom_id", None)  # the row names what was merged into it
        new_audio = self._new_audio(row, existing)
        if columns:
            before = {name: getattr(existing, name) for name in columns}
            _note_change(self.summary.changes, row.line, existing, before, columns)
        if not self.dry and columns:
            update_recording(recording=existing, columns=columns, user=self.user)
        if not self.dry and new_audio is not None:
            new_audio()
        return bool(columns) or new_audio is not None

    def _given(self, row: CheckedRow) -> set[str]:
        """Return the columns that the table has; others keep their values."""
        given = set(row.cells)
        if "isrc" in given:
            given |= {"isrc_normalised", "isrc_status"}
        return given | {"user_defined"}

    def _new_audio(
        self, row: CheckedRow, existing: Recording
    ) -> Callable[[], None] | None:
        """Return what replaces the audio, if the row names another one."""
        if not row.audio or row.audio == existing.uid:
            return None
        if _is_link(row.audio):
            _check_link(row.audio)
            if row.audio == existing.source_url:
                return None
            return lambda: replace_audio(
                recording=existing, source_url=row.audio, user=self.user
            )
        known = _fingerprint_of(row.audio)
        with ContentFile(known) if known else self._file(row.audio) as file:
            if sha256_of(file) == existing.audio_sha256:
                return None
            if looks_like_fingerprint(file):
                raise _Unfit(
                    "audio",
                    row.audio,
                    "A fingerprint cannot take the place of what is there. Delete the "
                    "recording first.",
                )

        def replace() -> None:
            with self._file(row.audio) as file:
                replace_audio(recording=existing, audio=file, user=self.user)

        return replace

    def _file(self, name: str) -> File[bytes]:
        try:
            file = self.audio.open(name)
        except RowRefused as error:
            raise _Unfit("audio", name, str(error)) from error
        if file is None:
            raise _Unfit("audio", name, "There is no such file with the table.")
        return file


class _Unfit(Exception):
    """A row cannot be imported."""

    def __init__(self, column: str, value: str, rule: str) -> None:
        self.fault = Fault(column, value, rule)
        super().__init__(str(self.fault))


def _fingerprint_of(uid: str) -> bytes | None:
    """Return the stored fingerprint of the recording with this id, if there is one."""
    known = Recording.objects.filter(uid=uid).exclude(fingerprint="").first()
    return None if known is None else read_bytes(known.fingerprint)


def _is_link(text: str) -> bool:
    return "://" in text


def _check_link(url: str) -> None:
    try:
        check_link(url)
    except LinkRefused as error:
        raise _Unfit("audio", url, f"This link is not allowed: {error}.") from error
    if len(url) > 2000:
        raise _Unfit("audio", url, "A link has at most 2,000 characters.")


def _chunks(rows: Iterable[RawRow]) -> Iterator[list[RawRow]]:
    iterator = iter(rows)
    while chunk := list(itertools.islice(iterator, _CHUNK)):
        yield chunk


def _note(into: list[dict[str, Any]], line: int, fault: Fault) -> None:  # Any: JSON
    if len(into) < _SHOWN:
        into.append(
            {
                "line": line,
                "column": fault.column,
                "value": fault.value[:200],
                "rule": fault.rule,
            }
        )


def _note_change(
    into: list[dict[str, Any]],  # Any: JSON
    line: int,
    recording: Recording,
    before: Mapping[str, object],
    after: Mapping[str, object],
) -> None:
    if len(into) < _SHOWN:
        into.append(
            {
                "line": line,
                "custom_id": recording.custom_id,
                "before": {name: str(value) for name, value in before.items()},
                "after": {name: str(value) for name, value in after.items()},
            }
        )
