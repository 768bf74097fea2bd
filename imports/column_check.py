"""The step in which a check proposes how a table is read, and maps its columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from imports import mapping
from imports.kinds import Columns, targets_of
from imports.models import ImportStatus, MappedImport, MappingOrigin
from imports.reading_rules import Proposal, ReadingRules
from imports.table_layout import RawRow
from imports.tables import Table, rows_of

HEADER_LINE = "header_line"
"""The key of ``MappedImport.rules`` for the line with the names of the columns."""


def map_columns(
    import_: MappedImport,
    table: Table,
    heartbeat: Callable[[], None],
    *,
    keep_unknown: bool = False,
) -> tuple[mapping.Columns, ReadingRules, Columns]:
    """Return the mapping and the rules of a check, and the columns that keep them.

    They have the status of an import that waits for a person, if a required column is
    missing.
    """
    targets, key = targets_of(import_), mapping.header_key(table.header)
    origin, chosen = MappingOrigin.GUESSED, dict(import_.rules)
    if import_.columns:
        columns = mapping.from_json(import_.columns, targets)
        origin = MappingOrigin(import_.columns_from)
    else:
        columns = mapping.read_columns(table.header, rows_of(table), targets, heartbeat)
        if earlier := _last_import_like(import_, key):
            as_before = mapping.from_json(earlier.columns, targets)
            columns, origin = mapping.as_in(columns, as_before), MappingOrigin.REPEATED
            # Names and dates of one source look the same; shares show what they are.
            chosen |= {
                name: earlier.rules[name]
                for name in ("names", "days")
                if name in earlier.rules and name not in chosen
            }
        else:
            columns = mapping.guess(columns, keep_unknown=keep_unknown)
    rules = propose(columns, rows_of(table), chosen, heartbeat)
    stored: Columns = {
        "columns": mapping.to_json(columns),
        "columns_from": origin,
        "header_key": key,
        "rules": {**rules.to_json(), HEADER_LINE: table.header_line},
    }
    if missing := mapping.lacking(columns):
        cause = _("Choose the column for: %(names)s.") % {"names": ", ".join(missing)}
        stored |= {"status": ImportStatus.UNMAPPED, "message": cause}
    return columns, rules, stored


def propose(
    columns: mapping.Columns,
    rows: Iterable[RawRow],
    chosen: Mapping[str, Any],  # Any: JSON
    heartbeat: Callable[[], None] = lambda: None,
) -> ReadingRules:
    """Return the rules that fit all rows; what a person chose stays."""
    ruled = columns[0].targets.ruled if columns else mapping.NO_TARGETS.ruled
    proposal = Proposal(ruled)
    if ruled.concerned(column.target for column in columns):
        for row in rows:
            heartbeat()
            proposal.look(mapping.cells_by_target(columns, row))
    return proposal.rules(chosen)


def _last_import_like(import_: MappedImport, header_key: str) -> MappedImport | None:
    """Return the newest finished import with the same header into the same place."""
    place = {import_.mapped_for: getattr(import_, import_.mapped_for)}
    done = type(import_)._default_manager.filter(
        **place, header_key=header_key, status=ImportStatus.DONE
    )
    return done.order_by("-id").first()
