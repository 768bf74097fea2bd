"""Import a table of recordings: first a dry run, then the valid rows.

A dry run only skips the writing. A row whose id exists in the bucket updates that
recording. A row without news changes nothing, so a stopped import can simply be
repeated. Refused rows are written out with an ``error`` column, to be corrected and
imported on their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.audit.standing import counted_by_kind
from base.common.csv_safety import GuardedWriter
from base.common.databases import violates
from base.common.reading import read_number
from catalogue.changes import ChangeRefused, update_recording
from catalogue.models import Bucket, Recording, RecordingStatus, new_acr_id
from catalogue.services import add_recording, add_waiting_recording
from dedup.intake import AlreadyInCatalogue, arriving_audio
from imports.errors import RowFault, TableRefused
from imports.mapping import ERRORS, Columns, lacking, unknown_names, unread_names
from imports.reading_rules import ReadingRules
from imports.recordings.audio import (
    AudioSource,
    NewAudio,
    fingerprint_in,
    is_link,
    open_sound,
    refuse_link,
)
from imports.recordings.deciding import Decider, RowChange, no_audio
from imports.recordings.rows import CheckedRow, Overtaken, check_row
from imports.recordings.rules import RowRules
from imports.recordings.summary import ImportSummary, Verdict
from imports.recordings.targets import RECORDING_TARGETS, cells_of
from imports.table_layout import RawRow
from imports.table_notes import reading_of
from imports.tables import MAX_ROWS, Table, rows_of

# Decisions about a row while others change the same recording.
_ATTEMPTS = 3


@dataclass
class RecordingImporter:
    """One run over a table; a ``dry`` run writes only the list of refused rows."""

    bucket: Bucket
    table: Table
    audio: AudioSource
    rules: RowRules
    user: User | None
    dry: bool
    columns: Columns
    rules_of_cells: ReadingRules
    # Whether rows without audio become recordings that wait for it.
    waiting: bool = False
    summary: ImportSummary = field(default_factory=ImportSummary)
    # Called for every row, so that the caller can report.
    heartbeat: Callable[[], None] = lambda: None
    on_verdict: Callable[[int, Verdict], None] = lambda _line, _verdict: None
    _seen: dict[str, int] = field(default_factory=dict)
    _changed: set[str] = field(default_factory=set)
    """The cases of recordings that change."""

    def __post_init__(self) -> None:
        self._decider = Decider(self.bucket, self.audio, self.rules, self.user, self.waiting)

    def run(self, bad_rows: TextIO) -> ImportSummary:
        """Import every row; refused ones are written to ``bad_rows`` as CSV."""
        header = self.table.header
        self.summary.separator = self.table.separator
        self.summary.unknown_columns = unknown_names(self.columns)
        if missing := lacking(self.columns):
            raise TableRefused(
                _("The table lacks the column %(sorted)s. Its columns are: %(header)s.")
                % {"sorted": ", ".join(missing), "header": ", ".join(header)[:300]}
            )
        writer = GuardedWriter(bad_rows)
        writer.write([*header, ERRORS])
        for number, raw in enumerate(rows_of(self.table), start=1):
            if number > MAX_ROWS:
                raise TableRefused(
                    _("A table may have at most %(limit)s rows. Split it.")
                    % {"limit": read_number(MAX_ROWS)}
                )
            row = self._check_row(raw)
            self.heartbeat()
            self._take(row)
            if row.faults:
                reason = " ".join(str(fault) for fault in row.faults)
                cells = list(raw.cells)
                # Keep the reason in its column, however many cells the row has.
                cells += [""] * (len(header) - len(cells))
                cells.insert(len(header), reason)
                writer.write(cells)
        self.summary.reading = reading_of(
            self.table,
            not_read=unread_names(self.columns),
            rules=self.rules_of_cells,
            ruled=RECORDING_TARGETS.ruled.concerned(column.target for column in self.columns),
        )
        self.summary.stated = counted_by_kind(self._changed)
        return self.summary

    def _check_row(self, raw: RawRow) -> CheckedRow:
        """Check a row by itself, and for an id that repeats."""
        cells, further = cells_of(self.columns, raw)
        row = check_row(raw.line, cells, further=further, rules=self.rules_of_cells)
        custom_id = row.details.custom_id
        if custom_id and custom_id in self._seen:
            rule = _("Line %(_seen)s already has this id.") % {"_seen": self._seen[custom_id]}
            row.faults.append(RowFault("custom_id", custom_id, rule))
        self._seen.setdefault(custom_id, raw.line)
        return row

    def _take(self, row: CheckedRow) -> None:
        """Import one row, or determine what that would do."""
        verdict = Verdict.REFUSED
        if not row.faults:
            try:
                verdict = self._import(row)
            except RowFault as fault:
                _add(row, fault.all)
            except ChangeRefused as error:
                _add(row, [RowFault("audio", row.audio, str(error))])
        if row.faults:
            _add(row, self._decider.other_faults(row))
        self.summary.count(verdict)
        self.summary.note_faults(row.line, row.faults, row.warnings)
        self.on_verdict(row.line, verdict)

    def _import(self, row: CheckedRow) -> Verdict:
        cell_warnings = list(row.warnings)
        for _attempt in range(_ATTEMPTS):
            row.warnings[:] = cell_warnings
            named = self._decider.named(row)
            try:
                if named is None:
                    self._add(row)
                    verdict = Verdict.ADDED
                elif self._update(row, named):
                    verdict = Verdict.UPDATED
                else:
                    verdict = Verdict.UNCHANGED
            except Overtaken:
                continue
            self._decider.remember(row)
            return verdict
        raise RowFault(
            "custom_id",
            row.details.custom_id,
            _("Somebody else is changing this recording. Import the row again."),
        )

    # New recordings

    def _add(self, row: CheckedRow) -> None:
        self._decider.warn_of_retired(row)
        self._decider.warn(row, None)
        if not row.audio:
            added = self._add_waiting(row)
        elif is_link(row.audio):
            added = self._add_link(row)
        else:
            added = self._add_sound(row)
        self.summary.exclusions += len(row.excluded)
        if added is not None:
            self._decider.claim(added, row.line)
            if row.excluded:
                self.rules.exclude(added, row.excluded, _note_of(row))

    def _add_waiting(self, row: CheckedRow) -> Recording | None:
        if not self.waiting:
            raise no_audio()
        self._decider.new_exclusions(row, None, row.duration_ms)
        self.summary.waiting += 1
        if self.dry:
            return None
        try:
            with transaction.atomic():
                return add_waiting_recording(
                    bucket=self.bucket,
                    details=row.details,
                    acr_id=new_acr_id(),
                    duration_ms=row.duration_ms or 0,
                    user=self.user,
                )
        except IntegrityError as error:
            if not _id_was_taken(error):
                raise
            self.summary.waiting -= 1
            raise Overtaken from error

    def _add_link(self, row: CheckedRow) -> Recording | None:
        refuse_link(row.audio)
        self._decider.new_exclusions(row, None, None)
        if self.dry:
            return None
        try:
            with transaction.atomic():
                return add_recording(
                    bucket=self.bucket, details=row.details, user=self.user, source_url=row.audio
                )
        except IntegrityError as error:
            if not _id_was_taken(error):
                raise
            raise Overtaken from error

    def _add_sound(self, row: CheckedRow) -> Recording | None:
        with open_sound(self.audio, row.audio, self.user) as sound:
            fingerprint = fingerprint_in(sound, row.audio)
            try:
                newcomer = self.rules.listen(
                    audio=None if fingerprint else sound, fingerprint=fingerprint
                )
                heard = newcomer.heard
                duration_ms = heard.duration_ms if heard is not None else None
                try:
                    self._decider.new_exclusions(row, None, duration_ms)
                except RowFault as fault:
                    # The audio may be faulty too.
                    _add(row, fault.all)
                    self.rules.refuse_known(newcomer)
                    raise
                return self.rules.add(newcomer, row.details)
            except AlreadyInCatalogue as error:
                raise RowFault("audio", row.audio, str(error)) from error

    # Existing recordings

    def _update(self, row: CheckedRow, named: Recording) -> bool:
        """Apply the row's changes to a recording; return whether it changes
        anything.
        """
        existing = named.stands_for_it
        self._decider.warn(row, existing)
        self._decider.refuse_second_row(row, existing)
        with self._decider.new_audio(row, named, existing) as new_audio:
            change = self._decider.change(row, named, existing, new_audio)
            if self.dry and change.audio is not None:
                self.rules.rehearse_audio(existing, change.audio.file)
            elif not change.is_empty and not self.dry:
                change = self._write(row, named, existing, new_audio)
        if change.exclusions and change.touched is None:
            change.touched = self.rules.touched_by(existing, change.exclusions)
        self.summary.note_change(row.line, existing.custom_id, change)
        if not change.is_empty:
            self._changed.add(f"recording:{existing.uid}")
        return not change.is_empty

    def _write(
        self, row: CheckedRow, named: Recording, existing: Recording, audio: NewAudio | None
    ) -> RowChange:
        """Change a recording in one transaction; return what was changed."""

        def write() -> RowChange:
            # Decide again under the lock: the recording may have been merged or changed.
            locked = Recording.objects.select_for_update(of=("self",)).get(pk=existing.pk)
            if locked.status == RecordingStatus.RETIRED:
                raise Overtaken
            change = self._decider.change(row, named, locked, audio)
            if change.columns:
                update_recording(recording=locked, columns=dict(change.columns), user=self.user)
            if change.exclusions:
                # Counted before: afterwards nothing is left to lose.
                change.touched = self.rules.touched_by(locked, change.exclusions)
                self.rules.exclude(locked, change.exclusions, _note_of(row))
            return change

        if audio is None:
            with transaction.atomic():
                return write()
        # Fingerprinting, comparing and storing are slow, so they come before the lock.
        newcomer = self.rules.listen(audio=audio.file, fingerprint=None)
        made: list[RowChange] = []
        with arriving_audio(
            recording=existing, newcomer=newcomer, source_url=audio.url, user=self.user
        ) as replace:
            replace(lambda: made.append(write()))
        return made[0]


def _id_was_taken(error: IntegrityError) -> bool:
    """Tell whether another recording got the row's id meanwhile."""
    return violates(error, Recording, "recording_custom_id_unique_in_bucket")


def _add(row: CheckedRow, faults: list[RowFault]) -> None:
    """Add faults that the row does not have yet."""
    noted_faults = {fault.args for fault in row.faults}
    row.faults.extend(fault for fault in faults if fault.args not in noted_faults)


def _note_of(row: CheckedRow) -> str:
    return _("Imported from a table, line %(line)s.") % {"line": row.line}
