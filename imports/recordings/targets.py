"""What the columns of a table of recordings can become, and how they are used."""

from __future__ import annotations

from dataclasses import replace

from base.common.phrases import label_of
from catalogue.models import Recording
from imports.mapping import DATA, LEFT_OUT, Columns, Targets, guess
from imports.names import compared
from imports.reading_rules import RuledColumns
from imports.recordings.column_names import COMMON_NAMES
from imports.recordings.rows import (
    ALIASES,
    CLEAR,
    CLEARABLE,
    COLUMNS,
    IN_DATA,
    LISTS,
    OTHERS,
    REQUIRED,
)
from imports.table_layout import RawRow

_LABELS = {name: label_of(Recording, name) for name in Recording.DETAILS} | OTHERS
_OWN_NAMES = {compared(name): name for name in COLUMNS}
_USUAL_NAMES = {compared(name): column for name, column in ALIASES.items()}
RECORDING_TARGETS = Targets(
    labels={name: _LABELS[name] for name in COLUMNS},
    required=REQUIRED,
    # Our own names go before common ones.
    names=(_OWN_NAMES, _USUAL_NAMES, COMMON_NAMES),
    clearable=CLEARABLE,
    keeps_data=True,
    not_data=IN_DATA,
    ruled=RuledColumns(
        shares=frozenset({"owner_share_pct"}),
        names=frozenset(LISTS),
        days=frozenset({"release_date"}),
    ),
)
_AS_BEFORE = replace(RECORDING_TARGETS, names=(_OWN_NAMES | _USUAL_NAMES,))


def guess_as_before(columns: Columns, *, keep_unknown: bool) -> Columns:
    """Return the targets that a check saw before imports kept their mapping."""
    as_before = tuple(replace(column, targets=_AS_BEFORE) for column in columns)
    return guess(as_before, keep_unknown=keep_unknown)


def cells_of(columns: Columns, raw: RawRow) -> tuple[dict[str, str], dict[str, str]]:
    """Return a row's cells by our columns, and its data by name."""
    cells: dict[str, str] = {}
    further: dict[str, str] = {}
    for position, column in enumerate(columns):
        if column.target == LEFT_OUT:
            continue
        # Workbooks leave out empty cells at the end of a row.
        cell = raw.cells[position] if position < len(raw.cells) else ""
        if column.clears and not cell.strip():
            cell = CLEAR
        if column.target != DATA:
            cells[column.target] = cell
        elif value := cell.replace("\0", "").strip():
            further[column.name] = value
    return cells, further
