"""Layouts of reports: mode, format, dialect and columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from django.http import QueryDict

from reports.choices import FILE_NAMES, FilesWithout, Format, Mode, Separator
from reports.models import ReportOptions
from reports.options import OPTIONS
from reports.rows import KeptRow
from reports.schemas import SCHEMAS, ColumnType, Schema, shape
from reports.writers import (
    Dialect,
    Rows,
    csv_pieces,
    json_lines_pieces,
    json_pieces,
)
from review.filters import MatchFilter

SEPARATORS = {
    Separator.COMMA: ",",
    Separator.SEMICOLON: ";",
    Separator.TAB: "\t",
}
Filters = Mapping[str, str | list[str]]


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
        return cls.given(values, filters=options.filters, columns=options.columns)

    @classmethod
    def given(
        cls,
        values: Mapping[str, object],
        *,
        filters: Filters,
        columns: Iterable[str] = (),
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
        return SCHEMAS[self.mode]

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

    def shaped(self, kept: Iterable[KeptRow]) -> Rows:
        """Return the mode's rows with the chosen columns."""
        return shape(self.mode, self.fields)(kept)

    def pieces(
        self, kept: Iterable[KeptRow], manifest: Mapping[str, object]
    ) -> Iterator[bytes]:
        """Return the text file (CSV or either JSON format) in pieces."""
        rows = self.shaped(kept)
        if self.format == Format.JSON:
            return json_pieces(rows, self.fields, manifest)
        if self.format == Format.JSON_LINES:
            return json_lines_pieces(rows, self.fields)
        return csv_pieces(rows, self.fields, self.dialect)
