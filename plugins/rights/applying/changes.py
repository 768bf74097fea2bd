"""What one message changes: rows, their events, and the faults of its claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from django.utils.translation import gettext as _

from base.audit.services import EventDraft
from catalogue.owners.choices import StatedField
from catalogue.owners.models import (
    OtherTitle,
    Party,
    Release,
    RightsRecording,
    Share,
    Statement,
    Track,
    Work,
)
from catalogue.owners.records import Record, case_of, column_of
from plugins.rights.applying.existing import ExistingRecords
from plugins.rights.applying.values import plain
from plugins.rights.claims import ClaimFault, RightsMessage

UNDO: Final = "undo"
"""What an undo needs, in the values after an event."""

Row = TypeVar("Row", Party, Work, RightsRecording, Release)


@dataclass(slots=True)
class NewRows:
    """Rows that belong to records, written together at the end of a message."""

    shares: list[Share] = field(default_factory=list)
    titles: list[OtherTitle] = field(default_factory=list)
    tracks: list[Track] = field(default_factory=list)
    links: list[Any] = field(default_factory=list)  # Any: Django's own model
    statements: dict[tuple[str, str, str], Statement] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)
    """Cases of records whose shares are among the rows or were."""
    titled: set[int] = field(default_factory=set)
    stated: set[tuple[str, str, str]] = field(default_factory=set)
    linked: dict[int, set[int]] = field(default_factory=dict)
    tracked: dict[int, dict[int | None, int]] = field(default_factory=dict)

    def save(self) -> None:
        """Write the rows that wait."""
        Share.objects.bulk_create(self.shares)
        OtherTitle.objects.bulk_create(self.titles)
        Track.objects.bulk_create(self.tracks)
        Work.recordings.through._default_manager.bulk_create(self.links)
        stated = self.statements.values()
        Statement.objects.bulk_create([row for row in stated if row.pk is None])
        for row in stated:
            if row.pk is not None:
                row.save()
        self.shares, self.titles, self.tracks, self.links = [], [], [], []
        self.statements = {}


@dataclass(slots=True)
class Changes:
    """The records of one message so far, and what it changed in them."""

    message: RightsMessage
    source: str
    claimant: str
    existing: ExistingRecords
    parties: dict[str, Party] = field(default_factory=dict)
    works: dict[str, Work] = field(default_factory=dict)
    recordings: dict[str, RightsRecording] = field(default_factory=dict)
    releases: dict[str, Release] = field(default_factory=dict)
    touched: dict[str, Party | Record] = field(default_factory=dict)
    events: dict[str, EventDraft] = field(default_factory=dict)
    faults: list[ClaimFault] = field(default_factory=list)
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    new: set[str] = field(default_factory=set)
    """Cases of records that this message made, which need no look at earlier rows."""
    rows: NewRows = field(default_factory=NewRows)

    @classmethod
    def of(cls, message: RightsMessage, source: str) -> Changes:
        """Return the changes of a message before its first claim."""
        # Without a sender, all messages of a format are one source.
        claimant = (message.sender or message.format).strip()[:200]
        return cls(message, source, claimant, ExistingRecords.of(message, claimant))

    def add_fault(
        self, line: int | None, field: str, value: str, rule: str, *, is_warning: bool = False
    ) -> None:
        """Add a fault of a claim; a warning leaves the rest of the claim in force."""
        self.faults.append(
            ClaimFault(line=line, field=field, value=value, rule=rule, is_warning=is_warning)
        )

    def without_kept_off(self, record: Work | Release, missing: list[int]) -> list[int]:
        """Return the missing recordings but those that a person took out."""
        if not missing or case_of(record) in self.new:
            return missing
        taken = set(record.kept_off.values_list("pk", flat=True))
        return [pk for pk in missing if pk not in taken]

    def add_missing(self, line: int | None, field: str, key: str) -> None:
        """Note that a claim names something that is not here or was refused."""
        rule = _("'%(key)s' is missing from the message or was left out because of a fault.")
        self.add_fault(line, field, key, rule % {"key": key}, is_warning=True)

    def create(self, row: Row, values: Mapping[str, object]) -> Row:
        """Save a new record and begin its event."""
        row.save()
        self.new.add(case_of(row))
        self.created += 1
        self.touched[case_of(row)] = row
        self.events[case_of(row)] = EventDraft(
            case=case_of(row),
            action="rights.imported",
            after={
                **{name: plain(value) for name, value in values.items() if value},
                **self.origin(),
            },
        )
        return row

    def fill_empty(self, row: Row, values: Mapping[str, object]) -> None:
        """Fill empty fields of a known record; count it as unchanged at first."""
        if case_of(row) not in self.touched:
            self.unchanged += 1
        self.touched[case_of(row)] = row
        filled = {
            name: value
            for name, value in values.items()
            if value not in (None, "", []) and getattr(row, name) in (None, "", [])
        }
        if not filled:
            return
        for name, value in filled.items():
            before = plain(getattr(row, name))
            setattr(row, name, value)
            self.note_change(row, name, plain(value))
            self.note_undo(row, "filled", {name: before})
        row.save()

    def keep_statement(
        self, record: Record, field: StatedField, value: str, line: int | None, number: str = ""
    ) -> None:
        """Keep what this source says of a field."""
        if not value:
            return
        where: dict[str, Any] = {  # Any: a column's value
            column_of(record): record,
            "field": field,
            "claimant": self.claimant,
            "number": number,
        }
        key = (case_of(record), field, number)
        row = self.rows.statements.get(key)
        if row is None and (key[0] not in self.new or key in self.rows.stated):
            row = Statement.objects.filter(**where).first()
        if row is not None and row.value == value[:1100]:
            return
        if row is not None:
            self.note_change(record, field.lower(), value)
        previous = row and {"value": row.value, "source": row.source, "line": row.line}
        statement = {"field": field, "number": number, "value": value[:1100]}
        self.note_undo(record, "statements", [statement | {"before": previous or None}])
        row = row or Statement(**where)
        row.value, row.source, row.line = value[:1100], self.source[:200], line
        self.rows.statements[key] = row
        self.rows.stated.add(key)

    def note_change(self, row: Party | Record, name: str, value: object) -> None:
        """Note a change of a record for its event, and count it once."""
        case = case_of(row)
        event = self.events.get(case)
        if event is None:
            event = EventDraft(case=case, action="rights.import_changed", after={**self.origin()})
            self.events[case] = event
            self.changed += 1
            self.unchanged -= 1
        noted = event.after.setdefault(name, [])
        if isinstance(noted, list):
            noted.append(value)

    def note_undo(
        self, row: Party | Record, name: str, entries: list[Any] | dict[str, Any]
    ) -> None:  # Any: JSON
        """Note in a record's event, if it has one, what an undo of the import needs."""
        if (event := self.events.get(case_of(row))) is None:
            return
        undo = event.after.setdefault(UNDO, {})
        if isinstance(entries, dict):
            undo.setdefault(name, {}).update(entries)
        else:
            undo.setdefault(name, []).extend(entries)

    def origin(self) -> dict[str, str]:
        """Return what an event says of the message."""
        return {
            "claimant": self.claimant,
            "source": self.source,
            "message": self.message.message_id,
        }
