"""Import a table of recordings: first a dry run, then the valid rows.

The same code decides about a row in both; a dry run only skips the writing, so both
reach the same verdicts. A row whose id exists in the bucket updates that recording. A
row without news changes nothing, so a stopped import can simply be repeated. Refused
rows are written out with an ``error`` column, to be corrected and imported on their
own.
"""

from __future__ import annotations

import csv
import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Generic, Protocol, TextIO, TypeVar

from django.core.files.base import ContentFile, File
from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.reach import working_for
from catalogue.changes import (
    ChangeRefused,
    refuse_unready,
    replace_audio,
    update_recording,
)
from catalogue.identifiers import check_isrc
from catalogue.models import Bucket, Recording, RecordingStatus
from catalogue.services import RecordingDetails, add_recording, detail_columns
from common.csv_safety import guard
from common.fingerprint_files import looks_like_fingerprint, read_fingerprint
from common.http import LinkRefused, check_link
from common.media_analysis import AudioRefused
from common.storage import read_bytes, sha256_of
from imports.recordings.rows import (
    CheckedRow,
    ImportFault,
    Interval,
    check_row,
    columns_of,
    unknown_columns,
)
from imports.tables import MAX_ROWS, RawRow, Table, TableRefused, rows_of
from recognition import fingerprint as fingerprint_file
from recognition.types import Fingerprint

# Rows read ahead.
_CHUNK = 500
# Entries of each kind in the summary, which is shown on one page.
_SHOWN = 200
# Decisions about a row while others change the same recording.
_ATTEMPTS = 3
# Encoders pad and trim, so smaller differences are normal.
_DURATION_SLACK_MS = 2_000


class AudioSource(Protocol):
    """Provides the files that rows name."""

    def open(self, name: str) -> File[bytes] | None:
        """Return the file, or None if there is none with this name."""


NewcomerT = TypeVar("NewcomerT")


@dataclass(frozen=True, slots=True)
class Listened(Generic[NewcomerT]):
    """A new recording after fingerprinting; ``duration_ms`` is None if unknown."""

    newcomer: NewcomerT
    duration_ms: int | None


@dataclass(frozen=True, slots=True)
class TouchedMatches:
    """How many matches lose time to new exclusions, and how many disappear."""

    touched: int
    suppressed: int


class ImportRules(Protocol[NewcomerT]):
    """Rules that higher packages provide: duplicates and exclusions.

    In a dry run each method decides as usual, writes nothing, and remembers its
    decision for the rows that follow. All methods raise ``RowRefused``.
    """

    def listen(
        self, *, audio: File[bytes] | None, fingerprint: Fingerprint | None
    ) -> Listened[NewcomerT]:
        """Prepare a recording that may be added; slow for audio."""

    def add(self, newcomer: NewcomerT, details: RecordingDetails) -> Recording | None:
        """Add it and return the recording; None in a dry run."""

    def note_new_audio(self, recording: Recording, sha256: str) -> None:
        """Note that a recording gets new audio; ``sha256`` is empty for a link."""

    def missing_exclusions(
        self, recording: Recording | None, intervals: Sequence[Interval]
    ) -> list[Interval]:
        """Return the intervals that are not excluded yet."""

    def touched_by(
        self, recording: Recording, intervals: Sequence[Interval]
    ) -> TouchedMatches:
        """Return how excluding the intervals affects matches."""

    def exclude(
        self, recording: Recording, intervals: Sequence[Interval], note: str
    ) -> None:
        """Exclude the intervals."""


class RowRefused(Exception):
    """A valid row cannot be imported; the text says why."""


class NoAudio:
    """No files: rows can name only links."""

    def open(self, name: str) -> None:
        """Return None."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Files in a folder and its subfolders."""

    root: Path

    def open(self, name: str) -> File[bytes] | None:
        """Return the file; None for names that lead out of the folder."""
        path = (self.root / name).resolve()
        # Names come from the table and may contain ``..`` or symbolic links.
        if not path.is_relative_to(self.root.resolve()) or not path.is_file():
            return None
        return File(path.open("rb"), name=path.name)


@dataclass
class ImportSummary:
    """What an import did or would do; the lists hold the first entries of each kind."""

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
    exclusions: int = 0
    matches_touched: int = 0
    matches_suppressed: int = 0


class Verdict(StrEnum):
    """The outcome for a row."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass
class RecordingImporter:
    """One run over a table; a ``dry`` run writes only the list of refused rows."""

    bucket: Bucket
    table: Table
    audio: AudioSource
    rules: ImportRules[Any]  # Any: what the rules prepare, for themselves alone
    user: User | None
    dry: bool
    keep_unknown: bool = False
    summary: ImportSummary = field(default_factory=ImportSummary)
    # Called for every row, so that the caller can renew its lease.
    heartbeat: Callable[[], None] = lambda: None
    on_verdict: Callable[[int, Verdict], None] = lambda _line, _verdict: None
    _seen: dict[str, int] = field(default_factory=dict)
    _lines: dict[int, int] = field(default_factory=dict)
    """The line that updated each recording, by the recording's key."""
    _isrcs: dict[str, str] = field(default_factory=dict)
    """The custom id that each ISRC of this table belongs to."""

    def run(self, bad_rows: TextIO) -> ImportSummary:
        """Import every row; refused ones are written to ``bad_rows`` as CSV."""
        self.summary.separator = self.table.separator
        self.summary.unknown_columns = unknown_columns(self.table.header)
        missing = {"custom_id", "title", "artists"} - set(
            columns_of(self.table.header).values()
        )
        if missing:
            raise TableRefused(
                f"The table lacks the column {', '.join(sorted(missing))}. Its columns "
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
                raise TableRefused(
                    f"A table may have at most {MAX_ROWS:,} rows. Split it."
                )
            yield row

    def _checked(self, chunk: list[RawRow]) -> Iterator[tuple[RawRow, CheckedRow]]:
        """Check the rows of a chunk one by one, and for ids that repeat."""
        names = columns_of(self.table.header)
        for raw in chunk:
            cells = {
                name: raw.cells[position]
                for position, name in names.items()
                if position < len(raw.cells)
            }
            row = check_row(raw.line, cells, further=self._further(raw, names))
            custom_id = row.details.custom_id
            if custom_id and custom_id in self._seen:
                row.faults.append(
                    ImportFault(
                        "custom_id",
                        custom_id,
                        f"Line {self._seen[custom_id]} already has this id.",
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
        """Import one row, or determine what that would do. Any: a csv writer."""
        verdict = Verdict.REFUSED
        if not row.faults:
            try:
                verdict = self._import(row)
            except _Unfit as error:
                row.faults.append(error.fault)
            except ChangeRefused as error:
                row.faults.append(ImportFault("audio", row.audio, str(error)))
        self.summary.rows += 1
        name = str(verdict)
        setattr(self.summary, name, getattr(self.summary, name) + 1)
        self.on_verdict(row.line, verdict)
        for fault in row.warnings:
            _note(self.summary.warnings, row.line, fault)
        if row.faults:
            for fault in row.faults:
                _note(self.summary.faults, row.line, fault)
            reason = " ".join(str(fault) for fault in row.faults)
            cells = list(map(guard, raw.cells))
            # Keep the reason in its column, however many cells the row has.
            width = len(self.table.header)
            cells += [""] * (width - len(cells))
            writer.writerow([*cells[:width], guard(reason), *cells[width:]])

    def _import(self, row: CheckedRow) -> Verdict:
        cell_warnings = list(row.warnings)
        for _attempt in range(_ATTEMPTS):
            row.warnings[:] = cell_warnings
            named = self._named(row)
            try:
                if named is None:
                    self._add(row)
                    verdict = Verdict.ADDED
                elif self._update(row, named):
                    verdict = Verdict.UPDATED
                else:
                    verdict = Verdict.UNCHANGED
            # Another process was faster, so the decision is made again.
            except _Overtaken:
                continue
            except RowRefused as error:
                raise _Unfit("exclude", "", str(error)) from error
            if isrc := check_isrc(row.details.isrc).normalised:
                self._isrcs.setdefault(isrc, row.details.custom_id)
            return verdict
        raise _Unfit(
            "custom_id",
            row.details.custom_id,
            "Somebody else is changing this recording. Import the row again.",
        )

    def _named(self, row: CheckedRow) -> Recording | None:
        """Return the recording with the row's id, merged or not."""
        named = self.bucket.recordings.filter(custom_id=row.details.custom_id)
        return (
            # A retired recording counts only if it was merged: then its id means the
            # recording that stayed.
            named.exclude(status=RecordingStatus.RETIRED).first()
            or named.filter(merged_into__isnull=False).first()
        )

    def _warn(self, row: CheckedRow, existing: Recording | None) -> None:
        """Add warnings about values that look wrong but may be intended."""
        isrc = check_isrc(row.details.isrc).normalised
        others = self.bucket.recordings.exclude(status=RecordingStatus.RETIRED)
        if existing is not None:
            others = others.exclude(pk=existing.pk)
        other = others.filter(isrc_normalised=isrc).first() if isrc else None
        name = (other.custom_id or other.uid) if other else self._isrcs.get(isrc)
        if name and name != row.details.custom_id:
            row.warnings.append(
                ImportFault("isrc", isrc, f"{name} also has this ISRC.")
            )
        decoded = existing.duration_ms if existing else 0
        given = row.duration_ms if row.duration_ms is not None else decoded
        if decoded and abs(decoded - given) > _DURATION_SLACK_MS:
            row.warnings.append(
                ImportFault("duration_ms", str(given), f"The audio lasts {decoded} ms.")
            )

    # New recordings

    def _add(self, row: CheckedRow) -> None:
        retired = self.bucket.recordings.filter(custom_id=row.details.custom_id)
        if retired.exists():
            rule = "A retired recording has this id; the row adds a new recording."
            row.warnings.append(ImportFault("custom_id", row.details.custom_id, rule))
        self._warn(row, None)
        if not row.audio:
            raise _Unfit("audio", "", "A new recording needs audio: a file or a link.")
        if _is_link(row.audio):
            _check_link(row.audio)
            self._check_exclusions(row, None, None)
            self._finish_adding(row, self._add_link(row))
            return
        with self._sound(row.audio) as sound:
            if not sound.size:
                raise _Unfit("audio", row.audio, "The file is empty.")
            fingerprint = _fingerprint_in(sound, row.audio)
            try:
                listened = self.rules.listen(
                    audio=None if fingerprint else sound, fingerprint=fingerprint
                )
                self._check_exclusions(row, None, listened.duration_ms)
                added = self.rules.add(listened.newcomer, row.details)
            except Overtaken as error:
                raise _Overtaken from error
            except RowRefused as error:
                raise _Unfit("audio", row.audio, str(error)) from error
        self._finish_adding(row, added)

    def _add_link(self, row: CheckedRow) -> Recording | None:
        if self.dry:
            return None
        try:
            with transaction.atomic():
                return add_recording(
                    bucket=self.bucket,
                    details=row.details,
                    user=self.user,
                    source_url=row.audio,
                )
        except IntegrityError as error:  # another recording got the id meanwhile
            raise _Overtaken from error

    def _finish_adding(self, row: CheckedRow, added: Recording | None) -> None:
        self.summary.exclusions += len(row.excluded)
        if added is not None:
            self._lines[added.pk] = row.line
            if row.excluded:
                self.rules.exclude(added, row.excluded, self._note_of(row))

    # Existing recordings

    def _update(self, row: CheckedRow, named: Recording) -> bool:
        """Write what the row changes about a recording; return whether it changes
        anything.
        """
        existing = named.stands_for_it
        self._warn(row, existing)
        # Two ids may lead to one recording after a merge; the second row would undo the
        # first.
        first = self._lines.setdefault(existing.pk, row.line)
        if first != row.line:
            raise _Unfit(
                "custom_id",
                row.details.custom_id,
                f"It was merged into {existing}, which line {first} already updates. Remove "
                "one of the two rows.",
            )
        with self._new_audio(row, named, existing) as new_audio:
            change = self._change(row, named, existing, new_audio)
            if not change.is_empty and not self.dry:
                with transaction.atomic():
                    # Decide again under the lock: the recording may have been merged or
                    # changed.
                    existing = _locked(existing)
                    change = self._change(row, named, existing, new_audio)
                    self._write(row, existing, change)
        self._count(row, existing, change)
        return not change.is_empty

    def _change(
        self,
        row: CheckedRow,
        named: Recording,
        existing: Recording,
        new_audio: _NewAudio | None,
    ) -> _Change:
        if new_audio is not None:
            refuse_unready(existing)
        missing = self._check_exclusions(row, named, named.duration_ms or None)
        if named != existing and (missing or new_audio is not None):
            raise _Unfit(
                "exclude" if missing else "audio",
                row.audio,
                f"It was merged into {existing}. Give audio and exclusions "
                "in the row of that recording.",
            )
        columns = self._columns(row, existing)
        if named != existing:
            columns.pop("custom_id", None)
        before = {name: _shown(getattr(existing, name)) for name in columns}
        if new_audio is not None:
            before["audio"] = existing.audio_name or existing.source_url
        return _Change(columns, missing, new_audio, before)

    def _columns(
        self, row: CheckedRow, existing: Recording
    ) -> dict[str, Any]:  # Any: a column's value
        """Return the columns that the row changes; empty cells change nothing."""
        values = detail_columns(row.details)
        # Values from the table are added to earlier data, and do not replace it.
        data = existing.user_defined | row.details.user_defined
        values["user_defined"] = {
            name: value for name, value in data.items() if name not in row.cleared_data
        }
        given = {*row.given, "user_defined"}
        if "isrc" in given:
            given |= {"isrc_normalised", "isrc_status"}
        return {
            name: value
            for name, value in values.items()
            if name in given and getattr(existing, name) != value
        }

    def _write(self, row: CheckedRow, existing: Recording, change: _Change) -> None:
        if change.columns:
            update_recording(
                recording=existing, columns=dict(change.columns), user=self.user
            )
        if change.audio is not None:
            replace_audio(
                recording=existing,
                audio=change.audio.file,
                source_url=change.audio.url,
                user=self.user,
            )
        if change.exclusions:
            touched = self.rules.touched_by(existing, change.exclusions)
            self.rules.exclude(existing, change.exclusions, self._note_of(row))
            change.touched = touched

    def _count(self, row: CheckedRow, existing: Recording, change: _Change) -> None:
        if change.audio is not None:
            self.rules.note_new_audio(existing, change.audio.sha256)
        if change.exclusions:
            if change.touched is None:
                change.touched = self.rules.touched_by(existing, change.exclusions)
            self.summary.exclusions += len(change.exclusions)
            self.summary.matches_touched += change.touched.touched
            self.summary.matches_suppressed += change.touched.suppressed
        if not change.is_empty:
            _note_change(self.summary.changes, row.line, existing.custom_id, change)

    def _check_exclusions(
        self, row: CheckedRow, existing: Recording | None, duration_ms: int | None
    ) -> list[Interval]:
        """Return the exclusions that are new; refuse those beyond the recording's end."""
        try:
            missing = self.rules.missing_exclusions(existing, row.excluded)
        except RowRefused as error:
            raise _Unfit("exclude", "", str(error)) from error
        for start_ms, end_ms in missing:
            if duration_ms is not None and end_ms > duration_ms:
                raise _Unfit(
                    "exclude",
                    f"{start_ms}-{end_ms} ms",
                    f"The recording is {duration_ms} ms long.",
                )
        return missing

    def _note_of(self, row: CheckedRow) -> str:
        return f"Imported from a table, line {row.line}."

    @contextmanager
    def _new_audio(
        self, row: CheckedRow, named: Recording, existing: Recording
    ) -> Iterator[_NewAudio | None]:
        """Yield the row's audio if it differs from the recording's."""
        if not row.audio or row.audio in (named.uid, existing.uid):
            yield None
        elif _is_link(row.audio):
            _check_link(row.audio)
            known = row.audio == named.source_url
            yield None if known else _NewAudio(None, row.audio, "")
        else:
            with self._sound(row.audio) as sound:
                yield _other_sound(row.audio, sound, named)

    @contextmanager
    def _sound(self, name: str) -> Iterator[File[bytes]]:
        """Open a file that came with the table, or the fingerprint of a recording by
        its uid.
        """
        with working_for(self.user):
            rows = Recording.objects.filter(uid=name).exclude(fingerprint="")
            known = rows.first()
        if known is not None:
            # A row may name a recording that the user may see, to add its sound to this
            # bucket.
            yield ContentFile(read_bytes(known.fingerprint), name=name)
            return
        with self._file(name) as file:
            yield file

    def _file(self, name: str) -> File[bytes]:
        try:
            file = self.audio.open(name)
        except RowRefused as error:
            raise _Unfit("audio", name, str(error)) from error
        if file is None:
            raise _Unfit("audio", name, "No file with this name came with the table.")
        return file


class Overtaken(RowRefused):
    """Another process added the row's id meanwhile; decide again."""


class _Overtaken(Exception):
    """The decision about a row no longer holds; decide again."""


@dataclass(frozen=True, slots=True)
class _NewAudio:
    """A file or link that replaces the existing audio."""

    file: File[bytes] | None
    url: str
    sha256: str


@dataclass(slots=True)
class _Change:
    """The changes of a row to a recording."""

    columns: Mapping[str, Any]  # Any: a column's value
    exclusions: list[Interval]
    audio: _NewAudio | None
    before: dict[str, str]
    touched: TouchedMatches | None = None

    @property
    def is_empty(self) -> bool:
        return not self.columns and not self.exclusions and self.audio is None


def _locked(existing: Recording) -> Recording:
    """Lock a recording and read it again; raise if it was merged or retired."""
    current = Recording.objects.select_for_update(of=("self",)).get(pk=existing.pk)
    if current.status == RecordingStatus.RETIRED:
        raise _Overtaken
    return current


def _fingerprint_in(sound: File[bytes], name: str) -> Fingerprint | None:
    """Return the fingerprint if the file is one; None for audio."""
    if not looks_like_fingerprint(sound):
        return None
    try:
        return read_fingerprint(sound, needs_scan_layer=False)
    except AudioRefused as error:
        raise _Unfit("audio", name, str(error)) from error


def _other_sound(name: str, sound: File[bytes], named: Recording) -> _NewAudio | None:
    """Return a file as new audio; None if the recording already has it."""
    if not sound.size:
        raise _Unfit("audio", name, "The file is empty.")
    fingerprint = _fingerprint_in(sound, name)
    if fingerprint is None:
        sha256 = sha256_of(sound)
        same = sha256 == named.audio_sha256
        return None if same else _NewAudio(sound, "", sha256)
    # A recording added as a fingerprint has the hash of that file.
    kept = hashlib.sha256(fingerprint_file.to_bytes(fingerprint)).hexdigest()
    if kept == named.audio_sha256:
        return None
    raise _Unfit(
        "audio",
        name,
        "A fingerprint cannot replace existing audio. Delete the recording first.",
    )


class _Unfit(Exception):
    """A row cannot be imported."""

    def __init__(self, column: str, value: str, rule: str) -> None:
        self.fault = ImportFault(column, value, rule)
        super().__init__(str(self.fault))


def _is_link(text: str) -> bool:
    return "://" in text


def _check_link(url: str) -> None:
    try:
        check_link(url)
    except LinkRefused as error:
        raise _Unfit("audio", url, f"This link is not allowed: {error}.") from error
    if len(url) > 2000:
        raise _Unfit("audio", url, "A link may have at most 2,000 characters.")


def _chunks(rows: Iterable[RawRow]) -> Iterator[list[RawRow]]:
    iterator = iter(rows)
    while chunk := list(itertools.islice(iterator, _CHUNK)):
        yield chunk


def _note(
    into: list[dict[str, Any]], line: int, fault: ImportFault
) -> None:  # Any: JSON
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
    custom_id: str,
    change: _Change,
) -> None:
    if len(into) >= _SHOWN:
        return
    after = {name: _shown(value) for name, value in change.columns.items()}
    if change.exclusions:
        after["exclude"] = " | ".join(map(_interval, change.exclusions))
    if change.audio is not None:
        file = change.audio.file
        after["audio"] = change.audio.url or (file and file.name) or ""
    derived = ("isrc_normalised", "isrc_status")
    before, after = (
        {name: value for name, value in values.items() if name not in derived}
        for values in (change.before, after)
    )
    into.append(
        {"line": line, "custom_id": custom_id, "before": before, "after": after}
    )


def _shown(value: object) -> str:
    if isinstance(value, list):
        return " | ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_shown(item)}" for name, item in value.items())
    return str(value)


def _interval(interval: Interval) -> str:
    return "-".join(map(_clock, interval))


def _clock(total_ms: int) -> str:
    seconds, thousandths = divmod(total_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{thousandths:03}"
