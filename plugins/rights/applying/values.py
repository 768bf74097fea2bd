"""Checks single values of claims and brings them into the form that columns hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from catalogue.identifiers import BadIdentifier
from catalogue.owners import tis


class ClaimRefused(Exception):
    """A claim stays out; the fault says why."""

    def __init__(self, field: str, value: object, rule: str, line: int | None = None) -> None:
        self.field, self.value, self.rule = field, str(value), rule
        self.line = line
        super().__init__(rule)


def checked(check: Callable[[str], str], name: str, code: str) -> str:
    """Return a code as it is stored; raise ``ClaimRefused`` for one that is wrong."""
    try:
        return check(code)
    except BadIdentifier as error:
        raise ClaimRefused(name, code, str(error)) from error


def checked_percent(percent: Decimal | None) -> Decimal | None:
    """Return a share in percent as it is stored; raise if there is no such share."""
    if percent is None:
        return None
    if not percent.is_finite() or not 0 <= percent <= 100:
        raise ClaimRefused("percent", percent, _("A share must be from 0 to 100 percent."))
    return percent.quantize(Decimal("0.0001"))


def checked_territories(codes: Iterable[str]) -> list[str]:
    """Return territories as they are stored, each once."""
    try:
        return sorted({tis.normalised(code) for code in codes})
    except tis.UnknownTerritory as error:
        raise ClaimRefused("territory", ", ".join(codes), str(error)) from error


def checked_end(begin: date | None, end: date | None) -> date | None:
    """Return the last day of a share; raise ``ClaimRefused`` if it is before the first."""
    if begin is not None and end is not None and end < begin:
        raise ClaimRefused("valid_until", end, _("The share ends before it begins."))
    return end


def cut(model: type[models.Model], name: str, text: str) -> str:
    """Return a text as long as its column holds."""
    column: Any = model._meta.get_field(name)  # Any: a text column of ours
    return text.strip()[: column.max_length]


def plain(value: object) -> object:
    """Return a value as JSON holds it."""
    return value if isinstance(value, (str, int, list, type(None))) else str(value)
