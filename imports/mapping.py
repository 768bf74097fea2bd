"""Which column of a table becomes which of ours; the check and the import both use it.

A mapping has one entry for each column of the file. It is guessed from the names, taken
over from an earlier import, or chosen by a person. Each kind of table has its own
``Targets``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, TypeAlias

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from base.common.outside_text import one_line
from imports.errors import TableRefused
from imports.names import compared
from imports.reading_rules import RuledColumns
from imports.table_layout import RawRow
from imports.tables import MAX_COLUMNS

DATA = "data"
"""The target of a column that is kept as data under its own name."""
LEFT_OUT = "leave"
"""The target of a column that is not imported."""
ERRORS = "error"
"""The last column of the table of refused rows."""
_MAX_NAME = 200
_MAX_EXAMPLE = 200
_EXAMPLES = 3
# Rows that are searched for examples; a column may be empty in most of them.
_ROWS_SEARCHED = 1_000

Json: TypeAlias = list[dict[str, Any]]  # Any: JSON


@dataclass(frozen=True, slots=True)
class Targets:
    """What the columns of a kind of table can become.

    ``labels`` has our columns in words. ``names`` has our column by names as
    ``compared`` returns them; earlier ones go before later ones. Empty cells may clear
    what is ``clearable``. If the table ``keeps_data``, other columns can be kept under
    their own name, unless that is one of ``not_data``.
    """

    labels: Mapping[str, str | Promise]
    required: tuple[str, ...]
    names: tuple[Mapping[str, str], ...]
    clearable: frozenset[str] = frozenset()
    keeps_data: bool = False
    not_data: tuple[str, ...] = ()
    ruled: RuledColumns = field(default_factory=RuledColumns)

    @property
    def known_names(self) -> frozenset[str]:
        """Return every name by which a column is known, for comparison."""
        return frozenset().union(*self.names)

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.labels, *([DATA] if self.keeps_data else []), LEFT_OUT)

    def can_clear(self, target: str) -> bool:
        """Return whether an empty cell may clear the value of this target."""
        return target in self.clearable or target == DATA


NO_TARGETS = Targets({}, (), ())
"""Of a file whose columns are known: nobody maps them."""


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """A column of the file, and what becomes of it.

    ``name`` has no control characters and at most 200 characters; ``target`` is one of
    ``targets.all``. ``clears`` lets empty cells clear the value.
    """

    name: str
    targets: Targets = field(repr=False, compare=False)
    target: str = LEFT_OUT
    clears: bool = False
    examples: tuple[str, ...] = ()

    def becoming(self, target: str, *, clears: bool = False) -> MappedColumn:
        """Return the column with another target; some values are never cleared."""
        clears = clears and self.targets.can_clear(target)
        return replace(self, target=target, clears=clears)

    @property
    def can_be_data(self) -> bool:
        """Return whether the column has a name that data may have."""
        targets = self.targets
        return targets.keeps_data and bool(self.name) and self.name not in targets.not_data


Columns: TypeAlias = tuple[MappedColumn, ...]


@dataclass(frozen=True, slots=True)
class MappingFault:
    """Why the target of the column at ``position`` is impossible."""

    position: int
    text: str


class MappingRefused(Exception):
    """A mapping is impossible; ``faults`` name the columns."""

    def __init__(self, faults: Sequence[MappingFault]) -> None:
        self.faults = tuple(faults)
        super().__init__(" ".join(fault.text for fault in faults))


class NoSuchColumn(Exception):
    """No column, or more than one, has a name that somebody gave."""

    def __init__(self, name: str, names: Iterable[str]) -> None:
        super().__init__(
            _("The table has no column “%(name)s”, or several. Its columns are: %(known)s.")
            % {"name": name[:80], "known": ", ".join(column[:80] for column in names)}
        )


def title_of(columns: Sequence[MappedColumn], position: int) -> str:
    """Return the name of a column in quotes, or its number if it has none."""
    name = columns[position].name
    if not name:
        return _("column %(number)s") % {"number": position + 1}
    return _("“%(name)s”") % {"name": f"{name[:60]}…" if len(name) > 60 else name}


# Reading


def named_columns(header: Sequence[str], targets: Targets) -> Columns:
    """Return the columns that a header names; each is left out.

    Raises ``TableRefused`` if there are too many.
    """
    names = [_printable(name, _MAX_NAME) for name in header]
    while names and not names[-1]:
        names.pop()
    if len(names) > MAX_COLUMNS:
        raise TableRefused(
            _("A table may have at most %(limit)s columns. Split it.") % {"limit": MAX_COLUMNS}
        )
    return tuple(MappedColumn(name, targets) for name in names)


def read_columns(
    header: Sequence[str],
    rows: Iterable[RawRow],
    targets: Targets,
    heartbeat: Callable[[], None] = lambda: None,
) -> Columns:
    """Return the columns of a table with their first different values."""
    columns = named_columns(header, targets)
    examples: list[dict[str, None]] = [{} for _number in range(MAX_COLUMNS)]
    for row in islice(rows, _ROWS_SEARCHED):
        heartbeat()
        for values, cell in zip(examples, row.cells, strict=False):
            if len(values) < _EXAMPLES and (text := _printable(cell, _MAX_EXAMPLE)):
                values[text] = None
    # Spreadsheets add empty columns at the end; one with values only lacks a name.
    width = max([len(columns), *(number for number, values in enumerate(examples, 1) if values)])
    columns += (MappedColumn("", targets),) * (width - len(columns))
    return tuple(
        replace(column, examples=tuple(values))
        for column, values in zip(columns, examples, strict=False)
    )


def _printable(text: str, limit: int) -> str:
    return one_line(text.strip(), limit)


def header_key(header: Sequence[str]) -> str:
    """Return a short text that only equal headers share.

    The table of refused rows has the header of its table and one more column.
    """
    names = list(header)
    if names[-1:] == [ERRORS]:
        names.pop()
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()


# Guessing


def guess(columns: Columns, *, keep_unknown: bool = False) -> Columns:
    """Return the columns with the targets that their names suggest.

    The first of two equal names counts.
    """
    target_by_position: dict[int, str] = {}
    name_sets = columns[0].targets.names if columns else ()
    for names in name_sets:
        for position, column in enumerate(columns):
            target = names.get(compared(column.name))
            if (
                target
                and position not in target_by_position
                and target not in target_by_position.values()
            ):
                target_by_position[position] = target
    data_names: set[str] = set()
    guessed = []
    for position, column in enumerate(columns):
        target = target_by_position.get(position, LEFT_OUT)
        is_free = column.can_be_data and column.name not in data_names
        if target == LEFT_OUT and keep_unknown and is_free:
            data_names.add(column.name)
            target = DATA
        guessed.append(column.becoming(target))
    return tuple(guessed)


def as_in(columns: Columns, earlier: Columns) -> Columns:
    """Return the columns with the targets of an earlier import with the same header."""
    chosen = [(column.target, column.clears) for column in earlier]
    # Only one of the two files may have values in a column without a name, or ``ERRORS``.
    chosen += [(LEFT_OUT, False)] * (len(columns) - len(chosen))
    return tuple(
        column.becoming(target, clears=clears)
        for column, (target, clears) in zip(columns, chosen, strict=False)
    )


def with_names(
    columns: Columns, targets: Sequence[tuple[str, str]], clear_empty: Sequence[str]
) -> Columns:
    """Return the columns with other targets, given as pairs of name and target.

    ``clear_empty`` names our columns, or data, of which empty cells clear the value.
    Raises ``NoSuchColumn``, or ``MappingRefused`` for an impossible mapping.
    """
    chosen = {_position_of(columns, name): target for name, target in targets}
    available = columns[0].targets.all if columns else ()
    for target in chosen.values():
        if target not in available:
            raise NoSuchColumn(target, available)
    taken = set(chosen.values()) - {DATA, LEFT_OUT}
    mapped = [
        # A chosen column takes the place of the one that was guessed.
        column.becoming(chosen.get(position, LEFT_OUT if column.target in taken else column.target))
        for position, column in enumerate(columns)
    ]
    can_clear = {
        column.name if column.target == DATA else column.target: position
        for position, column in enumerate(mapped)
        if column.targets.can_clear(column.target)
    }
    for name in clear_empty:
        if name not in can_clear:
            raise NoSuchColumn(name, can_clear)
        position = can_clear[name]
        mapped[position] = replace(mapped[position], clears=True)
    refuse_impossible(tuple(mapped))
    return tuple(mapped)


def _position_of(columns: Columns, name: str) -> int:
    printable = _printable(name, _MAX_NAME)
    for key in (str, str.casefold, compared):
        matching = [
            position
            for position, column in enumerate(columns)
            if column.name and key(column.name) == key(printable)
        ]
        if len(matching) == 1:
            return matching[0]
    raise NoSuchColumn(name, [column.name for column in columns if column.name])


# Checking


def lacking(columns: Columns) -> list[str]:
    """Return our required columns that no column of the file becomes."""
    assigned = {column.target for column in columns}
    required = columns[0].targets.required if columns else ()
    return [name for name in required if name not in assigned]


def faults_of(columns: Columns) -> list[MappingFault]:
    """Return what makes a mapping impossible, at each column that takes part."""
    faults = []
    for position, column in enumerate(columns):
        if column.target == DATA and not column.can_be_data:
            text = (
                _("%(name)s cannot be kept as data, because one of our columns has this name.")
                if column.name
                else _("%(name)s has no name and cannot be kept as data.")
            )
            text %= {"name": title_of(columns, position)}
            faults.append(MappingFault(position, f"{text[:1].upper()}{text[1:]}"))
    for name, positions in _shared(columns):
        # Equal names need their numbers to tell them apart.
        names = ", ".join(
            f"{title_of(columns, position)} ({position + 1})" for position in positions
        )
        text = _("These columns all become %(target)s: %(names)s. Keep one of them.") % {
            "names": names,
            "target": name,
        }
        faults += [MappingFault(position, text) for position in positions]
    return faults


def refuse_impossible(columns: Columns) -> None:
    """Raise ``MappingRefused`` for a mapping with faults."""
    if faults := faults_of(columns):
        raise MappingRefused(faults)


def _shared(columns: Columns) -> list[tuple[str, list[int]]]:
    """Return each target that several columns have, with their positions."""
    positions: dict[tuple[str, str], list[int]] = {}
    for position, column in enumerate(columns):
        if column.target != LEFT_OUT:
            name = column.name if column.target == DATA else column.target
            positions.setdefault((column.target, name), []).append(position)
    return [(name, places) for (_, name), places in positions.items() if len(places) > 1]


# Using and storing


def unknown_names(columns: Columns) -> list[str]:
    """Return the names of columns that become none of ours."""
    return [column.name for column in columns if column.name and column.target in (DATA, LEFT_OUT)]


def unread_names(columns: Columns) -> list[str]:
    """Return the columns that are left out, also those without a name."""
    return [
        column.name or _("column %(number)s") % {"number": position}
        for position, column in enumerate(columns, start=1)
        if column.target == LEFT_OUT and (column.name or column.examples)
    ]


def cells_by_target(columns: Columns, row: RawRow) -> dict[str, str]:
    """Return a row's cells by our columns."""
    return {
        column.target: cell
        for column, cell in zip(columns, row.cells, strict=False)
        if column.target not in (DATA, LEFT_OUT)
    }


def to_json(columns: Columns) -> Json:
    """Return the columns as an import stores them."""
    return [
        {
            "name": column.name,
            "target": column.target,
            "clears": column.clears,
            "examples": list(column.examples),
        }
        for column in columns
    ]


def from_json(stored: Json, targets: Targets) -> Columns:
    """Return stored columns; a target that no longer exists is left out."""
    return tuple(
        MappedColumn(column["name"], targets, examples=tuple(column["examples"])).becoming(
            column["target"] if column["target"] in targets.all else LEFT_OUT,
            clears=column["clears"],
        )
        for column in stored
    )
