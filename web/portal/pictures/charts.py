"""View-models of the charts of the dashboard: bars in rows, and tables of shares.

Lengths are percentages for SVG attributes; each chart has a sentence that describes it
and the numbers for a table beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from web.portal.shared import formats

# Width of the longest bar; the rest is room for its number.
FULL_PERCENT = 88.0


@dataclass(frozen=True, slots=True)
class BarRow:
    """One row of bars: a count per series, and the query of the list behind it."""

    label: str
    counts: tuple[int, ...]
    query: str = ""

    @property
    def total(self) -> int:
        """Return the sum of all series."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class BarPart:
    """One section of a bar as SVG attributes."""

    x: str
    width: str
    series: int
    label: str


@dataclass(frozen=True, slots=True)
class DrawnRow:
    """A row ready for the template."""

    row: BarRow
    parts: tuple[BarPart, ...]
    end: str


@dataclass(frozen=True, slots=True)
class BarChart:
    """Rows of stacked bars, the longest first."""

    title: str
    summary: str
    series: tuple[str, ...]
    rows: tuple[DrawnRow, ...]
    total: int


def bar_chart(
    *, title: str | Promise, series: Sequence[str | Promise], rows: Sequence[BarRow]
) -> BarChart:
    """Draw rows of stacked bars on one scale; leave out rows without counts."""
    filled = sorted((row for row in rows if row.total), key=lambda row: (-row.total, row.label))
    longest = max((row.total for row in filled), default=1)
    names = tuple(str(name) for name in series)
    words = [f"{row.label} {row.total}" for row in filled]
    drawn = []
    for row in filled:
        parts, at = [], 0.0
        for number, (name, count) in enumerate(zip(names, row.counts, strict=True), 1):
            width = FULL_PERCENT * count / longest
            if count:
                label = f"{row.label}, {name}: {count}"
                parts.append(BarPart(f"{at:.2f}%", f"{width:.2f}%", number, label))
            at += width
        drawn.append(DrawnRow(row, tuple(parts), f"{at:.2f}%"))
    return BarChart(
        title=str(title),
        summary=", ".join(words) or _("nothing"),
        series=names,
        rows=tuple(drawn),
        total=sum(row.total for row in filled),
    )


@dataclass(frozen=True, slots=True)
class ShareLine:
    """One line of a share table: the number that were right, of a total."""

    label: str
    right: int
    total: int
    query: str = ""

    @property
    def text(self) -> str:
        """Return the share as a percentage."""
        return formats.percent(self.right, self.total)

    @property
    def wrong(self) -> int:
        """Return the number that were wrong."""
        return self.total - self.right

    @property
    def wrong_query(self) -> str:
        """Return the query string of the list of the wrong ones; empty without a list."""
        return f"{self.query}&state=rejected" if self.query else ""


@dataclass(frozen=True, slots=True)
class ShareTable:
    """Shares grouped by one property, such as engine, score band or policy."""

    title: str
    rows: tuple[ShareLine, ...]


def share_table(title: str | Promise, rows: Sequence[ShareLine]) -> ShareTable:
    """Return the table of shares, in the order given."""
    return ShareTable(str(title), tuple(rows))
