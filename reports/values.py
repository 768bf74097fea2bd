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


def join_items(items: Sequence[str]) -> str:
    """Join a list by ``|``; a bar or backslash inside an item is escaped."""
    return "|".join(_ITEM_ESCAPES.sub(r"\\\g<0>", item) for item in items)


def split_items(text: str) -> list[str]:
    """Return what ``join_items`` was given; an empty text is an empty list."""
    if not text:
        return []
    items = [""]
    characters = iter(text)
    for character in characters:
        if character == "|":
            items.append("")
        else:
            items[-1] += next(characters, "") if character == "\\" else character
    return items


def as_text(value: Value, kind: Kind) -> str:
    """Write a value as a cell of a text file, formula guard included."""
    if value is None:
        return ""
    text = _plain(value, kind)
    return guard(text) if kind in GUARDED else text


def _plain(value: Value, kind: Kind) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, int):
        return offset(value) if kind == Kind.OFFSET else str(value)
    if isinstance(value, str):
        return value
    return join_items(value or ())
