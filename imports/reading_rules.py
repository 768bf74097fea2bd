"""How the cells of a table are read: percent or fraction, where names end, which day.

Tables of other programs do not say it, so a check proposes it from all of their cells.
People see the proposal, and may choose otherwise where they map the columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from base.common.table_text import DayOrder, NameMarks, day_order_of, has_marks, read_decimal

PERCENT: Final = "percent"
FRACTION: Final = "fraction"
CHOICES: Final[Mapping[str, tuple[str | Promise, Mapping[str, str | Promise]]]] = {
    "shares": (
        _("Shares"),
        {PERCENT: _("Percent: 50 is one half"), FRACTION: _("Fractions: 0.5 is one half")},
    ),
    "names": (
        _("Several names in a cell"),
        {
            NameMarks.BARS: _("Separated by |"),
            NameMarks.MARKS: _("Separated by |, ; or feat."),
            NameMarks.COMMAS: _("Separated by |, ;, feat., commas or &"),
        },
    ),
    "days": (
        _("Dates such as 4/5/2026"),
        {
            DayOrder.DAY_FIRST: _("Day first: 4 May"),
            DayOrder.MONTH_FIRST: _("Month first: April 5"),
        },
    ),
}
"""What people may choose, in words."""


@dataclass(frozen=True, slots=True)
class ReadingRules:
    """The rules for one table."""

    shares: str = PERCENT
    names: str = NameMarks.BARS
    days: str = DayOrder.DAY_FIRST

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> ReadingRules:
        """Return stored rules; what is unknown is as usual. Any: JSON."""
        rules = {
            name: str(stored[name])
            for name, (_label, choices) in CHOICES.items()
            if stored.get(name) in choices
        }
        return cls(**rules)

    def to_json(self) -> dict[str, str]:
        return {name: str(value) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class RuledColumns:
    """Which of our columns the rules are about."""

    shares: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    days: frozenset[str] = frozenset()

    def concerned(self, columns: Iterable[str]) -> list[str]:
        """Return the rules that matter for a table with these columns."""
        present = set(columns)
        return [name for name in CHOICES if getattr(self, name) & present]


@dataclass(slots=True)
class Proposal:
    """Looks at every row of a table, then proposes the rules."""

    columns: RuledColumns
    _most_share: float = 0
    _has_part: bool = False
    _has_whole: bool = False
    _marks: set[NameMarks] = field(default_factory=set)
    _orders: set[DayOrder] = field(default_factory=set)

    def look(self, cells: Mapping[str, str]) -> None:
        """Take one row's cells by our columns into account."""
        for name, text in cells.items():
            if not text:
                continue
            if name in self.columns.shares:
                self._look_at_share(text)
            elif name in self.columns.names:
                self._marks |= has_marks(text)
            elif name in self.columns.days and (order := day_order_of(text)):
                self._orders.add(order)

    def _look_at_share(self, text: str) -> None:
        number = read_decimal(text, most=10**6)
        # A percent sign says it for its cell alone.
        if number is None:
            return
        self._most_share = max(self._most_share, float(number))
        self._has_part = self._has_part or 0 < number < 1
        self._has_whole = self._has_whole or number == 1

    def rules(self, chosen: Mapping[str, Any]) -> ReadingRules:
        """Return the rules; what a person ``chosen`` stays. Any: JSON."""
        is_fraction = self._most_share <= 1 and (self._has_part or self._has_whole)
        proposed = ReadingRules(
            shares=FRACTION if is_fraction else PERCENT,
            # Bars are our own form, in which nothing else separates names.
            names=NameMarks.MARKS if self._marks == {NameMarks.MARKS} else NameMarks.BARS,
            days=DayOrder.MONTH_FIRST
            if self._orders == {DayOrder.MONTH_FIRST}
            else DayOrder.DAY_FIRST,
        )
        return ReadingRules.from_json({**proposed.to_json(), **chosen})
