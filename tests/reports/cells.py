"""Cells of text files, written the way reports write them, and read back."""

from __future__ import annotations

from base.common.csv_safety import unguard
from reports.cells import GUARDED, Cell, Value, ValueType, as_cell, cell_text


def as_text(value: Value, kind: ValueType) -> str:
    return cell_text(as_cell(value, kind), kind)


def read_cell(text: str, kind: ValueType) -> Cell:
    """Return the value of a text cell; an empty text stands for unknown."""
    if not text:
        return None
    plain = unguard(text) if kind in GUARDED else text
    return split_items(plain) if kind == ValueType.LIST else plain


def split_items(text: str) -> list[str]:
    """Reverse ``join_list``; an empty text is an empty list."""
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
