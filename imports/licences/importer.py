"""Imports a sheet of licences, or only checks it.

Each line is one transaction. A check does the same and takes it back, so that it says
what the import will do. A new licence is a draft until somebody applies it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.reach import working_for
from base.common.storage import local_path
from catalogue.models import Bucket, Recording
from imports.errors import TableRefused
from imports.kinds import Columns
from imports.licences.sheet import BY_NAME, NUMBER, STATE, CellFault, Line, LineRefused, terms_of
from imports.models import LicenceImport
from imports.names import compared
from imports.table_layout import RawRow
from imports.table_notes import reading_of
from imports.tables import Table, open_table, rows_of
from review.errors import ReviewError
from review.models import Licence
from review.services import licences

MOST_LINES: Final = 5_000
"""A sheet for people; each line may let matches wait again."""
_SHOWN: Final = 200


@dataclass(slots=True)
class LicenceSummary:
    """What an import did or would do; ``faults`` are the first ones."""

    rows: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    reopened: int = 0
    unknown_columns: list[str] = field(default_factory=list)
    reading: dict[str, Any] = field(default_factory=dict)  # Any: JSON
    faults: list[dict[str, Any]] = field(default_factory=list)  # Any: JSON

    def refuse(self, line: int, faults: list[CellFault]) -> None:
        """Count a refused line; the first faults are kept."""
        self.refused += 1
        room = max(0, _SHOWN - len(self.faults))
        self.faults += [{"line": line, **asdict(fault)} for fault in faults[:room]]


@dataclass(slots=True)
class LicenceImporter:
    """Applies the lines of a sheet for a user; ``dry`` writes nothing."""

    user: User
    dry: bool
    heartbeat: Callable[[], None] = lambda: None
    summary: LicenceSummary = field(default_factory=LicenceSummary)
    _met: set[str] = field(default_factory=set)
    """New licences of a check, so that later lines find them."""

    def run(self, table: Table) -> LicenceSummary:
        """Apply line by line; a line with a fault does not affect the others."""
        names = [BY_NAME.get(compared(heading), "") for heading in table.header]
        if NUMBER not in names and "holder" not in names:
            raise TableRefused(
                _(
                    "A sheet of licences has a column number or holder. Its first line is: %(header)s"
                )
                % {"header": ", ".join(table.header)[:200]}
            )
        unknown = [heading for heading, name in zip(table.header, names, strict=True) if not name]
        self.summary.unknown_columns = [name[:80] for name in unknown[:50]]
        for row in rows_of(table):
            if self.summary.rows >= MOST_LINES:
                raise TableRefused(
                    _("The table has more than %(most)d rows. Split it.") % {"most": MOST_LINES}
                )
            self.heartbeat()
            self.summary.rows += 1
            with working_for(self.user):
                self._apply(names, row)
        not_read = [*filter(None, unknown), *([STATE] if STATE in names else [])]
        self.summary.reading = reading_of(table, not_read=not_read)
        return self.summary

    def _apply(self, names: list[str], row: RawRow) -> None:
        cells = {name: cell.strip() for name, cell in zip(names, row.cells, strict=False) if name}
        # Workbooks leave out empty cells at the end of a row.
        cells = {name: cells.get(name, "") for name in names if name}
        try:
            with transaction.atomic():
                self._save(Line(cells))
                transaction.set_rollback(self.dry)
        except LineRefused as refused:
            self.summary.refuse(row.line, refused.faults)
        except ReviewError as refused:
            self.summary.refuse(row.line, [CellFault("", "", refused.message)])

    def _save(self, line: Line) -> None:
        stored = line.licence()
        licence = stored or Licence()
        before = terms_of(licence)
        terms = line.terms(before)
        if stored is None and self._is_there(terms):
            self.summary.unchanged += 1
            return
        if stored is not None and terms == before:
            self.summary.unchanged += 1
            return
        buckets, recordings = terms.pop("buckets"), terms.pop("recordings")
        for name, value in terms.items():
            setattr(licence, name, value)
        reopened = licences.save(
            licence=licence,
            user=self.user,
            buckets=Bucket.objects.filter(pk__in=buckets),
            recordings=Recording.objects.filter(uid__in=recordings),
        )
        self.summary.reopened += reopened
        if stored is None:
            self.summary.added += 1
        else:
            self.summary.updated += 1

    def _is_there(self, terms: dict[str, Any]) -> bool:  # Any: terms of a licence
        """Tell whether a line without a number was imported before, or is repeated."""
        named = repr(terms)
        if self.dry and named in self._met:
            return True
        self._met.add(named)
        alike = Licence.objects.filter(
            built_in=False, withdrawn_at__isnull=True, holder=terms["holder"]
        )
        return any(terms_of(licence) == terms for licence in alike)


def run(import_: LicenceImport, heartbeat: Callable[[], None], *, dry: bool) -> Columns:
    """Import the sheet, or only check it; return the columns with the outcome."""
    task = LicenceImporter(import_.starter(), dry, heartbeat)
    with (
        local_path(import_.file) as path,
        open_table(
            path, names=frozenset(BY_NAME), encoding=import_.encoding, heartbeat=heartbeat
        ) as table,
    ):
        return {"summary": asdict(task.run(table))}
