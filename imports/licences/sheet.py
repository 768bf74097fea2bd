"""The sheet of licences: written with one line per licence, and read back.

A line that nobody changed says what the licence says, so a sheet may go to somebody and
come back. Lists are separated by bars; recordings and buckets are named by their ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.translation import gettext as _

from base.common.table_text import join_list, one_form, read_day, read_decimal, split_list
from base.common.territories import territory_code, why_no_territory
from catalogue.models import Bucket, Recording
from imports.names import compared
from imports.samples import Sample
from review.choices import EditedUses, LicenceScope, UseKind
from review.models import Licence
from review.models.licence import NUMBER_PREFIX

NUMBER: Final = "number"
STATE: Final = "state"
"""The columns beside the terms; whoever changes the state of a licence needs its page."""
_LISTS: Final = ("labels", "use_values", "territories")
_NAMED: Final[Mapping[str, tuple[type[Model], str]]] = {
    "buckets": (Bucket, "pk"),
    "recordings": (Recording, "uid"),
}
_DAYS: Final = ("valid_from", "valid_until")
_NUMBERS: Final = ("max_seconds", "max_speed_pct", "max_semitones")
_CHOICES: Final = ("scope", "use_kind", "edited_uses", "on_expiry")
_EDIT_LIMITS: Final = _NUMBERS[1:]
COLUMNS: Final = (NUMBER, STATE, *Licence.TERMS)
BY_NAME: Final = {compared(name): name for name in COLUMNS}
_MOST: Final = 10**9

Terms = dict[str, Any]
"""The terms of a licence by column; those that name rows as lists of their ids. Any: of each."""


@dataclass(frozen=True, slots=True)
class CellFault:
    """What is wrong with one cell, and what would be right."""

    column: str
    value: str
    rule: str


class LineRefused(Exception):
    """A line cannot become a licence; ``faults`` say why."""

    def __init__(self, faults: list[CellFault]) -> None:
        self.faults = faults
        super().__init__(faults)


def sheet_of(licences: Iterable[Licence]) -> Sample:
    """Return the sheet of licences."""
    return Sample(COLUMNS, [_line(licence) for licence in licences])


def _line(licence: Licence) -> dict[str, str]:
    terms = terms_of(licence)
    cells = {name: _written(value) for name, value in terms.items()}
    return {NUMBER: licence.number, STATE: _state(licence), **cells}


def _state(licence: Licence) -> str:
    if licence.withdrawn_at is not None:
        return "withdrawn"
    return "active" if licence.active else "draft"


def _written(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return join_list(map(str, value))
    return value.isoformat() if isinstance(value, date) else str(value)


def terms_of(licence: Licence) -> Terms:
    """Return the terms of a licence; a new one has those that nobody has to state."""
    terms = {name: getattr(licence, name) for name in Licence.TERMS if name not in _NAMED}
    for name, (_model, key) in _NAMED.items():
        rows = getattr(licence, name).all() if licence.pk else ()
        terms[name] = [str(getattr(row, key)) for row in sorted(rows, key=attrgetter("pk"))]
    return {name: terms[name] for name in Licence.TERMS}


@dataclass(slots=True)
class Line:
    """The cells of one line by our columns; a column that is missing says nothing."""

    cells: Mapping[str, str]
    faults: list[CellFault] = field(default_factory=list)

    def licence(self) -> Licence | None:
        """Return the licence whose number the line has; None if it has none."""
        number = self.cells.get(NUMBER, "").upper()
        if not number:
            return None
        key = number.removeprefix(NUMBER_PREFIX)
        is_key = key.isascii() and key.isdecimal() and len(key) < 19
        licence = Licence.objects.filter(pk=int(key)).first() if is_key else None
        if licence is None:
            self._refuse(NUMBER, _("The number of a licence, or nothing for a new one."))
        elif licence.built_in:
            self._refuse(NUMBER, _("The own accounts have their page."))
        self._end()
        return licence

    def terms(self, before: Terms) -> Terms:
        """Return what the line says, over the terms before; raise ``LineRefused``."""
        # A cell that nobody changed keeps its value, whatever programs did to its blanks.
        changed = [
            name
            for name in Licence.TERMS
            if name in self.cells and _plain(self.cells[name]) != _plain(_written(before[name]))
        ]
        terms = before | {name: self._read(name, before[name]) for name in changed}
        self._end()
        scopes = {
            "buckets": LicenceScope.BUCKET,
            "labels": LicenceScope.LABEL,
            "recordings": LicenceScope.RECORDINGS,
        }
        terms |= {name: [] for name, scope in scopes.items() if terms["scope"] != scope}
        if terms["use_kind"] == UseKind.ANY:
            terms["use_values"] = []
        self._check(terms)
        self._end()
        return terms

    def _read(self, name: str, before: Any) -> Any:  # Any: of each column
        """Return the value of a cell; an empty one has the value before if it needs one."""
        text = self.cells[name]
        if name in _DAYS:
            return self._one(name, _day) if text else None
        if name in _NUMBERS:
            return self._one(name, _whole if name == "max_seconds" else _decimal) if text else None
        if name in _NAMED:
            return self._rows(name)
        if name == "territories":
            return self._territories()
        if name in _LISTS:
            return split_list(text)
        return (text.lower() or before) if name in _CHOICES else text

    def _one(self, name: str, read: Callable[[str], Any]) -> Any:  # Any: of each column
        value = read(self.cells[name])
        if value is None:
            self._refuse(name, _("A day such as 2026-06-28.") if name in _DAYS else _("A number."))
        return value

    def _territories(self) -> list[str]:
        codes = []
        for name in split_list(self.cells["territories"]):
            code = territory_code(name)
            if code:
                codes.append(code)
            else:
                self._refuse("territories", why_no_territory(name))
        return codes

    def _rows(self, name: str) -> list[str]:
        model, key = _NAMED[name]
        named = list(dict.fromkeys(split_list(self.cells[name])))
        if key == "pk":
            named = [
                text for text in named if text.isascii() and text.isdecimal() and len(text) < 19
            ]
        rows = model._default_manager.filter(**{f"{key}__in": named}).order_by("pk")
        there = [str(value) for value in rows.values_list(key, flat=True)]
        if len(there) != len(set(split_list(self.cells[name]))):
            self._refuse(name, _("Ids that are here, separated by |."))
        return there

    def _check(self, terms: Terms) -> None:
        columns = {name: value for name, value in terms.items() if name not in _NAMED}
        try:
            Licence(**columns).clean_fields(exclude=[*_LISTS, "built_in", "uid"])
        except ValidationError as refused:
            for name, messages in refused.message_dict.items():
                self._refuse(name, " ".join(messages))
        if terms["edited_uses"] != EditedUses.WITHIN:
            terms |= dict.fromkeys(_EDIT_LIMITS)
        elif all(terms[name] is None for name in _EDIT_LIMITS):
            self._refuse("max_speed_pct", _("Enter at least one limit."))
        begins, ends = terms["valid_from"], terms["valid_until"]
        if begins and ends and ends < begins:
            self._refuse("valid_until", _("The end must not be before the start."))

    def _refuse(self, name: str, rule: str) -> None:
        self.faults.append(CellFault(name, self.cells.get(name, "")[:200], rule))

    def _end(self) -> None:
        if self.faults:
            raise LineRefused(self.faults)


def _plain(text: str) -> str:
    return " ".join(one_form(text).split())


def _day(text: str) -> date | None:
    day = read_day(text)
    return date.fromisoformat(day) if day and len(day) == 10 else None


def _decimal(text: str) -> Decimal | None:
    return read_decimal(text, most=_MOST)


def _whole(text: str) -> int | None:
    number = _decimal(text)
    return None if number is None or number % 1 else int(number)
