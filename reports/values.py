"""The types of report cells, and their text form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from common.csv_safety import guard

Value: TypeAlias = str | int | bool | Decimal | datetime | Sequence[str] | None
"""A cell before it is written; None means unknown or not applicable."""

Cell: TypeAlias = str | list[str] | None
"""A cell as stored and written: text, a list of texts, or nothing."""

_ITEM_ESCAPES = re.compile(r"[\\|]")


class ValueType(StrEnum):
    """The type of a column; the letters are those of the specification."""

    TEXT = "T"
    ENUM = "E"
    INTEGER = "I"
    DECIMAL = "D"
    OFFSET = "O"
    TIME = "U"
    DATE = "Y"
    YES_NO = "B"
    LIST = "L"


GUARDED = frozenset({ValueType.TEXT, ValueType.DATE, ValueType.LIST})
"""Column types with text from people, which a spreadsheet might take for a formula."""


def offset(total_ms: int) -> str:
    """Format a time offset as HH:MM:SS.mmm; hours can exceed 24."""
    seconds, ms = divmod(total_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}.{ms:03d}"


def clock(total_ms: int) -> str:
    """Format a time offset as HH:MM:SS, truncated to whole seconds."""
    return offset(total_ms)[:-4]


def join_items(items: Sequence[str]) -> str:
    """Join a list with ``|``; bars and backslashes inside items are escaped."""
    return "|".join(_ITEM_ESCAPES.sub(r"\\\g<0>", item) for item in items)


def as_cell(value: Value, kind: ValueType) -> Cell:
    """Return a value in stored form."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return offset(value) if kind == ValueType.OFFSET else str(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        utc = value.astimezone(UTC).replace(tzinfo=None)
        return f"{utc.isoformat(timespec='seconds')}Z"
    return [str(item) for item in value]


def cell_text(cell: Cell, kind: ValueType) -> str:
    """Return a cell as text, guarded against formulas."""
    if not cell:
        return ""
    text = cell if isinstance(cell, str) else join_items(cell)
    return guard(text) if kind in GUARDED else text
