"""Rows of values that people state, and the state that a form saw."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar, TypeAlias

from django.db import models

Values: TypeAlias = Mapping[str, Any]  # Any: of columns of all types


class StatedRow(models.Model):
    """A row that exists while one of its ``VALUES`` is known; "" and None are not known."""

    VALUES: ClassVar[tuple[str, ...]]
    """The columns that people state; forms, serializers and events follow them."""

    class Meta:
        abstract = True


def values_of(row: StatedRow) -> Values:
    """Return the stated values by column."""
    return {name: getattr(row, name) for name in row.VALUES}


def as_json(row: StatedRow) -> dict[str, Any]:  # Any: JSON
    """Return the values that are known, as the audit trail keeps them."""
    return {
        name: value if isinstance(value, str | bool | int) else _text(value)
        for name, value in values_of(row).items()
        if value not in ("", None)
    }


def _text(value: Any) -> str:  # Any: a moment, a day or a number
    return value.isoformat() if isinstance(value, date) else str(value)


def state_of(row: StatedRow) -> str:
    """Return a short text that differs as soon as the values do.

    A form carries the state that its reader saw.
    """
    text = json.dumps(as_json(row), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
