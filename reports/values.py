"""The types of report cells and how each is written in a text file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from common.csv_safety import guard

Value: TypeAlias = str | int | bool | Decimal | datetime | Sequence[str] | None
"""What a cell holds before it is written; None is unknown or not applicable."""

Cell: TypeAlias = str | list[str] | None
"""A value as it is kept and written: plain text, a list of texts, or nothing."""

_ITEM_ESCAPES = re.compile(r"[\\|]")


class Kind(StrEnum):
    """The type of a column, by the letter that the specification uses."""

    TEXT = "T"
    ENUM = "E"
    INTEGER = "I"
    DECIMAL = "D"
    OFFSET = "O"
    TIME = "U"
    DATE = "Y"
    YES_NO = "B"
    LIST = "L"


GUARDED = frozenset({Kind.TEXT, Kind.DATE, Kind.LIST})
"""Columns whose content people typed, where a spreadsheet might see a formula."""


def offset(total_ms: int) -> str:
    """Write a place in time as HH:MM:SS.mmm; hours pass 24 and go on."""
    seconds, ms = divmod(total_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}.{ms:03d}"


def clock(total_ms: int) -> str:
    """Write a place in time as HH:MM:SS, cut to whole seconds."""
    return offset(total_ms)[:-4]


def join_items(items: Sequence[str]) -> str:
    """Join a list by ``|``; a bar or backslash inside an item is escaped."""
    return "|".join(_ITEM_ESCAPES.sub(r"\\\g<0>", item) for item in items)


def as_cell(value: Value, kind: Kind) -> Cell:
    """Return a value as it is kept."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return offset(value) if kind == Kind.OFFSET else str(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        utc = value.astimezone(UTC).replace(tzinfo=None)
        return f"{utc.isoformat(timespec='seconds')}Z"
    return [str(item) for item in value]


def cell_text(cell: Cell, kind: Kind) -> str:
    """Write a cell as a text file has it, formula guard included."""
    if not cell:
        return ""
    text = cell if isinstance(cell, str) else join_items(cell)
    return guard(text) if kind in GUARDED else text
