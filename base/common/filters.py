"""One definition per filter of a list: its name, how to read it, and what it selects.

The query string holds the whole state of a list. Unreadable values are ignored so that
old links work. Days are days of its ``zone``, or of UTC, whoever opens the address.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Self
from uuid import UUID

from django.db.models import Model, Q
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from base.common.zones import is_zone

Parse = Callable[[str], Any]  # Any here and below: whatever the filter's values are
Condition = Callable[[Any], Q]
Choices = Sequence[tuple[str, str | Promise]]

ZONE = "zone"
_YEAR_SECONDS = 31_536_000
_ID_DIGITS = 18  # the most digits that always fit a 64-bit id


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter; ``condition`` selects rows of the list, ``on_file`` scanned files.

    ``parse`` returns None for an empty or unreadable text.
    """

    name: str
    parse: Parse
    condition: Condition
    on_file: Condition | None = None
    """None if a file without a match never passes."""
    label: str | Promise = ""
    """Empty if forms only pass it on."""
    any_label: str | Promise = ""
    """The empty choice of ``choices`` or ``model``."""
    choices: Choices = ()
    options: Callable[[], Choices] | None = None
    """Choices that are read when a form is drawn."""
    model: type[Model] | None = None
    """The rows to choose from, by primary key."""
    many: bool = False
    lists: frozenset[str] = frozenset()
    """The lists whose forms offer it; the others take it from links."""


class FilterRefused(ValueError):
    """A query names a filter or value that there is not; the message names those that there are."""


class FilterValues:
    """The values of the filters that are set, as a list's address holds them.

    A subclass names its ``filters``.
    """

    filters: Sequence[Filter] = ()

    def __init__(self, **values: Any) -> None:
        names = [row_filter.name for row_filter in self.filters]
        if unknown := set(values).difference(names):
            raise TypeError(
                _("Unknown filters: %(sorted)s. Remove them.")
                % {"sorted": ", ".join(sorted(unknown))}
            )
        self._values = {name: values[name] for name in names if name in values}

    @classmethod
    def from_query(cls, query: QueryDict) -> Self:
        """Read a query string; ``to_query`` writes it."""
        values: dict[str, Any] = {}
        for row_filter in cls.filters:
            texts = query.getlist(row_filter.name)
            read = [row_filter.parse(raw) for raw in texts]
            if row_filter.many and any(read):
                values[row_filter.name] = tuple(value for value in read if value is not None)
            elif not row_filter.many and read and read[-1] is not None:
                values[row_filter.name] = read[-1]
        if not any(isinstance(value, date) for value in values.values()):
            values.pop(ZONE, None)
        return cls(**values)

    @classmethod
    def from_program(cls, query: QueryDict) -> Self:
        """Read the query of a program, which sees no list; raise ``FilterRefused``.

        A page ignores what it cannot read; to a program, all rows would look like the
        selected ones.
        """
        by_name = {row_filter.name: row_filter for row_filter in cls.filters}
        for name, texts in query.lists():
            if name not in by_name:
                raise FilterRefused(
                    _("There is no filter “%(name)s”. Choose from: %(choices)s.")
                    % {"name": name[:40], "choices": ", ".join(by_name)}
                )
            for raw in texts:
                if by_name[name].parse(raw) is None:
                    raise FilterRefused(_why_unread(by_name[name], raw))
        return cls.from_query(query)

    def to_query(self) -> dict[str, str | list[str]]:
        """Return the filters that are set as query parameters."""
        return {
            name: list(value) if isinstance(value, tuple) else str(value)
            for name, value in self._values.items()
        }

    def without(self, *names: str) -> Self:
        """Return the values without some filters."""
        return type(self)(
            **{name: value for name, value in self._values.items() if name not in names}
        )

    def only(self, *names: str) -> Self:
        """Return the values of some filters."""
        return self.without(*(name for name in self._values if name not in names))

    def having(self, **values: Any) -> Self:
        """Return these values with others in addition."""
        return type(self)(**(self._values | values))

    def get(self, name: str) -> Any:
        """Return the value of a filter; None if it is not set."""
        return self._values.get(name)

    def condition(self) -> Q:
        """Return what all filters together select."""
        return self._join_conditions(lambda row_filter: row_filter.condition)

    def file_condition(self) -> Q:
        """Return the scanned files that the filters select."""
        return self._join_conditions(lambda row_filter: row_filter.on_file)

    def _join_conditions(self, which: Callable[[Filter], Condition | None]) -> Q:
        joined = Q()
        with timezone.override(self.get(ZONE) or UTC):
            for row_filter in self.filters:
                condition = which(row_filter)
                if condition is not None and row_filter.name in self._values:
                    joined &= condition(self._values[row_filter.name])
        return joined

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FilterValues) and self._values == other._values

    def __hash__(self) -> int:
        return hash(tuple(self._values.items()))


def _why_unread(row_filter: Filter, raw: str) -> str:
    values = {"name": row_filter.name, "text": raw[:40]}
    if not isinstance(row_filter.parse, OneOf):
        return _("%(name)s: “%(text)s” cannot be read.") % values
    values["choices"] = ", ".join(row_filter.parse.values)
    return _("%(name)s: “%(text)s” is not a valid choice. Choose from: %(choices)s.") % values


def equal(lookup: str) -> Condition:
    """Return a condition that a lookup has the value."""
    return lambda value: Q((lookup, value))


def from_day(lookup: str) -> Condition:
    """Return a condition that a time is on the day or later."""
    return lambda day: Q((f"{lookup}__gte", _begin_of(day)))


def until_day(lookup: str) -> Condition:
    """Return a condition that a time is on the day or earlier."""

    def condition(day: date) -> Q:
        # The last possible day has no next one, and every time is before its end.
        if day == date.max:
            return Q()
        return Q((f"{lookup}__lt", _begin_of(day + timedelta(days=1))))

    return condition


def _begin_of(day: date) -> datetime:
    # The first day of all begins before the first year where clocks are ahead of UTC.
    day = max(day, date.min + timedelta(days=1))
    return timezone.make_aware(datetime.combine(day, time.min))


def text(raw: str) -> str | None:
    """Read any text."""
    return raw.strip() or None


@dataclass(frozen=True, slots=True)
class OneOf:
    """Reads a text that is one of these values."""

    values: Sequence[str]

    def __call__(self, raw: str) -> str | None:
        """Return the text if it is one of the values."""
        return raw if raw in self.values else None


def number(raw: str) -> int | None:
    """Read a primary key."""
    if len(raw) > _ID_DIGITS or not (raw.isascii() and raw.isdigit()):
        return None
    return int(raw)


def uuid(raw: str) -> str | None:
    """Read a UUID and write it the usual way."""
    try:
        return str(UUID(raw))
    except ValueError:
        return None


def score(raw: str) -> Decimal | None:
    """Read a finite decimal number."""
    try:
        value = Decimal(raw)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def seconds(raw: str) -> Decimal | None:
    """Read a length in seconds, at most a year."""
    value = score(raw)
    return value if value is not None and 0 <= value < _YEAR_SECONDS else None


def day(raw: str) -> date | None:
    """Read an ISO date."""
    try:
        return date.fromisoformat(raw.strip())
    except ValueError:
        return None


def zone(raw: str) -> str | None:
    """Read the name of a time zone."""
    return raw if is_zone(raw) else None
