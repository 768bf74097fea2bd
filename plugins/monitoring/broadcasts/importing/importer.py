"""Imports a schedule or a table of audiences, or only checks it.

Each row is one transaction. A check does the same and takes it back, so that it says
what the import will do. A repeated import finds what it did and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.reach import working_for
from base.common.storage import local_path
from imports.errors import TableRefused
from imports.kinds import Columns
from imports.reading_rules import Proposal
from imports.table_layout import RawRow
from imports.table_notes import reading_of
from imports.tables import MAX_ROWS, Table, open_table, rows_of
from plugins.monitoring.broadcasts import services
from plugins.monitoring.broadcasts.importing.rows import (
    KNOWN_NAMES,
    RULED,
    SCHEDULE,
    AudienceRow,
    CellFault,
    ScheduleRow,
    TableLayout,
    audience_row,
    layout_of,
    schedule_row,
    texts_of,
)
from plugins.monitoring.broadcasts.models import Audience, Broadcast, BroadcastImport
from plugins.monitoring.broadcasts.selectors import hours_heard
from plugins.monitoring.streams.models import Station
from review.programmes.errors import ProgrammeRefused
from review.programmes.services import set_episode
from review.programmes.values import Values

SHOWN: Final = 200
_ADDED, _UPDATED, _UNCHANGED = "added", "updated", "unchanged"


@dataclass(slots=True)
class BroadcastSummary:
    """What an import did or would do; the lists hold the first entries."""

    table: str = ""
    rows: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    fault_count: int = 0
    unknown_columns: list[str] = field(default_factory=list)
    reading: dict[str, Any] = field(default_factory=dict)  # Any: JSON
    faults: list[dict[str, Any]] = field(default_factory=list)  # Any: JSON

    def note(self, line: int, faults: list[CellFault]) -> None:
        """Count a refused row; the first faults are kept."""
        self.refused += 1
        self.fault_count += len(faults)
        room = max(0, SHOWN - len(self.faults))
        self.faults += [{"line": line, **asdict(fault)} for fault in faults[:room]]


@dataclass(slots=True)
class BroadcastImporter:
    """Applies the rows of a table for a user; ``dry`` writes nothing."""

    user: User | None
    dry: bool
    heartbeat: Callable[[], None] = lambda: None
    summary: BroadcastSummary = field(default_factory=BroadcastSummary)
    _met: set[int] = field(default_factory=set)
    """Digests of rows that a check would have added, so that later rows find them."""

    def run(self, table: Table) -> BroadcastSummary:
        """Apply row by row; a row with a fault does not affect the others."""
        layout = layout_of(table)
        proposal = Proposal(RULED)
        for row in rows_of(table):
            proposal.look(texts_of(layout, row))
        layout = replace(layout, rules=proposal.rules({}))
        self.summary.table = layout.table
        self.summary.unknown_columns = [name[:80] for name in layout.unknown[:50]]
        for row in rows_of(table):
            if self.summary.rows >= MAX_ROWS:
                raise TableRefused(
                    _("The table has more than %(most)d rows. Split it.") % {"most": MAX_ROWS}
                )
            self.heartbeat()
            self.summary.rows += 1
            # People import into files that they may see.
            with working_for(self.user):
                self._apply(layout, row)
        self.summary.reading = reading_of(
            table,
            not_read=layout.unknown,
            rules=layout.rules,
            ruled=RULED.concerned(layout.positions),
        )
        return self.summary

    def _apply(self, layout: TableLayout, raw: RawRow) -> None:
        read = schedule_row if layout.table == SCHEDULE else audience_row
        row, faults = read(layout, raw)
        if row is None:
            self.summary.note(raw.line, faults)
            return
        try:
            with transaction.atomic():
                verdict = (
                    self._schedule(row) if isinstance(row, ScheduleRow) else self._audience(row)
                )
                transaction.set_rollback(self.dry)
        except ProgrammeRefused as refused:
            fault = CellFault(refused.field, "", str(refused))
            self.summary.note(raw.line, [fault])
            return
        setattr(self.summary, verdict, getattr(self.summary, verdict) + 1)

    def _schedule(self, row: ScheduleRow) -> str:
        changed = _UNCHANGED
        if row.episode:
            is_changed = set_episode(
                scanned_file=row.scanned_file, values=row.episode, user=self.user
            )
            key = ("episode", row.scanned_file.pk, *row.episode.items())
            if is_changed and not self._is_repeated(key):
                changed = _UPDATED
        if not row.broadcast or row.station is None:
            return changed
        return self._broadcast(row, row.station, row.broadcast) or changed

    def _broadcast(self, row: ScheduleRow, station: Station, values: Values) -> str:
        """Add or change a broadcast; return the kind of change, or an empty text."""
        file = row.scanned_file
        key = ("broadcast", file.pk, station.pk, *values.items())
        broadcast = Broadcast.objects.filter(
            scanned_file=file, station=station, starts_at=values["starts_at"]
        ).first()
        if broadcast is None:
            services.add_broadcast(
                scanned_file=file, station=station, values=values, user=self.user
            )
            return "" if self._is_repeated(key) else _ADDED
        # An empty cell keeps the existing value.
        known = {name: value for name, value in values.items() if value not in ("", None)}
        is_changed = services.change_broadcast(
            broadcast=broadcast, station=station, values=known, user=self.user
        )
        return _UPDATED if is_changed and not self._is_repeated(key) else ""

    def _hour(self, row: AudienceRow, hour: datetime) -> str:
        heard = int(row.figures["listeners"])
        stored_hours = hours_heard(row.station, hour, hour)
        is_changed = services.set_hours(
            station=row.station, listeners={hour: heard}, user=self.user
        )
        if not is_changed or self._is_repeated(("hour", row.station.pk, hour, heard)):
            return _UNCHANGED
        return _UPDATED if stored_hours else _ADDED

    def _audience(self, row: AudienceRow) -> str:
        if row.hour is not None:
            return self._hour(row, row.hour)
        key_values = {"month": row.month, "broadcast": row.broadcast}
        audience = Audience.objects.filter(station=row.station, **key_values).first()
        is_changed = services.set_audience(
            station=row.station,
            values=row.figures,
            user=self.user,
            month=row.month,
            broadcast=row.broadcast,
        )
        key = ("audience", row.station.pk, row.month, row.broadcast, *row.figures.items())
        if not is_changed or self._is_repeated(key):
            return _UNCHANGED
        return _UPDATED if audience else _ADDED

    def _is_repeated(self, key: tuple[object, ...]) -> bool:
        """Tell whether an earlier row of a check would have done the same."""
        digest = hash(key)
        repeated = self.dry and digest in self._met
        self._met.add(digest)
        return repeated


def run(broadcast_import: BroadcastImport, heartbeat: Callable[[], None], *, dry: bool) -> Columns:
    """Import the table, or only check it; return the columns with the outcome."""
    task = BroadcastImporter(broadcast_import.starter(), dry, heartbeat)
    with (
        local_path(broadcast_import.file) as path,
        open_table(
            path, names=KNOWN_NAMES, encoding=broadcast_import.encoding, heartbeat=heartbeat
        ) as table,
    ):
        return {"summary": asdict(task.run(table))}
