"""Decides what a row changes about its recording; writes nothing.

A dry run and an import decide with the same code, so both reach the same verdicts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from base.accounts.models import User
from base.common.reading import read_clock, read_interval
from catalogue.changes import ChangeRefused, refuse_unready
from catalogue.identifiers import check_isrc
from catalogue.models import Bucket, Recording, RecordingStatus
from catalogue.services import detail_columns
from imports.errors import RowFault
from imports.recordings.audio import (
    AudioSource,
    NewAudio,
    fingerprint_in,
    is_link,
    open_sound,
    other_sound,
    refuse_link,
)
from imports.recordings.rows import CheckedRow, Interval
from imports.recordings.rules import RowRules, TouchedMatches

# Encoders pad and trim, so smaller differences are normal.
_DURATION_SLACK_MS = 2_000


@dataclass(slots=True)
class RowChange:
    """The changes of a row to a recording."""

    columns: Mapping[str, Any]  # Any: a column's value
    exclusions: list[Interval]
    audio: NewAudio | None
    before: dict[str, str]
    touched: TouchedMatches | None = None

    @property
    def is_empty(self) -> bool:
        """Return whether the row says nothing new."""
        return not self.columns and not self.exclusions and self.audio is None


@dataclass(frozen=True, slots=True)
class Decider:
    """Decides about the rows of one table, and remembers the rows before.

    All methods raise ``RowFault``.
    """

    bucket: Bucket
    audio: AudioSource
    rules: RowRules
    user: User | None
    waiting: bool = False
    """Whether a new recording may come without audio."""
    _lines: dict[int, int] = field(default_factory=dict)
    """The line that updated each recording, by the recording's key."""
    _isrcs: dict[str, str] = field(default_factory=dict)
    """The custom id that each ISRC of this table belongs to."""
    _new_ids: set[str] = field(default_factory=set)
    """The custom ids without a recording when their first row was read."""

    def remember(self, row: CheckedRow) -> None:
        """Note an imported row, for warnings about later ones."""
        if isrc := check_isrc(row.details.isrc).normalised:
            self._isrcs.setdefault(isrc, row.details.custom_id)

    def claim(self, recording: Recording, line: int) -> int:
        """Note which line changes a recording; return the first line that does."""
        return self._lines.setdefault(recording.pk, line)

    def named(self, row: CheckedRow) -> Recording | None:
        """Return the recording with the row's id, merged or not."""
        custom_id = row.details.custom_id
        named = self.bucket.recordings.filter(custom_id=custom_id)
        recording = (
            # A retired recording counts only if it was merged: then its id means the
            # recording that stayed.
            named.exclude(status=RecordingStatus.RETIRED).first()
            or named.filter(merged_into__isnull=False).first()
        )
        if recording is None:
            self._new_ids.add(custom_id)
        return recording

    def warn(self, row: CheckedRow, existing: Recording | None) -> None:
        """Add warnings about values that look wrong but may be intended."""
        isrc = check_isrc(row.details.isrc).normalised
        elsewhere = self.bucket.recordings.exclude(status=RecordingStatus.RETIRED)
        if existing is not None:
            elsewhere = elsewhere.exclude(pk=existing.pk)
        duplicate = elsewhere.filter(isrc_normalised=isrc).first() if isrc else None
        name = (duplicate.custom_id or duplicate.uid) if duplicate else self._isrcs.get(isrc)
        if name and name != row.details.custom_id:
            row.warnings.append(
                RowFault("isrc", isrc, _("%(name)s also has this ISRC.") % {"name": name})
            )
        decoded = existing.duration_ms if existing else 0
        stated = row.duration_ms if row.duration_ms is not None else decoded
        if decoded and abs(decoded - stated) > _DURATION_SLACK_MS:
            row.warnings.append(
                RowFault(
                    "duration_ms",
                    str(stated),
                    _("The audio is %(length)s long.") % {"length": read_clock(decoded, digits=3)},
                )
            )

    def warn_of_retired(self, row: CheckedRow) -> None:
        """Add a warning if a recording with the id of a new one was retired."""
        retired = self.bucket.recordings.filter(custom_id=row.details.custom_id)
        if retired.exists():
            rule = _("A retired recording has this id; the row adds a new recording.")
            row.warnings.append(RowFault("custom_id", row.details.custom_id, rule))

    def refuse_second_row(self, row: CheckedRow, existing: Recording) -> None:
        """Refuse a row for a recording that an earlier row updates."""
        # Two ids may lead to one recording after a merge; the second row would undo the
        # first.
        first = self.claim(existing, row.line)
        if first != row.line:
            raise RowFault(
                "custom_id",
                row.details.custom_id,
                _(
                    "It was merged into %(existing)s, which line %(first)s "
                    "already updates. Remove one of the two rows."
                )
                % {"existing": existing, "first": first},
            )

    def change(
        self, row: CheckedRow, named: Recording, existing: Recording, new_audio: NewAudio | None
    ) -> RowChange:
        """Return what the row changes; ``named`` was merged if it is not ``existing``."""
        if new_audio is not None:
            refuse_unready(existing)
        missing = self.new_exclusions(row, named, named.duration_ms or None)
        if named != existing and (missing or new_audio is not None):
            raise RowFault(
                "exclude" if missing else "audio",
                row.audio,
                _(
                    "It was merged into %(existing)s. Give audio and "
                    "exclusions in the row of that recording."
                )
                % {"existing": existing},
            )
        columns = _columns(row, existing)
        if named != existing:
            columns.pop("custom_id", None)
        before = {name: format_value(getattr(existing, name)) for name in columns}
        if new_audio is not None:
            before["audio"] = existing.audio_name or existing.source_url
        return RowChange(columns, missing, new_audio, before)

    def new_exclusions(
        self, row: CheckedRow, existing: Recording | None, duration_ms: int | None
    ) -> list[Interval]:
        """Return the exclusions that are new; refuse those beyond the recording's end."""
        missing = self.rules.missing_exclusions(existing, row.excluded)
        late = [
            RowFault(
                "exclude",
                read_interval(start_ms, end_ms, digits=3),
                _("The recording is %(length)s long.")
                % {"length": read_clock(duration_ms, digits=3)},
            )
            for start_ms, end_ms in missing
            if duration_ms is not None and end_ms > duration_ms
        ]
        if late:
            late[0].further = late[1:]
            raise late[0]
        return missing

    def other_faults(self, row: CheckedRow) -> list[RowFault]:
        """Return the faults of a refused row's audio and exclusions, as far as they are
        known without hearing the audio.
        """
        faulty = {fault.column for fault in row.faults}
        # While its id is missing or repeated, nobody knows which recording a row means:
        # a dry run has not added the recording of the earlier row.
        is_clear = bool(row.details.custom_id) and "custom_id" not in faulty
        named = self.named(row) if is_clear else None
        faults = [] if "audio" in faulty else self._audio_faults(row, named)
        # A row that repeats the id of a new recording means another new one.
        is_new = named is None if is_clear else row.details.custom_id in self._new_ids
        needs_audio = is_new and not self.waiting
        if needs_audio and not row.audio and "audio" not in faulty:
            faults.append(no_audio())
        if not is_clear or (named is not None and named.stands_for_it != named):
            return faults
        try:
            duration_ms = named.duration_ms if named else 0
            self.new_exclusions(row, named, duration_ms or None)
        except RowFault as error:
            faults += error.all
        return faults

    def _audio_faults(self, row: CheckedRow, named: Recording | None) -> list[RowFault]:
        """Return the fault of the audio that a row names."""
        try:
            if named is not None:
                existing = named.stands_for_it
                with self.new_audio(row, named, existing) as new_audio:
                    if new_audio is not None and named == existing:
                        refuse_unready(existing)
            elif is_link(row.audio):
                refuse_link(row.audio)
            elif row.audio:
                with open_sound(self.audio, row.audio, self.user) as sound:
                    fingerprint_in(sound, row.audio)
        except RowFault as error:
            return error.all
        except ChangeRefused as error:
            return [RowFault("audio", row.audio, str(error))]
        return []

    @contextmanager
    def new_audio(
        self, row: CheckedRow, named: Recording, existing: Recording
    ) -> Iterator[NewAudio | None]:
        """Yield the row's audio if it differs from the recording's."""
        if not row.audio or row.audio in (named.uid, existing.uid):
            yield None
        elif is_link(row.audio):
            refuse_link(row.audio)
            is_same = row.audio == named.source_url
            yield None if is_same else NewAudio(None, row.audio, "")
        else:
            with open_sound(self.audio, row.audio, self.user) as sound:
                yield other_sound(row.audio, sound, named)


def no_audio() -> RowFault:
    """Return why a row without audio adds no recording."""
    return RowFault("audio", "", _("A new recording needs audio: a file or a link."))


def _columns(row: CheckedRow, existing: Recording) -> dict[str, Any]:  # Any: a column's value
    """Return the columns that the row changes; empty cells change nothing."""
    values = detail_columns(row.details)
    # Values from the table are added to earlier data, and do not replace it.
    data = existing.user_defined | row.details.user_defined
    values["user_defined"] = {
        name: value for name, value in data.items() if name not in row.cleared_data
    }
    names = {*row.filled, "user_defined"}
    if "isrc" in names:
        names |= {"isrc_normalised", "isrc_status"}
    return {
        name: value
        for name, value in values.items()
        if name in names and getattr(existing, name) != value
    }


def format_value(value: object) -> str:
    """Return a column's value as the summary shows it."""
    if isinstance(value, list):
        return " | ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}: {format_value(item)}" for name, item in value.items())
    return str(value)
