"""Finds the header of a table, and rows that are no entries: titles, totals.

Programs and people write a title above the names of the columns, empty rows, and a total
below. What is found out is a proposal: people see it, and can choose another header.
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Final

from imports.names import compared

_TOTALS: Final = frozenset(
    {
        *("total", "totals", "grandtotal", "sum", "subtotal"),
        *("summe", "gesamt", "gesamtsumme", "insgesamt", "zwischensumme"),
        *("somme", "totalgeneral", "soustotal", "suma", "totalgénéral"),
    }
)
# Figures with grouping, a percent sign or a currency; no date and no range.
_FIGURE: Final = re.compile(r"[-+]?[\d.,'’\s]{1,40}(?:%|[^\W\d_]{1,3}|[€$£])?")


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as text, with its line in the file (of workbooks, in the sheet)."""

    line: int
    cells: tuple[str, ...]


def filled(row: RawRow) -> list[str]:
    """Return the cells of a row that have text."""
    return [cell for cell in row.cells if cell.strip()]


def header_among(
    rows: Sequence[RawRow], names: Container[str], line: int | None
) -> tuple[RawRow, tuple[RawRow, ...]]:
    """Return the row that names the columns, and those above it that have text.

    It is the first with the most known names; if no row has two, the first that is
    nearly as wide as the widest. ``line`` is the choice of a person.
    """
    written = [row for row in rows if filled(row)]
    if not written:
        return RawRow(1, ()), ()
    if line is not None:
        header = next((row for row in written if row.line >= line), written[-1])
    else:
        header = max(written, key=lambda row: _count_known_names(row, names))
        if _count_known_names(header, names) < 2:
            widest = max(len(filled(row)) for row in written)
            header = next(row for row in written if 10 * len(filled(row)) >= 7 * widest)
    return header, tuple(row for row in written if row.line < header.line)


def header_rank(header: RawRow, names: Container[str]) -> tuple[int, int]:
    """Return how much a row looks like a header: known names, then columns."""
    return _count_known_names(header, names), len(filled(header))


def _count_known_names(row: RawRow, names: Container[str]) -> int:
    return len({name for cell in row.cells if (name := compared(cell)) in names})


def is_header_again(row: RawRow, header: Sequence[str]) -> bool:
    """Return whether a row repeats the header, as on each page of a printed list."""
    return len(row.cells) > 2 and row.cells == tuple(header)


def is_total(row: RawRow) -> bool:
    """Return whether a row sums up others: it has a word for that, and figures."""
    first, *figures = filled(row)
    return (
        bool(figures)
        and compared(first) in _TOTALS
        and all(_FIGURE.fullmatch(cell.strip()) for cell in figures)
    )
