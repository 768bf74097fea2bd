"""The three kinds of report and their columns; choosing columns keeps their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Never

from reports import file_rows, rows, segment_rows
from reports.choices import Mode
from reports.rows import KeptRow
from reports.values import Cell, ValueType


class UnknownColumn(Exception):
    """The report does not have a requested column."""


@dataclass(frozen=True, slots=True)
class ColumnType:
    """Name and type of a column in files."""

    name: str
    kind: ValueType


@dataclass(frozen=True, slots=True)
class Schema:
    """A kind of report with its version, and its columns in fixed order."""

    name: str
    fields: tuple[ColumnType, ...]

    def chosen(self, names: Iterable[str]) -> tuple[ColumnType, ...]:
        """Return the columns with these names in schema order; all if empty."""
        chosen_names = set(names)
        unknown = sorted(chosen_names - {field.name for field in self.fields})
        if unknown:
            raise UnknownColumn(
                f"{self.name} has no column {', '.join(unknown)}. "
                f"It has: {', '.join(field.name for field in self.fields)}."
            )
        if not chosen_names:
            return self.fields
        return tuple(field for field in self.fields if field.name in chosen_names)


def _fields_of(columns: Iterable[rows.Column[Never]]) -> tuple[ColumnType, ...]:
    return tuple(ColumnType(column.name, column.kind) for column in columns)


_MATCH_FIELDS = _fields_of(rows.COLUMNS)
_PART_FIELDS = _fields_of(segment_rows.PART_COLUMNS)
_KINDS = {field.name: field for field in (*_MATCH_FIELDS, *_PART_FIELDS)}

SCHEMAS: dict[Mode, Schema] = {
    Mode.MATCH: Schema(rows.SCHEMA, _MATCH_FIELDS),
    Mode.SEGMENT: Schema(
        segment_rows.SCHEMA, tuple(_KINDS[name] for name in segment_rows.NAMES)
    ),
    Mode.FILE: Schema(
        file_rows.SCHEMA,
        _fields_of(file_rows.COLUMNS),
    ),
}


def kept_columns(mode: Mode) -> tuple[list[str], list[str]]:
    """Return the stored column names of a row, and of each segment beside it.

    Segments are stored with their matches.
    """
    if mode == Mode.FILE:
        return [field.name for field in SCHEMAS[mode].fields], []
    return (
        [field.name for field in _MATCH_FIELDS],
        [field.name for field in _PART_FIELDS],
    )


Shape = Callable[[Iterable[KeptRow]], Iterator[Sequence[Cell]]]


def shape(mode: Mode, fields: Sequence[ColumnType]) -> Shape:
    """Return a function from stored rows to a mode's rows with these columns."""
    if mode == Mode.SEGMENT:
        return _segment_shape(fields)
    all_fields = SCHEMAS[mode].fields
    if len(fields) == len(all_fields):
        return lambda kept: (cells for cells, _ in kept)
    places = [all_fields.index(field) for field in fields]
    return lambda kept: ([cells[place] for place in places] for cells, _ in kept)


def _segment_shape(fields: Sequence[ColumnType]) -> Shape:
    """Combine a match's cells with those of each segment; one row without segments."""
    of_match = {field.name: place for place, field in enumerate(_MATCH_FIELDS)}
    offset = len(_MATCH_FIELDS) + 1
    of_part = {field.name: offset + i for i, field in enumerate(_PART_FIELDS)}
    places = [
        len(_MATCH_FIELDS)
        if field.name == "report_schema"
        else of_part.get(field.name, of_match.get(field.name, -1))
        for field in fields
    ]
    # Files without a match have one row, as in the match report.
    no_part: list[Cell] = [None] * len(_PART_FIELDS)

    def shaped(kept: Iterable[KeptRow]) -> Iterator[Sequence[Cell]]:
        for cells, parts in kept:
            for part in parts or [no_part]:
                beside = [*cells, segment_rows.SCHEMA, *part]
                yield [beside[place] for place in places]

    return shaped
