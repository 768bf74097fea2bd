"""Kinds of report with their columns, and layouts: the columns and format of one.

Choosing columns keeps their order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any, Never, Self

from django.http import QueryDict
from django.utils.translation import gettext as _

from reports import file_rows, rows, segment_rows
from reports.cells import (
    Cell,
    ColumnType,
    Dialect,
    Rows,
    csv_pieces,
    json_lines_pieces,
    json_pieces,
)
from reports.choices import FILE_NAMES, FilesWithout, Format, Mode, Separator
from reports.models import ReportOptions
from reports.options import OPTIONS
from reports.rows import KeptRow
from review.filters import MatchFilter

SEPARATORS = {Separator.COMMA: ",", Separator.SEMICOLON: ";", Separator.TAB: "\t"}
Filters = Mapping[str, str | list[str]]


class UnknownColumn(Exception):
    """The report does not have a requested column."""


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
                _("%(name)s has no column %(unknown)s. It has: %(columns)s.")
                % {
                    "name": self.name,
                    "unknown": ", ".join(unknown),
                    "columns": ", ".join(field.name for field in self.fields),
                }
            )
        if not chosen_names:
            return self.fields
        return tuple(field for field in self.fields if field.name in chosen_names)


def _fields_of(columns: Iterable[rows.Column[Never]]) -> tuple[ColumnType, ...]:
    return tuple(ColumnType(column.name, column.kind) for column in columns)


_PART_FIELDS = _fields_of(segment_rows.PART_COLUMNS)


@cache
def _match_fields() -> tuple[ColumnType, ...]:
    return _fields_of(rows.match_columns())


@cache
def schema_of(mode: Mode) -> Schema:
    """Return the schema of a mode."""
    if mode == Mode.MATCH:
        return Schema(rows.SCHEMA, _match_fields())
    if mode == Mode.FILE:
        return Schema(file_rows.SCHEMA, _fields_of(file_rows.file_columns()))
    by_name = {field.name: field for field in (*_match_fields(), *_PART_FIELDS)}
    names = segment_rows.segment_names()
    return Schema(segment_rows.SCHEMA, tuple(by_name[name] for name in names))


def kept_columns(mode: Mode) -> tuple[list[str], list[str]]:
    """Return the stored column names of a row, and of each segment beside it.

    Segments are stored with their matches.
    """
    if mode == Mode.FILE:
        return [field.name for field in schema_of(mode).fields], []
    return ([field.name for field in _match_fields()], [field.name for field in _PART_FIELDS])


def columns_here(mode: Mode, names: Iterable[str]) -> tuple[str, ...]:
    """Return those columns that this portal has: some belong to packages left out."""
    available = {field.name for field in schema_of(mode).fields}
    return tuple(name for name in names if name in available)


@dataclass(frozen=True, slots=True)
class Layout:
    """The options of a report, named as in ``ReportOptions``.

    Raises ``UnknownColumn`` for a column that the mode does not have.
    """

    mode: Mode = Mode.MATCH
    filters: Filters = field(default_factory=dict)
    files_without: FilesWithout = FilesWithout.ALL
    format: Format = Format.CSV
    separator: Separator = Separator.COMMA
    byte_order_mark: bool = True
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.schema.chosen(self.columns)

    @classmethod
    def of(cls, options: ReportOptions) -> Self:
        """Return the layout of a run, template or schedule."""
        values = {name: getattr(options, name) for name in OPTIONS}
        columns = columns_here(Mode(options.mode), options.columns)
        return cls.given(values, filters=options.filters, columns=columns)

    @classmethod
    def given(
        cls, values: Mapping[str, object], *, filters: Filters, columns: Iterable[str] = ()
    ) -> Self:
        """Return a layout from values by name of option; missing ones are the default."""
        options: dict[str, Any] = {  # Any: of the fields' own types
            name: option.read(values.get(name)) for name, option in OPTIONS.items()
        }
        return cls(filters=filters, columns=tuple(columns), **options)

    def columns_of_model(self) -> dict[str, Any]:  # Any: values of model fields
        """Return the layout as columns of a ``ReportOptions`` model."""
        return {**asdict(self), "columns": list(self.columns)}

    @property
    def schema(self) -> Schema:
        """Return the schema of the mode."""
        return schema_of(self.mode)

    @property
    def fields(self) -> tuple[ColumnType, ...]:
        """Return the chosen columns, in the schema's order."""
        return self.schema.chosen(self.columns)

    @property
    def file_name(self) -> str:
        """Return the name of the downloaded file."""
        return f"{FILE_NAMES[self.mode]}.{self.format}"

    @property
    def match_filter(self) -> MatchFilter:
        """Return the filters in the form that lists use."""
        query = QueryDict(mutable=True)
        for name, value in self.filters.items():
            query.setlist(name, value if isinstance(value, list) else [value])
        return MatchFilter.from_query(query)

    @property
    def dialect(self) -> Dialect:
        """Return the CSV dialect."""
        return Dialect(SEPARATORS[self.separator], self.byte_order_mark)

    def shaped(self, rows: Iterable[KeptRow]) -> Rows:
        """Return the mode's rows with the chosen columns."""
        if self.mode == Mode.SEGMENT:
            return _segment_rows(self.fields, rows)
        all_fields = schema_of(self.mode).fields
        if len(self.fields) == len(all_fields):
            return (cells for cells, _ in rows)
        places = [all_fields.index(field) for field in self.fields]
        return ([cells[place] for place in places] for cells, _ in rows)

    def pieces(self, rows: Iterable[KeptRow], manifest: Mapping[str, object]) -> Iterator[bytes]:
        """Return the text file (CSV or either JSON format) in pieces."""
        shaped = self.shaped(rows)
        if self.format == Format.JSON:
            return json_pieces(shaped, self.fields, manifest)
        if self.format == Format.JSON_LINES:
            return json_lines_pieces(shaped, self.fields)
        return csv_pieces(shaped, self.fields, self.dialect)


def _segment_rows(
    fields: Sequence[ColumnType], rows: Iterable[KeptRow]
) -> Iterator[Sequence[Cell]]:
    """Combine a match's cells with those of each segment; one row without segments."""
    of_match = {field.name: place for place, field in enumerate(_match_fields())}
    offset = len(_match_fields()) + 1
    of_part = {field.name: offset + i for i, field in enumerate(_PART_FIELDS)}
    places = [
        len(_match_fields())
        if field.name == "report_schema"
        else of_part.get(field.name, of_match.get(field.name, -1))
        for field in fields
    ]
    # Files without a match have one row, as in the match report.
    no_part: list[Cell] = [None] * len(_PART_FIELDS)
    for cells, parts in rows:
        for part in parts or [no_part]:
            beside = [*cells, segment_rows.SCHEMA, *part]
            yield [beside[place] for place in places]
